package models

import (
	"os"
	"path/filepath"
	"testing"
)

// TestNoDeviceIsOpenedAsAFile has one that never ends in reading stand for pipes, which never end in opening.
func TestNoDeviceIsOpenedAsAFile(t *testing.T) {
	if file, err := OpenFile(os.DevNull); err == nil {
		_ = file.Close()
		t.Error("a device is opened")
	}
	path := filepath.Join(t.TempDir(), "a file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_ = file.Close()
}
