package gpuexec

import (
	"bufio"
	"context"
	"io"
)

// keeping stores a task's probability map while that is made, so that it is never held as a whole. It is handed over in few pieces, each of
// which costs two changes of goroutine: all the rows of a common picture are two.
type keeping struct {
	*bufio.Writer
	pipe   *io.PipeWriter
	over   chan error // what Job.Keep returned, once
	forget func()
}

// handedOver is how many bytes of a map are, at most, at once.
const handedOver = 64 << 10

// keep begins to store what is then written. Unless it is committed before the task is claimed, nothing is stored.
func (w *worker) keep(work context.Context, t *task) *keeping {
	ctx, forget := w.pool.ledger.untilClaimed(work, t)
	from, to := io.Pipe()
	k := &keeping{Writer: bufio.NewWriterSize(to, handedOver), pipe: to, over: make(chan error, 1), forget: forget}
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
	if err := k.Flush(); err != nil {
		return err
	}
	_ = k.pipe.Close() // never fails
	return <-k.over
}
