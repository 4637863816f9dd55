package bench

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"seghub/models"
)

// bare runs ONNX Runtime in a loop: an engine a session, nothing in between.
type bare struct {
	engines engines
	load    load
	opened  []*engine // by session
	runs    [][]models.Tensor
	ends    [][]int
}

func (b *bare) open(ctx context.Context, specs []models.Spec) error {
	if err := b.close(); err != nil {
		return err
	}
	for slot, spec := range specs {
		n := b.engines.rows(spec, len(specs))
		e, err := b.engines.start(ctx, slot, spec, n)
		if err != nil {
			return err
		}
		b.opened = append(b.opened, e)
		runs, ends := b.load.inputs(spec, n)
		b.runs, b.ends = append(b.runs, runs), append(b.ends, ends)
	}
	return nil
}

func (b *bare) round(ctx context.Context) (outcome, error) {
	return together(ctx, len(b.opened), b.ends, func(ctx context.Context, session, run int) error {
		return b.opened[session].run(ctx, b.runs[session][run])
	})
}

func (b *bare) close() (err error) {
	for _, e := range b.opened {
		err = errors.Join(err, e.close())
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
