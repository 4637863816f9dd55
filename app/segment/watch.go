package segment

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"slices"
	"sync"
	"time"

	"seghub/client"
	"seghub/models/imageio"
	"seghub/sessions/problem"
)

// atRest is how many looks in a row must find a file as it was before it counts as complete.
const atRest = 3

// seen is a file as a look found it.
type seen struct {
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified"`
}

// atOnce is how many files are done before that is written down.
const atOnce = 50

// watcher remembers what it did, and how the others looked.
type watcher struct {
	task  Task
	dir   string
	id    string          // tells it from all others
	did   map[string]did  // by name
	fresh map[string]bool // those of did that memory does not say yet
	added int             // how many memory says after its beginning
	torn  bool            // what was added to it last may not be whole
	found map[string]seen
	rests map[string]int // looks in a row that found a file as it was
	said  map[string]seen

	mu  sync.Mutex
	woe string // what keeps all from being done, as it was said last; guarded by mu
}

// Watch segments the images of a folder, and those that come, until ctx ends, or the hub refuses all of them. A file that changes is made
// again. Files of which the hub makes nothing are told of once, and again when they have changed. What keeps the watcher from its work,
// such as a hub, a share or a disk that is away or full, is said once, and tried again.
func Watch(ctx context.Context, task Task, dir string, every time.Duration) error {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return errors.Join(err, fmt.Errorf("%s is not a folder to watch", dir))
	}
	if err := os.MkdirAll(task.Out, 0o755); err != nil {
		return err
	}
	w, err := newWatcher(task, dir)
	if err != nil {
		return err
	}
	task.Board.Say("Watching " + dir)
	if n := len(w.did); n > 0 {
		task.Board.Say(fmt.Sprintf("Files done before: %d. They are left as they are; another --out has them done anew, as with other options", n))
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := w.look(ctx); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func newWatcher(task Task, dir string) (*watcher, error) {
	task.Alone, task.stems, task.lasting = true, newStems(), true
	w := &watcher{dir: dir, id: rand.Text(), did: map[string]did{}, fresh: map[string]bool{}, found: map[string]seen{}, rests: map[string]int{}, said: map[string]seen{}}
	task.made, task.mark = w.done, markOf(w.id)
	task.Hub.Retrying = func(err error, _ time.Duration) { w.wait(err) } // which may go on for days
	w.task = task
	if err := w.remember(); err != nil {
		return nil, err
	}
	if err := w.write(); err != nil {
		w.wait(err)
	}
	return w, nil
}

// done has a file remembered.
func (w *watcher) done(f File) {
	d := did{seen: w.found[f.Name]}
	for page, stem := range w.task.stems.given[f.Path] {
		d.name(page, stem)
	}
	w.did[f.Name], w.fresh[f.Name] = d, true
}

// wait says what keeps the watcher from its work, once, whichever of its calls that was.
func (w *watcher) wait(err error) {
	says := err.Error()
	var call *url.Error
	if errors.As(err, &call) {
		if at, err := url.Parse(call.URL); err == nil {
			says = fmt.Sprintf("%s://%s: %v", at.Scheme, at.Host, call.Err)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.woe != says {
		w.woe = says
		w.task.Board.Say("The watcher tries again: " + says)
	}
}

// look does all that is complete. The folder is gone through once for that, however many files there are.
func (w *watcher) look(ctx context.Context) error {
	files, err := images(w.dir, w.task.Out)
	if err != nil {
		w.wait(err)
		return nil
	}
	files = slices.DeleteFunc(files, func(f File) bool { return !w.isAtRest(f) })
	for some := range slices.Chunk(files, atOnce) {
		some = slices.DeleteFunc(some, func(f File) bool { return !w.isReady(ctx, f) })
		if len(some) == 0 {
			continue
		}
		if goesOn, err := w.do(ctx, some); !goesOn || err != nil {
			return err
		}
	}
	return nil
}

// do segments files and writes down that they are done; goesOn tells that nothing keeps it from the next ones.
func (w *watcher) do(ctx context.Context, files []File) (goesOn bool, err error) {
	begin := w.isDisplaced
	if w.task.sign == "" { // it could not write that it is there yet: what lies there is of the one before
		begin = w.write
	}
	switch err := begin(); {
	case errors.Is(err, errDisplaced):
		return false, err
	case err != nil:
		w.wait(err)
		return false, nil
	}
	failures, err := Run(ctx, w.task, files)
	for _, f := range failures {
		w.task.Board.Say(f.String())
		if isHere(f.Err) || isOfHub(f.Err) {
			w.rests[f.File.Name] = -pause
		} else {
			w.done(f.File)
		}
	}
	switch kept := w.keep(); {
	case errors.Is(kept, errDisplaced):
		return false, kept
	case err != nil && (ctx.Err() != nil || lasts(err)):
		return false, err
	case err != nil || kept != nil:
		w.wait(errors.Join(err, kept))
		return false, nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.woe = ""
	return true, nil
}

// pause is how many looks more a file must be at rest that was lost for no fault of its own: this machine could not take its results, or
// the hub had no room, or a proxy no hub behind it. A file that cannot be read waits as long.
const pause = 30

// isOfHub tells whether a file was lost for what ails the hub, or because a proxy answered that has none behind it, which has no code.
// What the model makes of an image, and how long it takes, is the image's; so is that it is too large for either.
func isOfHub(err error) bool {
	var p *client.Problem
	if !errors.As(err, &p) || p.Status == http.StatusRequestEntityTooLarge {
		return false
	}
	return p.Code == "" || p.Status >= http.StatusInternalServerError &&
		p.Code != string(problem.InferenceFailed) && p.Code != string(problem.Timeout)
}

// lasts tells whether an error is a hub's that will not be another one later; what a proxy says in its place has no code.
func lasts(err error) bool {
	var p *client.Problem
	return errors.As(err, &p) && p.Code != "" && p.Status < http.StatusInternalServerError && p.Status != http.StatusTooManyRequests
}

// see is a file as it is now; nothing where it is empty or gone.
func see(f File) seen {
	info, err := os.Stat(f.Path)
	if err != nil || info.Size() == 0 {
		return seen{}
	}
	return asSeen(info)
}

// asSeen is what is remembered of a file. A time of a year that JSON has no digits for is none.
func asSeen(info fs.FileInfo) seen {
	modified := info.ModTime().UTC()
	if year := modified.Year(); year < 0 || year > 9999 {
		modified = time.Time{}
	}
	return seen{info.Size(), modified}
}

// isAtRest tells whether a file is new and has been at rest for long enough.
func (w *watcher) isAtRest(f File) bool {
	now := see(f)
	if now == (seen{}) || w.did[f.Name].seen == now {
		return false
	}
	if w.found[f.Name] != now {
		w.found[f.Name], w.rests[f.Name] = now, 0
	}
	w.rests[f.Name]++
	return w.rests[f.Name] >= atRest
}

// isReady tells whether a file is still as it was found, which many others may have been done since, and can be read to its end.
func (w *watcher) isReady(ctx context.Context, f File) bool {
	now := w.found[f.Name]
	if see(f) != now {
		return false
	}
	err := complete(ctx, f.Path, now.Size)
	switch {
	case err == nil:
		return true
	case w.said[f.Name] != now:
		w.said[f.Name] = now
		w.rests[f.Name] = 0 // somebody may hold it for a moment
		w.task.Board.Say(fmt.Sprintf("%s is not taken yet: %v", f.Path, err))
	default:
		w.rests[f.Name] = -pause
	}
	return false
}

// complete tells why a file cannot be read to its end. A program that writes at leisure may rest in between.
func complete(ctx context.Context, path string, size int64) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = imageio.Open(ctx, file, size, imageio.Limits{})
	return err
}
