package sessions

import (
	"errors"
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"seghub/gpuexec"
)

// TestPoisonIsGivenUpAlone has some jobs kill the process whenever they are in hand, in any company and at any moment: in the
// end they are failed, each after three deaths, and everybody else's jobs are done.
func TestPoisonIsGivenUpAlone(t *testing.T) {
	client := openRedis(t, "auto")
	rapid.Check(t, func(r *rapid.T) {
		must(r, client.FlushAll(t.Context()).Err())
		config := testConfig(client)
		config.Slots = rapid.IntRange(1, 3).Draw(r, "slots")
		borrow := rapid.Bool().Draw(r, "borrow")
		config.Borrow = func() bool { return borrow }
		limit := rapid.IntRange(1, 4).Draw(r, "batch")
		config.BatchSize = func(string) int { return limit }
		clock := newClock()
		config.Now = clock.Now
		w := &world{ctx: t.Context(), config: config, clock: clock}
		w.start(r)

		poison := make(map[string]bool)
		for range rapid.IntRange(1, 3).Draw(r, "people") {
			w.create(r)
			id := w.open[len(w.open)-1]
			jobs, err := w.s.Submit(w.ctx, id, "", newJobs(rapid.IntRange(1, 8).Draw(r, "jobs")))
			must(r, err)
			w.check(r)
			for _, job := range jobs {
				poison[job.ID] = rapid.IntRange(0, 4).Draw(r, "kills") == 0
			}
		}
		inHand := func() int {
			return slices.IndexFunc(w.running, func(work work) bool { return poison[work.job.ID] })
		}
		for step := 0; w.unfinished(r) > 0; step++ {
			if step > 2000 {
				r.Fatalf("%d jobs are left and nobody runs them", w.unfinished(r))
			}
			harmless := func() int {
				return slices.IndexFunc(w.running, func(work work) bool { return !poison[work.job.ID] })
			}
			switch what := rapid.SampledFrom([]string{"claim", "claim", "finish", "strike"}).Draw(r, "step"); {
			case what == "claim":
				w.claim(r)
			case what == "finish" && harmless() >= 0:
				w.finishOne(harmless(), nil)
				w.check(r)
			case what == "strike" && inHand() >= 0:
				if rapid.Bool().Draw(r, "a word") {
					must(r, w.s.leave(w.ctx, w.s.problem(errDied)))
				}
				w.start(r)
			}
			w.clock.live(r, config.ReserveGrace/4, w.s)
			w.check(r)
		}
		for _, id := range w.open {
			page, err := w.s.Jobs(w.ctx, id, JobQuery{Limit: 100})
			must(r, err)
			for _, job := range page.Jobs {
				want := JobDone
				if poison[job.ID] {
					want = JobFailed
				}
				if job.State != want {
					r.Fatalf("job %s is %s, want %s", job.ID, job.State, want)
				}
			}
		}
	})
}

// unfinished counts the jobs of everybody that are queued or running.
func (w *world) unfinished(t *rapid.T) int {
	left := 0
	for _, id := range w.open {
		session, err := w.s.Get(w.ctx, id)
		must(t, err)
		left += session.Jobs.Queued + session.Jobs.Running
	}
	return left
}

func TestASuspectRunsAlone(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		config := testConfig(client)
		config.Slots = 2
		config.BatchSize = func(string) int { return 2 }
		s, _ := joined(t, config)
		ada, ben := create(t, s), create(t, s)
		submit(t, s, ada, 6)
		submit(t, s, ben, 6)
		size := func(slot, want int) gpuexec.Batch {
			t.Helper()
			batch := claimNow(t, s, slot)
			if len(batch.Jobs) != want {
				t.Fatalf("slot %d got %d jobs, want %d", slot, len(batch.Jobs), want)
			}
			return batch
		}
		die := func() {
			t.Helper()
			must(t, s.join(t.Context(), true))
		}
		size(0, 2)
		die()
		first := size(0, 1) // the suspect is a batch of its own
		size(0, 0)          // and its worker takes nothing beside it
		fresh := size(1, 2) // the other worker may take what is not suspected
		finishAll(t, s, 0, first, nil)
		second := size(0, 1)
		die() // second has died twice now, ben's two once
		_, _ = fresh, second
		size(1, 0) // the node is kept clear for the last try
		last := size(0, 1)
		if last.Jobs[0].ID != second.Jobs[0].ID || last.Jobs[0].Attempt != 3 {
			t.Fatalf("the last try is of %+v", last)
		}
		size(1, 0)
		die()
		given, err := s.Job(t.Context(), ada, last.Jobs[0].ID)
		must(t, err)
		if given.State != JobFailed || given.Error == nil || given.Error.Detail != errDied.Error() {
			t.Errorf("after three deaths the job is %+v", given)
		}
		suspect := size(1, 1)
		size(0, 2) // what ada has left was never in hand
		finishAll(t, s, 1, suspect, nil)
		size(1, 1)
	})
}

// TestASuspectTakesNobodyAlong has one behind a job that nobody suspects, as that was handed back just before the process died.
func TestASuspectTakesNobodyAlong(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		config := testConfig(client)
		config.Slots = 1
		config.BatchSize = func(string) int { return 2 }
		s, _ := joined(t, config)
		jobs := submit(t, s, create(t, s), 2)
		batch := claimNow(t, s, 0)
		s.Finish(t.Context(), result(batch.Jobs[0], 0, gpuexec.ErrCancelled))
		must(t, s.join(t.Context(), true))
		first := claimNow(t, s, 0)
		if len(first.Jobs) != 1 || first.Jobs[0].ID != jobs[0] {
			t.Fatalf("the first batch is %+v", first)
		}
		if beside := claimNow(t, s, 0); len(beside.Jobs) > 0 {
			t.Errorf("beside it the worker has %+v", beside)
		}
		finishAll(t, s, 0, first, nil)
		if alone := claimNow(t, s, 0); len(alone.Jobs) != 1 || alone.Jobs[0].ID != jobs[1] {
			t.Errorf("the suspect's batch is %+v", alone)
		}
	})
}

// TestAbandonCountsADeath has a hub give up its GPU: its job goes back to its queue as a suspect, and its slot is free at once.
func TestAbandonCountsADeath(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		s := started(t, testConfig(client), nobody{})
		ada := create(t, s)
		job := submit(t, s, ada, 3)[0]
		lost := claimNow(t, s, *get(t, s, ada).Slot)
		s.Abandon(t.Context())
		if session := get(t, s, ada); session.State != Waiting || session.Jobs.Queued != 3 {
			t.Errorf("afterwards: %+v", session)
		}
		if deaths := client.HGet(t.Context(), sessionKey(ada)+":job:"+job, "deaths").Val(); deaths != "1" {
			t.Errorf("the job that was in hand has %s deaths", deaths)
		}
		finishAll(t, s, 0, lost, nil) // its worker was not hung after all
		if got := jobState(t, s, ada, job); got != JobDone {
			t.Errorf("the job is %s", got)
		}
	})
}

// TestALostLeaseIsNoDeath lets a node fall silent for longer than its lease while it runs a job, again and again.
func TestALostLeaseIsNoDeath(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		config := testConfig(client)
		config.Slots = 1
		one, clock := joined(t, config)
		ada := create(t, one)
		job := submit(t, one, ada, 1)[0]
		config.Node, config.Now, config.Slots = "two", clock.Now, 1
		two := newService(t, config)
		must(t, two.join(t.Context(), true))
		for range 5 {
			session := get(t, one, ada)
			if session.State != Active {
				t.Fatalf("ada is %+v", session)
			}
			here, other := one, two
			if session.Node == "two" {
				here, other = two, one
			}
			if got := claimNow(t, here, 0); len(got.Jobs) != 1 || got.Jobs[0].ID != job {
				t.Fatalf("claimed %+v", got)
			}
			clock.live(t, config.LeaseTTL, other) // here is taken for dead
			if got := jobState(t, one, ada, job); got != JobQueued {
				t.Fatalf("the silent node's job is %s", got)
			}
			_, err := here.tick(t.Context()) // it was not
			must(t, err)
		}
		if got := jobState(t, one, ada, job); got != JobQueued {
			t.Errorf("the job is %s", got)
		}
	})
}

// TestALostLeaseIsNoDeathThoughItsNextIsLate loses the reply that tells a node of its next lease, or the call by which others hear that it lives.
func TestALostLeaseIsNoDeathThoughItsNextIsLate(t *testing.T) {
	lose := map[string]func(wire *lossy){
		"reply": func(wire *lossy) { wire.of = &joinScript; wire.lose(1, 0) },
		"call":  func(wire *lossy) { wire.of = &survivedScript; wire.lose(0, 1) },
	}
	for what, lose := range lose {
		t.Run(what, func(t *testing.T) { lostLeaseIsNoDeath(t, lose) })
	}
}

func lostLeaseIsNoDeath(t *testing.T, lose func(*lossy)) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		wire := newLossy(t, client)
		config := testConfig(wire)
		one, clock := joined(t, config)
		ada := create(t, one)
		job := submit(t, one, ada, 1)[0]
		claimNow(t, one, *get(t, one, ada).Slot)
		config.Node, config.Redis, config.Now = "two", client, clock.Now
		two := newService(t, config)
		must(t, two.join(t.Context(), true))
		clock.live(t, config.LeaseTTL, two) // one is taken for dead
		lose(wire)
		if _, err := one.tick(t.Context()); !errors.Is(err, ErrUnavailable) {
			t.Fatalf("a tick of which something is lost: %v", err)
		}
		_, err := one.tick(t.Context())
		must(t, err)
		if deaths := client.HGet(t.Context(), sessionKey(ada)+":job:"+job, "deaths").Val(); deaths != "0" {
			t.Errorf("the job has %s deaths", deaths)
		}
	})
}
