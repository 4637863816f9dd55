package gpuexec

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

// relieveEvery is how long a worker without work lets pass before it looks again whether memory is short. One with work
// looks before each batch.
const relieveEvery = 2 * time.Second

// relieve has the engine free, while memory is short, the models that ran longest ago: all but the one that is about to run,
// or, when needed is empty, the one that ran last.
func (w *worker) relieve(ctx context.Context, needed string) {
	for {
		id, found := w.leastRecent(needed)
		if !found || !w.pool.cfg.MemoryShort(ctx) {
			return
		}
		w.log.Info("a model is unloaded, because memory is short", "model", id)
		if err := w.unload(id); err != nil {
			w.log.Error("a model could not be unloaded", "error", err)
		}
	}
}

// leastRecent returns, of the loaded models without the one that relieve keeps, the one that ran longest ago; false when there
// is none. A model that never ran comes first.
func (w *worker) leastRecent(needed string) (id string, found bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	ids := slices.SortedFunc(maps.Keys(w.loaded), func(a, b string) int {
		return cmp.Or(cmp.Compare(w.loaded[a].ran, w.loaded[b].ran), cmp.Compare(a, b))
	})
	if needed == "" && len(ids) > 0 {
		needed = ids[len(ids)-1]
	}
	i := slices.IndexFunc(ids, func(id string) bool { return id != needed })
	if i < 0 {
		return "", false
	}
	return ids[i], true
}

// unload has the engine free the model.
func (w *worker) unload(id string) error {
	w.mu.Lock()
	delete(w.loaded, id)
	w.mu.Unlock()
	if err := w.withEngine(func() error { return w.engine.Unload(id) }); err != nil {
		return fmt.Errorf("unload %s: %w", id, err)
	}
	return nil
}

// ran remembers that the model runs now.
func (w *worker) ran(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.runs++
	if l, has := w.loaded[id]; has {
		l.ran = w.runs
		w.loaded[id] = l
	}
}
