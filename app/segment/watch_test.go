package segment

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"seghub/client"
)

// TestThousandsOfWatchedFilesAreGoneThroughOnce counts what a backlog costs: one walk through the folder does all of it, each file is sent
// once, and connections are as few as for a single one.
func TestThousandsOfWatchedFilesAreGoneThroughOnce(t *testing.T) {
	const n = 1000
	folder := t.TempDir()
	dots(t, folder, n)
	hub := newStandIn(t)
	job := task(t, hub.URL, t.TempDir(), "masks")
	job.Board = NewBoard(lines(func(string) {}), false)
	w, err := newWatcher(job, folder)
	if err != nil {
		t.Fatal(err)
	}
	for look := range atRest + 1 {
		if err := w.look(t.Context()); err != nil {
			t.Fatal(err)
		}
		if done := len(w.did); done != 0 && look+1 < atRest || done != n && look+1 >= atRest {
			t.Errorf("%d files are done after look %d", done, look+1)
		}
	}
	hub.mu.Lock()
	defer hub.mu.Unlock()
	if hub.uploads != n || hub.sessions != n/atOnce {
		t.Errorf("%d uploads in %d sessions", hub.uploads, hub.sessions)
	}
	atOnceMost := 2 * (uploadsAtOnce + fetchesAtOnce + 1) // of a session that begins while another's connections close
	if hub.most > atOnceMost || hub.opened > hub.sessions*atOnceMost {
		t.Errorf("%d connections at once, %d in all", hub.most, hub.opened)
	}
}

// TestWhatCannotBeReadIsOpenedSeldom has a file that is no image beside one that was given its length before its pixels.
func TestWhatCannotBeReadIsOpenedSeldom(t *testing.T) {
	folder := t.TempDir()
	files := dots(t, folder, 2)
	whole, err := os.ReadFile(files[1].Path)
	if err != nil {
		t.Fatal(err)
	}
	then := time.Now().Add(-time.Hour)
	write := func(f File, data []byte) {
		if err := errors.Join(os.WriteFile(f.Path, data, 0o600), os.Chtimes(f.Path, then, then)); err != nil {
			t.Fatal(err)
		}
	}
	write(files[0], []byte("no picture"))
	write(files[1], make([]byte, len(whole)))
	w, err := newWatcher(task(t, newStandIn(t).URL, t.TempDir(), "masks"), folder)
	if err != nil {
		t.Fatal(err)
	}
	looks := func(n int) {
		for range n {
			if err := w.look(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	looks(atRest)
	write(files[1], whole)
	looks(atRest)
	if len(w.did) != 1 || w.rests[files[0].Name] != -pause {
		t.Errorf("did %v, rests %v", w.did, w.rests)
	}
}

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
		{http.StatusInternalServerError, "inference_failed", true},
		{http.StatusNotFound, "", false}, // as some proxies say while the hub is restarted
		{http.StatusRequestEntityTooLarge, "", true},
		{http.StatusUnsupportedMediaType, "unsupported_format", true},
	} {
		hub := newStandIn(t)
		hub.refuse = func() (int, string) { return refusal.status, refusal.code }
		w, err := newWatcher(task(t, hub.URL, t.TempDir(), "masks"), folder)
		if err != nil {
			t.Fatal(err)
		}
		for range atRest + 5 {
			if err := w.look(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if hub.uploads != 1 || (len(w.did) == 1) != refusal.lost {
			t.Errorf("%s: sent %d times, did %v", refusal.code, hub.uploads, w.did)
		}
		hub.refuse = nil
		for range pause + atRest {
			if err := w.look(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if len(w.did) != 1 || (hub.jobs == 0) != refusal.lost {
			t.Errorf("%s: %d jobs in the end, did %v", refusal.code, hub.jobs, w.did)
		}
	}
}

// TestAFolderOfResultsThatGoesAwayIsWaitedFor has it unplugged while files are sent, which leaves nothing where it was, or an empty folder, or
// else what takes no files: nothing more is sent until it is back, and nothing is written in its place.
func TestAFolderOfResultsThatGoesAwayIsWaitedFor(t *testing.T) {
	const n = 20
	for name, leave := range map[string]func(out string) error{
		"nothing":   func(string) error { return nil },
		"a folder":  func(out string) error { return os.Mkdir(out, 0o700) },
		"something": func(out string) error { return os.WriteFile(out, nil, 0o600) },
	} {
		out, away, folder := filepath.Join(t.TempDir(), "out"), filepath.Join(t.TempDir(), "away"), t.TempDir()
		dots(t, folder, n)
		hub := newStandIn(t)
		unplug := sync.OnceFunc(func() {
			if err := errors.Join(os.Rename(out, away), leave(out)); err != nil {
				t.Error(err)
			}
		})
		hub.refuse = func() (int, string) { unplug(); return 0, "" }
		said := 0
		job := task(t, hub.URL, out, "masks")
		job.Board = NewBoard(lines(func(line string) { said += strings.Count(line, "The watcher tries again") }), false)
		if err := os.Mkdir(out, 0o700); err != nil {
			t.Fatal(err)
		}
		w, err := newWatcher(job, folder)
		if err != nil {
			t.Fatal(err)
		}
		looks := func(n int) {
			for range n {
				if err := w.look(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		looks(atRest)
		begun := hub.begun() // an upload that was broken off may be counted late
		looks(pause + atRest)
		if said > 2 || hub.begun() != begun {
			t.Errorf("%s: said %d times, %d sessions begun, then %d, did %v", name, said, begun, hub.begun(), w.did)
		}
		if err := errors.Join(os.RemoveAll(out), os.Rename(away, out)); err != nil {
			t.Fatal(err)
		}
		looks(pause + atRest)
		if made, err := os.ReadDir(out); len(w.did) != n || len(made) != n+1 || err != nil {
			t.Errorf("%s: did %d of %d, made %v, %v", name, len(w.did), n, made, err)
		}
	}
}

// TestWrongOptionsAreSaidOnce has a hub refuse what is asked of all files alike: neither command sends them all for that.
func TestWrongOptionsAreSaidOnce(t *testing.T) {
	hub := newStandIn(t)
	hub.refuse = func() (int, string) { return http.StatusBadRequest, client.CodeBadRequest }
	folder := t.TempDir()
	files := dots(t, folder, 100)
	failures, err := Run(t.Context(), task(t, hub.URL, t.TempDir(), "masks"), files)
	if !client.HasCode(err, client.CodeBadRequest) || len(failures) != 0 {
		t.Errorf("%v, %d failures", err, len(failures))
	}
	w, err := newWatcher(task(t, hub.URL, t.TempDir(), "masks"), folder)
	if err != nil {
		t.Fatal(err)
	}
	for range atRest {
		err = w.look(t.Context())
	}
	if !client.HasCode(err, client.CodeBadRequest) || len(w.did) != 0 {
		t.Errorf("%v, did %v", err, w.did)
	}
}

func TestAProxyWithoutAHubDoesNotEndTheWatcher(t *testing.T) {
	folder := t.TempDir()
	dots(t, folder, 1)
	proxy := httptest.NewServer(http.NotFoundHandler())
	defer proxy.Close()
	w, err := newWatcher(task(t, proxy.URL, t.TempDir(), "masks"), folder)
	if err != nil {
		t.Fatal(err)
	}
	for range atRest {
		if err := w.look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if !strings.Contains(w.woe, "is no hub's: it answers 404") || len(w.did) != 0 {
		t.Errorf("%q, did %v", w.woe, w.did)
	}
}

func TestOneReasonOfManyCallsIsSaidOnce(t *testing.T) {
	var said []string
	w := watcher{task: Task{Board: NewBoard(lines(func(line string) { said = append(said, line) }), false)}}
	for _, call := range []string{"jobs/a", "jobs/b", "jobs/a"} {
		w.wait(fmt.Errorf("look: %w", &url.Error{Op: "Get", URL: "http://hub:8080/api/v1/" + call, Err: io.EOF}))
	}
	if want := []string{"The watcher tries again: http://hub:8080: EOF\n"}; !slices.Equal(said, want) {
		t.Errorf("%q", said)
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

func TestWatcherOutlastsAHubThatIsAway(t *testing.T) {
	folder := t.TempDir()
	pictures(t, folder, 1)
	said := 0
	watch := func(hub string) *watcher {
		task := task(t, hub, t.TempDir(), "csv")
		task.Hub.GiveUp = time.Nanosecond
		task.Hub.Retrying = func(error, time.Duration) { said++ } // as the command says it of each try
		task.Board = NewBoard(lines(func(line string) { said += strings.Count(line, "tries again") }), false)
		w, err := newWatcher(task, folder)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	w := watch("http://127.0.0.1:1")
	for range atRest + 2 {
		if err := w.look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if said != 1 || len(w.did) != 0 {
		t.Errorf("said %d times that it tries again, and did %v", said, w.did)
	}
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"code":"access_key_required","status":401}`)
	}))
	defer hub.Close()
	w = watch(hub.URL)
	var err error
	for range atRest {
		err = w.look(t.Context())
	}
	if !client.HasCode(err, "access_key_required") {
		t.Error(err)
	}
}

func TestWatcherTakesWhatIsCompleteAndRemembersIt(t *testing.T) {
	folder, out := t.TempDir(), filepath.Join(t.TempDir(), "out")
	files := pictures(t, folder, 2)
	whole, err := os.ReadFile(files[1].Path)
	if err != nil {
		t.Fatal(err)
	}
	half := func() { // a file that its microscope has stopped at
		if err := os.WriteFile(files[1].Path, whole[:len(whole)/2], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	half()
	atHub(t, func(ctx context.Context, address string) error {
		if err := os.MkdirAll(out, 0o755); err != nil {
			return err
		}
		watch := func() *watcher {
			w, err := newWatcher(task(t, address, out, "csv"), folder)
			if err != nil {
				t.Fatal(err)
			}
			return w
		}
		made := func() []string {
			list, err := filepath.Glob(filepath.Join(out, "*.csv"))
			if err != nil {
				t.Fatal(err)
			}
			return list
		}
		w := watch()
		for look := range atRest {
			if n := len(made()); n != 0 {
				t.Errorf("after %d looks there are %d tables", look, n)
			}
			if err := w.look(ctx); err != nil {
				return err
			}
		}
		if n := len(made()); n != 1 {
			t.Errorf("%d tables of one complete file", n)
		}
		if err := os.WriteFile(files[1].Path, whole, 0o600); err != nil {
			return err
		}
		obstacle := filepath.Join(out, strings.TrimSuffix(files[1].Name, ".png")+".csv") // in place of which no file can be written
		if err := os.Mkdir(obstacle, 0o700); err != nil {
			return err
		}
		for range atRest {
			if err := w.look(ctx); err != nil {
				return err
			}
		}
		if err := os.Remove(obstacle); err != nil {
			return err
		}
		for range pause + atRest {
			if err := w.look(ctx); err != nil {
				return err
			}
		}
		if n := len(made()); n != 2 {
			t.Errorf("%d tables of two complete files", n)
		}
		if p, err := w.read(); err != nil || len(p.Done) != 2 {
			t.Errorf("remembered %v, %v", p, err)
		}
		// Another one, with all tables gone, makes none anew.
		for _, path := range made() {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
		w = watch()
		for range atRest + 1 {
			if err := w.look(ctx); err != nil {
				return err
			}
		}
		if n := len(made()); n != 0 {
			t.Errorf("%d tables were made again", n)
		}
		// A file that differs in its ending alone, and one that is rewritten: neither writes over what the other has made.
		twin := strings.TrimSuffix(files[0].Path, ".png") + ".tif"
		for _, path := range []string{twin, files[0].Path} {
			if err := os.WriteFile(path, append(whole[:len(whole):len(whole)], "trailing"...), 0o600); err != nil {
				return err
			}
			for range atRest {
				if err := w.look(ctx); err != nil {
					return err
				}
			}
		}
		stem := strings.TrimSuffix(files[0].Name, ".png")
		for i, path := range made() {
			if want := []string{stem + "-2.csv", stem + ".csv"}[i]; filepath.Base(path) != want {
				t.Errorf("table %s, want %s", path, want)
			}
		}
		return nil
	})
}
