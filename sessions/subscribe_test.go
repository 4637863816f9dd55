package sessions

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func seqs(messages []Message) []int64 {
	var out []int64
	for _, m := range messages {
		out = append(out, m.Seq)
	}
	return out
}

func TestResume(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		s := newService(t, testConfig(client))
		s.logLength = 10
		ada := create(t, s)  // no node has a lease: no slot, and no event
		submit(t, s, ada, 4) // 4 jobs, then waiting: 5 events
		open := func(since int64) *Subscription {
			t.Helper()
			sub, err := s.Subscribe(t.Context(), ada, &Mark{Seq: since}, func(Message) {})
			must(t, err)
			t.Cleanup(sub.Close)
			return sub
		}
		for _, c := range []struct {
			name         string
			submit       int
			since        int64
			resumed      bool
			wantBacklog  int
			wantSnapshot int
		}{
			{"from the beginning", 0, 0, true, 5, 0},
			{"from the middle", 0, 3, true, 2, 0},
			{"nothing missed", 0, 5, true, 0, 0},
			{"from the future", 0, 6, false, 0, 4},
			{"a negative seq is the beginning", 0, -3, true, 5, 0},
			{"the log just reaches back", 7, 2, true, 10, 0},
			{"the log no longer reaches back", 0, 1, false, 0, 11},
		} {
			if c.submit > 0 {
				submit(t, s, ada, c.submit)
			}
			sub := open(c.since)
			o := sub.Opening
			if o.Resumed != c.resumed || o.Gap == c.resumed || len(o.Jobs) != c.wantSnapshot {
				t.Errorf("%s: resumed %t, gap %t, %d jobs", c.name, o.Resumed, o.Gap, len(o.Jobs))
			}
			if !c.resumed {
				continue
			}
			var all []Message
			for after := max(0, c.since); ; after = all[len(all)-1].Seq {
				page, err := sub.Backlog(t.Context(), after, 2)
				must(t, err)
				all = append(all, page...)
				if len(page) < 2 {
					break
				}
			}
			if len(all) != c.wantBacklog {
				t.Errorf("%s: the backlog is %v", c.name, seqs(all))
			}
			for i, m := range all {
				if m.Seq != max(0, c.since)+int64(i)+1 {
					t.Fatalf("%s: the backlog is %v", c.name, seqs(all))
				}
			}
		}

		// A backlog goes on to what has happened since, for a replay that takes its time, and says so when it is gone.
		sub := open(5)
		submit(t, s, ada, 1)
		page, err := sub.Backlog(t.Context(), 5, 100)
		must(t, err)
		if last := page[len(page)-1].Seq; last <= sub.Opening.Session.Seq {
			t.Errorf("the backlog ends at %d", last)
		}
		submit(t, s, ada, 10)
		if _, err := sub.Backlog(t.Context(), 5, 100); !errors.Is(err, ErrGap) {
			t.Errorf("a backlog that is gone: %v", err)
		}
	})
}

func TestOpeningShowsTheNewestJobsFirst(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		s := newService(t, testConfig(client))
		ada := create(t, s)
		jobs := submit(t, s, ada, snapshotJobs+5)
		sub, err := s.Subscribe(t.Context(), ada, nil, func(Message) {})
		must(t, err)
		defer sub.Close()
		if o := sub.Opening; len(o.Jobs) != snapshotJobs || o.Jobs[0].ID != jobs[len(jobs)-1] || o.Gap || o.Resumed {
			t.Errorf("the opening has %d jobs", len(o.Jobs))
		}
	})
}

// TestEveryListenerHearsEachEventOnce subscribes while events happen; each listener must hear all that comes after
// its Opening, in order and once.
func TestEveryListenerHearsEachEventOnce(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		s := started(t, testConfig(client), nobody{})
		ada := create(t, s)
		type ear struct {
			box  *mailbox
			from int64
		}
		var ears []ear
		for range 20 {
			submit(t, s, ada, 3)
			box := newMailbox()
			sub, err := s.Subscribe(t.Context(), ada, nil, box.deliver)
			must(t, err)
			defer sub.Close()
			ears = append(ears, ear{box, sub.Opening.Session.Seq})
		}
		submit(t, s, ada, 3)
		last := get(t, s, ada).Seq
		for _, e := range ears {
			all := e.box.await(t, "the last event", func(all []Message) bool {
				k := kept(all)
				return len(k) > 0 && k[len(k)-1].Seq == last
			})
			for i, m := range kept(all) {
				if m.Seq != e.from+int64(i)+1 {
					t.Fatalf("after %d: %v", e.from, seqs(kept(all)))
				}
			}
		}
	})
}

// TestALostHintIsHealed appends events of which no hint tells.
func TestALostHintIsHealed(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		s := started(t, testConfig(client), nobody{})
		ada := create(t, s)
		box := newMailbox()
		sub, err := s.Subscribe(t.Context(), ada, nil, box.deliver)
		must(t, err)
		defer sub.Close()
		seq := sub.Opening.Session.Seq + 1
		must(t, client.HIncrBy(t.Context(), sessionKey(ada), "seq", 1).Err())
		must(t, client.XAdd(t.Context(), &redis.XAddArgs{Stream: sessionKey(ada) + ":log", ID: seqID(seq) + "-0",
			Values: []string{"type", "session", "state", "idle"}}).Err())
		box.await(t, "the event without a hint", func(all []Message) bool { return len(all) == 1 && all[0].Seq == seq })

		// And one that is not kept any more.
		must(t, client.HIncrBy(t.Context(), sessionKey(ada), "seq", 2).Err())
		must(t, client.XAdd(t.Context(), &redis.XAddArgs{Stream: sessionKey(ada) + ":log", ID: seqID(seq+2) + "-0",
			Values: []string{"type", "session", "state", "idle"}}).Err())
		all := box.await(t, "a snapshot", func(all []Message) bool { return len(all) == 2 && all[1].Opening != nil })
		if got := all[1].Opening.Session.Seq; got != seq+2 {
			t.Errorf("the snapshot has seq %d, want %d", got, seq+2)
		}
	})
}

func TestListenersOfASessionThatRedisForgot(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		s := started(t, testConfig(client), nobody{})
		box := newMailbox()
		sub, err := s.Subscribe(t.Context(), create(t, s), nil, box.deliver)
		must(t, err)
		defer sub.Close()
		must(t, client.FlushAll(t.Context()).Err())
		box.await(t, "word of the loss", func(all []Message) bool { return len(all) > 0 && all[len(all)-1].Lost })
	})
}

func TestNothingIsDeliveredAfterClose(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		s := started(t, testConfig(client), nobody{})
		ada := create(t, s)
		closed, other := newMailbox(), newMailbox()
		first, err := s.Subscribe(t.Context(), ada, nil, closed.deliver)
		must(t, err)
		second, err := s.Subscribe(t.Context(), ada, nil, other.deliver)
		must(t, err)
		defer second.Close()
		first.Close()
		first.Close()
		submit(t, s, ada, 1)
		other.await(t, "the job", func(all []Message) bool { return len(all) == 1 })
		if all := closed.all(); len(all) != 0 {
			t.Errorf("a closed subscription heard %v", seqs(all))
		}
		if n := len(s.audience.ids()); n != 1 {
			t.Errorf("%d sessions have listeners", n)
		}
	})
}

func TestSubscribeRefuses(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		s := newService(t, testConfig(client))
		ada := create(t, s)
		must(t, s.Close(t.Context(), ada))
		for id, want := range map[string]error{ada: ErrClosed, "nobody": ErrNotFound} {
			if _, err := s.Subscribe(t.Context(), id, nil, func(Message) {}); !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", id, err, want)
			}
		}
		if len(s.audience.ids()) != 0 {
			t.Error("a refused listener was kept")
		}
	})
}

// TestWaitingSessionsHearTheirPlace has two sessions wait, and one of them move up.
func TestWaitingSessionsHearTheirPlace(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		config := testConfig(client)
		config.Slots = 1
		s := started(t, config, nobody{})
		ada, ben, cleo := create(t, s), create(t, s), create(t, s)
		box := newMailbox()
		sub, err := s.Subscribe(t.Context(), cleo, nil, box.deliver)
		must(t, err)
		defer sub.Close()
		for _, id := range []string{ada, ben, cleo} {
			submit(t, s, id, 2)
		}
		place := func(position, waiting int, eta bool) func([]Message) bool {
			return func(all []Message) bool {
				for _, m := range all {
					var f positionFrame
					must(t, json.Unmarshal(m.Data, &f))
					if m.Type == "position" && f.Position == position && f.Waiting == waiting && (f.ETASeconds != nil) == eta {
						return m.Seq == 0 && m.Key == "position"
					}
				}
				return false
			}
		}
		box.await(t, "place 2 of 2", place(2, 2, false))
		finishAll(t, s, 0, claimNow(t, s, 0), nil)
		box.await(t, "place 2 of 2 with an estimate", place(2, 2, true))
		if session := get(t, s, cleo); session.ETASeconds == nil || *session.Position != 2 {
			t.Errorf("cleo is %+v", session)
		}
		must(t, s.CancelAll(t.Context(), ben))
		box.await(t, "place 1 of 1", place(1, 1, true))
	})
}

// TestNothingOfAClosedSessionStaysForEver looks at all that Redis has of one that is swept: what is left says so for a while.
func TestNothingOfAClosedSessionStaysForEver(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		s, _ := joined(t, testConfig(client))
		session, token, err := s.Create(t.Context(), "Ada")
		must(t, err)
		ada := session.ID
		_, err = s.Submit(t.Context(), ada, "a key", newJobs(2))
		must(t, err)
		slot := *get(t, s, ada).Slot
		finishAll(t, s, slot, claimNow(t, s, slot), nil)
		must(t, s.Close(t.Context(), ada))
		must(t, s.sweep(t.Context(), ada))
		var left []string
		for _, key := range client.Keys(t.Context(), "*").Val() {
			if strings.Contains(key, ada) || strings.Contains(key, hashToken(token)) {
				left = append(left, key)
				if life := client.TTL(t.Context(), key).Val(); life <= 0 || life > rememberClosed {
					t.Errorf("%s stays for %v", key, life)
				}
			}
		}
		if len(left) == 0 {
			t.Error("nothing tells that the session is closed")
		}
	})
}

func TestASessionWithoutSocketsAndWorkExpires(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		config := testConfig(client)
		config.SessionTTL = 3 * time.Minute
		s, clock := joined(t, config)
		watched, busy, left := create(t, s), create(t, s), create(t, s)
		sub, err := s.Subscribe(t.Context(), watched, nil, func(Message) {})
		must(t, err)
		defer sub.Close()
		submit(t, s, busy, 1)
		pass := func(d time.Duration) {
			clock.live(t, d-time.Second, s)
			must(t, s.tellPresence(t.Context()))
			ticked := clock.live(t, time.Second, s)
			must(t, s.doChores(t.Context(), ticked.chores))
		}
		pass(s.config.SessionTTL - 2*time.Second)
		get(t, s, left)
		pass(2 * time.Second)
		if _, err := s.Get(t.Context(), left); !errors.Is(err, ErrClosed) {
			t.Errorf("the session that nobody wants: %v", err)
		}
		if s.config.Files.(*files).deleted[left] == 0 {
			t.Error("its files were kept")
		}
		get(t, s, watched)
		slot := *get(t, s, busy).Slot
		batch := claimNow(t, s, slot)
		clock.live(t, s.config.SessionTTL/2, s)
		finishAll(t, s, slot, batch, nil)
		pass(s.config.SessionTTL - 2*time.Second)
		get(t, s, busy)
		pass(2 * time.Second)
		if _, err := s.Get(t.Context(), busy); !errors.Is(err, ErrClosed) {
			t.Errorf("the session that had work: %v", err)
		}
		get(t, s, watched)
	})
}
