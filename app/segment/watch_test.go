package segment

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAMemoryThatCannotBeReadIsNamed(t *testing.T) {
	job := task(t, "http://127.0.0.1:1", t.TempDir(), "masks")
	if err := os.WriteFile(filepath.Join(job.Out, memory), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := newWatcher(job, t.TempDir()); err == nil || !strings.Contains(err.Error(), filepath.Join(job.Out, memory)) {
		t.Error(err)
	}
}
