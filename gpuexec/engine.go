package gpuexec

import (
	"context"
	"errors"
	"fmt"
	"time"

	"seghub/models"
)

// replaceLimit is how long a batch waits for a model that is not loaded and whose file is just being replaced. The registry
// knows the new one a few seconds after it is whole.
const replaceLimit = 15 * time.Second

// order is something to do for the goroutine that owns the engine.
type order struct {
	do   func(w *worker, work context.Context) error
	done chan<- error // holds one: the owner never waits
}

// ask has do done by the engine's owner, which takes orders between two batches and while it has an engine.
func (w *worker) ask(ctx context.Context, over <-chan struct{}, do func(w *worker, work context.Context) error) error {
	done := make(chan error, 1)
	w.asked.Add(1)
	defer w.asked.Add(-1)
	select {
	case w.orders <- order{do: do, done: done}:
	case <-over:
		return ErrNotRunning
	case <-w.pool.gone:
		return w.pool.lostError()
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-done: // an order that was taken is answered
		return err
	case <-w.pool.gone:
		return w.pool.lostError()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// makeEngine makes the worker's engine and loads the warm models; false when that failed.
// A warm model that cannot be loaded does not keep the worker from running the others.
func (w *worker) makeEngine(work context.Context) bool {
	_, err := w.inTime(work, "the making of an engine", firstRun, func(context.Context) (err error) {
		w.engine, err = w.pool.cfg.NewEngine(w.slot)
		return err
	})
	w.mu.Lock()
	w.unmade = err
	w.mu.Unlock()
	if err != nil {
		w.engine = nil
		w.log.Error("the worker's engine could not be made", "device", w.pool.cfg.Device, "error", err)
		return false
	}
	for _, id := range w.pool.wanted() {
		if model, ok := w.pool.cfg.Models(id); ok && w.engine != nil {
			if err := w.load(work, model); err != nil {
				w.log.Error("a model could not be loaded", "model", id, "error", err)
			}
		}
	}
	if w.engine == nil {
		return false
	}
	w.setState(WorkerIdle, "")
	w.up.set(true)
	return true
}

// rows is how many rows this worker runs the model with: the batch table's number, or less since memory was short.
func (w *worker) rows(model models.Spec) int {
	n := w.pool.cfg.Batches.N(model, len(w.pool.workers))
	w.mu.Lock()
	defer w.mu.Unlock()
	if less, reduced := w.reduced[model.ID]; reduced {
		return min(n, less)
	}
	return n
}

// reduce has the worker run the model with half as many rows; false when there is one.
func (w *worker) reduce(model models.Spec, rows int) bool {
	if rows <= 1 {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reduced[model.ID] = rows / 2
	w.log.Warn("a model runs with fewer rows, because memory is short", "model", model.ID, "rows", rows/2)
	return true
}

// load has the model open in its shape, and in that of one row beside it where memory has room for that: a single image need not run in
// a padded batch then.
func (w *worker) load(ctx context.Context, model models.Spec) error {
	h, err := w.openShape(ctx, model)
	if err != nil || h.rows == 1 {
		return err
	}
	if err := w.openBeside(ctx, model, 1); !errors.Is(err, ErrOutOfMemory) {
		return err
	}
	return nil
}

// openShape opens the model in the largest shape that memory has room for, from the worker's own downwards.
func (w *worker) openShape(ctx context.Context, model models.Spec) (*held, error) {
	for {
		rows := w.rows(model)
		h, err := w.open(ctx, model, rows)
		if !errors.Is(err, ErrOutOfMemory) || !w.reduce(model, rows) {
			return h, err
		}
	}
}

// loadCurrent has the engine load the model as the registry has it now, and returns that. While the file is being replaced
// there is neither the old model nor yet the new one: it waits.
func (w *worker) loadCurrent(ctx context.Context, id string) (models.Spec, error) {
	limit, stop := context.WithTimeout(ctx, replaceLimit)
	defer stop()
	var backoff pause
	for {
		model, known := w.pool.cfg.Models(id)
		if !known {
			return models.Spec{}, fmt.Errorf("%w: %q", ErrNoModel, id)
		}
		if _, err := w.openShape(ctx, model); !errors.Is(err, models.ErrChanged) || !backoff.wait(limit) {
			return model, err
		}
	}
}

// unloadGone has the engine free the models that the registry has no more.
func (w *worker) unloadGone(context.Context) error {
	var errs []error
	for _, h := range w.all() {
		if _, known := w.pool.cfg.Models(h.id); !known && w.engine != nil {
			errs = append(errs, w.close(h))
		}
	}
	return errors.Join(errs...)
}

// withEngine calls do, which calls the engine: not once the device is lost. When it panicked, nobody knows what is left of the
// engine, and it is closed.
func (w *worker) withEngine(do func() error) error {
	if err := w.pool.lostError(); err != nil {
		return err
	}
	err := w.guarded(do)
	switch {
	case errors.Is(err, ErrDeviceLost):
		w.pool.lose(err)
	case errors.Is(err, errPanic):
		w.log.Error("the worker's engine panicked and will be made anew", "device", w.pool.cfg.Device, "error", err)
		w.closeEngine()
	}
	return err
}

// closeEngine leaves the worker without an engine. One whose device is lost is left as it is: any call might abort the
// process, which has work to hand back.
func (w *worker) closeEngine() {
	w.up.set(false)
	w.setState(WorkerDown, "")
	engine := w.engine
	w.engine = nil
	for _, h := range w.all() {
		w.forget(h)
		if w.pool.lostError() == nil {
			w.mustClose("session", h.session.Close)
		}
	}
	if engine != nil && w.pool.lostError() == nil {
		w.mustClose("engine", engine.Close)
	}
}

func (w *worker) mustClose(what string, do func() error) {
	if err := w.guarded(do); err != nil {
		w.log.Error("it could not be closed", "what", what, "error", err)
	}
}
