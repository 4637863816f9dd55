package gpuexec

import (
	"context"
	"errors"
	"time"

	"seghub/models"
)

// errNoHelp is why a worker that was called does not help: it would have to open a model or to wait for memory.
var errNoHelp = errors.New("the worker cannot help")

// helper is a worker that runs tiles of another's batch beside that one's own run.
type helper struct {
	run    []part
	output models.Tensor // once done has told of no error
	done   chan error    // holds one
}

// callHelp gives what is there behind the first so many rows to workers that have nothing to do, a run each, while there are cores for them.
func (w *worker) callHelp(out outlet, model models.Spec, waiting *backlog, rows int) (helpers []*helper) {
	p := w.pool
	if p.atOnce == 1 || !p.cfg.Help() {
		return nil
	}
	waiting.takeThere(rows * p.atOnce)
	others := p.workers
	for from := rows; ; from += rows {
		run := waiting.run(from, rows)
		if len(run) == 0 {
			return helpers
		}
		h := &helper{run: run, done: make(chan error, 1)}
		help := order{done: h.done, do: func(other *worker, work context.Context) (err error) {
			h.output, err = other.help(work, w.slot, model, run)
			return err
		}}
		if !p.enterWork() { // until takeHelp
			return helpers
		}
		called := false
		for !called && len(others) > 0 {
			called = others[0] != w && others[0].call(help)
			others = others[1:]
		}
		if !called {
			p.atWork.Add(-1)
			return helpers
		}
		begin(out, run)
		helpers = append(helpers, h)
	}
}

// enterWork counts one more worker that runs, unless as many do as there are cores for.
func (p *Pool) enterWork() bool {
	for {
		n := p.atWork.Load()
		if n >= int64(p.atOnce) {
			return false
		}
		if p.atWork.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// call has a worker that has nothing to do help, without waiting for that; false when it has something to do, or was called already.
func (w *worker) call(o order) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.free {
		return false
	}
	w.free = false
	w.calls <- o // there is room: none is called twice
	return true
}

// offer says that the worker may be called.
func (w *worker) offer() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.free = w.engine != nil && len(w.calls) == 0
}

// engage says that it may not, and tells who has called in the meantime.
func (w *worker) engage() {
	w.mu.Lock()
	w.free = false
	w.mu.Unlock()
	select {
	case o := <-w.calls:
		o.done <- errNoHelp
	default:
	}
}

// help runs tiles of the batch of slot's worker, with what is open here. A batch of its own ends it.
func (w *worker) help(work context.Context, slot int, model models.Spec, run []part) (models.Tensor, error) {
	ctx, done := w.pool.ledger.untilClaimed(work, tasksOf(run)...)
	defer done()
	ctx, back := w.interruptible(ctx)
	defer back()
	in, err := input(run)
	if err != nil {
		return models.Tensor{}, err
	}
	h := w.openFor(model, in.N)
	if h == nil || h.rows < in.N || !w.tryBookRun(h) {
		return models.Tensor{}, errNoHelp
	}
	w.setState(WorkerBusy, model.ID)
	w.mu.Lock()
	w.stat.Helps = &slot
	w.mu.Unlock()
	defer func() {
		if w.engine != nil {
			w.setState(WorkerIdle, "")
		}
	}()
	return w.runOnce(ctx, h, in)
}

// takeHelp takes what helpers have made since began, in order. What one has not made runs here, as if nobody had been called.
func (w *worker) takeHelp(out outlet, helpers []*helper, began time.Time) {
	for _, h := range helpers {
		select {
		case err := <-h.done:
			w.pool.atWork.Add(-1)
			if err == nil {
				w.record(out, h.run, h.output, began)
			} else if !errors.Is(err, context.Canceled) && !errors.Is(err, errNoHelp) {
				w.log.Warn("a run failed on a worker that helped, and is done here", "error", err)
			}
		case <-w.pool.gone:
			return
		}
	}
}
