package results

import (
	"context"
	"errors"
	"image"
	"maps"
	"math"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"seghub/models/mask"
	"seghub/models/mask/correct"
	"seghub/models/mask/result"
)

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
