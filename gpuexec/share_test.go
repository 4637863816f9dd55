package gpuexec_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"seghub/gpuexec"
	"seghub/gpuexec/budget"
	"seghub/gpuexec/enginetest"
	"seghub/models"
	"seghub/models/imageio"
)

// photograph is a JPEG of bright rectangles, which is decoded as a whole.
func photograph(t *testing.T, width, height int) []byte {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			if x%200 < 100 && y%200 < 120 {
				img.SetGray(x, y, color.Gray{250})
			}
		}
	}
	var file bytes.Buffer
	if err := jpeg.Encode(&file, img, nil); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// tight tests a pool of one worker, of a model that takes tiles of 64 pixels, four a run, whose images have the memory together that reading one
// of them takes. In the end all of that is free.
func tight(t *testing.T, file []byte, model models.Spec, test func(t *testing.T, pool *gpuexec.Pool, from *source, to *sink)) {
	t.Helper()
	model.Batch = models.Batch{Alone: 4, Shared: 4, Max: 4}
	model.Input = models.Input{Height: 64, Width: 64, Channels: 1, Scaling: models.ScalingNative}
	tightOf(t, file, func(string) (models.Spec, bool) { return model, true }, &enginetest.Script{}, test)
}

// tightOf is tight with other models.
func tightOf(t *testing.T, file []byte, known func(string) (models.Spec, bool), script *enginetest.Script,
	test func(t *testing.T, pool *gpuexec.Pool, from *source, to *sink),
) {
	t.Helper()
	opened, err := imageio.Open(t.Context(), bytes.NewReader(file), int64(len(file)), imageio.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		memory := imageio.NewBudget(opened.Pages[0].Memory)
		pool := gpuexec.New(gpuexec.Config{
			Slots: 1, Device: gpuexec.CPU, NewEngine: script.NewEngine, MaxPixels: 1 << 23, Budget: budget.New(budget.Config{}), Decoded: memory,
			Models: known, Lost: func(error) {}, Log: quiet,
		})
		from, to := startThis(t, pool, 1, script)
		test(t, pool, from, to)
		pool.Stop(context.Background())
		wantFree(t, memory)
	})
}

// wantFree fails the test when a share of the memory was not given back.
func wantFree(t interface{ Error(...any) }, memory *imageio.Budget) {
	if memory.TryTake(memory.Bytes(), 0) == nil {
		t.Error("not all of the memory was given back")
	}
}

// While its own decoding goes on, and has all of the memory, an image is read again for the light of its objects.
func TestAnImageIsReadAgainWithinItsShare(t *testing.T) {
	sized := models.Spec{ID: "sized", Diameter: &models.Diameter{Best: 30, Least: 25, Most: 35}}
	file := photograph(t, 2500, 1800)
	tight(t, file, sized, func(t *testing.T, _ *gpuexec.Pool, from *source, to *sink) {
		opened := 0
		j := job("large", nil)
		j.Diameter = 120
		j.Open = func(context.Context) (imageio.Source, error) {
			opened++
			return imageio.InMemory(file), nil
		}
		from.give(t, 0, gpuexec.Batch{Model: "sized", Jobs: []gpuexec.Job{j}})
		r := to.next(t, 1)["large"]
		if r.Err != nil || r.Output.Summary.Count != 13*9 || opened != 1 {
			t.Fatalf("%+v, want 117 objects of a file that is opened once, not %d times", r, opened)
		}
		for _, o := range r.Output.Objects {
			if light := o.MeanIntensity[0]; light < 200 || light > 251 {
				t.Errorf("object %d has light %v", o.ID, light)
			}
		}
	})
}

// The last tiles of an image do not wait, to fill a run, for those of another that waits for the first one's memory.
func TestAnImageThatWaitsForMemoryKeepsNobody(t *testing.T) {
	file := photograph(t, 250, 250) // 25 tiles, of which the last does not fill a run
	tight(t, file, models.Spec{ID: "tiled"}, func(t *testing.T, _ *gpuexec.Pool, from *source, to *sink) {
		var jobs []gpuexec.Job
		for i := range 5 {
			jobs = append(jobs, job(fmt.Sprint(i), file))
		}
		from.give(t, 0, gpuexec.Batch{Model: "tiled", Jobs: jobs[:3]})
		from.give(t, 0, gpuexec.Batch{Model: "tiled", Jobs: jobs[3:]})
		for id, r := range to.next(t, 5) {
			if r.Err != nil || r.Output.Summary.Count != 4 {
				t.Errorf("%s: %+v", id, r)
			}
		}
	})
}

// A batch that is decoded anew, for a model that has come in the place of another, has the memory for that, though the next one waits for some.
func TestAModelIsReplacedWhereMemoryIsTight(t *testing.T) {
	file := photograph(t, 250, 250)
	var version atomic.Int64
	known := func(id string) (models.Spec, bool) {
		side := int(64 << version.Load())
		return models.Spec{
			ID: id, Version: fmt.Sprint(version.Load()), Batch: models.Batch{Alone: 4, Shared: 4, Max: 4},
			Input: models.Input{Height: side, Width: side, Channels: 1, Scaling: models.ScalingNative},
		}, true
	}
	script := &enginetest.Script{Load: func(_ context.Context, _ int, model models.Spec, _ int) error {
		if model.Version != "0" {
			return nil
		}
		version.Store(1)
		<-time.After(time.Second) // in which all else is done that can be done
		return models.ErrChanged
	}}
	tightOf(t, file, known, script, func(t *testing.T, _ *gpuexec.Pool, from *source, to *sink) {
		from.give(t, 0, gpuexec.Batch{Model: "a", Jobs: []gpuexec.Job{job("one", file), job("two", file)}})
		from.give(t, 0, gpuexec.Batch{Model: "a", Jobs: []gpuexec.Job{job("three", file)}})
		for id, r := range to.next(t, 3) {
			if r.Err != nil || r.Output.Summary.Count != 4 {
				t.Errorf("%s: %+v", id, r)
			}
		}
	})
}

// A job that is cancelled while it waits for memory, or while it has some, gives back what it has.
func TestCancelGivesTheMemoryBack(t *testing.T) {
	file := photograph(t, 250, 250)
	tight(t, file, models.Spec{ID: "tiled"}, func(t *testing.T, pool *gpuexec.Pool, from *source, to *sink) {
		keeps := make(chan struct{})
		keeping := sync.OnceFunc(func() { close(keeps) })
		first := job("has some", file)
		first.Keep = func(ctx context.Context, r io.Reader) error {
			_, _ = io.Copy(io.Discard, r)
			keeping()
			<-ctx.Done()
			return ctx.Err()
		}
		from.give(t, 0, gpuexec.Batch{Model: "tiled", Jobs: []gpuexec.Job{first}})
		<-keeps
		from.give(t, 0, gpuexec.Batch{Model: "tiled", Jobs: []gpuexec.Job{job("waits", file), job("goes on", file)}})
		synctest.Wait()
		pool.Cancel("waits")
		wantCancelled(t, to, "waits")
		pool.Cancel("has some")
		wantCancelled(t, to, "has some")
		if r := to.next(t, 1)["goes on"]; r.Err != nil {
			t.Error(r.Err)
		}
	})
}

// readBy does something at one of the times that it is read from.
type readBy struct {
	imageio.Source
	left int
	do   func()
}

func (r *readBy) ReadAt(p []byte, offset int64) (int, error) {
	if r.left--; r.left == 0 {
		r.do()
	}
	return r.Source.ReadAt(p, offset)
}

// A job may be cancelled however far the opening of its image is, also when its memory is about to be taken.
func TestCancelAsAnImageIsOpenedLeavesNoMemoryTaken(t *testing.T) {
	file := photograph(t, 250, 250)
	for read := 1; read <= 8; read++ {
		tight(t, file, models.Spec{ID: "tiled"}, func(t *testing.T, pool *gpuexec.Pool, from *source, to *sink) {
			j := job("cancelled", nil)
			j.Open = func(context.Context) (imageio.Source, error) {
				return &readBy{imageio.InMemory(file), read, func() { pool.Cancel(j.ID) }}, nil
			}
			from.give(t, 0, gpuexec.Batch{Model: "tiled", Jobs: []gpuexec.Job{j}})
			to.next(t, 1)
		})
	}
}
