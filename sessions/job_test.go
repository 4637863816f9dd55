package sessions

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"seghub/gpuexec"
	"seghub/sessions/problem"
)

func TestJobsInPages(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		s := newService(t, testConfig(client))
		ada := create(t, s)
		jobs := submit(t, s, ada, 1100)
		slices.Reverse(jobs)
		oldest := jobs[len(jobs)-3:]
		for _, job := range oldest {
			must(t, s.Cancel(t.Context(), ada, job))
		}
		read := func(q JobQuery) (ids []string, pages int) {
			t.Helper()
			for {
				page, err := s.Jobs(t.Context(), ada, q)
				must(t, err)
				pages++
				for _, job := range page.Jobs {
					ids = append(ids, job.ID)
				}
				if page.NextCursor == "" {
					return ids, pages
				}
				q.Cursor = page.NextCursor
			}
		}
		if ids, pages := read(JobQuery{Limit: 900}); !slices.Equal(ids, jobs) || pages != 2 {
			t.Errorf("%d jobs on %d pages", len(ids), pages)
		}
		if ids, pages := read(JobQuery{Limit: 1250}); !slices.Equal(ids, jobs) || pages != 2 {
			t.Errorf("more than a page holds: %d jobs on %d pages", len(ids), pages)
		}
		// They lie behind more jobs than one script looks at.
		if ids, _ := read(JobQuery{Limit: 2, State: JobCancelled}); !slices.Equal(ids, oldest) {
			t.Errorf("cancelled: %v", ids)
		}
		if ids, pages := read(JobQuery{Limit: 5, State: JobFailed}); len(ids) != 0 || pages != 1 {
			t.Errorf("failed: %v on %d pages", ids, pages)
		}
		if _, err := s.Jobs(t.Context(), ada, JobQuery{Limit: 1, Cursor: "no cursor"}); !errors.Is(err, ErrBadCursor) {
			t.Errorf("a bad cursor: %v", err)
		}
	})
}

func TestSubmitAllOrNone(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		config := testConfig(client)
		config.MaxQueue = 3
		s := newService(t, config)
		ada := create(t, s)
		submit(t, s, ada, 2)
		if _, err := s.Submit(t.Context(), ada, "", newJobs(2)); !errors.Is(err, ErrQueueFull) {
			t.Errorf("one too many: %v", err)
		}
		if session := get(t, s, ada); session.Jobs.Queued != 2 {
			t.Errorf("after the refusal: %+v", session.Jobs)
		}
		submit(t, s, ada, 1)
		for id, want := range map[string]error{"nobody": ErrNotFound} {
			if _, err := s.Submit(t.Context(), id, "", newJobs(1)); !errors.Is(err, want) {
				t.Errorf("%s: %v", id, err)
			}
		}
		if jobs, err := s.Submit(t.Context(), ada, "", nil); len(jobs) != 0 || err != nil {
			t.Errorf("no jobs: %v, %v", jobs, err)
		}
	})
}

func TestForeignIdsDoNotExist(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		s := newService(t, testConfig(client))
		ada, ben := create(t, s), create(t, s)
		job := submit(t, s, ada, 1)[0]
		if _, err := s.Job(t.Context(), ben, job); !errors.Is(err, ErrNotFound) {
			t.Errorf("Job: %v", err)
		}
		if err := s.Cancel(t.Context(), ben, job); !errors.Is(err, ErrNotFound) {
			t.Errorf("Cancel: %v", err)
		}
		if _, err := s.Authenticate(t.Context(), "guess"); !errors.Is(err, ErrUnauthorized) {
			t.Errorf("Authenticate: %v", err)
		}
		if got := jobState(t, s, ada, job); got != JobQueued {
			t.Errorf("the job is %s", got)
		}
	})
}

var errStalled = errors.New("the storage is gone")

func TestOutcomes(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		for _, c := range []struct {
			name   string
			result error
			put    error
			cancel bool
			want   JobState
			detail string
		}{
			{name: "success", want: JobDone},
			{name: "the engine fails", result: errBroken, want: JobFailed, detail: "broken"},
			{name: "the result cannot be stored", put: errors.New("disk full"), want: JobFailed, detail: "disk full"},
			{name: "no result can be stored", put: errStalled, want: JobQueued},
			{name: "no image can be read", result: errStalled, want: JobQueued},
			{name: "cancelled while nothing can be stored", put: errStalled, cancel: true, want: JobCancelled},
			{name: "cancelled by its user", result: gpuexec.ErrCancelled, cancel: true, want: JobCancelled},
			{name: "finished before the cancel arrived", cancel: true, want: JobCancelled},
			{name: "stopped, but not by its user", result: gpuexec.ErrCancelled, want: JobQueued},
		} {
			must(t, client.FlushAll(t.Context()).Err())
			config := testConfig(client)
			config.Files.(*files).put = func(string) error { return c.put }
			config.Stalls = func(_ context.Context, err error) bool { return errors.Is(err, errStalled) }
			told := JobQueued
			config.Ended = func(_ gpuexec.Result, state JobState) { told = state }
			s, clock := joined(t, config)
			ada := create(t, s)
			id := submit(t, s, ada, 1)[0]
			clock.move(time.Second)
			slot := *get(t, s, ada).Slot
			batch := claimNow(t, s, slot)
			if c.cancel {
				must(t, s.Cancel(t.Context(), ada, id))
			}
			clock.move(2 * time.Second)
			r := result(batch.Jobs[0], slot, c.result)
			r.Timing = gpuexec.Timing{Decode: 10 * time.Millisecond, Infer: 20 * time.Millisecond, Postprocess: 30 * time.Millisecond}
			s.Finish(t.Context(), r)
			job, err := s.Job(t.Context(), ada, id)
			must(t, err)
			if job.State != c.want || told != c.want {
				t.Errorf("%s: the job is %s, and told to be %s", c.name, job.State, told)
			}
			if (job.Error != nil) != (c.detail != "") || job.Error != nil &&
				(job.Error.Detail != c.detail || job.Error.Code != problem.InferenceFailed) {
				t.Errorf("%s: the problem is %+v", c.name, job.Error)
			}
			if want := (Timing{Queued: 1000, Decode: 10, Infer: 20, Postprocess: 30, Total: 3000}); c.want != JobQueued && job.Timing != want {
				t.Errorf("%s: timing %+v", c.name, job.Timing)
			}
		}
	})
}

// TestAResultThatAShutdownCutsShortIsNoFailure ends the call in the middle of storing.
func TestAResultThatAShutdownCutsShortIsNoFailure(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		ctx, cancel := context.WithCancel(t.Context())
		config := testConfig(client)
		config.Files.(*files).put = func(string) error {
			cancel()
			return errors.New("the write was broken off")
		}
		s, _ := joined(t, config)
		ada := create(t, s)
		id := submit(t, s, ada, 1)[0]
		slot := *get(t, s, ada).Slot
		s.Finish(ctx, result(claimNow(t, s, slot).Jobs[0], slot, nil))
		if got := jobState(t, s, ada, id); got != JobQueued {
			t.Errorf("the job is %s", got)
		}
	})
}

// TestProgressOfAFinishedJobIsDropped sends progress that was on its way when the job finished.
func TestProgressOfAFinishedJobIsDropped(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		s := started(t, testConfig(client), nobody{})
		ada := create(t, s)
		box := newMailbox()
		sub, err := s.Subscribe(t.Context(), ada, nil, box.deliver)
		must(t, err)
		defer sub.Close()
		jobs := submit(t, s, ada, 2)
		slot := *get(t, s, ada).Slot
		first := claimNow(t, s, slot).Jobs[0]
		s.Finish(t.Context(), result(first, slot, nil))
		claimNow(t, s, slot)

		note := func(job string, percent int) {
			s.progress.put(claimKey{job, 1}, progressNote{ada, gpuexec.Progress{JobID: job, Stage: gpuexec.StageInfer, Percent: percent}})
		}
		note(jobs[0], 77)
		note(jobs[1], 33)
		all := box.await(t, "progress of the second job", func(all []Message) bool {
			return slices.ContainsFunc(all, func(m Message) bool { return m.Key == "progress/"+jobs[1] })
		})
		if slices.ContainsFunc(all, func(m Message) bool { return m.Key == "progress/"+jobs[0] }) {
			t.Error("progress follows the end of its job")
		}
		if job, err := s.Job(t.Context(), ada, jobs[0]); err != nil || job.Percent != 100 || job.Stage != "" {
			t.Errorf("the finished job is %+v, %v", job, err)
		}
	})
}

// TestProgressIsOfItsAttempt has two workers of a node at one job, as after a lease that was lost while the first went on.
func TestProgressIsOfItsAttempt(t *testing.T) {
	s, _ := joined(t, testConfig(openRedis(t, "embedded")))
	ada := create(t, s)
	submit(t, s, ada, 1)
	slot := *get(t, s, ada).Slot
	first := claimNow(t, s, slot).Jobs[0]
	_, err := s.run(t.Context(), putBackScript, ada, first.ID)
	must(t, err)
	second := claimNow(t, s, slot).Jobs[0]
	for _, at := range []gpuexec.Job{second, first} {
		s.Progress(gpuexec.Progress{JobID: at.ID, Attempt: at.Attempt, Percent: 100 - at.Attempt})
	}
	for key, note := range s.progress.takeAll() {
		if note.Percent != 100-key.attempt {
			t.Errorf("attempt %d has come to %d percent", key.attempt, note.Percent)
		}
	}
}

// executor knows the jobs that it is told of, and notes which it was asked to cancel.
type executor struct {
	mu        sync.Mutex
	knows     map[string]bool
	asked     chan string // each question, whether it knows the job or not
	cancelled chan string
}

func (e *executor) Cancel(job string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	select {
	case e.asked <- job:
	default:
	}
	if e.knows[job] {
		e.cancelled <- job
	}
	return e.knows[job]
}

func (e *executor) learn(job string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.knows[job] = true
}

func TestCancelReachesTheExecutor(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		e := &executor{knows: make(map[string]bool), asked: make(chan string, 1), cancelled: make(chan string, 10)}
		s := started(t, testConfig(client), e)
		ada := create(t, s)
		jobs := submit(t, s, ada, 4)
		slot := *get(t, s, ada).Slot
		batch := claimNow(t, s, slot)

		must(t, s.Cancel(t.Context(), ada, jobs[0]))
		receive(t, "a question", e.asked) // the executor has not heard of the job yet: it is asked again
		e.learn(jobs[0])
		if got := receive(t, "a cancellation", e.cancelled); got != jobs[0] {
			t.Fatalf("cancelled %s", got)
		}
		finishAll(t, s, slot, batch, gpuexec.ErrCancelled)

		// A cancellation of which no hint tells is found by the tick.
		batch = claimNow(t, s, slot)
		e.learn(jobs[1])
		must(t, client.HSet(t.Context(), sessionKey(ada)+":job:"+jobs[1], "cancel", "1").Err())
		if got := receive(t, "a cancellation", e.cancelled); got != jobs[1] {
			t.Fatalf("cancelled %s", got)
		}
		finishAll(t, s, slot, batch, gpuexec.ErrCancelled)

		batch = claimNow(t, s, slot)
		e.learn(jobs[2])
		must(t, s.CancelAll(t.Context(), ada))
		if got := receive(t, "a cancellation", e.cancelled); got != jobs[2] {
			t.Fatalf("cancelled %s", got)
		}
		finishAll(t, s, slot, batch, gpuexec.ErrCancelled)
		if counts := get(t, s, ada).Jobs; counts != (Counts{Cancelled: 4}) {
			t.Errorf("in the end: %+v", counts)
		}
		must(t, s.Cancel(t.Context(), ada, jobs[0])) // finished: nothing happens
		checkLog(t, s, ada, readTransitions(t))
	})
}

// TestACancelledJobKeepsNothing has its user cancel a job while its result is being stored, also where that is heard of late.
func TestACancelledJobKeepsNothing(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		for _, lost := range []int{0, 1} {
			wire := newLossy(t, client)
			config := testConfig(wire)
			s, _ := joined(t, config)
			ada := create(t, s)
			job := submit(t, s, ada, 1)[0]
			files := config.Files.(*files)
			files.put = func(job string) error {
				defer wire.lose(lost, 0)
				return s.Cancel(t.Context(), ada, job)
			}
			slot := *get(t, s, ada).Slot
			finishAll(t, s, slot, claimNow(t, s, slot), nil)
			if got := jobState(t, s, ada, job); got != JobCancelled || files.deleted[ada+"/"+job] == 0 {
				t.Errorf("it is %s, and its files were deleted %d times; lost replies: %d", got, files.deleted[ada+"/"+job], lost)
			}
		}
	})
}

func TestCancelAllOfALongQueue(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		s := newService(t, testConfig(client))
		ada := create(t, s)
		submit(t, s, ada, 2*cancelChunk+10)
		must(t, s.CancelAll(t.Context(), ada))
		if session := get(t, s, ada); session.State != Idle || session.Jobs != (Counts{Cancelled: 2*cancelChunk + 10}) {
			t.Errorf("after CancelAll: %+v", session)
		}
	})
}

// TestCloseWhileAJobRuns closes a session whose running job stores its result afterwards: nothing of it stays.
func TestCloseWhileAJobRuns(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		e := &executor{knows: make(map[string]bool), cancelled: make(chan string, 10)}
		config := testConfig(client)
		config.Slots = 1
		s := started(t, config, e)
		session, token, err := s.Create(t.Context(), "Ada")
		must(t, err)
		ada, ben := session.ID, create(t, s)
		jobs := submit(t, s, ada, 3)
		submit(t, s, ben, 1)
		e.learn(jobs[0])
		batch := claimNow(t, s, 0)
		box := newMailbox()
		sub, err := s.Subscribe(t.Context(), ada, nil, box.deliver)
		must(t, err)
		defer sub.Close()

		stored := config.Files.(*files)
		stored.put = func(string) error {
			must(t, s.Close(t.Context(), ada)) // while the result is being stored
			if !client.SIsMember(t.Context(), hashTag+":closing", ada).Val() {
				t.Error("it was swept while a job ran")
			}
			if got := receive(t, "a cancellation", e.cancelled); got != jobs[0] {
				t.Errorf("cancelled %s", got)
			}
			return nil
		}
		finishAll(t, s, 0, batch, nil)
		if n := stored.stored(ada, jobs[0]); n != 0 {
			t.Error("the result outlives its session")
		}
		all := box.await(t, "the end", func(all []Message) bool { return len(all) > 0 && all[len(all)-1].Last })
		if kinds := kindsOf(t, kept(all)); kinds[len(kinds)-1] != "session closed" {
			t.Errorf("heard %v", kinds)
		}
		if got := stateOf(t, s, ben); got != Active {
			t.Errorf("the next in line is %s", got)
		}
		if _, err := s.Authenticate(t.Context(), token); !errors.Is(err, ErrClosed) {
			t.Errorf("the token: %v", err)
		}
		if err := s.Close(t.Context(), ada); !errors.Is(err, ErrClosed) {
			t.Errorf("closed again: %v", err)
		}
		if _, err := s.Submit(t.Context(), ada, "", newJobs(1)); !errors.Is(err, ErrClosed) {
			t.Errorf("Submit: %v", err)
		}
		eventually(t, "its keys deleted", func() bool {
			keys := client.Keys(context.Background(), sessionKey(ada)+":job*").Val()
			return len(keys) == 0 && client.SCard(context.Background(), hashTag+":closing").Val() == 0
		})
		for _, key := range client.Keys(t.Context(), sessionKey(ada)+"*").Val() {
			if ttl := client.TTL(t.Context(), key).Val(); ttl <= 0 || ttl > rememberClosed {
				t.Errorf("%s stays for %v", key, ttl)
			}
		}
	})
}

// TestAJobThatRedisThrewAway is what a Redis with another maxmemory-policy than noeviction does: the others are done and shown, and a worker comes
// to the end of its claim.
func TestAJobThatRedisThrewAway(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		config := testConfig(client)
		config.Slots, config.Borrow = 2, always
		s, clock := joined(t, config)
		ada := create(t, s)
		jobs := submit(t, s, ada, 5)
		for _, lost := range []int{0, 2, 4} {
			must(t, client.Del(t.Context(), sessionKey(ada)+":job:"+jobs[lost]).Err())
		}
		must(t, s.Cancel(t.Context(), ada, jobs[1]))
		shows := func(state JobState) {
			t.Helper()
			page, err := s.Jobs(t.Context(), ada, JobQuery{Limit: 10})
			must(t, err)
			sub, err := s.Subscribe(t.Context(), ada, nil, func(Message) {})
			must(t, err)
			sub.Close()
			for what, shown := range map[string][]Job{"the list": page.Jobs, "the snapshot": sub.Opening.Jobs} {
				if len(shown) != 2 || shown[0].ID != jobs[3] || shown[0].State != state || shown[1].State != JobCancelled {
					t.Errorf("%s has %+v", what, shown)
				}
			}
		}
		shows(JobQueued)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		for slot, want := range [][]string{{jobs[3]}, nil, nil} { // its own worker, one that would help, its own again
			batch, err := s.claim(ctx, slot%2)
			must(t, err)
			var got []string
			for _, job := range batch.Jobs {
				got = append(got, job.ID)
			}
			if !slices.Equal(got, want) {
				t.Fatalf("slot %d took %v, want %v", slot%2, got, want)
			}
			finishAll(t, s, slot%2, batch, nil)
		}
		shows(JobDone)
		if got := get(t, s, ada); got.Jobs.Queued+got.Jobs.Running != 0 {
			t.Errorf("%+v is left", got.Jobs)
		}
		clock.live(t, time.Second, s)
	})
}
