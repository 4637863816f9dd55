package gpuexec

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"seghub/models"
)

// order asks the goroutine that owns the engine to load a model.
type order struct {
	model models.Spec
	done  chan<- error // holds one: the owner never waits
}

// load has the model loaded by the engine's owner, which takes orders between two batches and while it has an engine.
func (w *worker) load(ctx context.Context, over <-chan struct{}, model models.Spec) error {
	done := make(chan error, 1)
	select {
	case w.orders <- order{model: model, done: done}:
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
			if err := w.loadModel(work, model); err != nil {
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

// loadModel has the engine load the model, once.
func (w *worker) loadModel(ctx context.Context, model models.Spec) error {
	w.mu.Lock()
	loaded := slices.Contains(w.loaded, model.ID)
	w.mu.Unlock()
	if loaded {
		return nil
	}
	if err := w.withEngine(func() error { return w.engine.Load(ctx, model) }); err != nil {
		return fmt.Errorf("load %s: %w", model.ID, err)
	}
	w.mu.Lock()
	w.loaded = append(w.loaded, model.ID)
	w.mu.Unlock()
	return nil
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
	w.loaded = nil
	w.mu.Unlock()
	if w.engine == nil {
		return
	}
	if err := w.guarded(w.engine.Close); err != nil {
		w.log.Error("the worker's engine could not be closed", "error", err)
	}
	w.engine = nil
}
