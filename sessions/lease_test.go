package sessions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"seghub/gpuexec"
	"seghub/sessions/redisserver"
)

func TestAnotherNodeTakesOverWhenTheLeaseExpires(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		config := testConfig(client)
		config.Slots = 1
		one, clock := joined(t, config)
		ada, ben, cleo := create(t, one), create(t, one), create(t, one)
		jobs := submit(t, one, ada, 3)
		submit(t, one, ben, 1)
		submit(t, one, cleo, 1)
		lost := claimNow(t, one, 0)

		config.Node, config.Now = "two", clock.Now
		two := newService(t, config)
		must(t, two.join(t.Context(), true)) // ben is at the head of the line and gets its slot
		clock.live(t, config.LeaseTTL/2, two)
		if got := stateOf(t, two, ada); got != Active {
			t.Fatalf("the lease still holds, but ada is %s", got)
		}
		clock.live(t, config.LeaseTTL/2, two)
		if one.lease.held(clock.Now()) {
			t.Error("the first node would still take work")
		}
		session, err := two.Get(t.Context(), ada)
		must(t, err)
		if session.State != Waiting || *session.Position != 1 {
			t.Fatalf("ada does not return to the head of the line: %+v", session)
		}
		finishAll(t, two, 0, claimNow(t, two, 0), nil) // ben's
		clock.move(config.ReserveGrace)
		again := claimNow(t, two, 0)
		if again.Jobs[0].ID != jobs[0] || again.Jobs[0].Attempt != 2 {
			t.Fatalf("the dead node's job is not the head of the queue: %+v", again)
		}

		// The first node lives after all, and its result comes late.
		finishAll(t, one, 0, lost, nil)
		if got := jobState(t, two, ada, jobs[0]); got != JobRunning {
			t.Fatalf("a result of the first attempt made the job %s", got)
		}
		finishAll(t, two, 0, again, nil)
		finishAll(t, two, 0, again, errBroken) // not in hand any more
		if got := jobState(t, two, ada, jobs[0]); got != JobDone {
			t.Fatalf("the job is %s", got)
		}
		if batch := claimNow(t, one, 0); len(batch.Jobs) != 0 {
			t.Fatal("a node without a lease was given work")
		}
		lease, err := one.tick(t.Context())
		must(t, err)
		if !lease.busy || !one.lease.held(clock.Now()) {
			t.Error("the first node did not take a new lease")
		}
		legal := readTransitions(t)
		for _, id := range []string{ada, ben, cleo} {
			checkLog(t, two, id, legal)
		}
	})
}

// TestALateResultReplacesNone has a node that was silent for longer than its lease go on when another has done its job: what that has stored,
// and people may have corrected, stays.
func TestALateResultReplacesNone(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		config := testConfig(client)
		one, clock := joined(t, config)
		ada := create(t, one)
		id := submit(t, one, ada, 1)[0]
		late := claimNow(t, one, *get(t, one, ada).Slot)
		config.Node, config.Now = "two", clock.Now
		two := newService(t, config)
		must(t, two.join(t.Context(), true))
		clock.live(t, config.LeaseTTL, two)
		slot := *get(t, two, ada).Slot
		again := claimNow(t, two, slot)

		keep := func(batch gpuexec.Batch) error { return batch.Jobs[0].Keep(t.Context(), strings.NewReader("a map")) }
		if err := keep(late); !errors.Is(err, errNotAwaited) {
			t.Errorf("while another runs it, a map was kept: %v", err)
		}
		must(t, keep(again))
		finishAll(t, two, slot, again, nil)
		if err := keep(late); !errors.Is(err, errNotAwaited) {
			t.Errorf("once it is done, a map was kept: %v", err)
		}
		finishAll(t, one, 0, late, nil)
		if n := config.Files.(*files).stored(ada, id); n != 1 {
			t.Errorf("a result was stored %d times", n)
		}
		if got := jobState(t, two, ada, id); got != JobDone {
			t.Errorf("the job is %s", got)
		}
	})
}

func TestASecondProcessOfTheSameNameTakesOverAtOnce(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		old, clock := joined(t, testConfig(client))
		ada := create(t, old)
		jobs := submit(t, old, ada, 2)
		slot := *get(t, old, ada).Slot
		claimNow(t, old, slot)

		config := old.config
		fresh := newService(t, config)
		must(t, fresh.join(t.Context(), true))
		if session := get(t, fresh, ada); session.State != Active || *session.Slot != slot || session.Jobs.Queued != 2 {
			t.Fatalf("after the restart: %+v", session)
		}
		if _, err := old.tick(t.Context()); !errors.Is(err, ErrNameTaken) {
			t.Errorf("the old process renewed: %v", err)
		}
		if batch := claimNow(t, old, slot); len(batch.Jobs) != 0 {
			t.Error("the old process was given work")
		}
		if batch := claimNow(t, fresh, slot); batch.Jobs[0].ID != jobs[0] || batch.Jobs[0].Attempt != 2 {
			t.Errorf("the new process got %+v", batch)
		}
		other := old.config
		other.Node = "other"
		witness := newService(t, other)
		must(t, witness.join(t.Context(), true))
		clock.live(t, config.LeaseTTL, witness)
		must(t, old.join(t.Context(), false)) // the new process is dead, the old one may have the name again
	})
}

// keptIts fails when a node has another lease than that of generation, or none. Whether it is held at this moment, the clock would say, which
// goes on while a slow machine does something else.
func keptIts(t *testing.T, living *Service, generation int64) {
	t.Helper()
	if _, err := living.renew(t.Context()); err != nil || living.generation.Load() != generation {
		t.Errorf("the first has lost its lease: %v", err)
	}
}

func TestALivingNodeKeepsItsName(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		config := testConfig(client)
		config.LeaseTTL = time.Second
		living := started(t, config, nobody{})
		generation := living.generation.Load()
		if err := newService(t, config).Start(t.Context(), nobody{}); !errors.Is(err, ErrNameTaken) {
			t.Errorf("a second process of its name: %v", err)
		}
		keptIts(t, living, generation)
	})
}

// TestALeaseIsNoOtherProcesssAfterARollback has Redis come back as it was before a process took its lease, and another of the same name start: that one
// has the next number, which is the first one's, too.
func TestALeaseIsNoOtherProcesssAfterARollback(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		config := testConfig(client)
		before := newService(t, config)
		must(t, before.join(t.Context(), true))
		number := before.generation.Load()
		first, second := newService(t, config), newService(t, config)
		must(t, first.join(t.Context(), true))
		must(t, client.Set(t.Context(), hashTag+":generation", number, 0).Err()) // as it was
		must(t, second.join(t.Context(), true))
		if first.generation.Load() != second.generation.Load() {
			t.Fatalf("the leases are %d and %d", first.generation.Load(), second.generation.Load())
		}
		if _, err := first.renew(t.Context()); !errors.Is(err, ErrNameTaken) {
			t.Errorf("the first renews its lease: %v", err)
		}
		if _, err := second.renew(t.Context()); err != nil {
			t.Errorf("the second has lost its lease: %v", err)
		}
	})
}

// TestAHubStartsWhileRedisIsAway loses the first calls of one that starts, beside a living one of its name and without.
func TestAHubStartsWhileRedisIsAway(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		config := testConfig(client)
		config.LeaseTTL = time.Second
		living := started(t, config, nobody{})
		generation := living.generation.Load()
		flaky := newLossy(t, client)
		config.Redis = flaky
		flaky.lose(0, 3)
		if err := newService(t, config).Start(t.Context(), nobody{}); !errors.Is(err, ErrNameTaken) {
			t.Errorf("beside a living one: %v", err)
		}
		keptIts(t, living, generation)
		config.Node = "two"
		flaky.lose(1, 3)
		if two := started(t, config, nobody{}); two.generation.Load() == 0 {
			t.Error("no lease was taken")
		}
	})
}

func TestFewerSlotsAfterARestart(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		s, _ := joined(t, testConfig(client))
		ids := []string{create(t, s), create(t, s), create(t, s)}
		for _, id := range ids {
			submit(t, s, id, 1)
		}
		config := s.config
		config.Slots = 1
		s = newService(t, config)
		must(t, s.join(t.Context(), true))
		if session := get(t, s, ids[0]); session.State != Active {
			t.Errorf("the owner of slot 0 is %+v", session)
		}
		for i, id := range ids[1:] {
			if session := get(t, s, id); session.State != Waiting || *session.Position != i+1 {
				t.Errorf("the owner of slot %d is %+v", i+1, session)
			}
		}
	})
}

func get(t testing.TB, s *Service, id string) Session {
	t.Helper()
	session, err := s.Get(t.Context(), id)
	must(t, err)
	return session
}

// workers run what Next gives, as gpuexec does, until their context ends.
type workers struct {
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// startWorkers runs one worker a slot; before is called ahead of each Finish.
func startWorkers(t testing.TB, s *Service, before func(gpuexec.Job)) *workers {
	ctx, cancel := context.WithCancel(context.Background())
	w := &workers{cancel: cancel}
	for slot := range s.config.Slots {
		w.done.Go(func() {
			for ctx.Err() == nil {
				batch, err := s.Next(ctx, slot)
				if err != nil {
					pause(ctx, 20*time.Millisecond)
				}
				for _, job := range batch.Jobs {
					before(job)
					s.Finish(ctx, result(job, slot, nil))
				}
			}
		})
	}
	t.Cleanup(w.stop)
	return w
}

func (w *workers) stop() {
	w.cancel()
	w.done.Wait()
}

// TestCrashInTheMiddleOfTenJobs lets a node vanish without a word while it runs jobs, and another process of the same
// name take its place: each job is done, and done once.
func TestCrashInTheMiddleOfTenJobs(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		config := testConfig(client)
		first := newService(t, config)
		must(t, first.agree(t.Context()))
		must(t, first.join(t.Context(), true))
		ada := create(t, first)
		jobs := submit(t, first, ada, 10)
		slot := *get(t, first, ada).Slot
		finishAll(t, first, slot, claimNow(t, first, slot), nil)
		claimNow(t, first, slot)
		claimNow(t, first, slot) // two are claimed and never finished

		second := started(t, config, nobody{})
		startWorkers(t, second, func(gpuexec.Job) {})
		eventually(t, "ten jobs done", func() bool { return get(t, second, ada).Jobs.Done == 10 })
		for _, job := range jobs {
			if n := config.Files.(*files).stored(ada, job); n != 1 {
				t.Errorf("job %s was stored %d times", job, n)
			}
		}
		checkLog(t, second, ada, readTransitions(t))
	})
}

// TestRedisRestartsInTheMiddle ends redis-server while jobs run and starts it again on the same files: calls fail
// meanwhile, finished work waits, and afterwards everything goes on.
func TestRedisRestartsInTheMiddle(t *testing.T) {
	openRedis(t, "auto") // skips without redis-server; the test's own is another
	dir, log := t.TempDir(), slog.New(slog.DiscardHandler)
	client, _, stopRedis, err := redisserver.Open(t.Context(), "auto", dir, 0, log)
	must(t, err)
	// The service keeps a client of its own, which outlives the server.
	own := redis.NewClient(&redis.Options{Network: "unix", Addr: client.(*redis.Client).Options().Addr, MaxRetries: -1})
	defer own.Close()

	s := started(t, testConfig(own), nobody{})
	ada := create(t, s)
	box := newMailbox()
	sub, err := s.Subscribe(t.Context(), ada, nil, box.deliver)
	must(t, err)
	defer sub.Close()

	claimed, goOn := make(chan string, 10), make(chan struct{})
	workers := startWorkers(t, s, func(job gpuexec.Job) { claimed <- job.ID; <-goOn })
	defer workers.stop()
	submit(t, s, ada, 10)
	receive(t, "a claim", claimed)

	must(t, stopRedis())
	if _, err := s.Get(t.Context(), ada); err == nil {
		t.Error("a call succeeded without Redis")
	}
	if err := s.Ready(t.Context()); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Ready without Redis: %v", err)
	}
	close(goOn) // the worker finishes its job now, and must wait
	_, _, stopRedis, err = redisserver.Open(t.Context(), "auto", dir, 0, log)
	must(t, err)
	defer func() { must(t, stopRedis()) }()

	// Writes may have been lost: the log is of another epoch, and what follows builds on a snapshot.
	box.await(t, "all done", func(all []Message) bool {
		shown, anew := shown(t, all)
		return anew == 1 && len(shown) == 10 && !slices.ContainsFunc(slices.Collect(maps.Values(shown)), func(s JobState) bool { return s != JobDone })
	})
	if session := get(t, s, ada); session.Jobs.Done != 10 {
		t.Errorf("in the end: %+v", session)
	}
	checkLog(t, s, ada, readTransitions(t))
	workers.stop()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s.Stop(ctx)
}

// TestStartAndStop starts and stops a Service many times, also from several goroutines at once.
func TestStartAndStop(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		s := newService(t, testConfig(client))
		s.Stop(t.Context()) // never started
		for range 20 {
			var both sync.WaitGroup
			for range 3 {
				both.Go(func() { must(t, s.Start(t.Context(), nobody{})) })
				both.Go(s.StopAdmission)
				both.Go(func() { s.Stop(t.Context()) })
			}
			both.Wait()
		}
		must(t, s.Start(t.Context(), nobody{}))
		must(t, s.Start(t.Context(), nobody{}))
		s.Stop(t.Context())
		s.Stop(t.Context())
		if nodes := client.ZRange(t.Context(), hashTag+":nodes", 0, -1).Val(); len(nodes) != 0 {
			t.Errorf("leases are left: %v", nodes)
		}
	})
}

func TestStopPutsClaimedJobsBack(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		s := started(t, testConfig(client), nobody{})
		ada := create(t, s)
		jobs := submit(t, s, ada, 3)
		slot := *get(t, s, ada).Slot
		claimNow(t, s, slot)
		s.StopAdmission()
		if _, err := s.Submit(t.Context(), ada, "", newJobs(1)); !errors.Is(err, ErrDraining) {
			t.Errorf("Submit while draining: %v", err)
		}
		if _, _, err := s.Create(t.Context(), "Ben"); !errors.Is(err, ErrDraining) {
			t.Errorf("Create while draining: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if batch, err := s.Next(ctx, slot); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Next while draining gave %v, %v", batch, err)
		}
		s.Stop(t.Context())
		if session := get(t, s, ada); session.State != Waiting || session.Jobs.Queued != 3 {
			t.Errorf("after Stop: %+v", session)
		}
		must(t, s.Start(t.Context(), nobody{}))
		if batch := claimNow(t, s, *get(t, s, ada).Slot); batch.Jobs[0].ID != jobs[0] || batch.Jobs[0].Attempt != 2 {
			t.Errorf("after the start: %s", fmt.Sprint(batch))
		}
	})
}

// A node hands its jobs back while the last step of one is under way: that one is done all the same, and tells when it ran.
func TestAJobThatWasHandedBackMayStillFinish(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		s, clock := joined(t, testConfig(client))
		ada := create(t, s)
		id := submit(t, s, ada, 1)[0]
		slot := *get(t, s, ada).Slot
		claimed := claimNow(t, s, slot).Jobs[0]
		clock.move(time.Second)
		must(t, s.leave(t.Context(), ""))
		if got := jobState(t, s, ada, id); got != JobQueued {
			t.Fatalf("the job is %s", got)
		}
		r := result(claimed, slot, nil)
		r.Timing = gpuexec.Timing{Decode: 10 * time.Millisecond, Infer: 20 * time.Millisecond, Postprocess: 30 * time.Millisecond}
		s.Finish(t.Context(), r)
		job, err := s.Job(t.Context(), ada, id)
		must(t, err)
		if want := clock.Now().Add(-60 * time.Millisecond); job.State != JobDone || job.StartedAt == nil || !job.StartedAt.Equal(want) {
			t.Errorf("the job is %s, started %v, want %v", job.State, job.StartedAt, want)
		}
		if state := stateOf(t, s, ada); state != Idle || len(lineNow(t, s)) != 0 {
			t.Errorf("without a job left the session is %s, in line are %v", state, lineNow(t, s))
		}
	})
}

// TestACancellationOutlivesTheProcess has a process die under a job before it heard that its user has cancelled that.
func TestACancellationOutlivesTheProcess(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		s, _ := joined(t, testConfig(client))
		ada := create(t, s)
		id := submit(t, s, ada, 1)[0]
		claimNow(t, s, *get(t, s, ada).Slot)
		must(t, s.Cancel(t.Context(), ada, id))
		must(t, s.join(t.Context(), true)) // another process in its place
		if got := jobState(t, s, ada, id); got != JobCancelled {
			t.Errorf("the job is %s", got)
		}
	})
}

// TestAJobThatIsInNobodysHand has Redis take a job to be in hand of a node that lives and has never heard of it, as after it has
// forgotten that the job was finished: within a lease it goes back to its queue. One that is in hand stays there.
func TestAJobThatIsInNobodysHand(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		s, clock := joined(t, testConfig(client))
		ada := create(t, s)
		jobs := submit(t, s, ada, 3)
		slot := *get(t, s, ada).Slot
		_, err := s.run(t.Context(), claimScript, slot, "token", "unet", 1, batchPixels, 0)
		must(t, err)
		claimNow(t, s, slot)
		clock.live(t, s.config.LeaseTTL-time.Second, s)
		if got := jobState(t, s, ada, jobs[0]); got != JobRunning {
			t.Fatalf("within a lease the job is %s", got)
		}
		clock.live(t, 5*time.Second, s)
		if got := []JobState{jobState(t, s, ada, jobs[0]), jobState(t, s, ada, jobs[1])}; got[0] != JobQueued || got[1] != JobRunning {
			t.Errorf("after it they are %v", got)
		}
		if again := claimNow(t, s, slot); again.Jobs[0].ID != jobs[0] || again.Jobs[0].Attempt != 2 {
			t.Errorf("the next batch is %+v", again)
		}
	})
}

// TestAClaimThatNobodyHeardOf loses the reply to a claim until its jobs are back in their queue, and deletes the image of one there: the worker
// gets what is left, as a new batch.
func TestAClaimThatNobodyHeardOf(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		wire := newLossy(t, client)
		config := testConfig(wire)
		config.BatchSize = func(string) int { return 2 }
		s, clock := joined(t, config)
		ada := create(t, s)
		jobs := submit(t, s, ada, 2)
		slot := *get(t, s, ada).Slot
		s.slots[slot].model = "unet"
		wire.lose(1, 0)
		if _, err := s.claim(t.Context(), slot); !errors.Is(err, ErrUnavailable) {
			t.Fatalf("a claim whose reply is lost: %v", err)
		}
		clock.live(t, s.config.LeaseTTL+5*time.Second, s)
		_, err := s.ForgetImage(t.Context(), ada, "image0")
		must(t, err)
		batch := claimNow(t, s, slot)
		if len(batch.Jobs) != 1 || batch.Jobs[0].ID != jobs[1] || batch.Jobs[0].Attempt != 2 || jobState(t, s, ada, jobs[1]) != JobRunning {
			t.Errorf("the next batch is %+v", batch)
		}
	})
}
