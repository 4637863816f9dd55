package segment

import (
	"fmt"
	"testing"

	"golang.org/x/sync/errgroup"

	"seghub/client"
)

// TestJobsThatASnapshotHasNotAreAskedForAFewAtATime has thousands of them: a snapshot has the newest thousand.
func TestJobsThatASnapshotHasNotAreAskedForAFewAtATime(t *testing.T) {
	const n = 2000
	hub := newStandIn(t)
	session, err := client.Open(t.Context(), client.Config{URL: hub.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Disconnect()
	r := newRound(task(t, hub.URL, t.TempDir(), "masks"), session, &fetcher{stems: newStems()}, nil)
	r.group = &errgroup.Group{}
	for i := range n {
		id := fmt.Sprint("j", i)
		r.owners[id], r.jobs[id] = &item{jobs: []string{id}}, client.Job{ID: id, State: client.Queued}
	}
	r.toFetch = make(chan parcel, n)
	r.seen(t.Context(), client.Snapshot{})
	for range n {
		(<-r.news)()
	}
	if err := r.group.Wait(); err != nil {
		t.Fatal(err)
	}
	hub.mu.Lock()
	defer hub.mu.Unlock()
	if hub.asked != n || len(r.toFetch) != n || hub.most > 2*looksAtOnce {
		t.Errorf("asked %d times over %d connections, %d of %d are done", hub.asked, hub.most, len(r.toFetch), n)
	}
}
