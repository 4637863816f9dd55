package segment

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"seghub/client"
)

// TestAFolderMayBeLargerThanASession has what is fetched make room for what comes, unless a table of all needs it in the end.
func TestAFolderMayBeLargerThanASession(t *testing.T) {
	files := dots(t, t.TempDir(), 20)
	for format, all := range map[string]bool{"masks": true, "csv": false} {
		hub := newStandIn(t)
		if failures, err := Run(t.Context(), task(t, hub.URL, t.TempDir(), format), files); err != nil || len(failures) > 0 {
			t.Fatal(failures, err)
		}
		hub.mu.Lock()
		deleted := slices.Compact(slices.Sorted(slices.Values(hub.deleted)))
		hub.mu.Unlock()
		if all && len(deleted) < len(files)-fetchesAtOnce || !all && len(deleted) > 0 { // the last ones go with their session
			t.Errorf("%s: deleted %q", format, deleted)
		}
	}
}

// TestWhatASessionHasNoRoomForGoesIntoAnother has each take six files, and a table of them.
func TestWhatASessionHasNoRoomForGoesIntoAnother(t *testing.T) {
	const room = 6
	for format, want := range map[string][]string{"masks": nil, "csv": {"results-2.csv", "results-3.csv", "results-4.csv", "results.csv"}} {
		hub, has := newStandIn(t), map[int]int{}
		hub.refuse = func() (int, string) {
			hub.mu.Lock()
			defer hub.mu.Unlock()
			if has[hub.sessions] == room {
				return http.StatusInsufficientStorage, client.CodeQuotaExceeded
			}
			has[hub.sessions]++
			return 0, ""
		}
		out := t.TempDir()
		files := dots(t, t.TempDir(), 20)
		failures, err := Run(t.Context(), task(t, hub.URL, out, format), files)
		if err != nil || len(failures) > 0 || hub.jobs != len(files) {
			t.Errorf("%s: %v, %v, %d jobs in %d sessions", format, failures, err, hub.jobs, hub.sessions)
		}
		for _, f := range files {
			if format == "masks" {
				want = append(want, strings.TrimSuffix(f.Name, ".png")+maskEnding)
			}
		}
		made, err := os.ReadDir(out)
		var names []string
		for _, m := range made {
			names = append(names, m.Name())
		}
		if err != nil || !slices.Equal(names, want) {
			t.Errorf("%s: %q, %v", format, names, err)
		}
	}
}

// TestResultsThatFillTheDiskMakeWayForOthers has a hub of one's own make six results a session, and say that its disk is full.
func TestResultsThatFillTheDiskMakeWayForOthers(t *testing.T) {
	const room = 6
	for _, format := range []string{"masks", "csv"} {
		hub, made, full := newStandIn(t), map[int]int{}, make(chan error, 1)
		hub.stall = func() bool {
			hub.mu.Lock()
			defer hub.mu.Unlock()
			if made[hub.sessions]++; made[hub.sessions] <= room {
				return false
			}
			select {
			case full <- errors.New("0 B left"):
			default:
			}
			return true
		}
		job := task(t, hub.URL, t.TempDir(), format)
		job.Ahead, job.Full = 16, full
		files := dots(t, t.TempDir(), 20)
		failures, err := Run(t.Context(), job, files)
		if err != nil || len(failures) > 0 {
			t.Errorf("%s: %v, %v", format, failures, err)
		}
		count := map[string]int{"masks": len(files), "csv": hub.sessions}[format]
		if left, err := os.ReadDir(job.Out); err != nil || len(left) != count {
			t.Errorf("%s: %d files in %d sessions, %v", format, len(left), hub.sessions, err)
		}
	}
}

// TestAResultThatFitsNoDiskEndsTheRun rather than to be waited for.
func TestAResultThatFitsNoDiskEndsTheRun(t *testing.T) {
	hub, full := newStandIn(t), make(chan error, 1)
	hub.stall = func() bool {
		select {
		case full <- errors.New("0 B left"):
		default:
		}
		return true
	}
	job := task(t, hub.URL, t.TempDir(), "csv")
	job.Ahead, job.Full = 16, full
	if _, err := Run(t.Context(), job, dots(t, t.TempDir(), 20)); err == nil || !strings.Contains(err.Error(), "TMPDIR") {
		t.Error(err)
	}
}

func TestAnImageThatFitsNoDiskOfOnesOwnIsToldWhereThereMayBeRoom(t *testing.T) {
	hub := newStandIn(t)
	hub.refuse = func() (int, string) { return http.StatusInsufficientStorage, client.CodeQuotaExceeded }
	job := task(t, hub.URL, t.TempDir(), "masks")
	job.Full = make(chan error)
	failures, err := Run(t.Context(), job, dots(t, t.TempDir(), 1))
	if err != nil || len(failures) != 1 || !strings.Contains(failures[0].String(), "TMPDIR") || !client.HasCode(failures[0].Err, client.CodeQuotaExceeded) {
		t.Errorf("%v, %v", failures, err)
	}
}

// TestJobsThatASnapshotHasNotAreAskedForAFewAtATime has thousands of them: a snapshot has the newest thousand.
func TestJobsThatASnapshotHasNotAreAskedForAFewAtATime(t *testing.T) {
	const n = 2000
	hub, r := waitingFor(t, n)
	r.seen(t.Context(), client.Snapshot{})
	for range n + looksAtOnce { // what each of them finds, and that it has no more to look for
		(<-r.news)()
	}
	if err := r.group.Wait(); err != nil {
		t.Fatal(err)
	}
	hub.mu.Lock()
	defer hub.mu.Unlock()
	if hub.asked != n || len(r.toFetch) != n || hub.most > 2*looksAtOnce || r.looking != 0 {
		t.Errorf("asked %d times over %d connections, %d of %d are done, %d look", hub.asked, hub.most, len(r.toFetch), n, r.looking)
	}
}

// TestAllJobsAreAskedForAtOnce where no connection tells of them; one by one they would be thousands of calls.
func TestAllJobsAreAskedForAtOnce(t *testing.T) {
	const n = 2000
	hub, r := waitingFor(t, n)
	hub.jobs = n
	r.ask(t.Context())
	for range 2 { // what there is, and that it looks no more
		(<-r.news)()
	}
	if err := r.group.Wait(); err != nil {
		t.Fatal(err)
	}
	hub.mu.Lock()
	defer hub.mu.Unlock()
	if hub.asked != 0 || len(r.toFetch) != n || r.looking != 0 {
		t.Errorf("asked for %d alone, %d of %d are done, %d look", hub.asked, len(r.toFetch), n, r.looking)
	}
}

// waitingFor is a round that has sent so many files to a hub, each of which has become a job.
func waitingFor(t *testing.T, n int) (*standIn, *round) {
	t.Helper()
	hub := newStandIn(t)
	session, err := client.Open(t.Context(), client.Config{URL: hub.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(session.Disconnect)
	r := newRound(task(t, hub.URL, t.TempDir(), "masks"), session, &fetcher{stems: newStems()}, nil)
	r.group = &errgroup.Group{}
	for i := range n {
		id := fmt.Sprint("j", i+1)
		r.owners[id], r.jobs[id] = &item{jobs: []string{id}}, client.Job{ID: id, State: client.Queued}
	}
	r.toFetch = make(chan parcel, n)
	return hub, r
}

// TestAHubThatGivesNoSocketIsAsked has a proxy that lets none through: by an error of its own, or as the call of a page, which the hub refuses.
func TestAHubThatGivesNoSocketIsAsked(t *testing.T) {
	for _, status := range []int{http.StatusBadGateway, http.StatusBadRequest} {
		hub, out, said := newStandIn(t), t.TempDir(), 0
		hub.socket = status
		job := task(t, hub.URL, out, "masks")
		job.Board = NewBoard(lines(func(line string) { said += strings.Count(line, "no connection for events") }), false)
		files := dots(t, t.TempDir(), 20)
		failures, err := Run(t.Context(), job, files)
		if err != nil || len(failures) > 0 || said != 1 {
			t.Errorf("%d: %v, %v, said %d times", status, failures, err, said)
		}
		made, err := filepath.Glob(filepath.Join(out, "*"+maskEnding))
		if err != nil || len(made) != len(files) {
			t.Errorf("%d: made %q, %v", status, made, err)
		}
	}
}

// TestAHubOfOnesOwnIsNotSentAllAtOnce has jobs that end when the hub is asked for them only: more than it may have in hand do not come before.
func TestAHubOfOnesOwnIsNotSentAllAtOnce(t *testing.T) {
	hub := newStandIn(t)
	hub.socket = http.StatusBadGateway
	most := 0
	hub.refuse = func() (int, string) {
		hub.mu.Lock()
		defer hub.mu.Unlock()
		most = max(most, hub.uploads-hub.fetched)
		return 0, ""
	}
	files := dots(t, t.TempDir(), 20)
	job := task(t, hub.URL, t.TempDir(), "masks")
	job.Ahead = 4
	failures, err := Run(t.Context(), job, files)
	if err != nil || len(failures) > 0 || hub.jobs != len(files) {
		t.Errorf("%v, %v, %d jobs", failures, err, hub.jobs)
	}
	if most > job.Ahead {
		t.Errorf("%d files at once; want at most %d", most, job.Ahead)
	}
}
