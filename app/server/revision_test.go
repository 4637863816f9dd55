package server

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"reflect"
	"sync"
	"testing"

	"seghub/app/results"
	"seghub/models/mask"
	"seghub/models/mask/result"
	"seghub/sessions"
)

// post sends a JSON object; v, unless it is nil, is what is answered.
func (u *user) post(path string, status int, body, v any) {
	u.tb.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		u.tb.Fatal(err)
	}
	if v == nil {
		v = new(json.RawMessage)
	}
	u.json("POST", path, bytes.NewReader(data), "application/json", status, v)
}

type edits struct {
	Revision   int              `json:"revision"`
	Operations []map[string]any `json:"operations"`
}

// edit corrects a job, whose revision it is.
func (u *user) edit(job string, revision, status int, operations ...map[string]any) (e results.Edited) {
	u.tb.Helper()
	u.post("/api/v1/jobs/"+job+"/edits", status, edits{revision, operations}, &e)
	return e
}

// calibrate says how large an image's pixels are; nil takes it back.
func (u *user) calibrate(image string, size any) {
	u.tb.Helper()
	body, err := json.Marshal(map[string]any{"pixel_size": size})
	if err != nil {
		u.tb.Fatal(err)
	}
	if status, _, data := u.call("POST", "/api/v1/images/"+image+"/calibrate", bytes.NewReader(body), "application/json"); status != http.StatusNoContent {
		u.tb.Fatalf("to calibrate %s with %v: status %d: %s", image, size, status, data)
	}
}

// result is a job's; query is "" or "?revision=R".
func (u *user) result(job, query string) (r result.Result) {
	u.tb.Helper()
	u.json("GET", "/api/v1/jobs/"+job+"/result"+query, nil, "", http.StatusOK, &r)
	return r
}

// largest is the largest object of a result.
func largest(r result.Result) mask.Object {
	best := r.Objects[0]
	for _, o := range r.Objects {
		if o.Area > best.Area {
			best = o
		}
	}
	return best
}

// across is a line through the middle of an object, from side to side.
func across(o mask.Object) [][2]float64 {
	y := o.Centroid[1]
	return [][2]float64{{float64(o.BBox[0]) - 2, y}, {float64(o.BBox[0]+o.BBox[2]) + 2, y}}
}

func TestCorrectionsAreWholeAndHeardByAll(t *testing.T) {
	base, _ := serve(t, settings(t))
	u := newUser(t, base, "Ada")
	s := u.connect("")
	picture := samplePNG(t, 0)
	job := u.upload(http.StatusAccepted, picture).Accepted[0]
	s.untilEnded(1)
	other := u.connect("") // a second window of the same session
	other.until(func(f frame) bool { return f.Type == "snapshot" })
	first := u.result(job.ID, "")
	if first.Revision != 1 || len(first.Objects) == 0 || len(first.Objects[0].MeanIntensity) == 0 {
		t.Fatalf("the first result is %+v", first)
	}
	object := largest(first)

	split := u.edit(job.ID, 1, http.StatusOK, map[string]any{"op": "split", "id": object.ID, "line": across(object)})
	if split.Revision != 2 || len(split.Changed) != 2 || split.Changed[0].Area+split.Changed[1].Area != object.Area {
		t.Errorf("a split of %d pixels made %+v", object.Area, split)
	}
	for name, window := range map[string]*socket{"the one that edits": s, "the other": other} {
		frames := window.until(func(f frame) bool { return f.Type == "job" && f.Job.Revision == 2 })
		told := frames[len(frames)-2]
		var heard results.Edited
		if err := json.Unmarshal(told.Raw, &heard); err != nil || told.Type != "edit" || !reflect.DeepEqual(heard, split) {
			t.Errorf("%s hears %s", name, told.Raw)
		}
		if revised := frames[len(frames)-1].Job; *revised.Count != len(first.Objects)+1 {
			t.Errorf("%s hears of %d objects", name, *revised.Count)
		}
	}
	u.edit(job.ID, 1, http.StatusConflict, map[string]any{"op": "delete", "ids": []int{object.ID}})
	u.edit(job.ID, 0, http.StatusBadRequest, map[string]any{"op": "delete", "ids": []int{object.ID}}) // as who names none
	u.edit(job.ID, 2, http.StatusBadRequest, map[string]any{"op": "delete", "ids": []int{999_999}})
	if now := u.result(job.ID, ""); now.Revision != 2 || now.Summary.Count != len(first.Objects)+1 || now.Summary.TotalArea != first.Summary.TotalArea {
		t.Errorf("after refusals the result is revision %d with %+v", now.Revision, now.Summary)
	}
	if old := u.result(job.ID, "?revision=1"); !reflect.DeepEqual(old, first) {
		t.Error("the first revision is not what it was")
	}
	for _, of := range []string{"/result", "/receipt"} {
		if status, _, data := u.call("GET", "/api/v1/jobs/"+job.ID+of+"?revision=first", nil, ""); status != http.StatusBadRequest {
			t.Errorf("a revision that is no number: status %d: %s", status, data)
		}
	}

	u.edit(job.ID, 2, http.StatusOK, map[string]any{"op": "delete", "ids": []int{split.Changed[0].ID}})
	deleted := u.result(job.ID, "")
	if drawn := whitePixels(t, u.get("/api/v1/jobs/"+job.ID+"/mask.png")); drawn != deleted.Summary.TotalArea {
		t.Errorf("the mask has %d pixels, the result %d", drawn, deleted.Summary.TotalArea)
	}
	u.edit(job.ID, 3, http.StatusOK, map[string]any{"op": "revert", "revision": 1})
	if back := u.result(job.ID, ""); back.Revision != 4 || !reflect.DeepEqual(back.Objects, first.Objects) || back.Summary != first.Summary {
		t.Errorf("back at the first revision there are %d objects, %+v", len(back.Objects), back.Summary)
	}

	var measured result.Result
	u.post("/api/v1/jobs/"+job.ID+"/measure", http.StatusOK, map[string]any{"threshold": 0.9}, &measured)
	if measured.Options.Threshold != 0.9 || measured.Summary.TotalArea >= first.Summary.TotalArea || u.result(job.ID, "").Revision != 4 {
		t.Errorf("measured again: %+v", measured.Summary)
	}
	u.post("/api/v1/jobs/"+job.ID+"/measure", http.StatusBadRequest, map[string]any{"threshold": 3}, nil)
	u.post("/api/v1/jobs/"+job.ID+"/measure", http.StatusOK, map[string]any{"threshold": 0.9, "keep": true}, &measured)
	if kept := u.result(job.ID, ""); !reflect.DeepEqual(kept, measured) || kept.Revision != 5 {
		t.Errorf("kept is revision %d with %+v, measured %+v", kept.Revision, kept.Summary, measured.Summary)
	}

	var receipt result.Receipt
	u.json("GET", "/api/v1/jobs/"+job.ID+"/receipt", nil, "", http.StatusOK, &receipt)
	sum := sha256.Sum256(picture)
	if receipt.Image.SHA256 != hex.EncodeToString(sum[:]) || len(receipt.Model.SHA256) != 64 || receipt.Options.Threshold != first.Options.Threshold ||
		len(receipt.Edits) != 4 || receipt.Edits[0].Session != "Ada" || receipt.Edits[3].Options.Threshold != 0.9 || receipt.Device == "" || receipt.Runtime == "" {
		t.Errorf("the receipt is %+v", receipt)
	}
}

func whitePixels(t *testing.T, data []byte) (white int) {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range img.(*image.Gray).Pix {
		if v == 255 {
			white++
		}
	}
	return white
}

// TestPeopleWhoEditAtOnce each paint beside the others: every edit is whole, in one order.
func TestPeopleWhoEditAtOnce(t *testing.T) {
	base, _ := serve(t, settings(t))
	u := newUser(t, base, "Ada")
	s := u.connect("")
	job := u.upload(http.StatusAccepted, samplePNG(t, 1)).Accepted[0]
	s.untilEnded(1)
	objects := u.result(job.ID, "").Objects
	const people, each = 3, 4
	var all sync.WaitGroup
	for p := range people {
		all.Go(func() {
			for i := range each {
				x, y := 5+20*i, 5+20*p
				square := [][2]int{{x, y}, {x + 9, y}, {x + 9, y + 9}, {x, y + 9}}
				for {
					var now sessions.Job
					u.json("GET", "/api/v1/jobs/"+job.ID, nil, "", http.StatusOK, &now)
					body, _ := json.Marshal(edits{now.Revision, []map[string]any{{"op": "paint", "id": nil, "mode": "add", "polygon": square}}})
					status, _, data := u.call("POST", "/api/v1/jobs/"+job.ID+"/edits", bytes.NewReader(body), "application/json")
					if status == http.StatusOK {
						break
					}
					if status != http.StatusConflict {
						t.Errorf("status %d: %s", status, data)
						return
					}
				}
			}
		})
	}
	all.Wait()
	if r := u.result(job.ID, ""); r.Revision != 1+people*each || r.Summary.Count != len(objects)+people*each {
		t.Errorf("revision %d has %d objects of %d", r.Revision, r.Summary.Count, len(objects))
	}
}

// TestARevisionOutlivesAKill kills the hub the moment that an edit is answered.
func TestARevisionOutlivesAKill(t *testing.T) {
	needRedisServer(t)
	settings(t)
	binary := command(t)
	env := []string{"SEGHUB_DATA=" + t.TempDir(), "SEGHUB_REDIS=auto", "SEGHUB_NODE=here", "REDIS_URL="}
	hub := launch(t, binary, env...)
	u := newUser(t, hub.base, "Ada")
	s := u.connect("")
	job := u.upload(http.StatusAccepted, samplePNG(t, 0)).Accepted[0]
	s.untilEnded(1)
	object := largest(u.result(job.ID, ""))
	edited := u.edit(job.ID, 1, http.StatusOK, map[string]any{"op": "split", "id": object.ID, "line": across(object)})
	hub.kill()

	u.base = launch(t, binary, env...).base
	kept := u.result(job.ID, "")
	if kept.Revision != edited.Revision {
		t.Fatalf("after the kill the newest revision is %d, not %d", kept.Revision, edited.Revision)
	}
	for _, changed := range edited.Changed {
		found := false
		for _, o := range kept.Objects {
			found = found || reflect.DeepEqual(o, changed)
		}
		if !found {
			t.Errorf("object %d is not as it was answered", changed.ID)
		}
	}
	u.edit(job.ID, 2, http.StatusOK, map[string]any{"op": "revert", "revision": 1})
}

func TestSegmentAgainAndDelete(t *testing.T) {
	base, _ := serve(t, settings(t))
	u := newUser(t, base, "Ada")
	s := u.connect("")
	job := u.upload(http.StatusAccepted, samplePNG(t, 0)).Accepted[0]
	s.untilEnded(1)
	var made upload
	u.post("/api/v1/jobs", http.StatusAccepted, map[string]any{"images": []string{job.ImageID, "none"}, "model": model, "threshold": 0.8, "exclude_border": true}, &made)
	if len(made.Accepted) != 1 || len(made.Rejected) != 1 || made.Rejected[0].Code != "not_found" || made.Accepted[0].ImageID != job.ImageID {
		t.Fatalf("made %+v", made)
	}
	s.untilEnded(1)
	again := made.Accepted[0].ID
	one, two := u.result(job.ID, ""), u.result(again, "")
	if two.Options.Threshold != 0.8 || !two.Options.ExcludeBorder || two.Image.ID != one.Image.ID || two.Image.Filename != one.Image.Filename {
		t.Errorf("side by side are %+v and %+v", one.Image, two.Image)
	}
	for _, o := range two.Objects {
		if o.TouchesBorder {
			t.Errorf("object %d touches the border", o.ID)
		}
	}
	var receipt result.Receipt
	u.json("GET", "/api/v1/jobs/"+again+"/receipt", nil, "", http.StatusOK, &receipt)
	if len(receipt.Image.SHA256) != 64 {
		t.Errorf("the second receipt has the sum %q", receipt.Image.SHA256)
	}
	for name, body := range map[string]any{
		"no images":       map[string]any{"model": model},
		"no model":        map[string]any{"images": []string{job.ImageID}},
		"another option":  map[string]any{"images": []string{job.ImageID}, "model": model, "colour": "red"},
		"a bad threshold": map[string]any{"images": []string{job.ImageID}, "model": model, "threshold": 2},
	} {
		t.Run(name, func(t *testing.T) { u.post("/api/v1/jobs", http.StatusBadRequest, body, nil) })
	}

	if status, _, data := newUser(t, base, "Ben").call("DELETE", "/api/v1/images/"+job.ImageID, nil, ""); status != http.StatusNotFound {
		t.Errorf("somebody else deletes it: status %d: %s", status, data)
	}
	if status, _, data := u.call("DELETE", "/api/v1/images/"+job.ImageID, nil, ""); status != http.StatusNoContent {
		t.Fatalf("status %d: %s", status, data)
	}
	s.untilEnded(2)
	for _, path := range []string{"/api/v1/images/" + job.ImageID, "/api/v1/jobs/" + job.ID, "/api/v1/jobs/" + again + "/result"} {
		if status, _, _ := u.call("GET", path, nil, ""); status != http.StatusNotFound {
			t.Errorf("%s: status %d", path, status)
		}
	}
	if status, _, _ := u.call("DELETE", "/api/v1/images/"+job.ImageID, nil, ""); status != http.StatusNotFound {
		t.Errorf("deleted twice: status %d", status)
	}
	if got := fmt.Sprint(u.jobIDs()); got != "[]" {
		t.Errorf("jobs are left: %s", got)
	}
}

// TestAPixelSizeThatIsSaidIsEverywhere says it in one window of a session.
func TestAPixelSizeThatIsSaidIsEverywhere(t *testing.T) {
	base, _ := serve(t, settings(t))
	u := newUser(t, base, "Ada")
	s := u.connect("")
	job := u.upload(http.StatusAccepted, samplePNG(t, 0)).Accepted[0]
	s.untilEnded(1)
	before, path := u.result(job.ID, ""), "/api/v1/jobs/"+job.ID
	_, header, _ := u.call("GET", path+"/result", nil, "")
	if before.Image.PixelSize != nil || before.Objects[0].Calibrated != nil {
		t.Fatalf("the file says %+v", before.Image)
	}
	other := u.connect("")
	other.until(func(f frame) bool { return f.Type == "snapshot" })

	u.calibrate(job.ImageID, 0.25)
	other.until(func(f frame) bool {
		return f.Type == "job" && f.Job.PixelSize != nil && *f.Job.PixelSize == 0.25 && f.Job.Revision == 1
	})
	for _, query := range []string{"", "?revision=1"} {
		got := u.result(job.ID, query)
		if got.Image.PixelSize == nil || *got.Image.PixelSize != 0.25 || got.Objects[0].Calibrated.Area != float64(before.Objects[0].Area)/16 {
			t.Errorf("the result%s is of %+v", query, got.Image)
		}
	}
	if _, now, _ := u.call("GET", path+"/result", nil, ""); now.Get("ETag") == header.Get("ETag") {
		t.Error("a client that asks whether the result is another hears that it is not")
	}
	var receipt result.Receipt
	u.json("GET", path+"/receipt", nil, "", http.StatusOK, &receipt)
	if receipt.Calibration == nil || receipt.Calibration.Session != "Ada" || *receipt.Image.PixelSize != 0.25 {
		t.Errorf("the receipt says %+v", receipt.Calibration)
	}
	for query, want := range map[string]string{"coco": `"pixel_size":0.25`, "geojson": "Area µm^2"} {
		if !bytes.Contains(u.get("/api/v1/export?format="+query), []byte(want)) {
			t.Errorf("%s has no %s", query, want)
		}
	}
	if !bytes.Contains(u.get(path+"/labels.tif"), []byte("unit=um")) {
		t.Error("labels.tif has pixels")
	}

	var made upload
	u.post("/api/v1/jobs", http.StatusAccepted, map[string]any{"images": []string{job.ImageID}, "model": model}, &made)
	s.until(func(f frame) bool {
		return f.Type == "job" && f.Job.ID == made.Accepted[0].ID && f.Job.State == sessions.JobDone
	})
	if again := u.result(made.Accepted[0].ID, ""); *made.Accepted[0].PixelSize != 0.25 || *again.Image.PixelSize != 0.25 {
		t.Errorf("made again are pixels of %v", *again.Image.PixelSize)
	}
	u.post("/api/v1/jobs", http.StatusAccepted, map[string]any{"images": []string{job.ImageID}, "model": model, "pixel_size": 2}, &made)
	if size := *made.Accepted[0].PixelSize; size != 2 {
		t.Errorf("one that says its own has pixels of %v", size)
	}
	u.calibrate(job.ImageID, nil)
	if got := u.result(job.ID, ""); !reflect.DeepEqual(got, before) {
		t.Error("taken back, the result is not as it was")
	}
}

func (u *user) jobIDs() (ids []string) {
	u.tb.Helper()
	var page struct{ Jobs []sessions.Job }
	u.json("GET", "/api/v1/jobs", nil, "", http.StatusOK, &page)
	for _, job := range page.Jobs {
		ids = append(ids, job.ID)
	}
	return ids
}
