package ort

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"seghub/gpuexec"
	"seghub/gpuexec/budget"
	"seghub/models"
	"seghub/models/modeltest"
)

// red is an image of one colour, whose channels have the mean 40 and the maximum 120.
func red(t *testing.T) []byte {
	t.Helper()
	const side = 48
	img := image.NewRGBA(image.Rect(0, 0, side, side))
	for i := 0; i < len(img.Pix); i += 4 {
		copy(img.Pix[i:], []uint8{120, 0, 0, 255})
	}
	var file bytes.Buffer
	if err := png.Encode(&file, img); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// unceasing gives the workers batches of two images until the context ends.
type unceasing struct {
	model string
	file  []byte
	given atomic.Int64 // jobs; the n-th has the id n
	kept  shelf
}

func (u *unceasing) Next(ctx context.Context, _ int) (gpuexec.Batch, error) {
	if ctx.Err() != nil {
		return gpuexec.Batch{}, ctx.Err()
	}
	b := gpuexec.Batch{Model: u.model}
	for range 2 {
		b.Jobs = append(b.Jobs, u.kept.of(jobOf(strconv.FormatInt(u.given.Add(1), 10), u.file)))
	}
	return b, nil
}

// The folder, the registry and ONNX Runtime together: while jobs run without a pause on two workers, the model's file is
// replaced, by one with the same input and by one with another input, and taken away.
func TestAModelFileIsReplacedUnderLoad(t *testing.T) {
	const slots = 2
	r := openCPU(t, slots)
	dir := t.TempDir()
	path := filepath.Join(dir, "m.onnx")
	write := func(o modeltest.Options) {
		t.Helper()
		o.ID, o.Channels = "m", 3
		// Beside it first and moved then, as one replaces a file that is in use.
		if err := modeltest.Write(path+".part", o); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".part", path); err != nil {
			t.Fatal(err)
		}
	}
	write(modeltest.Options{Weights: 1})
	registry, err := models.Open(dir, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if err := registry.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer registry.Stop()
	from, to := &unceasing{model: "m", file: red(t)}, make(outcomes)
	pool := gpuexec.New(gpuexec.Config{
		Slots: slots, Device: r.Device(), NewEngine: r.NewEngine, Models: registry.Get, MaxPixels: 1 << 24, Log: quiet,
		Batches: models.BatchTable{Fallback: 1}, Budget: budget.New(budget.Config{}), Lost: func(error) {},
	})
	finished := make(map[string]bool)
	finish := func(r gpuexec.Result) {
		if finished[r.JobID] {
			t.Errorf("job %s was finished twice", r.JobID)
		}
		finished[r.JobID] = true
	}
	if err := pool.Start(t.Context(), from, to); err != nil {
		t.Fatal(err)
	}
	defer func() {
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			pool.Stop(context.Background())
		}()
		for over := false; !over; {
			select {
			case result := <-to:
				finish(result)
			case <-stopped:
				over = true
			}
		}
		if given := from.given.Load(); int64(len(finished)) != given {
			t.Errorf("%d of %d jobs were finished", len(finished), given)
		}
	}()

	// next waits until the outcomes are the new ones for good; no other ones than these and the old ones may come.
	old := uint8(40)
	becomes := func(want uint8) {
		t.Helper()
		const inARow = 20 // more than the workers have in hand at a time
		for seen, limit := 0, time.After(time.Minute); seen < inARow; {
			select {
			case result := <-to:
				finish(result)
				if result.Err != nil {
					t.Fatal(result.Err)
				}
				switch got := from.kept.probabilityAt(t, result.JobID, 24, 24); got {
				case want:
					seen++
				case old:
					seen = 0
				default:
					t.Fatalf("a probability of %d, want %d before the change and %d after it", got, old, want)
				}
			case <-limit:
				t.Fatalf("the outcome is not %d", want)
			}
		}
		old = want
	}
	becomes(40)
	write(modeltest.Options{Weights: 1, Reduce: "ReduceMax"})
	becomes(120)
	write(modeltest.Options{Weights: 1, Height: 32, Width: 32})
	becomes(40)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	for gone, limit := false, time.After(time.Minute); !gone; {
		select {
		case result := <-to:
			finish(result)
			gone = errors.Is(result.Err, gpuexec.ErrNoModel)
			if result.Err != nil && !gone {
				t.Fatal(result.Err)
			}
		case <-limit:
			t.Fatal("the model is not gone")
		}
	}
}

func TestASessionKeepsTheVersionThatItWasOpenedOn(t *testing.T) {
	e := newEngine(t, openCPU(t, 1), 0)
	path := filepath.Join(t.TempDir(), "m.onnx")
	spec := func(o modeltest.Options) models.Spec {
		t.Helper()
		o.Channels = 3
		if err := modeltest.Write(path, o); err != nil {
			t.Fatal(err)
		}
		model, err := models.ReadSpec(path)
		if err != nil {
			t.Fatal(err)
		}
		return model
	}
	pixels := models.Tensor{N: 1, H: 64, W: 64, C: 3, Pix: bytes.Repeat([]byte{120, 0, 0}, 64*64)}
	first := spec(modeltest.Options{Weights: 1})
	session := openSession(t, e, first, 1)
	if got := runOn(t, session, pixels).Pix[0]; got != 40 {
		t.Errorf("the first version gives %d", got)
	}
	second := spec(modeltest.Options{Weights: 2, Reduce: "ReduceMax"})
	if got := runOn(t, session, pixels).Pix[0]; got != 40 {
		t.Errorf("an open model whose file has changed gives %d", got)
	}
	if got := run(t, e, second, pixels).Pix[0]; got != 120 {
		t.Errorf("the second version gives %d", got)
	}
	if _, err := e.Open(t.Context(), first, 1); !errors.Is(err, models.ErrChanged) {
		t.Errorf("Open of a version that is no more = %v", err)
	}
	if err := os.WriteFile(path, []byte("half a mod"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Open(t.Context(), second, 1); !errors.Is(err, models.ErrChanged) {
		t.Errorf("Open while the file is being replaced = %v", err)
	}
}
