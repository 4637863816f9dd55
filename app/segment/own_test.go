package segment

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// killed is a folder as a process leaves it that is killed.
func killed(t *testing.T, folder string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(folder, "blobs", "sessions"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{ownLock, filepath.Join("blobs", "sessions", "image")} {
		if err := os.WriteFile(filepath.Join(folder, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWhatAKilledRunLeftIsSweptUp(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	other := t.TempDir()
	killed(t, filepath.Join(os.TempDir(), ownPrefix+"1"))
	killed(t, filepath.Join(os.TempDir(), "seghub-of-others"))
	killed(t, filepath.Join(other, "linked"))
	if err := os.Symlink(filepath.Join(other, "linked"), filepath.Join(os.TempDir(), ownPrefix+"2")); err != nil {
		t.Fatal(err)
	}
	first, removeFirst, err := ownFolder()
	if err != nil {
		t.Fatal(err)
	}
	second, removeSecond, err := ownFolder()
	if err != nil {
		t.Fatal(err)
	}
	for _, stays := range []string{first, second, filepath.Join(os.TempDir(), "seghub-of-others", "blobs"), filepath.Join(other, "linked", "blobs")} {
		if _, err := os.Stat(stays); err != nil {
			t.Error(err)
		}
	}
	if err := errors.Join(removeFirst(), removeSecond()); err != nil {
		t.Error(err)
	}
	for _, gone := range []string{filepath.Join(os.TempDir(), ownPrefix+"1"), first, second} {
		if _, err := os.Stat(gone); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is there: %v", gone, err)
		}
	}
}
