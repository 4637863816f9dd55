package bench

import (
	"context"
	"errors"
	"runtime"

	"seghub/gpuexec"
	"seghub/models"
)

// engines makes engines as the pool has them.
type engines struct {
	make  gpuexec.NewEngine
	onCPU bool
}

// rows is how many a run takes while so many sessions are active.
func (e engines) rows(spec models.Spec, sessions int) int {
	switch {
	case e.onCPU:
		return 1
	case sessions <= 1:
		return max(1, min(spec.Batch.Alone, spec.Batch.Max))
	}
	return max(1, min(spec.Batch.Shared, spec.Batch.Max))
}

// start makes slot's engine with the model, warm, on a goroutine that owns it until close.
func (e engines) start(ctx context.Context, slot int, spec models.Spec, _ int) (*engine, error) {
	started := &engine{work: make(chan request), over: make(chan error, 1)}
	ready := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: what the library has tied to the thread goes with it
		made, err := e.make(slot)
		if err == nil {
			if err = made.Load(ctx, spec); err != nil {
				err = errors.Join(err, made.Close())
			}
		}
		ready <- err
		if err != nil {
			return
		}
		for r := range started.work {
			_, err := made.Run(ctx, spec, r.in)
			r.done <- err
		}
		started.over <- made.Close()
	}()
	if err := <-ready; err != nil {
		return nil, err
	}
	return started, nil
}
