package results

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/png"
	"io"
	"log/slog"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"seghub/gpuexec"
	"seghub/models"
	"seghub/models/imageio"
	"seghub/models/mask"
	"seghub/models/mask/correct"
	"seghub/models/mask/masktest"
	"seghub/models/mask/result"
	"seghub/sessions"
	"seghub/storage"
)

func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "40"); err != nil { // each makes dozens of revisions; -rapid.checks asks for more
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// oneJob is a job that is done, and its revisions, as sessions keeps them.
type oneJob struct {
	mu        sync.Mutex
	job       sessions.Job
	revisions []sessions.Revision
	told      sessions.NewRevision // the newest
	lose      error                // what Revise answers, and does nothing
}

func (o *oneJob) Job(context.Context, string, string) (sessions.Job, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.job, nil
}

func (o *oneJob) Revisions(context.Context, string, string) ([]sessions.Revision, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.revisions), nil
}

func (o *oneJob) Revise(_ context.Context, _, _ string, from int, next sessions.NewRevision) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.lose != nil {
		return 0, o.lose
	}
	if from != o.job.Revision {
		return o.job.Revision, sessions.ErrConflict
	}
	o.job.Revision++
	o.job.Content, o.job.Options, o.job.Count, o.told = next.Content, next.Options, &next.Count, next
	o.revisions = append(o.revisions, sessions.Revision{Number: o.job.Revision, Content: next.Content, Edit: next.Edit, Options: next.Options, By: "Ada"})
	return o.job.Revision, nil
}

const mySession, myJob, myImage = "ada", "J1", "I1"

// newKeeper keeps the result of one job on a picture of noise, whose map is given.
func newKeeper(t rapid.TB, p mask.Probability, o mask.Options) (*Keeper, *oneJob, *storage.Store) {
	t.Helper()
	store, err := storage.Open(context.Background(), "mem://")
	must(t, err)
	jobs := &oneJob{job: sessions.Job{ID: myJob, ImageID: myImage, Filename: "a.png", Width: p.Width, Height: p.Height, Model: "unet", Options: o,
		FirstOptions: o, Revision: 1, State: sessions.JobDone, SHA256: "5a", FinishedAt: new(time.Time)},
		revisions: []sessions.Revision{{Number: 1, Options: o}}}
	k := New(Config{Blobs: store, Models: func(string) (models.Spec, bool) { return models.Spec{SHA256: "51", Precision: "fp32"}, true },
		Budget: imageio.NewBudget(1 << 30), Pixels: 1e9, Version: "test", Runtime: "1", Device: "cpu", Log: slog.New(slog.DiscardHandler)})
	k.Serve(jobs)
	must(t, store.Write(context.Background(), storage.ImageKey(mySession, myImage), noise(t, p.Width, p.Height)))
	must(t, store.WriteBy(context.Background(), storage.ProbabilityKey(mySession, myJob), func(w io.Writer) error { return masktest.WriteBands(w, p) }))
	must(t, k.PutFirst(context.Background(), mySession, jobs.job, outputOf(t, k, jobs.job, p, o)))
	return k, jobs, store
}

func outputOf(t rapid.TB, k *Keeper, job sessions.Job, p mask.Probability, o mask.Options) gpuexec.Output {
	t.Helper()
	s := mask.Segment(p, o)
	must(t, k.light(context.Background(), mySession, job, s.Objects, s.Spans))
	return gpuexec.Output{Width: p.Width, Height: p.Height, Shrunk: 1, Objects: s.Objects, Spans: s.Spans, Summary: s.Summary, MaskPNG: []byte("png")}
}

// noise is a PNG of 16 bits a sample.
func noise(t rapid.TB, width, height int) []byte {
	t.Helper()
	img, dice := image.NewGray16(image.Rect(0, 0, width, height)), rand.New(rand.NewPCG(1, 2))
	for i := range img.Pix {
		img.Pix[i] = uint8(dice.Uint32())
	}
	var out bytes.Buffer
	must(t, png.Encode(&out, img))
	return out.Bytes()
}

func must(t rapid.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// blobs is a map of boxes of many sizes, some of which touch.
func blobs(width, height int) mask.Probability {
	p := mask.Probability{Width: width, Height: height, Pix: make([]uint8, width*height)}
	dice := rand.New(rand.NewPCG(3, 4))
	for range 30 {
		x0, y0 := dice.IntN(width), dice.IntN(height)
		for y := y0; y < min(height, y0+2+dice.IntN(9)); y++ {
			for x := x0; x < min(width, x0+9); x++ {
				p.Pix[y*width+x] = uint8(140 + dice.IntN(100))
			}
		}
	}
	return p
}

// TestAnyHistoryIsWhole plays edits, reverts and new measures one after the other. Whatever was done, a result is what measuring all of
// its label map gives, each earlier revision is as it was, and what was told makes the one out of the other.
func TestAnyHistoryIsWhole(t *testing.T) {
	p := blobs(60, 150)
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		k, jobs, _ := newKeeper(t, p, mask.Options{Threshold: 0.5, DetectHoles: true, MinArea: 3})
		history := []result.Result{whole(t, k, 0)}
		for range rapid.IntRange(3, 12).Draw(t, "steps") {
			now := history[len(history)-1]
			kind := rapid.IntRange(0, 9).Draw(t, "kind")
			var edited Edited
			var err error
			switch {
			case kind == 0:
				threshold := rapid.SampledFrom([]float64{0.5, 0.7, 0.9}).Draw(t, "threshold")
				_, err = k.Measure(ctx, mySession, myJob, func(o *mask.Options) error { o.Threshold = threshold; return nil }, true)
			case kind == 1 && len(history) > 1:
				to := rapid.IntRange(1, len(history)-1).Draw(t, "to")
				edited, err = k.Edit(ctx, mySession, myJob, len(history), []correct.Operation{{Kind: correct.Revert, Revision: to}})
			default:
				edited, err = k.Edit(ctx, mySession, myJob, len(history), []correct.Operation{anyOperation(t, now)})
			}
			if errors.Is(err, correct.ErrInvalid) {
				continue
			}
			must(t, err)
			next := whole(t, k, 0)
			if kind != 0 {
				follows(t, now, next, edited)
			}
			history = append(history, next)
		}
		for i, was := range history {
			got := whole(t, k, i+1)
			if got.Revision != i+1 || !reflect.DeepEqual(got.Objects, was.Objects) || got.Summary != was.Summary || got.Options != was.Options {
				t.Errorf("revision %d is not as it was", i+1)
			}
		}
		receipt, err := k.Receipt(ctx, mySession, myJob, 0)
		must(t, err)
		if len(receipt.Edits) != len(history)-1 || receipt.Image.SHA256 != "5a" || receipt.Model.SHA256 != "51" {
			t.Errorf("the receipt tells %d edits of %d: %+v", len(receipt.Edits), len(history)-1, receipt)
		}
		for _, e := range receipt.Edits {
			if len(e.Operations) == 0 && e.Options == nil || e.Session != "Ada" {
				t.Errorf("an edit says nothing: %+v", e)
			}
		}
		if len(history) > 1 && *jobs.job.Count != history[len(history)-1].Summary.Count {
			t.Errorf("the job counts %d", *jobs.job.Count)
		}
	})
}

func anyOperation(t *rapid.T, r result.Result) correct.Operation {
	place := rapid.Custom(func(t *rapid.T) correct.Vertex {
		return correct.Vertex{rapid.Float64Range(0, 60).Draw(t, "x"), rapid.Float64Range(0, 150).Draw(t, "y")}
	})
	outline := rapid.SliceOfN(place, 3, 5)
	if len(r.Objects) == 0 || rapid.IntRange(0, 4).Draw(t, "new") == 0 {
		return correct.Operation{Kind: correct.Paint, Mode: correct.Add, Polygon: outline.Draw(t, "polygon")}
	}
	o := rapid.SampledFrom(r.Objects).Draw(t, "object")
	middle := func(dx, dy float64) correct.Vertex {
		return correct.Vertex{float64(o.BBox[0]) + dx*float64(o.BBox[2]), float64(o.BBox[1]) + dy*float64(o.BBox[3])}
	}
	switch rapid.IntRange(0, 4).Draw(t, "what") {
	case 0:
		return correct.Operation{Kind: correct.Delete, IDs: []int{o.ID}}
	case 1:
		return correct.Operation{Kind: correct.Split, ID: &o.ID, Line: []correct.Vertex{middle(-0.1, 0.5), middle(1.1, 0.5)}}
	case 2:
		near := image.Rect(o.BBox[0]-1, o.BBox[1]-1, o.BBox[0]+o.BBox[2]+1, o.BBox[1]+o.BBox[3]+1)
		ids := []int{o.ID}
		for _, other := range r.Objects {
			x, y := other.BBox[0], other.BBox[1]
			if other.ID != o.ID && near.Overlaps(image.Rect(x, y, x+other.BBox[2], y+other.BBox[3])) {
				ids = append(ids, other.ID)
			}
		}
		return correct.Operation{Kind: correct.Merge, IDs: ids}
	case 3:
		return correct.Operation{Kind: correct.Paint, ID: &o.ID, Mode: correct.Erase, Stroke: []correct.Vertex{middle(0.5, -0.1), middle(0.5, 1.1)}, Radius: 0.6}
	}
	return correct.Operation{Kind: correct.Paint, ID: &o.ID, Mode: correct.Add, Stroke: []correct.Vertex{middle(0.5, 0.5), place.Draw(t, "to")}, Radius: 1.5}
}

// whole is the result at a revision, which must be what its label map says.
func whole(t rapid.TB, k *Keeper, revision int) result.Result {
	t.Helper()
	ctx := context.Background()
	r, err := k.Result(ctx, mySession, myJob, revision)
	must(t, err)
	job, at, err := k.at(ctx, mySession, myJob, revision)
	must(t, err)
	s, err := k.open(ctx, mySession, job, at.Content)
	must(t, err)
	defer s.close()
	spans, err := s.Spans(imageRect(s))
	must(t, err)
	objects, err := k.shapes(ctx, mySession, job, s, spans)
	must(t, err)
	must(t, k.light(ctx, mySession, job, objects, spans))
	calibrate(objects, job)
	total := 0
	for i := range objects {
		total += objects[i].Area
		if i < len(r.Objects) {
			objects[i].Edited = r.Objects[i].Edited
			sameLight(t, &objects[i], r.Objects[i])
		}
	}
	if !reflect.DeepEqual(objects, r.Objects) {
		t.Fatalf("revision %d says %+v\nits label map %+v", r.Revision, r.Objects, objects)
	}
	receipt, err := k.Receipt(ctx, mySession, myJob, revision)
	must(t, err)
	d := mask.NewDigest(s.labels.Width, s.labels.Height)
	d.Add(spans)
	if receipt.Labels.SHA256 != d.Sum() {
		t.Fatalf("revision %d has a receipt of another label map", r.Revision)
	}
	if r.Summary.Count != len(objects) || r.Summary.TotalArea != total {
		t.Fatalf("revision %d sums up %+v, there are %d objects of %d pixels", r.Revision, r.Summary, len(objects), total)
	}
	return r
}

// sameLight gives an object the intensities of another, where they are its own but for rounding.
func sameLight(t rapid.TB, o *mask.Object, other mask.Object) {
	t.Helper()
	for _, c := range []struct{ own, others *[]float64 }{
		{&o.MeanIntensity, &other.MeanIntensity}, {&o.SDIntensity, &other.SDIntensity}, {&o.IntegratedIntensity, &other.IntegratedIntensity},
	} {
		if !slices.EqualFunc(*c.own, *c.others, func(a, b float64) bool { return math.Abs(a-b) <= 1e-9*math.Abs(a) }) {
			t.Fatalf("object %d has intensities %v, measured are %v", o.ID, *c.others, *c.own)
		}
		*c.own = *c.others
	}
}

// follows wants what was told of an edit to make next of now.
func follows(t rapid.TB, now, next result.Result, e Edited) {
	t.Helper()
	objects := map[int]mask.Object{}
	for _, o := range now.Objects {
		objects[o.ID] = o
	}
	for _, id := range e.Removed {
		delete(objects, int(id))
	}
	for _, o := range e.Changed {
		objects[o.ID] = o
	}
	told := []mask.Object{}
	for _, id := range slices.Sorted(maps.Keys(objects)) {
		told = append(told, objects[id])
	}
	if !reflect.DeepEqual(told, next.Objects) {
		t.Errorf("told are %d objects, there are %d: removed %v, changed %d", len(told), len(next.Objects), e.Removed, len(e.Changed))
	}
}

// TestAProjectionHasNoDepth exports the job of a page, and of a projection that begins there.
func TestAProjectionHasNoDepth(t *testing.T) {
	k, jobs, _ := newKeeper(t, blobs(60, 50), mask.Options{Threshold: 0.5})
	for projection, want := range map[string]int{"none": 0, "max": -1} {
		jobs.job.Projection = projection
		picture, err := k.Picture(t.Context(), mySession, jobs.job)
		must(t, err)
		if picture.Z != want || picture.T != 0 {
			t.Errorf("projection %s: depth %d, time %d", projection, picture.Z, picture.T)
		}
	}
}

// TestACalibrationHoldsForAllThatIsKept says the pixel size of a result that has a history.
func TestACalibrationHoldsForAllThatIsKept(t *testing.T) {
	k, jobs, _ := newKeeper(t, blobs(60, 150), mask.Options{Threshold: 0.5})
	calibrate := func(size *float64) {
		jobs.job.PixelSize, jobs.job.Calibration = size, &sessions.Calibration{PixelSize: size, At: time.Unix(9, 0), By: "Ada"}
	}
	edit := func(o correct.Operation) Edited {
		t.Helper()
		edited, err := k.Edit(t.Context(), mySession, myJob, jobs.job.Revision, []correct.Operation{o})
		must(t, err)
		return edited
	}
	square := []correct.Vertex{{2, 2}, {30, 2}, {30, 30}, {2, 30}}
	edit(correct.Operation{Kind: correct.Paint, Mode: correct.Add, Polygon: square})
	edit(correct.Operation{Kind: correct.Delete, IDs: []int{whole(t, k, 0).Objects[0].ID}})
	for _, size := range []*float64{new(0.5), new(0.25), nil} {
		calibrate(size)
		before := jobs.job.Revision
		for revision := range before {
			if r := whole(t, k, revision+1); !reflect.DeepEqual(r.Image.PixelSize, size) {
				t.Errorf("revision %d is of pixels of %v", revision+1, r.Image.PixelSize)
			}
		}
		now := whole(t, k, 0)
		largest := slices.MaxFunc(now.Objects, func(a, b mask.Object) int { return a.Area - b.Area })
		corner := largest.Polygon[0]
		erased := edit(correct.Operation{Kind: correct.Paint, Mode: correct.Erase, ID: &largest.ID, Radius: 2,
			Stroke: []correct.Vertex{{float64(corner[0]), float64(corner[1])}}})
		follows(t, now, whole(t, k, 0), erased)
		now = whole(t, k, 0)
		back := edit(correct.Operation{Kind: correct.Revert, Revision: 2})
		follows(t, now, whole(t, k, 0), back)
		measured, err := k.Measure(t.Context(), mySession, myJob, func(*mask.Options) error { return nil }, false)
		must(t, err)
		if of := measured.Objects[0].Calibrated; (of != nil) != (size != nil) {
			t.Errorf("of pixels of %v an object measures %+v", size, of)
		}
		picture, err := k.Picture(t.Context(), mySession, jobs.job)
		must(t, err)
		for what, of := range map[string]result.Image{"measured": measured.Image, "exported": picture.Image} {
			if !reflect.DeepEqual(of.PixelSize, size) {
				t.Errorf("%s are pixels of %v", what, of.PixelSize)
			}
		}
		want := &result.Calibration{PixelSize: size, At: time.Unix(9, 0), Session: "Ada"}
		if r := picture.Receipt; !reflect.DeepEqual(r.Calibration, want) || !reflect.DeepEqual(r.Image.PixelSize, size) {
			t.Errorf("the receipt says %+v of pixels of %v", r.Calibration, r.Image.PixelSize)
		}
		edit(correct.Operation{Kind: correct.Revert, Revision: before})
	}
}

func TestWhatAHandHasChangedSaysSo(t *testing.T) {
	k, jobs, _ := newKeeper(t, blobs(60, 50), mask.Options{Threshold: 0.5})
	edit := func(o correct.Operation) (Edited, error) {
		return k.Edit(t.Context(), mySession, myJob, jobs.job.Revision, []correct.Operation{o})
	}
	painted, err := edit(correct.Operation{Kind: correct.Paint, Mode: correct.Add, Polygon: []correct.Vertex{{2, 2}, {30, 2}, {30, 30}, {2, 30}}})
	must(t, err)
	for _, o := range whole(t, k, 0).Objects {
		if want := o.ID == painted.Changed[0].ID; o.Edited != want {
			t.Errorf("object %d is edited: %t", o.ID, o.Edited)
		}
	}
	for _, revision := range []int{0, 2, 3} {
		if _, err := edit(correct.Operation{Kind: correct.Revert, Revision: revision}); !errors.Is(err, correct.ErrInvalid) {
			t.Errorf("back from revision 2 to %d: %v", revision, err)
		}
	}
}

func TestOnlyAJobThatIsDoneHasAResult(t *testing.T) {
	k, jobs, _ := newKeeper(t, blobs(60, 50), mask.Options{Threshold: 0.5})
	jobs.job.State = sessions.JobRunning
	if _, err := k.Receipt(t.Context(), mySession, myJob, 0); !errors.Is(err, sessions.ErrNotDone) {
		t.Errorf("the receipt of a running job: %v", err)
	}
	if _, err := k.Edit(t.Context(), mySession, myJob, 1, nil); !errors.Is(err, sessions.ErrNotDone) {
		t.Errorf("an edit of a running job: %v", err)
	}
}

func TestAnEditOfAnOldRevisionChangesNothing(t *testing.T) {
	k, jobs, store := newKeeper(t, blobs(60, 50), mask.Options{Threshold: 0.5})
	deletion := func(id int) []correct.Operation { return []correct.Operation{{Kind: correct.Delete, IDs: []int{id}}} }
	if _, err := k.Edit(t.Context(), mySession, myJob, 1, deletion(1)); err != nil {
		t.Fatal(err)
	}
	before, err := store.Keys(t.Context(), mySession)
	must(t, err)
	for _, revision := range []int{0, 1, 3} {
		if _, err := k.Edit(t.Context(), mySession, myJob, revision, deletion(2)); !errors.Is(err, sessions.ErrConflict) {
			t.Errorf("an edit of revision %d: %v", revision, err)
		}
	}
	// Somebody else was quicker while this one was being made.
	jobs.lose = sessions.ErrConflict
	if _, err := k.Edit(t.Context(), mySession, myJob, 2, deletion(2)); !errors.Is(err, sessions.ErrConflict) {
		t.Errorf("an edit that lost: %v", err)
	}
	after, err := store.Keys(t.Context(), mySession)
	must(t, err)
	if !slices.Equal(before, after) {
		t.Errorf("what lost left blobs behind: %v, before %v", after, before)
	}
	// Where nobody knows what became of it, its blobs stay: it may be the newest.
	jobs.lose = sessions.ErrUnavailable
	if _, err := k.Edit(t.Context(), mySession, myJob, 2, deletion(2)); !errors.Is(err, sessions.ErrUnavailable) {
		t.Errorf("an edit in doubt: %v", err)
	}
	if left, err := store.Keys(t.Context(), mySession); err != nil || len(left) != len(before)+2 {
		t.Errorf("%d blobs after an edit in doubt, %d before, %v", len(left), len(before), err)
	}
}

// TestEditsOfWholeObjectsNeedNoPicture takes the picture away before it merges, deletes and reverts.
func TestEditsOfWholeObjectsNeedNoPicture(t *testing.T) {
	p := mask.Probability{Width: 60, Height: 30, Pix: make([]uint8, 60*30)}
	for y := 5; y < 15; y++ {
		for x := 5; x < 15; x++ {
			p.Pix[y*60+x], p.Pix[y*60+x+25] = 200, 220
		}
	}
	k, jobs, store := newKeeper(t, p, mask.Options{Threshold: 0.5})
	edit := func(o correct.Operation) error {
		_, err := k.Edit(t.Context(), mySession, myJob, jobs.job.Revision, []correct.Operation{o})
		return err
	}
	must(t, edit(correct.Operation{Kind: correct.Paint, Mode: correct.Add, Polygon: []correct.Vertex{{15, 5}, {20, 5}, {20, 15}, {15, 15}}}))
	picture, err := store.Read(t.Context(), storage.ImageKey(mySession, myImage))
	must(t, err)
	must(t, store.Delete(t.Context(), storage.ImageKey(mySession, myImage)))
	must(t, edit(correct.Operation{Kind: correct.Merge, IDs: []int{1, 3}}))
	must(t, edit(correct.Operation{Kind: correct.Delete, IDs: []int{1, 2}}))
	must(t, edit(correct.Operation{Kind: correct.Revert, Revision: 1}))
	must(t, edit(correct.Operation{Kind: correct.Revert, Revision: 3}))
	id := 2
	erasure := correct.Operation{Kind: correct.Paint, ID: &id, Mode: correct.Erase, Stroke: []correct.Vertex{{30, 5}}, Radius: 2}
	if err := edit(erasure); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("an erasure without the picture: %v", err)
	}
	must(t, store.Write(t.Context(), storage.ImageKey(mySession, myImage), picture))
	for revision := range jobs.job.Revision {
		whole(t, k, revision+1)
	}
}

// TestFinderFindsAnyOfMany looks objects up in a result that is many times longer than what is read at once, some of them longer too.
func TestFinderFindsAnyOfMany(t *testing.T) {
	r := result.Result{Image: result.Image{Filename: `{"id":7,`}}
	for id := 2; id < 6000; id += 1 + id%3 {
		o := mask.Object{ID: id, Area: id * id}
		if id%500 < 3 {
			o.Polygon = make([]mask.Point, 40_000)
		}
		r.Objects = append(r.Objects, o)
	}
	var file bytes.Buffer
	must(t, r.Write(&file))
	data := file.Bytes()
	rapid.Check(t, func(t *rapid.T) {
		wanted := rapid.SliceOfNDistinct(rapid.SampledFrom(r.Objects), 1, 20, func(o mask.Object) int { return o.ID }).Draw(t, "objects")
		slices.SortFunc(wanted, func(a, b mask.Object) int { return a.ID - b.ID })
		ids := []int32{1}
		for _, o := range wanted {
			ids = append(ids, int32(o.ID))
		}
		f := finder{file: bytes.NewReader(data), size: int64(len(data))}
		must(t, f.find(0, f.size, append(ids, 9000)))
		if !reflect.DeepEqual(f.found, wanted) {
			t.Errorf("found %d of %v", len(f.found), ids)
		}
	})
}

func TestNamesAreAllThatARevisionRefersTo(t *testing.T) {
	k, jobs, store := newKeeper(t, blobs(60, 150), mask.Options{Threshold: 0.5})
	for id := range 9 {
		_, err := k.Edit(t.Context(), mySession, myJob, jobs.job.Revision, []correct.Operation{{Kind: correct.Delete, IDs: []int{id + 1}}})
		must(t, err)
		if id == 4 {
			_, err := k.Measure(t.Context(), mySession, myJob, func(*mask.Options) error { return nil }, true)
			must(t, err)
		}
	}
	referred := map[string]bool{}
	for _, r := range jobs.revisions {
		for _, name := range Names(r) {
			referred[name] = true
		}
	}
	keys, err := store.Keys(t.Context(), mySession)
	must(t, err)
	for _, key := range keys {
		if name := storage.RevisionOf(key); name != "" && !referred[name] {
			t.Errorf("nothing refers to %s", name)
		}
	}
	if len(referred) != 10+9+2 {
		t.Errorf("%d blobs are referred to", len(referred))
	}
}

// TestARevisionIsReadFromFewBlobs wants the number of changes to grow with the digits of the number of edits.
func TestARevisionIsReadFromFewBlobs(t *testing.T) {
	c := content{base: first}
	covered := 0
	for n := 1; n <= 1000; n++ {
		next, folded := c.followed(fmt.Sprint("E", n))
		for _, l := range folded {
			covered += l.weight
		}
		sum := 0
		for _, l := range next.changes {
			sum += l.weight
		}
		again, err := parseContent(next.String())
		if sum != n || len(next.changes) > 10 || err != nil || !reflect.DeepEqual(again, next) {
			t.Fatalf("after %d edits: %v of %d, %v", n, next, sum, err)
		}
		c = next
	}
	if covered > 1000*10 {
		t.Errorf("%d edits were written again in 1000", covered)
	}
}

// BenchmarkEdit8192 edits a picture of 8192 x 8192 pixels with 16,384 objects: such as touch no pixel of it, and such as do.
func BenchmarkEdit8192(b *testing.B) {
	const side, cell = 8192, 64
	p := mask.Probability{Width: side, Height: side, Pix: make([]uint8, side*side)}
	for y := range side {
		for x := range side {
			if dx, dy := x%cell-32, y%cell-32; dx*dx+dy*dy < 24*24 {
				p.Pix[y*side+x] = 200
			}
		}
	}
	k, jobs, _ := newKeeper(b, p, mask.Options{Threshold: 0.5, DetectHoles: true})
	edit := func(b *testing.B, o correct.Operation) {
		_, err := k.Edit(b.Context(), mySession, myJob, jobs.job.Revision, []correct.Operation{o})
		must(b, err)
	}
	at := func(id int) correct.Vertex {
		return correct.Vertex{float64((id-1)%128*cell + 32), float64((id-1)/128*cell + 32)}
	}
	b.Run("erase", func(b *testing.B) {
		for id := 1; b.Loop(); id = id*37%16000 + 1 {
			edit(b, correct.Operation{Kind: correct.Paint, ID: &id, Mode: correct.Erase, Stroke: []correct.Vertex{at(id)}, Radius: 2})
		}
	})
	b.Run("delete and revert", func(b *testing.B) {
		for id := 1; b.Loop(); id = id*37%16000 + 1 {
			edit(b, correct.Operation{Kind: correct.Delete, IDs: []int{id}})
			edit(b, correct.Operation{Kind: correct.Revert, Revision: jobs.job.Revision - 1})
		}
	})
	b.Run("merge", func(b *testing.B) {
		for id := 1; b.Loop(); id = (id + 38) % 16000 {
			b.StopTimer()
			edit(b, correct.Operation{Kind: correct.Paint, ID: &id, Mode: correct.Add, Stroke: []correct.Vertex{at(id), at(id + 1)}, Radius: 3})
			b.StartTimer()
			edit(b, correct.Operation{Kind: correct.Merge, IDs: []int{id, id + 1}})
		}
	})
}

func BenchmarkMeasure1024(b *testing.B) {
	k, _, _ := newKeeper(b, blobs(1024, 1024), mask.Options{Threshold: 0.5, DetectHoles: true})
	for b.Loop() {
		split := func(o *mask.Options) error { o.SplitTouching = true; return nil }
		if _, err := k.Measure(b.Context(), mySession, myJob, split, false); err != nil {
			b.Fatal(err)
		}
	}
}
