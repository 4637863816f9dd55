package sessions

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"seghub/gpuexec"
)

// TestAdmissionRules does whatever people, workers and time may do, in any order, and checks after each step that
// the rules hold: never more sessions active than slots, a slot has one owner, first come first served, no slot
// unused while somebody waits. In the end everybody's work is done, and every log tells its whole story.
func TestAdmissionRules(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		legal := readTransitions(t)
		rapid.Check(t, func(r *rapid.T) {
			must(r, client.FlushAll(t.Context()).Err())
			config := testConfig(client)
			config.Slots = rapid.IntRange(1, 3).Draw(r, "slots")
			borrow := rapid.Bool().Draw(r, "borrow")
			config.Borrow = func() bool { return borrow }
			limit := rapid.IntRange(1, 3).Draw(r, "batch")
			config.BatchSize = func(string) int { return limit }
			clock := newClock()
			config.Now = clock.Now
			config.LeaseTTL = time.Hour // so that a minute is a tick
			w := &world{ctx: t.Context(), config: config, clock: clock, down: make(map[int]bool)}
			w.config.Open = func(slot int) bool { return !w.down[slot] }
			w.start(r)
			r.Repeat(map[string]func(*rapid.T){
				"create":  w.create,
				"submit":  w.submit,
				"claim":   w.claim,
				"finish":  w.finish,
				"cancel":  w.cancel,
				"close":   w.close,
				"time":    w.pass,
				"restart": w.start,
				"worker":  w.toggle,
			})
			w.drain(r)
			for _, id := range w.everybody {
				checkLog(r, w.s, id, legal)
			}
		})
	})
}

// world is a node under test and what the test knows of it.
type world struct {
	ctx       context.Context
	config    Config
	clock     *clock
	s         *Service
	open      []string // sessions
	everybody []string // closed ones too
	running   []work
	line      []string     // as it was after the last step
	down      map[int]bool // workers that are not up
}

// work is a claimed job and the slot that claimed it.
type work struct {
	session string
	job     gpuexec.Job
	slot    int
}

// start starts the node, or kills it and starts it again: what it ran is lost.
func (w *world) start(t *rapid.T) {
	s, err := New(w.config)
	must(t, err)
	must(t, s.join(w.ctx, true))
	w.s, w.running = s, nil
	w.check(t)
}

func (w *world) create(t *rapid.T) {
	session, _, err := w.s.Create(w.ctx, "Ada")
	must(t, err)
	w.open = append(w.open, session.ID)
	w.everybody = append(w.everybody, session.ID)
	w.check(t)
}

func (w *world) someone(t *rapid.T) string {
	if len(w.open) == 0 {
		t.Skip("left out: no session is open")
	}
	return rapid.SampledFrom(w.open).Draw(t, "session")
}

func (w *world) submit(t *rapid.T) {
	id := w.someone(t)
	jobs := newJobs(rapid.IntRange(1, 6).Draw(t, "jobs"))
	for i := range jobs {
		jobs[i].Model = rapid.SampledFrom([]string{"unet", "hrnet"}).Draw(t, "model")
	}
	_, err := w.s.Submit(w.ctx, id, "", jobs)
	must(t, err)
	w.check(t)
}

func (w *world) claim(t *rapid.T) {
	slot := rapid.IntRange(0, w.config.Slots-1).Draw(t, "slot")
	w.claimFrom(t, slot)
	w.check(t)
}

func (w *world) claimFrom(t *rapid.T, slot int) {
	someoneWaited := len(w.line) > 0
	batch, err := w.s.claim(w.ctx, slot)
	must(t, err)
	for _, job := range batch.Jobs {
		c := w.s.hand.get(claimKey{job.ID, job.Attempt})
		w.running = append(w.running, work{c.session, job, slot})
		if c.job.Model != batch.Model {
			t.Fatalf("a batch of %s has a job for %s", batch.Model, c.job.Model)
		}
		owner := w.stats(t).Slots[slot].Session
		if owner != c.session && (!w.config.Borrow() || someoneWaited) {
			t.Fatalf("slot %d of %q runs a job of %q", slot, owner, c.session)
		}
	}
	if len(batch.Jobs) > w.config.BatchSize(batch.Model) {
		t.Fatalf("a batch of %d", len(batch.Jobs))
	}
}

func (w *world) finish(t *rapid.T) {
	if len(w.running) == 0 {
		t.Skip("left out: nothing runs")
	}
	i := rapid.IntRange(0, len(w.running)-1).Draw(t, "which")
	outcome := rapid.SampledFrom([]error{nil, nil, errBroken, gpuexec.ErrCancelled}).Draw(t, "outcome")
	w.finishOne(i, outcome)
	w.check(t)
}

func (w *world) finishOne(i int, outcome error) {
	done := w.running[i]
	w.running = slices.Delete(w.running, i, i+1)
	w.s.Finish(w.ctx, result(done.job, done.slot, outcome))
}

func (w *world) cancel(t *rapid.T) {
	id := w.someone(t)
	if rapid.Bool().Draw(t, "all") {
		must(t, w.s.CancelAll(w.ctx, id))
		w.check(t)
		return
	}
	page, err := w.s.Jobs(w.ctx, id, JobQuery{Limit: 100})
	must(t, err)
	if len(page.Jobs) > 0 {
		must(t, w.s.Cancel(w.ctx, id, rapid.SampledFrom(page.Jobs).Draw(t, "job").ID))
	}
	w.check(t)
}

func (w *world) close(t *rapid.T) {
	id := w.someone(t)
	must(t, w.s.Close(w.ctx, id))
	w.open = slices.DeleteFunc(w.open, func(other string) bool { return other == id })
	w.check(t)
}

// toggle lets a worker go down or come up. Who has to leave its slot goes to the line by the ticket that it came with.
func (w *world) toggle(t *rapid.T) {
	slot := rapid.IntRange(0, w.config.Slots-1).Draw(t, "slot")
	w.down[slot] = !w.down[slot]
	must(t, w.s.SlotsChanged(w.ctx))
	w.line = nil
	w.check(t)
}

func (w *world) pass(t *rapid.T) {
	d := rapid.SampledFrom([]time.Duration{time.Second, 6 * time.Second, 61 * time.Second}).Draw(t, "time")
	w.clock.live(t, d, w.s)
	w.check(t)
}

func (w *world) stats(t *rapid.T) Stats {
	stats, err := w.s.Stats(w.ctx)
	must(t, err)
	return stats
}

// check holds the node to the rules.
func (w *world) check(t *rapid.T) {
	stats := w.stats(t)
	owners := make(map[string]int)
	for _, slot := range stats.Slots {
		if slot.Session == "" {
			continue
		}
		if other, twice := owners[slot.Session]; twice {
			t.Fatalf("%s has the slots %d and %d", slot.Session, other, slot.Slot)
		}
		owners[slot.Session] = slot.Slot
	}
	line := lineNow(t, w.s)
	open := w.config.Slots
	for slot, down := range w.down {
		if down {
			open--
		}
		if owner := stats.Slots[slot].Session; down && owner != "" {
			t.Fatalf("slot %d has the owner %s and no worker", slot, owner)
		}
	}
	if len(line) > 0 && len(owners) < open {
		t.Fatalf("%d wait while only %d of %d slots are used", len(line), len(owners), open)
	}
	active := 0
	for _, id := range w.open {
		active += w.checkSession(t, id, owners, line)
	}
	if active != len(owners) || active > w.config.Slots {
		t.Fatalf("%d are active, %d slots have owners, there are %d slots", active, len(owners), w.config.Slots)
	}
	w.checkOrder(t, line, owners)
	w.line = line
}

// checkSession checks that what a session says of itself agrees with slots, line and jobs; 1 when it is active.
func (w *world) checkSession(t *rapid.T, id string, owners map[string]int, line []string) int {
	session, err := w.s.Get(w.ctx, id)
	must(t, err)
	slot, owns := owners[id]
	at := slices.Index(line, id)
	switch {
	case (session.State == Active) != owns, owns && (session.Slot == nil || *session.Slot != slot),
		!owns && session.Slot != nil,
		(session.State == Waiting) != (at >= 0), at >= 0 && (session.Position == nil || *session.Position != at+1),
		session.State == Waiting && session.Jobs.Queued == 0,
		session.State == Idle && session.Jobs.Queued > 0:
		t.Fatalf("slot %d (%t), place %d, but %+v", slot, owns, at, session)
	}
	page, err := w.s.Jobs(w.ctx, id, JobQuery{Limit: 1000})
	must(t, err)
	var counts Counts
	for _, job := range page.Jobs {
		*counts.of(job.State)++
	}
	if counts != session.Jobs {
		t.Fatalf("jobs are %+v, the session says %+v", counts, session.Jobs)
	}
	if owns {
		return 1
	}
	return 0
}

func (c *Counts) of(state JobState) *int {
	return map[JobState]*int{JobQueued: &c.Queued, JobRunning: &c.Running, JobDone: &c.Done, JobFailed: &c.Failed,
		JobCancelled: &c.Cancelled}[state]
}

// checkOrder checks that the line is still in its order, that newcomers are at its tail, and that nobody got a slot
// before somebody who was ahead of him and still waits.
func (w *world) checkOrder(t *rapid.T, line []string, owners map[string]int) {
	var stayed []string
	for _, id := range w.line {
		if slices.Contains(line, id) {
			stayed = append(stayed, id)
		} else if _, gotSlot := owners[id]; gotSlot && len(stayed) > 0 && line[0] == stayed[0] {
			t.Fatalf("%s was served before %s: the line was %v and is %v", id, stayed[0], w.line, line)
		}
	}
	if !slices.Equal(line[:min(len(stayed), len(line))], stayed) {
		t.Fatalf("the line was %v and is %v", w.line, line)
	}
}

// drain lets the workers work until everybody is served. Each round lets every slot claim and finish a batch.
func (w *world) drain(t *rapid.T) {
	clear(w.down)
	must(t, w.s.SlotsChanged(w.ctx))
	w.line = nil
	for round := 0; ; round++ {
		for len(w.running) > 0 {
			w.finishOne(0, nil)
		}
		w.clock.live(t, w.config.Turn, w.s)
		w.check(t)
		for slot := range w.config.Slots {
			w.claimFrom(t, slot)
			w.check(t)
		}
		left := 0
		for _, id := range w.open {
			session, err := w.s.Get(w.ctx, id)
			must(t, err)
			left += session.Jobs.Queued + session.Jobs.Running
		}
		if left == 0 {
			return
		}
		if round > 1000 {
			t.Fatalf("%d jobs are left and nobody runs them", left)
		}
	}
}

// TestASessionThatRedisThrewAway is what a Redis with another maxmemory-policy than noeviction does to who holds a slot: the slot is the next one's,
// whether its owner had work left or not.
func TestASessionThatRedisThrewAway(t *testing.T) {
	for name, left := range map[string]int{"at rest": 0, "with work left": 3} {
		t.Run(name, func(t *testing.T) {
			onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
				config := testConfig(client)
				config.Slots = 1
				s, clock := joined(t, config)
				gone, next := create(t, s), create(t, s)
				submit(t, s, gone, 1+left)
				finishAll(t, s, 0, claimNow(t, s, 0), nil)
				must(t, client.Del(t.Context(), sessionKey(gone)).Err())
				jobs := submit(t, s, next, 1)
				clock.live(t, config.Turn, s)
				if got := claimNow(t, s, 0); len(got.Jobs) != 1 || got.Jobs[0].ID != jobs[0] {
					t.Errorf("the worker took %+v, want %s", got, jobs[0])
				}
			})
		})
	}
}
