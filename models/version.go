package models

import (
	"errors"
	"fmt"
	"os"
)

// ErrChanged says that a model's file is not the one any more that its spec was read from.
var ErrChanged = errors.New("the model's file has changed since its spec was read")

// version tells one content of a file from the next by what a look at the folder shows: its size and the time of its
// last change. Two contents that share both are taken for one.
func version(info os.FileInfo) string {
	return fmt.Sprintf("%x-%x", info.Size(), info.ModTime().UnixNano())
}

// CheckFile returns an error that wraps ErrChanged when the file at s.Path is not the one that s was read from. Who opens
// that file calls it afterwards: nil says that what was opened is what s describes. A spec of no file is not checked.
func (s Spec) CheckFile() error {
	if s.Version == "" {
		return nil
	}
	info, err := os.Stat(s.Path)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrChanged, err)
	}
	if version(info) != s.Version {
		return fmt.Errorf("%w: %s", ErrChanged, s.Path)
	}
	return nil
}
