package models

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// lookEvery is the time between two looks at the folder. A change counts at the second look that sees it, so that it is
// known after two to four seconds.
const lookEvery = 2 * time.Second

// Registry is the models of one folder: as they were when it was opened, and as they are while it is started. It may be
// used by any number of goroutines.
//
// A model that Get has returned stays described by its Spec, though the file at Spec.Path may be another by then:
// Spec.CheckFile tells.
type Registry struct {
	log     *slog.Logger
	folder  folder        // owned by Open, then by the goroutine of the life
	changed chan struct{} // holds one

	mu    sync.Mutex
	specs map[string]Spec // by id; guarded by mu, replaced and never written to
	life  *life           // guarded by mu; nil when not watching
}

// life is the time between a Start and the end of its Stop.
type life struct {
	stop context.CancelFunc
	over chan struct{} // closed when the goroutine has ended
}

// Open reads the spec of every *.onnx file in dir. A file that cannot be used, or has the id of one before
// it in the order of names, is refused with a line in log, and the others go on. The error is that of a
// folder that cannot be read; one without models is no error.
func Open(dir string, log *slog.Logger) (*Registry, error) {
	r := &Registry{log: log, folder: folder{dir: dir, log: log}, changed: make(chan struct{}, 1)}
	if err := r.folder.open(); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open the models folder: %w: set SEGHUB_MODELS to it, or run seghub from the folder that has models/weights", err)
	} else if err != nil {
		return nil, fmt.Errorf("open the models folder: %w", err)
	}
	r.publish(r.folder.specs())
	return r, nil
}

// Get returns the model that has id.
func (r *Registry) Get(id string) (Spec, bool) {
	spec, ok := r.current()[id]
	return spec, ok
}

// List returns all models, sorted by id; never nil.
func (r *Registry) List() []Spec {
	specs := r.current()
	list := make([]Spec, 0, len(specs))
	for _, id := range slices.Sorted(maps.Keys(specs)) {
		list = append(list, specs[id])
	}
	return list
}

// Changed gives one value after List has changed, however often it has since the last one was taken.
func (r *Registry) Changed() <-chan struct{} { return r.changed }

// Start has the registry follow its folder: a file that comes, is replaced or goes is known within four seconds. While the
// folder cannot be read, the models stay as they are. When ctx ends the registry follows no more; Stop is still to be
// called. Between Start and the end of Stop another Start fails; after it the registry may be started again.
func (r *Registry) Start(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.life != nil {
		return errors.New("models: the folder is watched already")
	}
	ctx, stop := context.WithCancel(ctx)
	life := &life{stop: stop, over: make(chan struct{})}
	r.life = life
	go func() {
		defer close(life.over)
		r.watch(ctx)
	}()
	return nil
}

// Stop returns when the folder is watched no more; what is known of it stays. It may be called by many and at any time.
func (r *Registry) Stop() {
	r.mu.Lock()
	life := r.life
	r.mu.Unlock()
	if life == nil {
		return
	}
	life.stop()
	<-life.over
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.life == life {
		r.life = nil
	}
}

func (r *Registry) watch(ctx context.Context) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if r.folder.look() && r.publish(r.folder.specs()) {
				select {
				case r.changed <- struct{}{}:
				default: // a value is waiting to be taken already
				}
			}
		case <-ctx.Done():
			return
		}
	}
}

func (r *Registry) current() map[string]Spec {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.specs
}

// publish makes specs what Get and List answer, says in the log what is new about them, and reports whether anything is.
func (r *Registry) publish(specs map[string]Spec) (changed bool) {
	before := r.current()
	r.mu.Lock()
	r.specs = specs
	r.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(specs)) {
		spec := specs[id]
		old, known := before[id]
		switch {
		case !known:
			r.log.Info("A model is known.", "model", id, "file", spec.Path, "bytes", spec.SizeBytes)
		case old.Version != spec.Version:
			r.log.Info("A model is replaced.", "model", id, "file", spec.Path, "bytes", spec.SizeBytes)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(before)) {
		if _, known := specs[id]; !known {
			r.log.Info("A model is gone.", "model", id, "file", before[id].Path)
		}
	}
	return !maps.EqualFunc(before, specs, func(a, b Spec) bool { return a.Path == b.Path && a.Version == b.Version })
}
