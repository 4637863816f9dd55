//go:build unix

package models_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"seghub/models"
)

// TestReadSpecOpensNoPipe would wait for ever, but that the test holds the other end, too.
func TestReadSpecOpensNoPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe.onnx")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	pipe, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	if _, err := models.ReadSpec(path); !errors.Is(err, models.ErrInvalid) || !strings.Contains(err.Error(), "not a file") {
		t.Error(err)
	}
}
