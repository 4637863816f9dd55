package bench

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"seghub/app/lane"
	"seghub/gpuexec"
	"seghub/models"
)

// lanes makes engines as the pool has them.
type lanes struct {
	newEngine gpuexec.NewEngine
	batches   models.BatchTable
	slots     int // of the hub
}

// start makes slot's engine with the model, warm.
func (s lanes) start(ctx context.Context, slot int, spec models.Spec, n int) (*lane.Lane, error) {
	l, err := lane.Start(s.newEngine, slot)
	if err != nil {
		return nil, err
	}
	if err = l.Open(ctx, spec, n); err == nil {
		err = l.Warm(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// bare runs ONNX Runtime in a loop: an engine a session, nothing in between, with the workers' own rows a run.
type bare struct {
	lanes  lanes
	load   load
	opened []*lane.Lane // by session
	runs   [][]models.Tensor
	ends   [][]int
}

func (b *bare) open(ctx context.Context, specs []models.Spec) error {
	if err := b.close(); err != nil {
		return err
	}
	for slot, spec := range specs {
		n := b.lanes.batches.N(spec, b.lanes.slots)
		l, err := b.lanes.start(ctx, slot, spec, n)
		if err != nil {
			return err
		}
		b.opened = append(b.opened, l)
		runs, ends := b.load.inputs(spec, n)
		b.runs, b.ends = append(b.runs, runs), append(b.ends, ends)
	}
	return nil
}

func (b *bare) round(ctx context.Context) (outcome, error) {
	return together(ctx, len(b.opened), b.ends, func(ctx context.Context, session, run int) error {
		_, err := b.opened[session].Run(ctx, b.runs[session][run])
		return err
	})
}

func (b *bare) close() (err error) {
	for _, l := range b.opened {
		err = errors.Join(err, l.Close())
	}
	b.opened, b.runs, b.ends = nil, nil, nil
	return err
}

// together has every session do its runs at once, one after the other; ends tells for each image of each session after which
// run it is done.
func together(ctx context.Context, sessions int, ends [][]int, run func(ctx context.Context, session, run int) error) (outcome, error) {
	var mu sync.Mutex
	var o outcome // guarded by mu
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for session := range sessions {
		group.Go(func() error {
			next := 0
			for _, end := range ends[session] {
				for ; next <= end; next++ {
					if err := run(ctx, session, next); err != nil {
						return err
					}
				}
				mu.Lock()
				o.Latencies = append(o.Latencies, time.Since(began))
				mu.Unlock()
			}
			return nil
		})
	}
	err := group.Wait()
	o.Wall = time.Since(began)
	return o, err
}
