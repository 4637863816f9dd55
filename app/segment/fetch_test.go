package segment

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

// TestAFileThatCannotBeWrittenIsTheOnlyOneLost has a folder lie where the results of one belong, as a table that a spreadsheet holds open.
func TestAFileThatCannotBeWrittenIsTheOnlyOneLost(t *testing.T) {
	out := t.TempDir()
	files := dots(t, t.TempDir(), 20)
	if err := os.MkdirAll(filepath.Join(out, "00003"+maskEnding, "busy"), 0o700); err != nil {
		t.Fatal(err)
	}
	failures, err := Run(t.Context(), task(t, newStandIn(t).URL, out, "masks"), files)
	if err != nil || len(failures) != 1 || failures[0].File != files[3] {
		t.Errorf("%v, %v", failures, err)
	}
	left, err := os.ReadDir(out)
	if err != nil || len(left) != len(files) {
		t.Errorf("%v, %v", left, err)
	}
}

// TestAFolderThatGoesAwayEndsTheRun has a file lie where the folder of results was: thousands of others would be made for nothing.
func TestAFolderThatGoesAwayEndsTheRun(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	hub := newStandIn(t)
	goes := sync.OnceFunc(func() {
		if err := errors.Join(os.RemoveAll(out), os.WriteFile(out, nil, 0o600)); err != nil {
			t.Error(err)
		}
	})
	hub.refuse = func() (int, string) { goes(); return 0, "" }
	_, err := Run(t.Context(), task(t, hub.URL, out, "masks"), dots(t, t.TempDir(), 20))
	if !errors.Is(err, syscall.ENOTDIR) {
		t.Error(err)
	}
}
