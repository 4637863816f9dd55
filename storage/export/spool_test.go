package export

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"testing"
)

// TestLittleWaitsInMemory has no disk at all: what waits is not to take the memory of all who work.
func TestLittleWaitsInMemory(t *testing.T) {
	s := newSpool(filepath.Join(t.TempDir(), "absent"))
	defer s.Close()
	piece := bytes.Repeat([]byte("some rows of a table\n"), 1<<20/21)
	written := 0
	var err error
	for err == nil && written < 2*MostInMemory {
		if _, err = s.Write(piece); err == nil {
			written += len(piece)
		}
	}
	if !errors.Is(err, fs.ErrNotExist) || written > MostInMemory || written < MostInMemory-2*len(piece) {
		t.Errorf("%d bytes were taken, then %v", written, err)
	}

	s = newSpool(filepath.Join(t.TempDir(), "absent"))
	defer s.Close()
	_, err = s.Write(piece)
	r, failed := s.reader()
	got, unread := io.ReadAll(r)
	if err := errors.Join(err, failed, unread); err != nil || !bytes.Equal(got, piece) {
		t.Errorf("%d of %d bytes came back, %v", len(got), len(piece), err)
	}
}
