package sessions

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"seghub/gpuexec"
)

// lossy is a client whose replies are lost while it is told so: Redis does what it is asked, and nobody hears it; or the call
// does not even arrive.
type lossy struct {
	redis.UniversalClient
	mu      sync.Mutex
	replies int // to lose
	calls   int // to lose after those
	refused int // calls to refuse after those
	refusal string
	of      *script // whose calls alone are lost; nil for all scripts'
	lost    func()  // called when a reply or a call was lost
}

func newLossy(t *testing.T, client redis.UniversalClient) *lossy {
	t.Helper()
	options := *client.(*redis.Client).Options()
	options.MaxRetries = -1 // what is made again is made again by the Service
	l := &lossy{lost: func() {}}
	own := redis.NewClient(&options)
	own.AddHook(l)
	l.UniversalClient = own
	t.Cleanup(func() { must(t, own.Close()) })
	return l
}

func (l *lossy) lose(replies, calls int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.replies, l.calls = replies, calls
}

func (l *lossy) DialHook(next redis.DialHook) redis.DialHook { return next }
func (l *lossy) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
func (l *lossy) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if !strings.HasPrefix(cmd.Name(), "eval") || l.of != nil && cmd.Args()[1] != l.of.lua.Hash() { // or what a new connection says
			return next(ctx, cmd)
		}
		var err error
		if l.take(&l.replies) {
			if err = next(ctx, cmd); err == nil || errors.Is(err, redis.Nil) {
				err = io.ErrUnexpectedEOF
				l.lost()
			} else {
				l.lose(1, l.calls) // it must be sent whole first
			}
		} else if l.take(&l.calls) {
			err = &net.OpError{Op: "dial", Err: errors.New("connection refused")}
			l.lost()
		} else if l.take(&l.refused) {
			err = l.Eval(ctx, "return redis.error_reply(ARGV[1])", nil, l.refusal).Err()
		} else {
			return next(ctx, cmd)
		}
		cmd.SetErr(err)
		return err
	}
}

// take counts one down; false when there is none.
func (l *lossy) take(n *int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if *n == 0 {
		return false
	}
	*n--
	return true
}

// TestLostReplies loses the reply to each call that changes something, once: what happened is found out, and nothing happens
// twice.
func TestLostReplies(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		ctx := t.Context()
		wire := newLossy(t, client)
		config := testConfig(wire)
		config.Slots = 1
		s, clock := joined(t, config)
		ada, ben := create(t, s), create(t, s)

		wire.lose(1, 0)
		jobs, err := s.Submit(ctx, ada, "", newJobs(3))
		must(t, err)
		if got := get(t, s, ada); got.Jobs.Queued != 3 {
			t.Errorf("after a lost reply to submit: %+v", got.Jobs)
		}
		wire.lose(1, 0)
		must(t, s.Cancel(ctx, ada, jobs[2].ID))
		batch := claimNow(t, s, 0)
		wire.lose(1, 0)
		finishAll(t, s, 0, batch, nil)
		if got := get(t, s, ada).Jobs; got != (Counts{Queued: 1, Done: 1, Cancelled: 1}) {
			t.Errorf("after lost replies to cancel and finish: %+v", got)
		}
		wire.lose(1, 0)
		must(t, s.CancelAll(ctx, ada))
		wire.lose(1, 0)
		must(t, s.Close(ctx, ada))
		if err := s.Close(ctx, ada); !errors.Is(err, ErrClosed) {
			t.Errorf("closing what is closed: %v", err)
		}

		// Taken for dead, it takes a new lease, and does not hear that it has it.
		config.Node, config.Redis, config.Now = "two", client, clock.Now
		two := newService(t, config)
		must(t, two.join(ctx, true))
		submit(t, s, ben, 1)
		clock.live(t, config.LeaseTTL, two)
		wire.lose(0, 0)
		s.generation.Store(0) // what it would have without the reply
		must(t, s.join(ctx, false))
		mine := s.generation.Load()
		s.generation.Store(0)
		must(t, s.join(ctx, false))
		if s.generation.Load() != mine {
			t.Error("it has two leases")
		}
		checkLog(t, s, ada, readTransitions(t))
	})
}

// TestASubmissionInDoubt keeps Redis away for longer than anybody waits.
func TestASubmissionInDoubt(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		for _, arrived := range []bool{true, false} {
			wire := newLossy(t, client)
			config := testConfig(wire)
			s := newService(t, config)
			must(t, s.join(t.Context(), true))
			ada := create(t, s)
			ctx, leave := context.WithCancel(t.Context())
			wire.lost = leave // she does not wait
			if arrived {
				wire.lose(1, 1<<30)
			} else {
				wire.lose(0, 1<<30)
			}
			if _, err := s.Submit(ctx, ada, "", newJobs(1)); !errors.Is(err, ErrInDoubt) {
				t.Fatalf("Submit: %v", err)
			}
			in := s.doubts.takeAll()
			if err := s.resolve(t.Context(), in[0]); !errors.Is(err, ErrUnavailable) {
				t.Fatalf("while Redis is away the doubt is resolved: %v", err)
			}
			wire.lose(0, 0)
			must(t, s.resolve(t.Context(), in[0]))
			counts, deleted := get(t, s, ada).Jobs, config.Files.(*files).deleted[ada+"/image0"]
			if arrived != (counts.Queued == 1) || arrived != (deleted == 0) {
				t.Errorf("arrived: %t, but there are %+v and its image was deleted %d times", arrived, counts, deleted)
			}
			if !arrived { // a call that comes late
				late := []any{ada, 10, "", in[0].jobs[0].ID, "unet", "image0", 1, 1, "{}"}
				if reply, err := s.run(t.Context(), submitScript, late...); err != nil || text(reply) != "void" {
					t.Errorf("a late submission: %v, %v", reply, err)
				}
			}
		}
	})
}

// TestADoubtIsAskedAboutUntilRedisAnswers has the first question lost.
func TestADoubtIsAskedAboutUntilRedisAnswers(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		wire := newLossy(t, client)
		config := testConfig(wire)
		s, _ := joined(t, config)
		ada := create(t, s)
		deleted := make(chan struct{})
		config.Files.(*files).gone = func() { close(deleted) }
		wire.lose(0, 1)
		s.doubts.add(doubt{ada, []Job{{ID: "lost", ImageID: "image0"}}})
		ctx, stop := context.WithCancel(t.Context())
		var asking sync.WaitGroup
		asking.Go(func() { s.resolveDoubts(ctx) })
		receive(t, "the image's end", deleted)
		stop()
		asking.Wait()
	})
}

// TestAnAnswerOfAnotherRun keeps the images of a submission that Redis has recorded before it died, and does not answer for yet.
func TestAnAnswerOfAnotherRun(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		for _, retried := range []bool{true, false} { // by the client itself, of which nothing is heard
			wire := newLossy(t, client)
			s, _ := joined(t, testConfig(wire))
			ada := create(t, s)
			wire.refused, wire.refusal = 1, "LOADING Redis is loading the dataset in memory"
			if !retried {
				wire.lose(1, 0)
			}
			if _, err := s.Submit(t.Context(), ada, "", newJobs(1)); !errors.Is(err, ErrInDoubt) || !errors.Is(err, ErrUnavailable) {
				t.Errorf("Submit: %v", err)
			}
		}
	})
}

// TestABusyRedisIsAskedAgain has Redis take so long for a submission that the client asks again and is refused, for that very one.
func TestABusyRedisIsAskedAgain(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		wire := newLossy(t, client)
		s, _ := joined(t, testConfig(wire))
		ada := create(t, s)
		wire.refused, wire.refusal = 2, "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."
		jobs, err := s.Submit(t.Context(), ada, "", newJobs(1))
		must(t, err)
		if got := get(t, s, ada).Jobs; len(jobs) != 1 || got != (Counts{Queued: 1}) {
			t.Errorf("%d jobs were made, and there are %+v", len(jobs), got)
		}
	})
}

// TestADoubtCostsNoImageThatWasHere has somebody leave while an image is segmented again, beside one that is new.
func TestADoubtCostsNoImageThatWasHere(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		config := testConfig(client)
		s, _ := joined(t, config)
		ada := create(t, s)
		submit(t, s, ada, 1)
		finishAll(t, s, 0, claimNow(t, s, 0), nil)
		ctx, leave := context.WithCancel(t.Context())
		leave()
		if _, err := s.Submit(ctx, ada, "", newJobs(2)); !errors.Is(err, ErrInDoubt) {
			t.Fatalf("Submit: %v", err)
		}
		must(t, s.resolve(t.Context(), s.doubts.takeAll()[0]))
		deleted := config.Files.(*files).deleted
		if deleted[ada+"/image0"] != 0 || deleted[ada+"/image1"] != 1 {
			t.Errorf("deleted are %v", deleted)
		}
	})
}

// TestAJobThatRedisDoesNotKnow costs its session nothing else, whether it was deleted and the reply to its end was lost, or Redis has
// forgotten that it was submitted.
func TestAJobThatRedisDoesNotKnow(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		ctx := t.Context()
		wire := newLossy(t, client)
		config := testConfig(wire)
		s, _ := joined(t, config)
		ada := create(t, s)
		submit(t, s, ada, 3)
		finishAll(t, s, 0, claimNow(t, s, 0), nil)
		deleted, forgotten := claimNow(t, s, 0), claimNow(t, s, 0)

		_, err := s.ForgetImage(ctx, ada, "image1")
		must(t, err)
		wire.lose(1, 0)
		finishAll(t, s, 0, deleted, nil)
		must(t, client.Del(ctx, sessionKey(ada)+":job:"+forgotten.Jobs[0].ID).Err())
		finishAll(t, s, 0, forgotten, nil)
		files := config.Files.(*files)
		if n := files.deleted[ada]; n != 0 {
			t.Errorf("all files of the session were deleted %d times", n)
		}
		for _, batch := range []gpuexec.Batch{deleted, forgotten} {
			if files.deleted[ada+"/"+batch.Jobs[0].ID] == 0 {
				t.Errorf("files of %s stay", batch.Jobs[0].ID)
			}
		}
	})
}

// TestASubmissionIsSentAgainAfterADeletion loses the reply to a submission, and has its user, whose page knows the jobs already, delete the first
// image before it is sent again: the jobs of the other are not made a second time while one is in hand.
func TestASubmissionIsSentAgainAfterADeletion(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		wire := newLossy(t, client)
		s, _ := joined(t, testConfig(wire))
		ada := create(t, s)
		slot := *get(t, s, ada).Slot
		var batch gpuexec.Batch
		wire.lost = sync.OnceFunc(func() {
			_, err := s.ForgetImage(t.Context(), ada, "image0")
			must(t, err)
			batch = claimNow(t, s, slot)
		})
		wire.lose(1, 0)
		jobs, err := s.Submit(t.Context(), ada, "", newJobs(2))
		must(t, err)
		if len(batch.Jobs) != 1 || batch.Jobs[0].ID != jobs[1].ID {
			t.Fatalf("of %v, %v is in hand", jobs, batch.Jobs)
		}
		finishAll(t, s, slot, batch, nil)
		if counts := get(t, s, ada).Jobs; counts != (Counts{Done: 1}) {
			t.Errorf("in the end: %+v", counts)
		}
	})
}

// TestTheSameSubmissionTwice makes the jobs of one key once.
func TestTheSameSubmissionTwice(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		s, _ := joined(t, testConfig(client))
		ada, ben := create(t, s), create(t, s)
		ask := func(session, key string, n int) (ids []string) {
			t.Helper()
			jobs, err := s.Submit(t.Context(), session, key, newJobs(n))
			must(t, err)
			for _, job := range jobs {
				ids = append(ids, job.ID)
			}
			return ids
		}
		if got := ask(ada, "k", 0); len(got) != 0 {
			t.Errorf("a key that nobody has used made %v", got)
		}
		first := ask(ada, "k", 2)
		if again, asked := ask(ada, "k", 2), ask(ada, "k", 0); len(again) != 2 || again[0] != first[0] || again[1] != first[1] || len(asked) != 2 {
			t.Errorf("made %v, then %v and %v", first, again, asked)
		}
		if other := ask(ben, "k", 1); other[0] == first[0] {
			t.Error("a key reaches into another session")
		}
		if got := get(t, s, ada).Jobs.Queued; got != 2 {
			t.Errorf("%d jobs are queued", got)
		}
		forget := func(image string) {
			t.Helper()
			_, err := s.ForgetImage(t.Context(), ada, image)
			must(t, err)
		}
		forget("image0")
		if left := ask(ada, "k", 2); len(left) != 1 || left[0] != first[1] {
			t.Errorf("with one image deleted, the jobs are %v of %v", left, first)
		}
		forget("image1")
		if n := client.HLen(t.Context(), sessionKey(ada)+":keys").Val() + client.HLen(t.Context(), sessionKey(ada)+":left").Val(); n != 0 {
			t.Errorf("nothing is left of the submission, and %d of its key", n)
		}
		if anew := ask(ada, "k", 2); len(anew) != 2 || slices.Contains(first, anew[0]) {
			t.Errorf("with both images deleted, the jobs are %v, and were %v", anew, first)
		}
	})
}
