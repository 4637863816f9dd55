package segment

import (
	"os"
	"path/filepath"
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
