package models

import (
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Registry is the models of one folder, as they were when it was opened. It does not change, and may be
// used by any number of goroutines.
type Registry struct {
	specs map[string]Spec // by id
}

// Open reads the spec of every *.onnx file in dir. A file that cannot be used, or has the id of one before
// it in the order of names, is refused with a line in log, and the others go on. The error is that of a
// folder that cannot be read; one without models is no error.
func Open(dir string, log *slog.Logger) (*Registry, error) {
	entries, err := os.ReadDir(dir) // sorted by name
	if err != nil {
		return nil, fmt.Errorf("open the models folder: %w", err)
	}
	r := &Registry{specs: map[string]Spec{}}
	for _, entry := range entries {
		if !strings.EqualFold(filepath.Ext(entry.Name()), ".onnx") {
			continue
		}
		path := filepath.Join(dir, entry.Name())
		spec, err := ReadSpec(path)
		if err == nil {
			err = r.add(spec)
		}
		if err != nil {
			log.Warn("A model file is refused.", "file", path, "reason", err)
			continue
		}
		log.Info("A model is known.", "model", spec.ID, "file", path, "bytes", spec.SizeBytes)
	}
	return r, nil
}

func (r *Registry) add(spec Spec) error {
	if first, taken := r.specs[spec.ID]; taken {
		return fmt.Errorf("%w: its id %s is that of %s", ErrInvalid, spec.ID, filepath.Base(first.Path))
	}
	r.specs[spec.ID] = spec
	return nil
}

// Get returns the model that has id.
func (r *Registry) Get(id string) (Spec, bool) {
	spec, ok := r.specs[id]
	return spec, ok
}

// List returns all models, sorted by id; never nil.
func (r *Registry) List() []Spec {
	list := make([]Spec, 0, len(r.specs))
	for _, id := range slices.Sorted(maps.Keys(r.specs)) {
		list = append(list, r.specs[id])
	}
	return list
}
