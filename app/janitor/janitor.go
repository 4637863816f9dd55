// Package janitor finds what nobody refers to in the storage, and deletes it: the files of sessions that Redis has lost or
// that an embedded Redis took with it, and within a session what a hub stored and died before it recorded.
//
//	storage: sessions, keys -> not known to Redis? -> suspects, by when they were first seen
//	                                 known -> no suspect (any more)
//	                            suspect at every look for a whole grace -> deleted
//
// What must stay true:
//   - What is referred to is never deleted. A file comes before what refers to it, so the storage is listed first and Redis asked
//     after; an upload on its way refers to its files for at most an upload's time, which is shorter than the grace.
//   - No clock on a wall decides. Suspicion is measured on this process's own monotonic clock, and begins anew with the
//     process, and after each look that failed: an outage of Redis or of the storage is no proof of anything.
//   - Nothing is deleted while a hub on another Redis uses the same storage: what is unknown here may be theirs.
package janitor

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"seghub/app/results"
	"seghub/sessions"
	"seghub/storage"
)

// Files is the storage.
type Files interface {
	Sessions(ctx context.Context) ([]string, error)
	Keys(ctx context.Context, session string) ([]string, error)
	Delete(ctx context.Context, key string) error
	DeleteSession(ctx context.Context, session string) error
	Drafts
}

// Drafts are the files that are being written, or were when their hub was killed.
type Drafts interface {
	Unfinished(ctx context.Context, session string) ([]storage.Unfinished, error)
	DeleteUnfinished(ctx context.Context, name string) error
}

// Hubs are those that use the storage, by name.
type Hubs interface {
	Announce(ctx context.Context, name string, every time.Duration) (others []string, err error)
	Withdraw(ctx context.Context, name string) error
}

// Sessions are those that Redis knows.
type Sessions interface {
	// StateID names what Redis holds: the same for all who share it, another one once it has lost everything.
	StateID(ctx context.Context) (string, error)
	Get(ctx context.Context, session string) (sessions.Session, error)
	Jobs(ctx context.Context, session string, query sessions.JobQuery) (sessions.JobPage, error)
	Revisions(ctx context.Context, session, job string) ([]sessions.Revision, error)
}

// Config is what a Janitor is made of.
type Config struct {
	Files    Files
	Hubs     Hubs
	Sessions Sessions
	// Lasting says that Redis outlasts this process: another one may be in its place by mistake, and the right one put back.
	Lasting bool
	// SessionTTL is how long an unused session lives: what is of no session goes no later than that.
	SessionTTL time.Duration
	// UploadTime is how long an upload may take until its jobs are recorded.
	UploadTime time.Duration
	Log        *slog.Logger
}

const (
	longestPause = 10 * time.Minute // between two looks
	lookTimeout  = 10 * time.Minute
	page         = 1000 // jobs that are asked for at once

	// For the files of no session, at the longest.
	graceForGood = time.Hour      // where Redis has taken the sessions with it
	graceToMend  = 72 * time.Hour // a weekend, before somebody looks why Redis does not know them
)

// Janitor looks through the storage from time to time.
type Janitor struct {
	Config
	process string // this one, among those that share a Redis

	mu     sync.Mutex
	cancel context.CancelFunc // guarded by mu; nil while stopped
	done   sync.WaitGroup

	// Owned by the goroutine of run.
	name     string    // announced last
	stranger string    // a hub on another Redis, when there was one at the last look
	lost     suspects  // sessions
	told     bool      // that there are such
	strays   suspects  // keys in sessions that there are
	drafts   suspects  // unfinished files in them, with their sizes: one that grows is another
	searched time.Time // when the strays were looked for last
}

// New makes a janitor; it does nothing before Start.
func New(c Config) *Janitor {
	return &Janitor{Config: c, process: strings.ToLower(rand.Text()[:8])}
}

// Start begins to look. The end of ctx does not stop the janitor, only Stop does.
func (j *Janitor) Start(ctx context.Context) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.cancel != nil {
		return
	}
	ctx, j.cancel = context.WithCancel(context.WithoutCancel(ctx))
	j.done.Go(func() { j.run(ctx) })
}

// Stop ends the looking and waits for it; idempotent. ctx bounds the good-bye.
func (j *Janitor) Stop(ctx context.Context) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.cancel == nil {
		return
	}
	j.cancel()
	j.done.Wait()
	j.cancel = nil
	if j.name == "" {
		return
	}
	if err := j.Hubs.Withdraw(ctx, j.name); err != nil {
		j.Log.Warn("this hub stays announced in the storage for a while", "error", err)
	}
	j.name = ""
}

func (j *Janitor) run(ctx context.Context) {
	tick := time.NewTicker(j.pause())
	defer tick.Stop()
	for {
		look, cancel := context.WithTimeout(ctx, lookTimeout)
		err := j.look(look, time.Now())
		cancel()
		if err != nil {
			j.forget()
			if ctx.Err() == nil {
				j.Log.Warn("the storage is not tidied at the moment", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// forget drops every suspicion.
func (j *Janitor) forget() { j.lost, j.strays, j.drafts = nil, nil, nil }

// pause is how long to wait between two looks.
func (j *Janitor) pause() time.Duration { return min(j.SessionTTL, longestPause) }

// look goes through the storage once. now carries the monotonic clock.
func (j *Janitor) look(ctx context.Context, now time.Time) error {
	alone, err := j.announce(ctx)
	if err != nil || !alone {
		j.forget()
		return err
	}
	ids, err := j.Files.Sessions(ctx)
	if err != nil {
		return err
	}
	var lost, known []string
	for _, id := range ids {
		switch _, err := j.Sessions.Get(ctx, id); {
		case err == nil:
			known = append(known, id)
		case errors.Is(err, sessions.ErrNotFound):
			lost = append(lost, id)
		case !errors.Is(err, sessions.ErrClosed): // closed: sessions deletes what it has
			return fmt.Errorf("session %s: %w", id, err)
		}
	}
	j.tell(lost)
	for _, id := range j.lost.due(lost, now, j.grace()) {
		if err := j.Files.DeleteSession(ctx, id); err != nil {
			return err
		}
		j.Log.Info("files of a session that is no more deleted", "session", id)
	}
	// Twice in a grace is often enough for what goes with its session at the latest.
	if now.Sub(j.searched) < j.UploadTime && !j.searched.IsZero() {
		return nil
	}
	j.searched = now
	if err := j.search(ctx, known, now); err != nil {
		return err
	}
	return j.dropDrafts(ctx, known, now)
}

// grace is how long the files of no session stay.
func (j *Janitor) grace() time.Duration {
	if j.Lasting {
		return min(j.SessionTTL, graceToMend)
	}
	return min(j.SessionTTL, graceForGood)
}

// tell says once that Redis does not know sessions, which is somebody's mistake. One that is lost at one look alone has ended during that.
func (j *Janitor) tell(lost []string) {
	again := slices.DeleteFunc(slices.Clone(lost), func(id string) bool { _, known := j.lost[id]; return !known })
	if len(again) > 0 && j.Lasting && !j.told {
		j.Log.Warn("Redis does not know the sessions that files in the storage are of: it was emptied, or is another one. They are deleted, unless it "+
			"comes to know them", "sessions", len(again), "session", again[0], "after", j.grace())
	}
	j.told = len(again) > 0
}

// announce tells whether this hub and those on the same Redis are alone with the storage.
func (j *Janitor) announce(ctx context.Context) (alone bool, err error) {
	state, err := j.Sessions.StateID(ctx)
	if err != nil {
		return false, err
	}
	name := state + "-" + j.process
	if j.name != "" && j.name != name { // Redis has lost its state: this hub is another one now
		if err := j.Hubs.Withdraw(ctx, j.name); err != nil {
			return false, err
		}
	}
	others, err := j.Hubs.Announce(ctx, name, j.pause())
	if err != nil {
		return false, err
	}
	j.name = name
	before := j.stranger
	j.stranger = ""
	for _, other := range others {
		if !strings.HasPrefix(other, state+"-") {
			j.stranger = other
		}
	}
	if j.stranger != "" && j.stranger != before { // once, not at each look
		j.Log.Warn("a hub on another Redis uses this storage, or was killed lately: nothing is tidied until it is gone", "hub", j.stranger)
	}
	return j.stranger == "", nil
}

// search looks for what no job refers to in sessions that there are.
func (j *Janitor) search(ctx context.Context, known []string, now time.Time) error {
	var strays []string
	for _, id := range known {
		keys, err := j.Files.Keys(ctx, id)
		if err != nil {
			return err
		}
		left, err := j.unreferred(ctx, id, keys)
		if errors.Is(err, sessions.ErrNotFound) || errors.Is(err, sessions.ErrClosed) {
			continue // it has ended since
		}
		if err != nil {
			return fmt.Errorf("jobs of session %s: %w", id, err)
		}
		strays = append(strays, left...)
	}
	for _, key := range j.strays.due(strays, now, 2*j.UploadTime) {
		if err := j.Files.Delete(ctx, key); err != nil {
			return err
		}
		j.Log.Info("a file that nothing refers to deleted", "key", key)
	}
	return nil
}

// dropDrafts deletes what a hub was writing in sessions that there are when it was killed. What is written grows now and then: an upload within
// its time, a probability map with each band of tiles.
func (j *Janitor) dropDrafts(ctx context.Context, known []string, now time.Time) error {
	names := map[string]string{} // by suspicion
	for _, id := range known {
		drafts, err := j.Files.Unfinished(ctx, id)
		if err != nil {
			return err
		}
		for _, draft := range drafts {
			names[fmt.Sprintf("%s of %d bytes", draft.Name, draft.Size)] = draft.Name
		}
	}
	for _, suspicion := range j.drafts.due(slices.Collect(maps.Keys(names)), now, 2*j.UploadTime) {
		if err := j.Files.DeleteUnfinished(ctx, names[suspicion]); err != nil {
			return err
		}
		j.Log.Info("a file that nobody writes any more deleted", "file", suspicion)
	}
	return nil
}

// unreferred are the keys of session that none of its jobs refers to. A key of which it is not known what it belongs to
// is not for this hub to judge.
func (j *Janitor) unreferred(ctx context.Context, session string, keys []string) ([]string, error) {
	images, jobs := map[string]bool{"": true}, map[string]bool{"": true}
	for query := (sessions.JobQuery{Limit: page}); len(keys) > 0; {
		all, err := j.Sessions.Jobs(ctx, session, query)
		if err != nil {
			return nil, err
		}
		for _, job := range all.Jobs {
			images[job.ImageID], jobs[job.ID] = true, true
		}
		if query.Cursor = all.NextCursor; query.Cursor == "" {
			break
		}
	}
	revisions, err := j.revisions(ctx, session, keys, jobs)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(keys, func(key string) bool {
		image, job := storage.Subject(key)
		revision := storage.RevisionOf(key)
		return images[image] && jobs[job] && (revision == "" || revisions[job][revision])
	}), nil
}

// revisions are the names that the revisions of those jobs refer to of which keys has one. A crash, or two people at once, leave blobs of
// revisions that were never made.
func (j *Janitor) revisions(ctx context.Context, session string, keys []string, jobs map[string]bool) (map[string]map[string]bool, error) {
	names := map[string]map[string]bool{}
	for _, key := range keys {
		_, job := storage.Subject(key)
		if storage.RevisionOf(key) == "" || !jobs[job] || names[job] != nil {
			continue
		}
		all, err := j.Sessions.Revisions(ctx, session, job)
		if err != nil {
			return nil, err
		}
		names[job] = map[string]bool{}
		for _, revision := range all {
			for _, name := range results.Names(revision) {
				names[job][name] = true
			}
		}
	}
	return names, nil
}
