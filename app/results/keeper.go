package results

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"seghub/models/imageio"
	"seghub/sessions"
	"seghub/storage"
)

// Blobs is the storage.
type Blobs interface {
	Open(ctx context.Context, key string) (*storage.Blob, error)
	Read(ctx context.Context, key string) ([]byte, error)
	WriteBy(ctx context.Context, key string, write func(w io.Writer) error) error
	Delete(ctx context.Context, key string) error
}

// Jobs are the jobs of a session, and their revisions.
type Jobs interface {
	Job(ctx context.Context, session, job string) (sessions.Job, error)
	Revisions(ctx context.Context, session, job string) ([]sessions.Revision, error)
	Revise(ctx context.Context, session, job string, from int, next sessions.NewRevision) (int, error)
}

// Config is what a Keeper is made of.
type Config struct {
	Blobs  Blobs
	Budget *imageio.Budget // of decoded pixels
	Pixels int64           // the largest image that there may be

	// What receipts say of the hub.
	Version, Runtime, Device string

	Log *slog.Logger
}

// Keeper keeps results. Its methods may be called from any goroutine.
type Keeper struct {
	Config
	jobs  Jobs
	turns chan struct{} // one token for each map that is being cut, which takes memory
}

// mapsAtOnce bounds the memory of those who measure again.
const mapsAtOnce = 4

// New makes a Keeper. Serve must be called before anything but PutFirst.
func New(c Config) *Keeper {
	return &Keeper{Config: c, turns: make(chan struct{}, mapsAtOnce)}
}

// Serve tells the Keeper the jobs: sessions needs the Keeper before it is there itself.
func (k *Keeper) Serve(jobs Jobs) { k.jobs = jobs }

// turn waits until there is room for one map more; the caller calls over when it needs none any more.
func (k *Keeper) turn(ctx context.Context) (over func(), err error) {
	select {
	case k.turns <- struct{}{}:
		return func() { <-k.turns }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// done is a job that is done.
func (k *Keeper) done(ctx context.Context, session, job string) (sessions.Job, error) {
	j, err := k.jobs.Job(ctx, session, job)
	if err == nil && j.State != sessions.JobDone {
		err = sessions.ErrNotDone
	}
	return j, err
}

// at is a job that is done, and one of its revisions; 0 is the newest.
func (k *Keeper) at(ctx context.Context, session, job string, revision int) (sessions.Job, sessions.Revision, error) {
	j, err := k.done(ctx, session, job)
	if err != nil || revision == 0 || revision == j.Revision {
		return j, sessions.Revision{Number: j.Revision, Content: j.Content, Options: j.Options}, err
	}
	all, err := k.jobs.Revisions(ctx, session, job)
	if err != nil {
		return j, sessions.Revision{}, err
	}
	for _, r := range all {
		if r.Number == revision {
			return j, r, nil
		}
	}
	return j, sessions.Revision{}, sessions.ErrNotFound
}

// newID names blobs that nobody has written yet.
func newID() string { return rand.Text() }

// written are blobs that belong together, by their keys, each by what writes it.
type written map[string]func(io.Writer) error

// bytesOf writes data.
func bytesOf(data []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	}
}

// write stores blobs side by side.
func (k *Keeper) write(ctx context.Context, blobs written) error {
	writes, ctx := errgroup.WithContext(ctx)
	for key, write := range blobs {
		writes.Go(func() error { return k.Blobs.WriteBy(ctx, key, write) })
	}
	return writes.Wait()
}

// cleanUpTimeout is for deleting what a revision that was not made has left.
const cleanUpTimeout = 10 * time.Second

// discard deletes blobs of a revision that was not made. Where that fails the janitor does it.
func (k *Keeper) discard(ctx context.Context, blobs written) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTimeout)
	defer cancel()
	for key := range blobs {
		if err := k.Blobs.Delete(ctx, key); err != nil {
			k.Log.Warn("a blob that nothing refers to stays behind for a while", "key", key, "error", err)
		}
	}
}
