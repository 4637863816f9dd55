package sessions

import (
	"encoding/json"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"seghub/gpuexec"
)

// readTransitions reads the tables of doc.go: "queued running" and the like.
func readTransitions(t testing.TB) map[string]bool {
	t.Helper()
	doc, err := os.ReadFile("doc.go")
	must(t, err)
	legal := make(map[string]bool)
	for _, m := range regexp.MustCompile(`(?m)^//\t(\w+) +-> (\w+) `).FindAllStringSubmatch(string(doc), -1) {
		legal[m[1]+" "+m[2]] = true
	}
	if len(legal) != 17 {
		t.Fatalf("doc.go has %d transitions", len(legal))
	}
	return legal
}

// checkLog replays a session's log: seq has no gap, each transition is in the tables, every job is told from its
// beginning, a mask comes just before its job is done, and nothing follows the end. It gives what it saw.
func checkLog(t tester, s *Service, id string, legal map[string]bool) map[string]bool {
	t.Helper()
	last, err := s.redis.HGet(t.Context(), sessionKey(id), "seq").Int64()
	must(t, err)
	reply, err := s.ask(t.Context(), eventsScript, 1<<20, id, 0)
	must(t, err)
	events, err := newEvents(id, 0, list(reply[1]))
	must(t, err)
	if int64(len(events)) < last { // it may have grown meanwhile
		t.Fatalf("%s: %d events are kept of %d", id, len(events), last)
	}
	session, jobs, mask := string(Idle), make(map[string]string), ""
	seen := make(map[string]bool)
	step := func(from, to string) {
		t.Helper()
		seen[from+" "+to] = true
		if !legal[from+" "+to] {
			t.Fatalf("%s: %s -> %s is not in doc.go", id, from, to)
		}
	}
	for i, e := range events {
		var frame struct {
			Session Session
			Job     Job
		}
		must(t, json.Unmarshal(e.Data, &frame))
		if e.Seq != int64(i+1) {
			t.Fatalf("event %d has seq %d", i, e.Seq)
		}
		if session == string(Closed) {
			t.Fatalf("%s: %s follows the end", id, e.Data)
		}
		switch job := frame.Job; e.Type {
		case "session":
			step(session, string(frame.Session.State))
			session = string(frame.Session.State)
		case "mask":
			mask = e.JobID
		case "job":
			from, known := jobs[job.ID]
			if known {
				step(from, string(job.State))
			} else if job.State != JobQueued {
				t.Fatalf("%s: job %s begins as %s", id, job.ID, job.State)
			}
			if (job.State == JobDone) != (mask == job.ID) {
				t.Fatalf("%s: job %s is %s after the mask of %q", id, job.ID, job.State, mask)
			}
			jobs[job.ID], mask = string(job.State), ""
		}
	}
	return seen
}

// TestTransitionTable walks through every transition that doc.go knows.
func TestTransitionTable(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		config := testConfig(client)
		config.Slots = 1
		s, clock := joined(t, config)
		ctx := t.Context()
		later := func(d time.Duration) { clock.live(t, d, s) }

		ada := create(t, s) // idle -> active
		ben := create(t, s) // idle, as no slot is free
		jobs := submit(t, s, ada, 6)
		submit(t, s, ben, 2) // idle -> waiting
		cleo := create(t, s)
		submit(t, s, cleo, 1)
		must(t, s.CancelAll(ctx, cleo)) // waiting -> idle

		first := claimNow(t, s, 0)
		later(config.Turn)
		second := claimNow(t, s, 0) // active -> waiting, waiting -> active
		if got := []State{stateOf(t, s, ada), stateOf(t, s, ben)}; got[0] != Waiting || got[1] != Active {
			t.Fatalf("after the turn: %v", got)
		}
		finishAll(t, s, 0, first, nil)                  // running -> done
		finishAll(t, s, 0, second, errBroken)           // running -> failed
		must(t, s.Cancel(ctx, ada, jobs[5]))            // queued -> cancelled
		finishAll(t, s, 0, claimNow(t, s, 0), nil)      // ben's last
		later(config.ReserveGrace)                      // active -> idle
		third := claimNow(t, s, 0)                      // ada's
		must(t, s.Cancel(ctx, ada, third.Jobs[0].ID))   // asked for, and its worker hears
		finishAll(t, s, 0, third, gpuexec.ErrCancelled) // running -> cancelled
		fourth := claimNow(t, s, 0)
		finishAll(t, s, 0, fourth, gpuexec.ErrCancelled) // running -> queued: nobody asked for it
		fifth, sixth := claimNow(t, s, 0), claimNow(t, s, 0)
		must(t, s.join(ctx, true))           // the node is taken over; both go back to the queue
		finishAll(t, s, 0, fifth, nil)       // queued -> done
		finishAll(t, s, 0, sixth, errBroken) // queued -> failed

		submit(t, s, ben, 1)
		must(t, s.Close(ctx, ben))  // waiting -> closed
		must(t, s.Close(ctx, ada))  // active -> closed
		must(t, s.Close(ctx, cleo)) // idle -> closed

		legal, missed := readTransitions(t), readTransitions(t)
		for _, id := range []string{ada, ben, cleo} {
			for transition := range checkLog(t, s, id, legal) {
				delete(missed, transition)
			}
		}
		for transition := range missed {
			t.Errorf("nothing went through %s", transition)
		}
	})
}
