package sessions

import (
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"
)

// TestOnlyLivedTimeEndsAnything has two nodes live through steps of the clock, outages and suspended machines, of any length and
// in any order, and speak again one after the other: nobody is taken for dead, no turn ends, no session expires.
func TestOnlyLivedTimeEndsAnything(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		rapid.Check(t, func(r *rapid.T) {
			must(r, client.FlushAll(t.Context()).Err())
			config := testConfig(client)
			config.Slots, config.SessionTTL = 1, time.Minute
			clock := newClock()
			config.Now = clock.Now
			var nodes []*Service
			for _, name := range []string{"one", "two"} {
				config.Node = name
				node, err := New(config)
				must(r, err)
				must(r, node.join(t.Context(), true))
				nodes = append(nodes, node)
			}
			var ids []string
			for range 3 { // one on each node, one in line
				session, _, err := nodes[0].Create(t.Context(), "Ada")
				must(r, err)
				_, err = nodes[0].Submit(t.Context(), session.ID, "", newJobs(3))
				must(r, err)
				ids = append(ids, session.ID)
			}
			gone, _, err := nodes[0].Create(t.Context(), "Gone") // nobody watches it, it has no work
			must(r, err)
			ids = append(ids, gone.ID)
			var inHand []string
			for _, node := range nodes {
				batch, err := node.claim(t.Context(), 0)
				must(r, err)
				inHand = append(inHand, batch.Jobs[0].ID)
			}

			lived := time.Duration(0)
			for range 12 {
				gap := rapid.SampledFrom([]time.Duration{6 * time.Second, time.Minute, 200 * time.Hour, -time.Second, -5 * time.Hour}).Draw(r, "gap")
				clock.move(gap)
				first := rapid.IntRange(0, 1).Draw(r, "back first")
				clock.live(r, time.Duration(rapid.IntRange(1, 9).Draw(r, "alone"))*time.Second, nodes[first])
				last := clock.live(r, time.Second, nodes...)
				if n := len(last.chores.expired); n > 0 {
					r.Fatalf("after a gap of %v %d sessions expire", gap, n)
				}
				if lived += 10 * time.Second; lived > 40*time.Second {
					break
				}
			}
			for i, id := range ids {
				session, err := nodes[0].Get(t.Context(), id)
				must(r, err)
				if want := []State{Active, Active, Waiting, Idle}[i]; session.State != want {
					r.Fatalf("session %d is %s, want %s", i, session.State, want)
				}
			}
			for i, job := range inHand {
				got, err := nodes[0].Job(t.Context(), ids[i], job)
				must(r, err)
				if got.State != JobRunning {
					r.Fatalf("the job in hand of node %d is %s", i, got.State)
				}
			}
		})
	})
}

// TestASilentNodeIsTakenForDead counts its lease in time that another node has lived through.
func TestASilentNodeIsTakenForDead(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		one, clock := joined(t, testConfig(client))
		config := one.config
		config.Node = "two"
		two := newService(t, config)
		must(t, two.join(t.Context(), true))
		clock.live(t, time.Minute, one, two)
		clock.live(t, config.LeaseTTL/2, two) // one was about to speak
		clock.move(time.Hour)                 // an outage for both
		_, err := two.tick(t.Context())
		must(t, err)
		clock.live(t, config.LeaseTTL-time.Second, two)
		nodes := func() string { return fmt.Sprint(client.ZRange(t.Context(), hashTag+":nodes", 0, -1).Val()) }
		if got := nodes(); got != "[one two]" {
			t.Errorf("within the amnesty the nodes are %s", got)
		}
		clock.live(t, 2*time.Second, two)
		if got := nodes(); got != "[two]" {
			t.Errorf("after it they are %s", got)
		}
	})
}

// TestASilentNodeIsGivenNothingUntilItSpeaks has a slot withheld just before a gap, over which its node's lease then lasts.
func TestASilentNodeIsGivenNothingUntilItSpeaks(t *testing.T) {
	config := testConfig(openRedis(t, "auto"))
	config.Slots = 1
	one, clock := joined(t, config)
	config.Node, config.Now = "two", clock.Now
	two := newService(t, config)
	must(t, two.join(t.Context(), true))
	submit(t, one, create(t, one), 1)
	clock.live(t, 6*time.Second, one)
	clock.move(time.Hour)
	ada := create(t, one)
	clock.live(t, time.Second, one) // the hour is not counted
	if state := get(t, one, ada).State; state != Idle {
		t.Errorf("a session is %s on a node that may be dead", state)
	}
	submit(t, one, ada, 1)
	clock.live(t, time.Second, two)
	if s := get(t, one, ada); s.State != Active || s.Node != "two" {
		t.Errorf("once the node speaks, the session is %s on %s", s.State, s.Node)
	}
}

func TestASessionSaysWhenItExpires(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		s, clock := joined(t, testConfig(client))
		session, token, err := s.Create(t.Context(), "Ada")
		must(t, err)
		expires := clock.Now().Add(s.config.SessionTTL)
		if session.ExpiresAt == nil || !session.ExpiresAt.Equal(expires) {
			t.Fatalf("a new session expires at %v, want %v", session.ExpiresAt, expires)
		}
		clock.live(t, time.Minute, s)
		clock.move(time.Hour) // which nobody lived through
		_, err = s.tick(t.Context())
		must(t, err)
		if got := get(t, s, session.ID); !got.ExpiresAt.Equal(expires.Add(time.Hour)) {
			t.Errorf("after an outage it expires at %v, want %v", got.ExpiresAt, expires.Add(time.Hour))
		}
		// A call counts when it is told, like a socket.
		_, err = s.Authenticate(t.Context(), token)
		must(t, err)
		must(t, s.tellPresence(t.Context()))
		if got := get(t, s, session.ID); !got.ExpiresAt.Equal(clock.Now().Add(s.config.SessionTTL)) {
			t.Errorf("after a call it expires at %v", got.ExpiresAt)
		}
		must(t, s.Close(t.Context(), session.ID))
	})
}

// TestTheLongestTTLCounts has two hubs that were told different ones share a Redis: nobody's session ends by the shorter one, also while the
// other hub is started anew.
func TestTheLongestTTLCounts(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		const short, long = 30 * time.Hour, 100 * time.Hour
		config := testConfig(client)
		config.LeaseTTL, config.SessionTTL = 6*time.Hour, short
		one, clock := joined(t, config)
		config.Node, config.Now, config.SessionTTL = "two", clock.Now, long
		two := newService(t, config)
		must(t, two.join(t.Context(), true))
		ada, seen := create(t, one), clock.Now()
		expires := func(want time.Duration) {
			t.Helper()
			if at := get(t, one, ada).ExpiresAt; !at.Equal(seen.Add(want)) {
				t.Errorf("after %v it expires %v after it was seen, want %v", clock.Now().Sub(seen), at.Sub(seen), want)
			}
		}
		expired := func(want int, after time.Duration, nodes ...*Service) {
			t.Helper()
			if got := clock.live(t, after, nodes...).chores.expired; len(got) != want {
				t.Errorf("after %v %v expire", clock.Now().Sub(seen), got)
			}
		}
		expired(0, 40*time.Hour, two, one)
		expires(long)
		must(t, two.leave(t.Context(), ""))
		expired(0, 20*time.Hour, one)
		expires(long)
		expired(1, 10*time.Hour, one) // the other hub is gone for good
		must(t, two.join(t.Context(), true))
		expires(long)
		must(t, two.leave(t.Context(), ""))
		must(t, one.leave(t.Context(), ""))
		must(t, one.join(t.Context(), true)) // the only one has been told another
		expires(short)
	})
}
