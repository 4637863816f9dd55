package gpuexec

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
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
	select {
	case w.orders <- order{do: do, done: done}:
	case <-over:
		return ErrNotRunning
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-done: // an order that was taken is answered
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// makeEngine makes the worker's engine and loads the warm models; false when that failed.
// A warm model that cannot be loaded does not keep the worker from running the others.
func (w *worker) makeEngine(work context.Context) bool {
	err := w.guarded(func() (err error) {
		w.engine, err = w.pool.cfg.NewEngine(w.slot)
		return err
	})
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

// load has the engine load the model, once: in place of an older version of it, which no batch runs again. It waits while
// another worker loads the same model, so that they do not all go to the disk and the cores for it at once. When there is no
// memory for it, the model that ran longest ago goes, and it is tried once more.
func (w *worker) load(ctx context.Context, model models.Spec) error {
	if w.has(model) {
		return nil
	}
	done, err := w.pool.loads.take(ctx, model.ID)
	if err != nil {
		return fmt.Errorf("load %s: %w", model.ID, err)
	}
	defer done()
	w.mu.Lock()
	delete(w.loaded, model.ID)
	w.mu.Unlock()
	err = w.withEngine(func() error { return w.engine.Load(ctx, model) })
	if errors.Is(err, ErrOutOfMemory) && w.engine != nil {
		if id, found := w.leastRecent(model.ID); found {
			w.log.Warn("a model is unloaded, because there is no memory for another", "model", id, "other", model.ID, "error", err)
			if err = w.unload(id); err == nil {
				err = w.withEngine(func() error { return w.engine.Load(ctx, model) })
			}
		}
	}
	if err != nil {
		return fmt.Errorf("load %s: %w", model.ID, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.loaded[model.ID] = loaded{version: model.Version}
	return nil
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
		if err := w.load(ctx, model); !errors.Is(err, models.ErrChanged) || !backoff.wait(limit) {
			return model, err
		}
	}
}

// unloadGone has the engine free the models that the registry has no more.
func (w *worker) unloadGone(context.Context) error {
	w.mu.Lock()
	ids := slices.Collect(maps.Keys(w.loaded))
	w.mu.Unlock()
	var errs []error
	for _, id := range ids {
		if _, known := w.pool.cfg.Models(id); !known && w.engine != nil {
			errs = append(errs, w.unload(id))
		}
	}
	return errors.Join(errs...)
}

// withEngine calls do, and gives the engine up when it says that it is lost, or panicked and nobody knows what is left.
func (w *worker) withEngine(do func() error) error {
	err := w.guarded(do)
	if errors.Is(err, ErrEngineLost) || errors.Is(err, errPanic) {
		w.log.Error("the worker's engine is lost and will be made anew", "device", w.pool.cfg.Device, "error", err)
		w.closeEngine()
	}
	return err
}

// closeEngine leaves the worker without an engine.
func (w *worker) closeEngine() {
	w.up.set(false)
	w.mu.Lock()
	w.stat.State, w.stat.Model = WorkerDown, ""
	clear(w.loaded)
	w.mu.Unlock()
	if w.engine == nil {
		return
	}
	if err := w.guarded(w.engine.Close); err != nil {
		w.log.Error("the worker's engine could not be closed", "error", err)
	}
	w.engine = nil
}
