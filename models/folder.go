package models

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// folder is what is known of the files in the models folder. It belongs to one goroutine.
//
// It is looked at again and again, rather than told by the system of changes: the system tells nothing of a network
// folder, nor when a file that is being written is whole.
type folder struct {
	dir   string
	log   *slog.Logger
	last  map[string]string // the version of each *.onnx file at the last look, by name
	files map[string]*file  // what was read, by name
	blind bool              // the last look failed, and the log has it
}

// file is a file as it was when it was read.
type file struct {
	version string
	spec    Spec
	err     error  // why it is no model; spec is zero then
	told    string // why the log says that it is refused; empty when it is not
}

// open takes the folder as it is.
func (f *folder) open() error {
	now, err := f.versions()
	if err != nil {
		return err
	}
	f.last, f.files = now, make(map[string]*file)
	f.read(now)
	return nil
}

// look reads the files that have changed since they were read, and have not changed since the last look: what is still being
// written, or is only gone between two moves, waits for the next one. It reports whether there were any.
func (f *folder) look() bool {
	now, err := f.versions()
	if err != nil {
		if !f.blind {
			f.log.Warn("The models folder cannot be read; its models stay as they are.", "folder", f.dir, "reason", err)
		}
		f.blind = true
		return false
	}
	f.blind = false
	settled := make(map[string]string)
	for name, version := range now {
		if version == f.last[name] {
			settled[name] = version
		}
	}
	for name, file := range f.files {
		if now[name] != f.last[name] {
			settled[name] = file.version
		}
	}
	f.last = now
	return f.read(settled)
}

// read makes f.files those of versions, and reports whether any model may be another than before. A file that could not be
// read, which says nothing about what is in it, is tried each time.
func (f *folder) read(versions map[string]string) (changed bool) {
	for name := range f.files {
		if _, there := versions[name]; !there {
			delete(f.files, name)
			changed = true
		}
	}
	for name, version := range versions {
		known := f.files[name]
		if known == nil || known.version != version {
			known = &file{version: version}
			f.files[name] = known
			changed = true
		} else if known.err == nil || errors.Is(known.err, ErrInvalid) {
			continue
		}
		known.spec, known.err = ReadSpec(filepath.Join(f.dir, name))
		changed = changed || known.err == nil
	}
	return changed
}

// IsModelName reports whether a file of that name in the models folder should be a model. A ._x.onnx is what macOS keeps of x.onnx on a share.
func IsModelName(name string) bool {
	return strings.EqualFold(filepath.Ext(name), ".onnx") && !strings.HasPrefix(name, "._")
}

// versions looks at the folder's *.onnx files, by name. A file that cannot be looked at has the reason for a version.
func (f *folder) versions() (map[string]string, error) {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return nil, err
	}
	versions := make(map[string]string)
	for _, entry := range entries {
		name := entry.Name()
		if !IsModelName(name) {
			continue
		}
		info, err := os.Stat(filepath.Join(f.dir, name)) // what a link points to, too
		switch {
		case err == nil:
			versions[name] = version(info)
		case !errors.Is(err, fs.ErrNotExist): // gone since it was listed
			versions[name] = err.Error()
		}
	}
	return versions, nil
}

// specs returns the models of the files, by id, and tells the log of each file that is refused, once.
func (f *folder) specs() map[string]Spec {
	specs := make(map[string]Spec)
	for _, name := range slices.Sorted(maps.Keys(f.files)) {
		file := f.files[name]
		err := file.err
		if first, taken := specs[file.spec.ID]; err == nil && taken {
			err = fmt.Errorf("%w: its id %s is that of %s", ErrInvalid, file.spec.ID, filepath.Base(first.Path))
		}
		if err == nil {
			specs[file.spec.ID] = file.spec
			file.told = ""
		} else if file.told != err.Error() {
			file.told = err.Error()
			f.log.Warn("A model file is refused.", "file", filepath.Join(f.dir, name), "reason", err)
		}
	}
	return specs
}
