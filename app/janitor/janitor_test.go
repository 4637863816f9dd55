package janitor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"seghub/sessions"
	"seghub/storage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// redis is what Redis knows: jobs by session. A nil list is a closed session.
type redis struct {
	mu    sync.Mutex
	state string
	jobs  map[string][]sessions.Job
	down  error
	mute  error // what it answers of any session
	// The revisions of each job, whoever's it is.
	revisions map[string][]sessions.Revision
}

func (r *redis) Revisions(ctx context.Context, id, job string) ([]sessions.Revision, error) {
	if _, err := r.Get(ctx, id); err != nil {
		return nil, err
	}
	return r.revisions[job], nil
}

func (r *redis) StateID(context.Context) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state, r.down
}

func (r *redis) Get(_ context.Context, id string) (sessions.Session, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	jobs, known := r.jobs[id]
	switch {
	case cmp.Or(r.down, r.mute) != nil:
		return sessions.Session{}, cmp.Or(r.down, r.mute)
	case !known:
		return sessions.Session{}, sessions.ErrNotFound
	case jobs == nil:
		return sessions.Session{}, sessions.ErrClosed
	}
	return sessions.Session{ID: id}, nil
}

// Jobs gives one job a page.
func (r *redis) Jobs(ctx context.Context, id string, q sessions.JobQuery) (sessions.JobPage, error) {
	if _, err := r.Get(ctx, id); err != nil {
		return sessions.JobPage{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	i := len(q.Cursor)
	if i >= len(r.jobs[id]) {
		return sessions.JobPage{}, nil
	}
	next := strings.Repeat("x", i+1)
	if i+1 == len(r.jobs[id]) {
		next = ""
	}
	return sessions.JobPage{Jobs: r.jobs[id][i : i+1], NextCursor: next}, nil
}

func (r *redis) set(id string, jobs []sessions.Job) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.jobs[id] = jobs
}

func (r *redis) lose(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.jobs, id)
}

func (r *redis) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down = err
}

func (r *redis) silence(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mute = err
}

// world is a janitor over a folder.
type world struct {
	*redis
	folder  string
	store   *storage.Store
	janitor *Janitor
	now     time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{redis: &redis{state: "R1", jobs: map[string][]sessions.Job{}}, folder: t.TempDir(), now: time.Now()}
	w.store = openStore(t, w.folder)
	w.janitor = New(w.config())
	return w
}

func openStore(t *testing.T, folder string) *storage.Store {
	t.Helper()
	store, err := storage.Open(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

func (w *world) config() Config {
	return Config{Files: w.store, Hubs: w.store, Sessions: w.redis, SessionTTL: 168 * time.Hour, UploadTime: 6 * time.Hour,
		Log: slog.New(slog.DiscardHandler)}
}

func (w *world) put(t rapid.TB, keys ...string) {
	t.Helper()
	for _, key := range keys {
		if err := w.store.Write(context.Background(), key, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
}

// left is what the storage has of sessions.
func (w *world) left(t rapid.TB) []string {
	t.Helper()
	ids, err := w.store.Sessions(context.Background())
	var all []string
	for _, id := range ids {
		keys, failed := w.store.Keys(context.Background(), id)
		all, err = append(all, keys...), errors.Join(err, failed)
	}
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// looks has the janitor look every ten minutes for so long.
func (w *world) looks(t *testing.T, during time.Duration) {
	t.Helper()
	for end := w.now.Add(during); w.now.Before(end); w.now = w.now.Add(longestPause) {
		if err := w.janitor.look(t.Context(), w.now); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFilesOfNoSessionGo(t *testing.T) {
	w := newWorld(t)
	w.set("ben", []sessions.Job{{ID: "j1", ImageID: "i1"}})
	mine := []string{storage.ImageKey("ben", "i1"), storage.MaskKey("ben", "j1")}
	w.put(t, mine...)
	w.put(t, storage.ImageKey("ada", "i1"), storage.MaskKey("ada", "j1"), storage.ImageKey("closed", "i1"))
	w.set("closed", nil) // sessions deletes what it has
	w.looks(t, 50*time.Minute)
	if n := len(w.left(t)); n != 5 {
		t.Errorf("%d files are left before the grace is over", n)
	}
	w.looks(t, 30*time.Minute)
	if got, want := w.left(t), append(mine, storage.ImageKey("closed", "i1")); !sameSet(got, want) {
		t.Errorf("left %v, want %v", got, want)
	}
}

// TestFilesStayForARedisThatMayComeBack has another Redis in the place of the right one over a weekend.
func TestFilesStayForARedisThatMayComeBack(t *testing.T) {
	w := newWorld(t)
	var log strings.Builder
	config := w.config()
	config.Lasting, config.Log = true, slog.New(slog.NewTextHandler(&log, nil))
	w.janitor = New(config)
	w.put(t, storage.ImageKey("ada", "i1"), storage.ImageKey("ben", "i1"))
	look := func(after time.Duration) {
		t.Helper()
		w.now = w.now.Add(after)
		if err := w.janitor.look(t.Context(), w.now); err != nil {
			t.Fatal(err)
		}
	}
	look(0) // they may have ended during it
	if log.Len() > 0 {
		t.Errorf("said too soon: %s", &log)
	}
	look(time.Hour)
	look(60 * time.Hour)
	if said := strings.Count(log.String(), "level=WARN"); said != 1 || !strings.Contains(log.String(), "sessions=2") {
		t.Errorf("said %d times: %s", said, &log)
	}
	w.set("ada", []sessions.Job{{ID: "j1", ImageID: "i1"}}) // the right one knows Ada
	look(12 * time.Hour)
	if got, want := w.left(t), []string{storage.ImageKey("ada", "i1")}; !sameSet(got, want) {
		t.Errorf("left %v, want %v", got, want)
	}
}

func TestStraysInASessionGo(t *testing.T) {
	w := newWorld(t)
	w.set("ben", []sessions.Job{{ID: "j1", ImageID: "i1"}, {ID: "j2", ImageID: "i2"}, {ID: "j3", ImageID: "i1"}})
	mine := []string{storage.ImageKey("ben", "i1"), storage.ImageKey("ben", "i2"), storage.MaskKey("ben", "j2"), storage.ResultKey("ben", "j3")}
	w.revisions = map[string][]sessions.Revision{"j2": {{Number: 1}, {Number: 2, Content: "first 1:A", Edit: "A"}, {Number: 3, Content: "B", Edit: "B"}}}
	for _, name := range []string{"A.change", "A.edit", "B.result", "B.labels", "B.edit"} {
		mine = append(mine, storage.RevisionKey("ben", "j2", name))
	}
	w.put(t, mine...)
	w.put(t, storage.ImageKey("ben", "i3"), storage.MaskKey("ben", "j4"))
	// A revision that lost, and one of a hub that died before it was made.
	w.put(t, storage.RevisionKey("ben", "j2", "C.change"), storage.RevisionKey("ben", "j3", "D.edit"))
	w.looks(t, 11*time.Hour)
	if n := len(w.left(t)); n != len(mine)+4 {
		t.Errorf("%d files are left before the grace is over", n)
	}
	w.looks(t, 8*time.Hour)
	if got := w.left(t); !sameSet(got, mine) {
		t.Errorf("left %v, want %v", got, mine)
	}
}

// TestDraftsOfTheDeadGo has a hub killed while it wrote, and another at work for longer than any grace.
func TestDraftsOfTheDeadGo(t *testing.T) {
	w := newWorld(t)
	w.set("ben", []sessions.Job{{ID: "j1", ImageID: "i1"}})
	w.put(t, storage.ImageKey("ben", "i1"))
	dead := filepath.Join(w.folder, storage.ProbabilityKey("ben", "j1")+".18c2f0a1.tmp")
	if err := os.MkdirAll(filepath.Dir(dead), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dead, []byte("half a map"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := w.store.WriteBy(t.Context(), storage.ProbabilityKey("ben", "j1"), func(file io.Writer) error {
		for range 20 {
			w.looks(t, 5*time.Hour)
			if _, err := file.Write(make([]byte, 1<<20)); err != nil { // more than is buffered
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dead); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the draft of a hub that was killed: %v", err)
	}
	if got, want := w.left(t), []string{storage.ImageKey("ben", "i1"), storage.ProbabilityKey("ben", "j1")}; !sameSet(got, want) {
		t.Errorf("left %v, want %v", got, want)
	}
}

// TestSilenceProvesNothing has Redis away in the middle of a grace, before a look or in the middle of one: it begins anew.
func TestSilenceProvesNothing(t *testing.T) {
	t.Run("before a look", func(t *testing.T) { testSilence(t, (*redis).fail) })
	t.Run("in a look", func(t *testing.T) { testSilence(t, (*redis).silence) })
}

func testSilence(t *testing.T, fail func(*redis, error)) {
	w := newWorld(t)
	w.put(t, storage.ImageKey("ada", "i1"))
	synctest.Test(t, func(t *testing.T) {
		w.janitor.Start(t.Context())
		defer w.janitor.Stop(context.Background())
		advance := func(d time.Duration) {
			<-time.After(d)
			synctest.Wait()
		}
		advance(55 * time.Minute)
		fail(w.redis, errors.New("LOADING"))
		advance(20 * time.Minute)
		fail(w.redis, nil)
		advance(55 * time.Minute)
		if n := len(w.left(t)); n != 1 {
			t.Fatal("deleted although Redis was away")
		}
		advance(30 * time.Minute)
		if n := len(w.left(t)); n != 0 {
			t.Errorf("%d files are left", n)
		}
	})
}

// TestAnotherRedisOnTheSameStorage has a second hub whose sessions this one does not know.
func TestAnotherRedisOnTheSameStorage(t *testing.T) {
	w := newWorld(t)
	w.put(t, storage.ImageKey("theirs", "i1"))
	w.looks(t, 50*time.Minute) // before that hub says that it is there
	other := New(w.config())
	other.Sessions = &redis{state: "R2", jobs: map[string][]sessions.Job{"theirs": {}}}
	if err := other.look(t.Context(), w.now); err != nil {
		t.Fatal(err)
	}
	w.looks(t, 3*time.Hour)
	if n := len(w.left(t)); n != 1 {
		t.Fatal("the files of another hub are deleted")
	}
	other.cancel = func() {} // it was never started
	other.Stop(t.Context())
	w.looks(t, 50*time.Minute)
	if n := len(w.left(t)); n != 1 {
		t.Fatal("the grace did not begin anew")
	}
	w.looks(t, 3*time.Hour)
	if n := len(w.left(t)); n != 0 {
		t.Errorf("%d files are left once the other hub has gone", n)
	}
}

// TestStartsAndStops leaves no announcement and no goroutine behind.
func TestStartsAndStops(t *testing.T) {
	w := newWorld(t)
	for range 20 {
		var together sync.WaitGroup
		for range 3 {
			together.Go(func() { w.janitor.Start(t.Context()) })
			together.Go(func() { w.janitor.Stop(t.Context()) })
		}
		together.Wait()
	}
	w.janitor.Stop(t.Context())
	if left, err := os.ReadDir(filepath.Join(w.folder, "hubs")); err == nil && len(left) > 0 {
		t.Errorf("%d announcements are left", len(left))
	}
}

// TestWhatIsReferredToStays plays histories of sessions that come, upload, and are lost, with outages between: whatever
// happens, no file is deleted that a job refers to or an upload that is under way has stored, and what is of nobody goes.
func TestWhatIsReferredToStays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{redis: &redis{state: "R1", jobs: map[string][]sessions.Job{}}, now: time.Now()}
		var err error
		if w.store, err = storage.Open(context.Background(), "mem://"); err != nil {
			t.Fatal(err)
		}
		defer w.store.Close()
		w.janitor = New(w.config())
		uploads := map[string]time.Time{} // image keys that are stored and not recorded yet, by when the upload began
		images, people := 0, 0
		somebody := func(t *rapid.T) string {
			if len(w.jobs) == 0 {
				t.Skip("nobody is here")
			}
			return rapid.SampledFrom(slices.Sorted(maps.Keys(w.jobs))).Draw(t, "who")
		}
		t.Repeat(map[string]func(*rapid.T){
			"come": func(t *rapid.T) {
				people++
				w.set(fmt.Sprint("s", people), []sessions.Job{})
			},
			"store": func(t *rapid.T) {
				images++
				key := storage.ImageKey(somebody(t), fmt.Sprint("i", images))
				w.put(t, key)
				uploads[key] = w.now
			},
			"record": func(t *rapid.T) {
				for key, began := range uploads {
					id := strings.Split(key, "/")[1]
					image, _ := storage.Subject(key)
					if jobs, known := w.jobs[id]; known && w.now.Sub(began) < w.janitor.UploadTime {
						w.set(id, append(jobs, sessions.Job{ID: "j" + image, ImageID: image}))
					}
					delete(uploads, key)
				}
			},
			"lose": func(t *rapid.T) { w.lose(somebody(t)) },
			"fail": func(t *rapid.T) {
				w.fail(errors.New("away"))
				if err := w.janitor.look(context.Background(), w.now); err == nil {
					t.Fatal("looked without Redis")
				}
				w.janitor.lost, w.janitor.strays = nil, nil // as run does
				w.fail(nil)
			},
			"wait": func(t *rapid.T) {
				w.now = w.now.Add(time.Duration(rapid.IntRange(1, 300).Draw(t, "minutes")) * time.Minute)
				for key, began := range uploads { // an upload that takes too long is given up
					if w.now.Sub(began) >= w.janitor.UploadTime {
						delete(uploads, key)
					}
				}
			},
			"": func(t *rapid.T) {
				if err := w.janitor.look(context.Background(), w.now); err != nil {
					t.Fatal(err)
				}
				left := w.left(t)
				for id, jobs := range w.jobs {
					for _, job := range jobs {
						if !slices.Contains(left, storage.ImageKey(id, job.ImageID)) {
							t.Fatalf("image %s of %s is gone", job.ImageID, id)
						}
					}
				}
				for key := range uploads {
					if _, known := w.jobs[strings.Split(key, "/")[1]]; known && !slices.Contains(left, key) {
						t.Fatalf("%s of an upload is gone", key)
					}
				}
			},
		})
		for range 4 {
			w.now = w.now.Add(w.janitor.UploadTime)
			if err := w.janitor.look(context.Background(), w.now); err != nil {
				t.Fatal(err)
			}
		}
		for _, key := range w.left(t) {
			id := strings.Split(key, "/")[1]
			image, _ := storage.Subject(key)
			if !slices.ContainsFunc(w.jobs[id], func(j sessions.Job) bool { return j.ImageID == image }) {
				t.Fatalf("%s is of nobody and stays", key)
			}
		}
	})
}

func sameSet(a, b []string) bool {
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}
