package ort

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"seghub/gpuexec"
	"seghub/models"
	"seghub/models/imageio"
	"seghub/models/mask"
	"seghub/models/sample"
)

// The pool's overhead is BenchmarkPool's images/s beside BenchmarkBare's: the same model, engines and threads, with and
// without decoding, fitting, segmenting and encoding.
const benchSlots = 4

// BenchmarkBare runs the shipped model on four engines, each in a loop of its own.
func BenchmarkBare(b *testing.B) {
	model := shippedModel(b)
	r := openCPU(b, benchSlots)
	in := noise(model, 1, 1)
	work := make(chan struct{}, b.N)
	for range b.N {
		work <- struct{}{}
	}
	close(work)
	var ready, group sync.WaitGroup
	begin := make(chan struct{})
	for slot := range benchSlots {
		e := newEngine(b, r, slot)
		ready.Add(1)
		group.Go(func() {
			runtime.LockOSThread()
			err := e.Load(context.Background(), model)
			ready.Done()
			<-begin
			for range work {
				if err == nil {
					_, err = e.Run(context.Background(), model, in)
				}
			}
			if err != nil {
				b.Error(err)
			}
		})
	}
	ready.Wait()
	b.ResetTimer()
	close(begin)
	group.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "images/s")
}

// endless gives every worker the same image until so many were given.
type endless struct {
	left  chan struct{}
	batch gpuexec.Batch
}

func (e endless) Next(ctx context.Context, _ int) (gpuexec.Batch, error) {
	select {
	case <-e.left:
		return e.batch, nil
	case <-ctx.Done():
		return gpuexec.Batch{}, ctx.Err()
	}
}

// outcomes takes the results.
type outcomes chan gpuexec.Result

func (outcomes) Progress(gpuexec.Progress)                    {}
func (o outcomes) Finish(_ context.Context, r gpuexec.Result) { o <- r }

// BenchmarkPool takes a PNG of 1024x1024 pixels with bodies in it all the way to masks and objects.
func BenchmarkPool(b *testing.B) {
	model := shippedModel(b)
	r := openCPU(b, benchSlots)
	pool := gpuexec.New(gpuexec.Config{
		Slots: benchSlots, Device: r.Device(), NewEngine: r.NewEngine, MaxPixels: 1 << 24, Log: quiet,
		Models: func(string) (models.Spec, bool) { return model, true },
	})
	file := bodies(b)
	from := endless{left: make(chan struct{}, b.N), batch: gpuexec.Batch{Model: model.ID, Jobs: []gpuexec.Job{{
		ID:      "one",
		Open:    func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(file)), nil },
		Options: mask.Options{Threshold: model.Threshold, DetectHoles: true},
	}}}}
	to := make(outcomes, b.N)
	if err := pool.Start(context.Background(), from, to); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { pool.Stop(context.Background()) })
	if err := pool.Warm(context.Background(), []string{model.ID}); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for range b.N {
		from.left <- struct{}{}
	}
	var after time.Duration
	var stages gpuexec.Timing
	for range b.N {
		result := <-to
		if result.Err != nil {
			b.Fatal(result.Err)
		}
		after += time.Since(result.InferredAt)
		stages.Decode += result.Timing.Decode
		stages.Infer += result.Timing.Infer
		stages.Postprocess += result.Timing.Postprocess
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "images/s")
	b.ReportMetric(after.Seconds()*1000/float64(b.N), "ms-from-inference-to-finish")
	b.ReportMetric(stages.Decode.Seconds()*1000/float64(b.N), "ms-decode")
	b.ReportMetric(stages.Infer.Seconds()*1000/float64(b.N), "ms-infer")
	b.ReportMetric(stages.Postprocess.Seconds()*1000/float64(b.N), "ms-postprocess")
}

// bodies is a PNG of dark discs on a light, uneven ground.
func bodies(b *testing.B) []byte {
	const side, pitch, radius = 1024, 256, 80
	pix := make([]uint8, side*side)
	for y := range side {
		for x := range side {
			dx, dy := x%pitch-pitch/2, y%pitch-pitch/2
			pix[y*side+x] = uint8(190 + x*y%23)
			if dx*dx+dy*dy < radius*radius {
				pix[y*side+x] = uint8(70 + x*y%31)
			}
		}
	}
	var png bytes.Buffer
	if err := imageio.EncodeGray(&png, side, side, pix); err != nil {
		b.Fatal(err)
	}
	return png.Bytes()
}

// BenchmarkModels takes an image of 1024x1024 pixels through each model on all cores: fitted, run and brought back. Beside those
// that ship are those of the folder SEGHUB_FULL, which is for the full-size ones that models/training/export.py writes.
func BenchmarkModels(b *testing.B) {
	folders := []string{filepath.Join("..", "..", "models", "weights")}
	if full := os.Getenv("SEGHUB_FULL"); full != "" {
		folders = append(folders, full)
	} else {
		b.Log("left out: the full-size models: SEGHUB_FULL names no folder of them")
	}
	img, _ := sample.Spheroids(7, 1024, 1024)
	r := openCPU(b, 1)
	for _, folder := range folders {
		registry, err := models.Open(folder, quiet)
		if err != nil {
			b.Fatal(err)
		}
		for _, model := range registry.List() {
			b.Run(filepath.Base(folder)+"/"+model.ID, func(b *testing.B) {
				e := newEngine(b, r, 0)
				if err := e.Load(b.Context(), model); err != nil {
					b.Fatal(err)
				}
				for b.Loop() {
					in, placement := models.Fit(img, model.Input)
					out, err := in.InPortions(1, func(row models.Tensor) (models.Tensor, error) { return e.Run(b.Context(), model, row) })
					if err != nil {
						b.Fatal(err)
					}
					placement.Unfit(out, 0)
				}
				b.ReportMetric(b.Elapsed().Seconds()*1000/float64(b.N), "ms/image")
				b.ReportMetric(float64(model.SizeBytes)/1e6, "MB")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// BenchmarkCancel terminates runs of the shipped model at ever later moments: the slowest node of the graph is the longest
// that a cancelled job can hold its worker.
func BenchmarkCancel(b *testing.B) {
	model := shippedModel(b)
	e := newEngine(b, openCPU(b, benchSlots), 0)
	in := noise(model, 1, 1)
	run(b, e, model, in) // the first run is slow
	began := time.Now()
	run(b, e, model, in)
	whole := time.Since(began)
	var slowest time.Duration
	terminated := 0
	for n := range b.N {
		ctx, cancel := context.WithCancel(context.Background())
		var ended time.Time
		done := make(chan struct{})
		time.AfterFunc(whole*time.Duration(n%20)/20, func() { ended = time.Now(); cancel(); close(done) })
		_, err := e.Run(ctx, model, in)
		returned := time.Now()
		<-done
		if errors.Is(err, context.Canceled) {
			terminated++
			slowest = max(slowest, returned.Sub(ended))
		}
	}
	b.ReportMetric(slowest.Seconds()*1000, "ms-slowest-end")
	b.ReportMetric(float64(terminated)/float64(b.N), "terminated/run")
	b.ReportMetric(whole.Seconds()*1000, "ms-whole-run")
}
