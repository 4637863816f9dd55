package gpuexec

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// How long a run may take: so many times the slowest of its shape so far, and at least leastRun. The first of a shape may have to
// wait for a driver to compile its kernels, and what opens an engine or a model for a disk. On the CPU nothing hangs, and other programs may
// take nearly all of it at any time: there each run may take what a first one may.
const (
	leastRun   = 30 * time.Second
	slowerBy   = 10
	firstRun   = 10 * time.Minute
	hangsAfter = 10 * time.Second // after a run was told to end
)

// history is how long the slowest run of each shape took.
type history struct {
	least time.Duration // that a run may take

	mu      sync.Mutex
	slowest map[string]time.Duration // by footprintKey; guarded by mu
}

func (h *history) limit(key string) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	slowest, known := h.slowest[key]
	if !known {
		return firstRun
	}
	return max(h.least, slowerBy*slowest)
}

func (h *history) note(key string, took time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.slowest[key] = max(h.slowest[key], took)
}

// beat is how often a run is looked at. Beats are counted, and no clock is asked: a process that was stopped for a while, as with its terminal,
// its container or its virtual machine, has lived through one of them, and nothing has run meanwhile.
const beat = time.Second

// watched has h's session do something that takes a run, and looks that it ends, as inTime does.
func (w *worker) watched(ctx context.Context, h *held, do func(ctx context.Context) error) error {
	key := footprintKey(h.model, h.rows)
	took, err := w.inTime(ctx, "a run of "+h.id, w.pool.history.limit(key), do)
	if err == nil {
		w.pool.history.note(key, took)
	}
	return err
}

// inTime calls do, which calls the engine, and looks that it ends. What takes longer than the limit is terminated, as ErrTooLong; what does not
// end then hangs, and takes the device with it.
func (w *worker) inTime(ctx context.Context, what string, limit time.Duration, do func(ctx context.Context) error) (took time.Duration, err error) {
	timed, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	beats := w.pool.beats()
	defer beats.Stop()
	var lived time.Duration // counted by watching
	over := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		for lived < limit+hangsAfter {
			select {
			case <-beats.C:
			case <-over:
				return
			}
			if lived += beat; lived >= limit {
				stop(ErrTooLong)
			}
		}
		w.pool.lose(fmt.Errorf("%w: %s hangs since %s", ErrDeviceLost, what, lived))
	})
	began := time.Now()
	err = w.withEngine(func() error { return do(timed) })
	close(over)
	watching.Wait()
	if err != nil && !errors.Is(err, ErrDeviceLost) && ctx.Err() == nil && errors.Is(context.Cause(timed), ErrTooLong) {
		err = fmt.Errorf("%w: %s was ended after %s", ErrTooLong, what, limit)
	}
	return min(time.Since(began), lived+beat), err
}
