package gpuexec

import (
	"context"
	"time"
)

const (
	// idleShrink is how long no worker of the node runs before the memory of runs is given back. While any does, it is kept:
	// a GPU that allocates makes all streams wait.
	idleShrink = 5 * time.Second
	// lookEvery is how long a worker without work lets pass before it looks again what it can give back.
	lookEvery = 2 * time.Second
)

// relieve gives memory back, step by step, while it is short or another worker waits for some.
func (w *worker) relieve(ctx context.Context, needed shape) {
	for w.engine != nil && w.pool.cfg.Budget.ReliefWanted() && w.relieveOnce(ctx, needed) {
		if ctx.Err() != nil {
			return
		}
	}
}

// relieveOnce takes the next step of giving memory back; false when none is left. First the memory of runs goes, then whole models, what
// ran longest ago first. What is needed stays as it is; when nothing is, one model stays, so that the next image of those who
// work most finds it.
func (w *worker) relieveOnce(ctx context.Context, needed shape) bool {
	if w.engine == nil {
		return false
	}
	all := w.all()
	for _, h := range all {
		if h.shape != needed && h.run != nil && w.shrink(ctx, h) {
			w.pool.cfg.Budget.Sample(ctx)
			return true
		}
	}
	if needed == (shape{}) && len(all) > 0 {
		needed = all[len(all)-1].shape
	}
	for _, h := range all {
		if h.shape == needed {
			continue
		}
		w.log.Info("a model is unloaded, because memory is short", "model", h.id, "rows", h.rows)
		if err := w.close(h); err != nil {
			w.log.Error("a model could not be unloaded", "error", err)
		}
		w.pool.cfg.Budget.Sample(ctx)
		return true
	}
	return false
}

// canRelieve tells whether relieve, with nothing needed, would find something to give back.
func (w *worker) canRelieve() bool {
	all := w.all()
	return len(all) > 1 || len(all) == 1 && all[0].run != nil
}

// shrink gives the memory of h's runs back; false when that failed or was interrupted.
func (w *worker) shrink(ctx context.Context, h *held) bool {
	err := w.watched(ctx, h, func(ctx context.Context) error { return h.session.Shrink(ctx) })
	if err != nil {
		if ctx.Err() == nil {
			w.log.Error("the memory of a model's runs could not be given back", "model", h.id, "error", err)
		}
		return false
	}
	h.run.Release()
	h.run = nil
	weights, _ := w.pool.footprints.of(h.model, h.rows)
	h.weights.Resize(weights) // it may have been measured once more since
	return true
}

// rest is what a worker does while it has no work: once the whole node rests, the memory of runs is given back; and models whose rows
// were halved for want of memory have all of them again. The next batch interrupts it.
func (w *worker) rest(work context.Context) {
	ctx, done := w.interruptible(work)
	defer done()
	w.relieve(ctx, shape{})
	for _, h := range w.all() {
		if w.engine != nil && h.run != nil && ctx.Err() == nil && w.pool.rested() >= idleShrink {
			w.shrink(ctx, h)
		}
	}
	if w.engine != nil && !w.pool.cfg.Budget.ReliefWanted() {
		w.restoreRows()
	}
}

// restoreRows forgets that memory was short, and the sessions that were made for that.
func (w *worker) restoreRows() {
	w.mu.Lock()
	reduced := w.reduced
	w.reduced = make(map[string]int)
	w.mu.Unlock()
	for _, h := range w.all() {
		if rows, was := reduced[h.id]; was && h.rows == rows && rows > 1 {
			if err := w.close(h); err != nil {
				w.log.Error("a model could not be unloaded", "error", err)
			}
		}
	}
}

// interruptible derives a context that ends when a batch comes, or is on its way. The caller calls done when it is back.
func (w *worker) interruptible(work context.Context) (_ context.Context, done func()) {
	ctx, cancel := context.WithCancel(work)
	w.mu.Lock()
	w.interrupt = cancel
	if w.coming != nil {
		cancel()
	}
	w.mu.Unlock()
	return ctx, func() {
		w.mu.Lock()
		w.interrupt = nil
		w.mu.Unlock()
		cancel()
	}
}

// expect ends what the engine's owner does while it has no work: b was fetched.
func (w *worker) expect(b *batch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.coming = b
	if w.interrupt != nil {
		w.interrupt()
	}
}

// arrived says that b is with the engine's owner, or will never be. The next may be expected by then.
func (w *worker) arrived(b *batch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.coming == b {
		w.coming = nil
	}
}
