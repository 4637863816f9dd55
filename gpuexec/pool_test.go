package gpuexec_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"slices"
	"testing"

	"seghub/gpuexec"
	"seghub/gpuexec/enginetest"
	"seghub/models"
	"seghub/models/imageio"
	"seghub/models/mask"
	"seghub/models/mask/masktest"
)

func TestABatchIsSegmented(t *testing.T) {
	_, from, to := startPool(t, 2, &enginetest.Script{})
	whiteJob := job("white", picture(t, 255))
	kept := keptBy(&whiteJob)
	from.give(t, 1, gpuexec.Batch{Model: "a", Jobs: []gpuexec.Job{whiteJob, job("black", picture(t, 0))}})
	results := to.next(t, 2)

	white := results["white"]
	if white.Err != nil {
		t.Fatal(white.Err)
	}
	if white.Slot != 1 || white.Attempt != 1 {
		t.Errorf("slot %d, attempt %d", white.Slot, white.Attempt)
	}
	if white.Timing.Decode <= 0 || white.Timing.Infer <= 0 || white.Timing.Postprocess <= 0 || white.InferredAt.IsZero() {
		t.Errorf("timing %+v, inferred at %v", white.Timing, white.InferredAt)
	}
	if out := white.Output; out.Width != side || out.Height != side || out.Summary.Count != 1 || out.Objects[0].Area != side*side {
		t.Errorf("a white image gave %+v", out.Summary)
	}
	wantGray(t, "mask", white.Output.MaskPNG, 255)
	bands, err := mask.ReadBands(bytes.NewReader(kept.Bytes()), side*side)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := masktest.Probability(bands); err != nil || slices.ContainsFunc(p.Pix, func(p uint8) bool { return p != 255 }) {
		t.Errorf("the probability of one colour is %v, %v", p.Pix, err)
	}

	black := results["black"]
	if black.Err != nil {
		t.Fatal(black.Err)
	}
	if black.Output.Summary.Count != 0 {
		t.Errorf("a black image gave %d objects", black.Output.Summary.Count)
	}
	wantGray(t, "mask", black.Output.MaskPNG, 0)
}

func wantGray(t *testing.T, what string, file []byte, value uint8) {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	gray, ok := img.(*image.Gray)
	if !ok || gray.Rect.Dx() != side || gray.Rect.Dy() != side {
		t.Fatalf("the %s is a %T of %v", what, img, img.Bounds())
	}
	if slices.ContainsFunc(gray.Pix, func(p uint8) bool { return p != value }) {
		t.Errorf("the %s of one colour is %v", what, gray.Pix)
	}
}

func TestProgressGoesThroughTheStages(t *testing.T) {
	_, from, to := startPool(t, 1, &enginetest.Script{})
	from.give(t, 0, bright(t, "one"))
	to.next(t, 1)
	var stages []gpuexec.Stage
	percent := 0
	for _, p := range to.progressOf("one") {
		if p.Percent < percent || p.Done > p.Total {
			t.Errorf("%+v after %d percent", p, percent)
		}
		percent = p.Percent
		stages = append(stages, p.Stage)
	}
	if percent != 100 {
		t.Errorf("the last progress was %d percent", percent)
	}
	want := []gpuexec.Stage{gpuexec.StageDecode, gpuexec.StageInfer, gpuexec.StagePostprocess}
	if got := slices.Compact(stages); !slices.Equal(got, want) {
		t.Errorf("stages %v", got)
	}
}

// A model at the image's own resolution gets tiles, as many at once as its runs have rows, the last one padded, and each run is told of.
func TestTilesAreRunInPortions(t *testing.T) {
	const tile, wide = 64, 200 // four tiles a row
	model := models.Spec{
		ID: "tiled", BorderName: "border", Batch: models.Batch{Alone: 3, Shared: 3, Max: 3},
		Input: models.Input{Height: tile, Width: tile, Channels: 1, Scaling: models.ScalingNative},
	}
	script := &enginetest.Script{}
	_, from, to := startPoolOf(t, func(string) (models.Spec, bool) { return model, true }, 1, script)
	var file bytes.Buffer
	pix := make([]byte, wide*tile)
	for i := range pix {
		if i%wide >= 100 {
			pix[i] = 255
		}
	}
	if err := imageio.EncodeGray(&file, wide, tile, pix); err != nil {
		t.Fatal(err)
	}
	from.give(t, 0, gpuexec.Batch{Model: "tiled", Jobs: []gpuexec.Job{job("one", file.Bytes()), job("two", file.Bytes())}})
	for id, result := range to.next(t, 2) {
		if result.Err != nil {
			t.Fatal(result.Err)
		}
		if got := result.Output.Summary.TotalArea; got != 100*tile {
			t.Errorf("%s: %d pixels, want %d", id, got, 100*tile)
		}
	}
	var runs []int
	for _, call := range script.Calls() {
		runs = append(runs, call.Rows)
	}
	told := func(id string) (done []int) {
		for _, p := range to.progressOf(id) {
			if p.Stage == gpuexec.StageInfer {
				done = append(done, p.Done)
			}
		}
		return done
	}
	if want := []int{3, 3, 3}; !slices.Equal(runs, want) {
		t.Errorf("runs of %v rows, want %v", runs, want)
	}
	// Whichever was decoded first, the other fills its second run up.
	first, second := told("one"), told("two")
	if len(first) > 1 && first[1] < second[1] {
		first, second = second, first
	}
	if !slices.Equal(first, []int{0, 3, 4}) || !slices.Equal(second, []int{0, 2, 4}) {
		t.Errorf("the images were told to be %v and %v tiles far", first, second)
	}
}

func TestABadImageFailsAlone(t *testing.T) {
	_, from, to := startPool(t, 1, &enginetest.Script{})
	whole := picture(t, 255)
	lost := errors.New("no such blob")
	missing := job("missing", nil)
	missing.Open = func(context.Context) (imageio.Source, error) { return nil, lost }
	panics := job("panics", nil)
	panics.Open = func(context.Context) (imageio.Source, error) { panic("a bug") }
	from.give(t, 0, gpuexec.Batch{Model: "a", Jobs: []gpuexec.Job{
		job("good", whole), job("text", []byte("not an image")), job("half", whole[:len(whole)/2]), missing, panics, job("fine", whole),
	}})
	results := to.next(t, 6)
	for id, want := range map[string]error{
		"good": nil, "fine": nil, "text": imageio.ErrUnsupported, "half": imageio.ErrCorrupt, "missing": lost,
	} {
		if err := results[id].Err; !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", id, err, want)
		}
	}
	if results["panics"].Err == nil {
		t.Error("a panic made a result")
	}
}

func TestAnUnknownModelFailsItsJobs(t *testing.T) {
	script := &enginetest.Script{}
	_, from, to := startPool(t, 1, script)
	b := bright(t, "one", "two")
	b.Model = "gone"
	from.give(t, 0, b)
	for id, r := range to.next(t, 2) {
		if !errors.Is(r.Err, gpuexec.ErrInference) {
			t.Errorf("%s: %v", id, r.Err)
		}
	}
	if calls := script.Calls(); len(calls) != 0 {
		t.Errorf("%d runs of a model that does not exist", len(calls))
	}
}

// While one batch runs the next is decoded, and the one after that is not even fetched.
func TestOneBatchIsDecodedAhead(t *testing.T) {
	script := &enginetest.Script{}
	gate := script.Hold()
	_, from, to := startPool(t, 1, script)
	opened := make(chan struct{})
	second := bright(t, "second")
	open := second.Jobs[0].Open
	second.Jobs[0].Open = func(ctx context.Context) (imageio.Source, error) {
		close(opened)
		return open(ctx)
	}
	from.give(t, 0, bright(t, "first"))
	gate.Await(t)
	from.give(t, 0, second)
	<-opened
	select {
	case from.batches[0] <- bright(t, "third"):
		t.Error("a third batch was fetched while the first was running")
	default:
	}
	gate.Release(t)
	gate.Await(t)
	gate.Release(t)
	to.next(t, 2)
}

func TestABatchIsAsLargeAsARun(t *testing.T) {
	for _, c := range []struct {
		name  string
		slots int
		model string
		want  int
	}{
		{"one slot", 1, "a", 8},
		{"several slots", 4, "a", 6},
		{"unknown model", 4, "gone", 1},
	} {
		if got := newPool(c.slots, &enginetest.Script{}).BatchSize(c.model); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestStatsTellWhatAWorkerDoes(t *testing.T) {
	script := &enginetest.Script{}
	gate := script.Hold()
	pool, from, to := startPool(t, 2, script)
	from.give(t, 1, bright(t, "one"))
	gate.Await(t)
	if s := pool.Stats()[1]; s.State != gpuexec.WorkerBusy || s.Model != "a" || s.Device != "cuda:0" || s.Slot != 1 || s.ImagesDone != 0 {
		t.Errorf("while it runs: %+v", s)
	}
	gate.Release(t)
	to.next(t, 1)
	// The next batch is taken after the state of the one before was put back.
	from.give(t, 1, bright(t, "two"))
	gate.Await(t)
	if s := pool.Stats()[1]; s.ImagesDone != 1 {
		t.Errorf("after one image: %+v", s)
	}
	gate.Release(t)
	to.next(t, 1)
	pool.Stop(context.Background())
	if s := pool.Stats()[1]; s.State != gpuexec.WorkerDown || s.Model != "" || s.ImagesDone != 2 {
		t.Errorf("after Stop: %+v", s)
	}
}
