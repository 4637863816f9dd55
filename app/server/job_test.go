package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"slices"
	"testing"
	"time"

	"seghub/models/mask/result"
	"seghub/models/sample"
	"seghub/sessions"
)

func TestOneImageFromUploadToMask(t *testing.T) {
	base, _ := serve(t, settings(t))
	u := newUser(t, base, "Ada")
	s := u.connect("")
	job := u.upload(http.StatusAccepted, samplePNG(t, 0)).Accepted[0]
	frames := s.untilEnded(1)

	if w := frames[0]; w.Type != "welcome" || w.Resumed || w.Gap {
		t.Errorf("first frame: %s", w.Raw)
	}
	if frames[1].Type != "snapshot" {
		t.Errorf("second frame: %s", frames[1].Raw)
	}
	var order []string
	for _, f := range frames {
		switch {
		case f.Type == "job":
			order = append(order, string(f.Job.State))
		case f.Type == "mask" && f.Final:
			order = append(order, "mask")
		case f.Type == "progress" && order[len(order)-1] != "progress":
			order = append(order, "progress")
		}
	}
	// Of its progress nothing may be told: see untilAtWork.
	want := []string{"queued", "running", "mask", "done"}
	if slices.Contains(order, "progress") {
		want = slices.Insert(want, 2, "progress")
	}
	if !slices.Equal(order, want) {
		t.Errorf("order %v, want %v", order, want)
	}
	gapless(t, frames)

	mask := frames[slices.IndexFunc(frames, func(f frame) bool { return f.Type == "mask" })]
	if mask.JobID != job.ID || mask.Width != job.Width || mask.Height != job.Height {
		t.Errorf("mask header %s", mask.Raw)
	}
	if !bytes.Equal(mask.PNG, u.get("/api/v1/jobs/"+job.ID+"/mask.png")) {
		t.Error("the mask of the socket is not that of GET")
	}
	img, err := png.Decode(bytes.NewReader(mask.PNG))
	if err != nil || img.Bounds().Dx() != job.Width || img.ColorModel() != color.GrayModel {
		t.Errorf("mask: %v", err)
	}
	var r result.Result
	if err := json.Unmarshal(u.get("/api/v1/jobs/"+job.ID+"/result"), &r); err != nil || r.Summary.Count == 0 || r.Job != job.ID {
		t.Errorf("result %+v, %v", r.Summary, err)
	}
	for began := time.Now(); !bytes.Contains(u.get("/metrics"), []byte(`seghub_jobs_total{outcome="done"} 1`)); { // the socket hears of it first
		if time.Since(began) > patience {
			t.Fatal("the job is not counted")
		}
	}
}

// gapless checks that seq counts up by 1 through all kept frames after the welcome.
func gapless(t *testing.T, frames []frame) {
	t.Helper()
	last := int64(-1)
	for _, f := range frames {
		switch {
		case f.Type == "welcome":
			last = f.Seq
		case f.Seq == 0 || f.Type == "snapshot":
		case f.Seq != last+1:
			t.Fatalf("seq %d after %d: %s", f.Seq, last, f.Raw)
		default:
			last = f.Seq
		}
	}
}

func TestResumeGivesEachMissedEventOnce(t *testing.T) {
	base, _ := serve(t, settings(t))
	u := newUser(t, base, "Ada")
	s := u.connect("")
	u.upload(http.StatusAccepted, samplePNG(t, 0), samplePNG(t, 1), samplePNG(t, 2))
	before := s.untilEnded(1)
	s.conn.Close()
	seq := before[len(before)-1].Seq
	u.connect("").untilDone(3)

	resumed := u.connect(fmt.Sprintf("?since=%d", seq))
	after := resumed.untilEnded(2)
	if w := after[0]; w.Type != "welcome" || !w.Resumed || w.Gap {
		t.Fatalf("first frame: %s", w.Raw)
	}
	// The welcome of a resumed connection tells the newest seq; what follows begins after the asked one.
	last := seq
	for _, f := range after[1:] {
		if f.Seq == 0 {
			continue
		}
		if f.Seq != last+1 {
			t.Fatalf("seq %d after %d", f.Seq, last)
		}
		last = f.Seq
	}
	if first := u.connect("?since=1000000").until(func(frame) bool { return true })[0]; !first.Gap || first.Resumed {
		t.Errorf("a seq from the future: %s", first.Raw)
	}
}

// untilDone reads until n jobs of the session have ended, whether before or after connecting.
func (s *socket) untilDone(n int) {
	s.tb.Helper()
	states := map[string]bool{}
	s.until(func(f frame) bool {
		for _, j := range f.Jobs {
			states[j.ID] = ended(j.State)
		}
		if f.Job != nil {
			states[f.Job.ID] = ended(f.Job.State)
		}
		done := 0
		for _, is := range states {
			if is {
				done++
			}
		}
		return done == n
	})
}

// TestMaskFindsTheBodies holds the shipped weights against the exact masks of synthetic spheroids and
// against the real images. The bounds say "sensible", not "good": the model's card has its scores.
func TestMaskFindsTheBodies(t *testing.T) {
	base, _ := serve(t, settings(t))
	u := newUser(t, base, "Ada")
	t.Run("synthetic", func(t *testing.T) {
		const side = 768
		picture, truth := sample.Spheroids(42, side, side)
		img := image.NewGray(image.Rect(0, 0, side, side))
		for i := range img.Pix {
			img.Pix[i] = picture.Pix[i*picture.Channels]
		}
		var file bytes.Buffer
		if err := png.Encode(&file, img); err != nil {
			t.Fatal(err)
		}
		atLeast(t, 0.8, u.segment(t, file.Bytes()), func(x, y int) bool { return truth[y*side+x] != 0 })
	})
	for name, test := range map[string]struct {
		set, file string
		least     float64
	}{
		"a spheroid": {"spheroids", "spheroseg_testbmp.png", 0.8},
		"nuclei":     {"nuclei_val", "0114f484a16c152b.png", 0.6},
	} {
		t.Run(name, func(t *testing.T) {
			truth, err := png.Decode(bytes.NewReader(realImage(t, test.set+"/masks/"+test.file)))
			if err != nil {
				t.Fatal(err)
			}
			atLeast(t, test.least, u.segment(t, realImage(t, test.set+"/images/"+test.file)), func(x, y int) bool {
				r, _, _, _ := truth.At(x, y).RGBA()
				return r != 0
			})
		})
	}
}

// segment runs one image and gives its mask.
func (u *user) segment(t *testing.T, data []byte) image.Image {
	t.Helper()
	job := u.upload(http.StatusAccepted, data).Accepted[0]
	s := u.connect("")
	defer s.conn.Close()
	var last sessions.Job
	s.until(func(f frame) bool {
		for _, j := range append(f.Jobs, deref(f.Job)...) {
			if j.ID == job.ID {
				last = j
			}
		}
		return ended(last.State)
	})
	if last.State != sessions.JobDone {
		t.Fatalf("job %s: %+v", last.State, last.Error)
	}
	mask, err := png.Decode(bytes.NewReader(u.get("/api/v1/jobs/" + job.ID + "/mask.png")))
	if err != nil {
		t.Fatal(err)
	}
	return mask
}

func deref(j *sessions.Job) []sessions.Job {
	if j == nil {
		return nil
	}
	return []sessions.Job{*j}
}

// atLeast checks the Dice coefficient between mask and truth: 2|A∩B| / (|A|+|B|).
func atLeast(t *testing.T, least float64, mask image.Image, truth func(x, y int) bool) {
	t.Helper()
	var both, sum float64
	for y := range mask.Bounds().Dy() {
		for x := range mask.Bounds().Dx() {
			r, _, _, _ := mask.At(x, y).RGBA()
			if r != 0 {
				sum++
			}
			if truth(x, y) {
				sum++
				if r != 0 {
					both++
				}
			}
		}
	}
	dice := 2 * both / sum
	t.Logf("Dice %.3f", dice)
	if dice < least {
		t.Errorf("Dice %.3f, want at least %.2f", dice, least)
	}
}
