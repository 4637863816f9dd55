package gpuexec

import (
	"context"
	"io"
)

// stageKeep is the storing of a task's probability map, which goes on beside the stages. Nobody is told of it.
const stageKeep Stage = "keep"

// keeping stores a task's probability map while that is made, so that it is never held as a whole.
type keeping struct {
	io.WriteCloser
	over   chan error // what Job.Keep returned, once
	forget func()
}

// keep begins to store what is then written. Unless it is committed before the task is claimed, nothing is stored.
func (w *worker) keep(work context.Context, t *task) *keeping {
	ctx, forget := w.pool.ledger.untilClaimed(work, t, stageKeep)
	from, to := io.Pipe()
	k := &keeping{WriteCloser: to, over: make(chan error, 1), forget: forget}
	claimed := context.AfterFunc(ctx, func() { to.CloseWithError(ctx.Err()) })
	w.keepings.Go(func() {
		defer claimed()
		err := t.job.Keep(ctx, from)
		from.CloseWithError(err) // who still writes hears why nobody reads
		k.over <- err
	})
	return k
}

// commit ends the map, and returns when it is stored.
func (k *keeping) commit() error {
	defer k.forget()
	if err := k.Close(); err != nil {
		return err
	}
	return <-k.over
}
