package segment

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAFullHubCostsNoFile has one refuse what it has no room for: the watcher comes back to that, and not to what is no image.
func TestAFullHubCostsNoFile(t *testing.T) {
	folder := t.TempDir()
	dots(t, folder, 1)
	for _, refusal := range []struct {
		status int
		code   string
		lost   bool
	}{
		{http.StatusInsufficientStorage, "quota_exceeded", false},
		{http.StatusInternalServerError, "internal", false},
		{http.StatusUnsupportedMediaType, "unsupported_format", true},
	} {
		hub := newStandIn(t)
		hub.refuse = func() (int, string) { return refusal.status, refusal.code }
		w, err := newWatcher(task(t, hub.URL, t.TempDir(), "masks"), folder)
		if err != nil {
			t.Fatal(err)
		}
		for range atRest + 5 {
			if _, err := w.look(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if hub.uploads != 1 || (len(w.did) == 1) != refusal.lost {
			t.Errorf("%s: sent %d times, did %v", refusal.code, hub.uploads, w.did)
		}
		hub.refuse = nil
		for range pause + atRest {
			if _, err := w.look(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if len(w.did) != 1 || (hub.jobs == 0) != refusal.lost {
			t.Errorf("%s: %d jobs in the end, did %v", refusal.code, hub.jobs, w.did)
		}
	}
}

func TestAMemoryThatCannotBeReadIsNamed(t *testing.T) {
	job := task(t, "http://127.0.0.1:1", t.TempDir(), "masks")
	if err := os.WriteFile(filepath.Join(job.Out, memory), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := newWatcher(job, t.TempDir()); err == nil || !strings.Contains(err.Error(), filepath.Join(job.Out, memory)) {
		t.Error(err)
	}
}
