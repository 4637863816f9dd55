package segment

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// inUse is a folder as a hub within a process has it; killed ends that process as no defer does.
func inUse(t *testing.T, mark string) (folder string, killed func()) {
	t.Helper()
	folder = filepath.Join(os.TempDir(), ownPrefix+rand.Text())
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	held := claim(folder)
	if held == nil {
		t.Skip("left out: the temporary folder takes no locks")
	}
	if err := errors.Join(
		os.MkdirAll(filepath.Join(folder, ownData, "images"), 0o700),
		os.WriteFile(filepath.Join(folder, ownData, "images", "large"), nil, 0o600),
		os.Rename(markIn(folder), filepath.Join(folder, mark)),
	); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = held.Close() })
	return folder, func() { _ = held.Close() }
}

func wantThere(t *testing.T, folder string, want bool) {
	t.Helper()
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) == want {
		t.Errorf("%s: %v, want it there: %v", folder, err, want)
	}
}

func TestWhatAKilledProcessLeftIsSweptUp(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	own := filepath.Base(markIn(""))
	left, killed := inUse(t, own)
	killed()
	alive, _ := inUse(t, own)
	elsewhere, killed := inUse(t, "in-use-another-machine") // of which a share tells no locks
	killed()
	shared, killed := inUse(t, own)
	killed()
	link := filepath.Join(os.TempDir(), ownPrefix+"link")
	unmarked := filepath.Join(os.TempDir(), ownPrefix+"redis-1")
	if err := errors.Join(os.Chmod(shared, 0o755), os.Symlink(alive, link), os.Mkdir(unmarked, 0o700)); err != nil {
		t.Fatal(err)
	}
	data, remove, err := ownFolder()
	if err != nil {
		t.Fatal(err)
	}
	wantThere(t, left, false)
	for _, folder := range []string{alive, elsewhere, shared, link, unmarked, data} {
		wantThere(t, folder, true)
	}
	sweep()
	wantThere(t, data, true)
	if err := remove(); err != nil {
		t.Error(err)
	}
	wantThere(t, filepath.Dir(data), false)
}
