package bench

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"seghub/gpuexec"
	"seghub/gpuexec/budget"
	"seghub/gpuexec/ort"
	"seghub/models"
	"seghub/models/imageio"
	"seghub/models/mask"
)

// pooled is the workers without the hub around them: jobs come from memory, and results are only counted.
type pooled struct {
	runtime *ort.Runtime
	models  *models.Registry
	lanes   lanes
	load    load
	log     *slog.Logger

	pool  *gpuexec.Pool
	lost  chan error    // why the device is lost
	specs []models.Spec // by session, which is by slot
	from  source
	to    sink
}

// source has a queue of batches for each worker.
type source []chan gpuexec.Batch

// Next is the next batch for slot's worker.
func (s source) Next(ctx context.Context, slot int) (gpuexec.Batch, error) {
	select {
	case b := <-s[slot]:
		return b, nil
	case <-ctx.Done():
		return gpuexec.Batch{}, ctx.Err()
	}
}

// sink takes the results.
type sink chan finished

type finished struct {
	gpuexec.Result
	at time.Time
}

// Progress is of no interest.
func (sink) Progress(gpuexec.Progress) {}

// Piece is of no interest.
func (sink) Piece(context.Context, gpuexec.Piece) {}

// Finish takes a result.
func (s sink) Finish(_ context.Context, r gpuexec.Result) { s <- finished{r, time.Now()} }

func (p *pooled) open(ctx context.Context, specs []models.Spec) error {
	if err := p.close(); err != nil {
		return err
	}
	p.lost = make(chan error, 1)
	p.pool = gpuexec.New(gpuexec.Config{
		Slots: p.lanes.slots, Device: p.runtime.Device(), NewEngine: p.lanes.newEngine, Models: p.models.Get, MaxPixels: int64(side * side),
		Batches: p.lanes.batches,
		Budget:  budget.New(budget.Config{Levels: budget.DefaultLevels(), Log: p.log}), // it measures nothing, so that everything fits
		Lost:    func(err error) { p.lost <- err },
		Log:     p.log,
	})
	p.specs = specs
	p.from, p.to = make(source, p.lanes.slots), make(sink, len(specs)*p.load.images)
	ids := make([]string, len(specs))
	for slot, spec := range specs {
		ids[slot] = spec.ID
		p.from[slot] = make(chan gpuexec.Batch, p.load.images)
	}
	if err := p.pool.Start(ctx, p.from, p.to); err != nil {
		return err
	}
	return p.pool.Warm(ctx, slices.Compact(slices.Sorted(slices.Values(ids))))
}

func (p *pooled) round(ctx context.Context) (outcome, error) {
	began := time.Now()
	for slot, spec := range p.specs {
		for _, b := range p.batches(slot, spec) {
			p.from[slot] <- b // there is room for all
		}
	}
	var o outcome
	for range len(p.specs) * p.load.images {
		select {
		case f := <-p.to:
			if f.Err != nil {
				return outcome{}, f.Err
			}
			o.Latencies = append(o.Latencies, f.at.Sub(began))
			o.Lags = append(o.Lags, f.at.Sub(f.InferredAt))
		case err := <-p.lost:
			return outcome{}, err
		case <-ctx.Done():
			return outcome{}, ctx.Err()
		}
	}
	o.Wall = time.Since(began)
	return o, nil
}

func (p *pooled) close() error {
	if p.pool != nil {
		p.pool.Stop(context.Background())
		p.pool = nil
	}
	return nil
}

// batches cuts the images of slot's session into what a worker takes at once.
func (p *pooled) batches(slot int, spec models.Spec) []gpuexec.Batch {
	size := p.pool.BatchSize(spec.ID)
	var all []gpuexec.Batch
	for first := 0; first < p.load.images; first += size {
		b := gpuexec.Batch{Model: spec.ID}
		for i := first; i < min(first+size, p.load.images); i++ {
			b.Jobs = append(b.Jobs, gpuexec.Job{
				ID:       fmt.Sprint(slot, "-", i),
				Open:     func(context.Context) (imageio.Source, error) { return imageio.InMemory(p.load.png), nil },
				Keep:     gpuexec.Discard,
				Diameter: saidDiameter(spec),
				Options:  mask.Options{Threshold: spec.Threshold, MinArea: spec.MinArea, DetectHoles: true, SplitTouching: spec.Split},
			})
		}
		all = append(all, b)
	}
	return all
}
