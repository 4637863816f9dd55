package gpuexec_test

import (
	"context"
	"math"
	"slices"
	"sync"
	"testing"

	"seghub/gpuexec"
	"seghub/gpuexec/enginetest"
	"seghub/models"
)

// startSized starts a pool of one worker whose model takes tiles of 64 pixels, three a run, and wants objects of 15 pixels.
func startSized(t *testing.T, script *enginetest.Script) (*gpuexec.Pool, *source, *sink) {
	t.Helper()
	model := models.Spec{
		ID: "sized", Batch: models.Batch{Alone: 3, Shared: 3, Max: 3}, Threshold: 0.5,
		Input:    models.Input{Height: 64, Width: 64, Channels: 1, Scaling: models.ScalingNative},
		Diameter: &models.Diameter{Best: 15, Least: 12, Most: 20},
	}
	return startPoolOf(t, func(string) (models.Spec, bool) { return model, true }, 1, script)
}

// squares is the diameter of the circle that has the area of the squares of deep, 30 pixels wide.
const squares = 33.9

// Each image is brought to the diameter of its objects, and its results are of its own pixels.
func TestAnImageIsScaledToItsObjects(t *testing.T) {
	const width, height = 260, 400
	script := &enginetest.Script{}
	_, from, to := startSized(t, script)
	large, said, small := job("large", deep(t, width, height)), job("said", deep(t, width, height)), job("small", picture(t, 1))
	said.Diameter = 16
	from.give(t, 0, gpuexec.Batch{Model: "sized", Jobs: []gpuexec.Job{large, said, small}})
	results := to.next(t, 3)
	for id, want := range map[string]models.Scale{
		"large": {Diameter: squares, Factor: 15 / squares}, "said": {Diameter: 16, Factor: 1}, "small": {Factor: 1},
	} {
		r := results[id]
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		if got := r.Output.Scale; math.Abs(got.Diameter-want.Diameter) > 3 || math.Abs(got.Factor-want.Factor) > 0.04 {
			t.Errorf("%s: %+v, want about %+v", id, got, want)
		}
		for _, p := range to.progressOf(id) {
			if p.Done > p.Total {
				t.Errorf("%s: %+v: looks are no part of it", id, p)
			}
		}
	}
	for _, o := range results["large"].Output.Objects {
		if cut := o.BBox[0] == 250; !cut && math.Abs(float64(o.Area)-900) > 120 || o.MeanIntensity[0] < 35000 {
			t.Errorf("object %d of %d pixels has light %v", o.ID, o.Area, o.MeanIntensity)
		}
	}
	if out := results["large"].Output; out.Width != width || out.Height != height || out.Summary.Count != 6*8 {
		t.Errorf("%dx%d pixels with %d objects", out.Width, out.Height, out.Summary.Count)
	}
	next := 0
	for _, piece := range to.piecesOf("large") {
		if piece.Width != width || piece.Y != next {
			t.Errorf("a piece of %dx%d at row %d, want one at %d", piece.Width, piece.Height, piece.Y, next)
		}
		next += piece.Height
	}
	if next == 0 {
		t.Error("no piece came as the bands were finished")
	}
}

// While an image is looked at it can be cancelled, and the image beside it goes on.
func TestCancelWhileAnImageIsLookedAt(t *testing.T) {
	looks, goOn := make(chan struct{}), make(chan struct{})
	first := sync.OnceFunc(func() {
		close(looks)
		<-goOn
	})
	script := &enginetest.Script{Run: func(context.Context, enginetest.Call) error { first(); return nil }}
	pool, from, to := startSized(t, script)
	from.give(t, 0, gpuexec.Batch{Model: "sized", Jobs: []gpuexec.Job{job("one", deep(t, 260, 400)), job("two", deep(t, 260, 400))}})
	<-looks
	pool.Cancel("one")
	wantCancelled(t, to, "one")
	close(goOn)
	if err := to.next(t, 1)["two"].Err; err != nil {
		t.Error(err)
	}
}

// A look that fails is tried alone, and then its job fails alone.
func TestALookThatFails(t *testing.T) {
	script := &enginetest.Script{Run: func(_ context.Context, call enginetest.Call) error {
		if slices.Max(call.Input.Pix) > 0 {
			return errDevice
		}
		return nil
	}}
	_, from, to := startSized(t, script)
	from.give(t, 0, gpuexec.Batch{Model: "sized", Jobs: []gpuexec.Job{job("broken", deep(t, 260, 400)), job("whole", picture(t, 1))}})
	results := to.next(t, 2)
	if results["broken"].Err == nil || results["whole"].Err != nil {
		t.Errorf("%v, %v", results["broken"].Err, results["whole"].Err)
	}
}
