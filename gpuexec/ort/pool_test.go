package ort

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"seghub/gpuexec"
	"seghub/gpuexec/budget"
	"seghub/models"
	"seghub/models/imageio"
	"seghub/models/mask"
	"seghub/models/mask/masktest"
	"seghub/models/modeltest"
)

// given gives each worker its batches, then nothing more.
type given []chan gpuexec.Batch

func (g given) Next(ctx context.Context, slot int) (gpuexec.Batch, error) {
	select {
	case b := <-g[slot]:
		return b, nil
	case <-ctx.Done():
		return gpuexec.Batch{}, ctx.Err()
	}
}

func newGiven(slots, batches int) given {
	var g given
	for range slots {
		g = append(g, make(chan gpuexec.Batch, batches))
	}
	return g
}

// outcomes takes the results.
type outcomes chan gpuexec.Result

func (outcomes) Progress(gpuexec.Progress)                    {}
func (outcomes) Piece(context.Context, gpuexec.Piece)         {}
func (o outcomes) Finish(_ context.Context, r gpuexec.Result) { o <- r }

func (o outcomes) next(t *testing.T) gpuexec.Result {
	t.Helper()
	select {
	case r := <-o:
		return r
	case <-time.After(time.Minute):
		t.Fatal("no job was finished")
		return gpuexec.Result{}
	}
}

// startPool starts a pool of slots workers with the one model; it is stopped when the test ends.
func startPool(t *testing.T, model models.Spec, from given, to outcomes) *gpuexec.Pool {
	t.Helper()
	r := openCPU(t, len(from))
	pool := gpuexec.New(gpuexec.Config{
		Slots: len(from), Device: r.Device(), NewEngine: r.NewEngine, MaxPixels: 1 << 24, Log: quiet,
		Batches: models.BatchTable{Fallback: 1}, Budget: budget.New(budget.Config{}), Lost: func(error) {},
		Models: func(id string) (models.Spec, bool) { return model, id == model.ID },
	})
	if err := pool.Start(t.Context(), from, to); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Stop(context.Background()) })
	return pool
}

func jobOf(id string, file []byte) gpuexec.Job {
	return gpuexec.Job{
		ID:      id,
		Open:    func(context.Context) (imageio.Source, error) { return imageio.InMemory(file), nil },
		Keep:    gpuexec.Discard,
		Options: mask.Options{Threshold: 0.5},
	}
}

// Four workers with three batches each, of which every image has a brightness of its own: none gets another's result.
func TestFourWorkersKeepTheirImagesApart(t *testing.T) {
	const slots, batches, size, side = 4, 3, 2, 64
	model := meanModel(t, modeltest.Options{})
	from, to := newGiven(slots, batches), make(outcomes, slots*batches*size)
	pool := startPool(t, model, from, to)
	if err := pool.Warm(t.Context(), []string{model.ID}); err != nil || !pool.Ready() {
		t.Fatalf("Warm = %v, ready %t", err, pool.Ready())
	}
	want := make(map[string]uint8)
	var kept shelf
	for slot := range slots {
		for n := range batches {
			b := gpuexec.Batch{Model: model.ID}
			for i := range size {
				brightness := uint8(10*(slot*batches*size+n*size+i) + 3)
				id := fmt.Sprintf("%d.%d.%d", slot, n, i)
				want[id] = brightness
				var file bytes.Buffer
				if err := imageio.EncodeGray(&file, side, side, bytes.Repeat([]byte{brightness}, side*side)); err != nil {
					t.Fatal(err)
				}
				b.Jobs = append(b.Jobs, kept.of(jobOf(id, file.Bytes())))
			}
			from[slot] <- b
		}
	}
	for range len(want) {
		r := to.next(t)
		if r.Err != nil {
			t.Fatalf("%s: %v", r.JobID, r.Err)
		}
		if got := kept.probabilityAt(t, r.JobID, side/2, side/2); got != want[r.JobID] {
			t.Errorf("job %s has the probability %d, want %d", r.JobID, got, want[r.JobID])
		}
	}
}

// shelf has the probability maps of jobs, by their ids.
type shelf struct{ maps sync.Map }

// of is a job whose map goes to the shelf.
func (s *shelf) of(j gpuexec.Job) gpuexec.Job {
	j.Keep = func(_ context.Context, r io.Reader) error {
		stored, err := io.ReadAll(r)
		s.maps.Store(j.ID, stored)
		return err
	}
	return j
}

// probabilityAt is one sample of the map of a job that is done.
func (s *shelf) probabilityAt(t *testing.T, job string, x, y int) uint8 {
	t.Helper()
	stored, _ := s.maps.Load(job)
	bands, err := mask.ReadBands(bytes.NewReader(stored.([]byte)), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	p, err := masktest.Probability(bands)
	if err != nil {
		t.Fatal(err)
	}
	return p.Pix[y*p.Width+x]
}

func TestCancelThroughThePoolTerminatesONNXRuntime(t *testing.T) {
	model := longModel(t, 256, 20_000) // minutes
	from, to := newGiven(1, 1), make(outcomes, 1)
	r := openCPU(t, 1)
	inferring := make(chan struct{})
	pool := gpuexec.New(gpuexec.Config{
		Slots: 1, Device: r.Device(), MaxPixels: 1 << 24, Log: quiet,
		Batches: models.BatchTable{Fallback: 1}, Budget: budget.New(budget.Config{}), Lost: func(error) {},
		Models: func(string) (models.Spec, bool) { return model, true },
		NewEngine: func(slot int) (gpuexec.Engine, error) {
			e, err := r.NewEngine(slot)
			if err != nil {
				return nil, err
			}
			return announcing{e, inferring}, nil
		},
	})
	if err := pool.Start(t.Context(), from, to); err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := imageio.EncodeGray(&file, 8, 8, make([]uint8, 64)); err != nil {
		t.Fatal(err)
	}
	from[0] <- gpuexec.Batch{Model: model.ID, Jobs: []gpuexec.Job{jobOf("one", file.Bytes())}}
	<-inferring
	cancelled := time.Now()
	if !pool.Cancel("one") {
		t.Error("Cancel did not find a running job")
	}
	if r := to.next(t); !errors.Is(r.Err, gpuexec.ErrCancelled) {
		t.Error(r.Err)
	}
	finished := time.Since(cancelled)
	pool.Stop(context.Background()) // returns only when the run has ended
	t.Logf("finished %v after Cancel, the pool stopped %v after it", finished, time.Since(cancelled))
}

// announcing tells when a run begins. Its sessions do not warm, which would take as long.
type announcing struct {
	gpuexec.Engine
	inferring chan struct{}
}

type announcingSession struct {
	gpuexec.Session
	inferring chan struct{}
}

func (a announcing) Open(ctx context.Context, model models.Spec, n int) (gpuexec.Session, error) {
	s, err := a.Engine.Open(ctx, model, n)
	return announcingSession{s, a.inferring}, err
}

func (a announcingSession) Warm(context.Context) error { return nil }

func (a announcingSession) Run(ctx context.Context, in models.Tensor) (models.Tensor, error) {
	close(a.inferring)
	return a.Session.Run(ctx, in)
}

// A real spheroid comes out of the shipped model about where the set's pseudo-label has it.
func TestARealSpheroidIsFound(t *testing.T) {
	const leastIoU = 0.7 // far below what the model's card says: this is about the path, not about the model
	folder := filepath.Join("..", "..", "..", "shared", "data", "spheroids")
	images, err := filepath.Glob(filepath.Join(folder, "images", "*"))
	if err != nil || len(images) == 0 {
		t.Skip("left out: real images are absent: ../shared/data")
	}
	file, err := os.ReadFile(images[0])
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Base(images[0])
	truth := readLabels(t, filepath.Join(folder, "masks", name[:len(name)-len(filepath.Ext(name))]+".png"))
	model := shippedModel(t)
	from, to := newGiven(1, 1), make(outcomes, 1)
	startPool(t, model, from, to)
	from[0] <- gpuexec.Batch{Model: model.ID, Jobs: []gpuexec.Job{jobOf(name, file)}}
	r := to.next(t)
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	found, err := png.Decode(bytes.NewReader(r.Output.MaskPNG))
	if err != nil {
		t.Fatal(err)
	}
	if found.Bounds() != truth.Bounds() {
		t.Fatalf("the mask is %v, the image %v", found.Bounds(), truth.Bounds())
	}
	both, either := 0, 0
	for y := range truth.Bounds().Dy() {
		for x := range truth.Bounds().Dx() {
			isTruth := truth.(*image.Gray16).Gray16At(x, y).Y > 0
			isFound := found.(*image.Gray).GrayAt(x, y).Y > 0
			if isTruth && isFound {
				both++
			}
			if isTruth || isFound {
				either++
			}
		}
	}
	iou := float64(both) / float64(either)
	t.Logf("%s: %d objects, IoU %.3f", name, r.Output.Summary.Count, iou)
	if iou < leastIoU {
		t.Errorf("IoU %.3f, at least %.2f wanted", iou, leastIoU)
	}
}

func readLabels(t *testing.T, path string) image.Image {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return img
}
