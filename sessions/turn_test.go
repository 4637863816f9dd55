package sessions

import (
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// TestNobodyStarves lets one session bring three hundred images before another brings one.
func TestNobodyStarves(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		config := testConfig(client)
		config.Slots = 1
		s, clock := joined(t, config)
		ada, ben := create(t, s), create(t, s)
		submit(t, s, ada, 300)
		pass := func(d time.Duration) {
			t.Helper()
			clock.live(t, d, s)
		}
		pass(config.Turn / 2)
		submit(t, s, ben, 3)
		served := func() string {
			t.Helper()
			pass(time.Second)
			batch := claimNow(t, s, 0)
			session := s.hand.get(claimKey{batch.Jobs[0].ID, batch.Jobs[0].Attempt}).session
			finishAll(t, s, 0, batch, nil)
			return session
		}
		for range 29 { // what is left of ada's turn
			if got := served(); got != ada {
				t.Fatal("ada's turn was cut short")
			}
		}
		for range 3 {
			if got := served(); got != ben {
				t.Fatal("ada's turn is over, but ben is not served")
			}
		}
		if session := get(t, s, ada); session.State != Waiting || *session.Position != 1 {
			t.Fatalf("ada is %+v", session)
		}
		pass(config.ReserveGrace)
		if got := served(); got != ada {
			t.Fatal("ben has no work left, but ada is not served")
		}
		for range 100 { // nobody waits: no turn
			if got := served(); got != ada {
				t.Fatal("ada lost her slot while nobody waited")
			}
		}
	})
}

func TestBorrow(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		config := testConfig(client)
		pressed := false
		config.Slots, config.Borrow = 2, func() bool { return !pressed }
		config.BatchSize = func(string) int { return 3 }
		s, clock := joined(t, config)
		ada, ben := create(t, s), create(t, s)
		jobs := submit(t, s, ada, 6)

		ids := func(slot int) (ids []string) {
			t.Helper()
			for _, job := range claimNow(t, s, slot).Jobs {
				ids = append(ids, job.ID)
			}
			return ids
		}
		pressed = true
		if got := ids(1); len(got) != 0 {
			t.Fatalf("help took %v although it may not", got)
		}
		pressed = false
		// ben holds slot 1 without work: its worker helps.
		if got := ids(1); !slices.Equal(got, jobs[:3]) {
			t.Fatalf("help took %v", got)
		}
		if stats, err := s.Stats(t.Context()); err != nil || stats.Slots[1].InHand != ada || stats.Slots[0].InHand != "" {
			t.Fatalf("slots %+v, error %v: slot 1 has ada's images in hand", stats.Slots, err)
		}
		// What the session's own worker can start is left to it.
		if got := ids(1); len(got) != 0 {
			t.Fatalf("help took the last batch: %v", got)
		}
		if got := ids(0); !slices.Equal(got, jobs[3:6]) {
			t.Fatalf("the owner's worker took %v", got)
		}
		// Somebody waits: no more help, although ben is within his grace.
		submit(t, s, ada, 8)
		submit(t, s, ben, 1)
		finishAll(t, s, 1, claimNow(t, s, 1), nil)
		cleo := create(t, s)
		submit(t, s, cleo, 1)
		if got := stateOf(t, s, cleo); got != Waiting {
			t.Fatalf("cleo is %s", got)
		}
		if got := ids(1); len(got) != 0 {
			t.Fatalf("help took %v while somebody waits", got)
		}
		clock.move(config.ReserveGrace)
		if got := ids(1); len(got) != 1 || stateOf(t, s, cleo) != Active {
			t.Fatalf("the slot's new owner got %v", got)
		}
	})
}

// TestNobodyWaitsForABusyWorker has a worker that has nothing to do start what the session's own worker, which is at work, cannot: on a
// large image that may be for long.
func TestNobodyWaitsForABusyWorker(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		config := testConfig(client)
		config.Slots, config.Borrow = 3, always
		s, _ := joined(t, config)
		ada := create(t, s)
		starts := func(slot int, session string) {
			t.Helper()
			batch := claimNow(t, s, slot)
			if len(batch.Jobs) != 1 || s.hand.get(claimKey{batch.Jobs[0].ID, 1}).session != session {
				t.Fatalf("slot %d started %v", slot, batch.Jobs)
			}
		}
		submit(t, s, ada, 1)
		starts(0, ada)
		submit(t, s, ada, 1)
		starts(1, ada)

		// ben's worker is lent out to ada: his image goes before all of hers.
		ben := create(t, s)
		submit(t, s, ada, 5)
		submit(t, s, ben, 1)
		if at := *get(t, s, ben).Slot; at != 1 {
			t.Fatalf("ben has slot %d", at)
		}
		starts(2, ben)
	})
}

// TestATurnBeginsWithItsWorker gives a slot whose worker is still at work for the one before: who gets it does not lose it, and the place
// before who came later, without having had anything of it.
func TestATurnBeginsWithItsWorker(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		config := testConfig(client)
		config.Slots = 1
		s, clock := joined(t, config)
		ada, ben, cleo := create(t, s), create(t, s), create(t, s)
		submit(t, s, ada, 1)
		large := claimNow(t, s, 0)
		submit(t, s, ben, 100)
		submit(t, s, cleo, 1)
		clock.live(t, 3*config.Turn, s)
		if got := []State{stateOf(t, s, ada), stateOf(t, s, ben), stateOf(t, s, cleo)}; !slices.Equal(got, []State{Idle, Active, Waiting}) {
			t.Fatalf("while ada's image is at work they are %v", got)
		}
		finishAll(t, s, 0, large, nil)
		finishAll(t, s, 0, claimNow(t, s, 0), nil)
		clock.live(t, config.Turn-time.Second, s)
		if got := stateOf(t, s, ben); got != Active {
			t.Errorf("before his turn is over ben is %s", got)
		}
		clock.live(t, time.Second, s)
		if got := []State{stateOf(t, s, ben), stateOf(t, s, cleo)}; !slices.Equal(got, []State{Waiting, Active}) {
			t.Errorf("after it they are %v", got)
		}
	})
}

// TestWhoWaitsBehindALargeImageIsServedFirst gives the first in line a slot whose worker is at work on somebody's large image, and lets another
// become free: that is his, and who came after him waits for the image.
func TestWhoWaitsBehindALargeImageIsServedFirst(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		config := testConfig(client)
		config.Slots = 2
		s, clock := joined(t, config)
		ada, dora, ben, cleo := create(t, s), create(t, s), create(t, s), create(t, s)
		submit(t, s, ada, 1)
		claimNow(t, s, 0)
		clock.live(t, config.Turn/2, s)
		submit(t, s, dora, 10)
		submit(t, s, ben, 10)
		submit(t, s, cleo, 10)
		clock.live(t, config.Turn/2, s)
		if got := get(t, s, ben); got.State != Active || *got.Slot != 0 {
			t.Fatalf("ben is %+v", got)
		}
		finishAll(t, s, 1, claimNow(t, s, 1), nil)
		must(t, s.Close(t.Context(), dora))
		if got := []Session{get(t, s, ben), get(t, s, cleo)}; got[0].State != Active || *got[0].Slot != 1 || got[1].State != Active || *got[1].Slot != 0 {
			t.Errorf("with a worker free they are %+v", got)
		}
		if got := claimNow(t, s, 1); len(got.Jobs) != 1 {
			t.Error("it starts nothing of ben's")
		}
	})
}

// TestWhatIsLeftIsHelpedWith has the owner's worker, once it is at work, call one that rests for what it has left over.
func TestWhatIsLeftIsHelpedWith(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		config := testConfig(client)
		config.Slots, config.Borrow = 1, always
		config.BatchSize = func(string) int { return 2 }
		one, _ := joined(t, config)
		two := secondNode(t, one, "two")
		ada := create(t, one)
		jobs := newJobs(2)
		jobs[1].Model = "hrnet"
		_, err := one.Submit(t.Context(), ada, "", jobs)
		must(t, err)
		if got := claimNow(t, two, 0); len(got.Jobs) > 0 {
			t.Fatalf("help took %v", got)
		}
		calls := client.Subscribe(t.Context(), workChannel+"two")
		defer calls.Close()
		_, err = calls.Receive(t.Context())
		must(t, err)
		if got := claimNow(t, one, 0); len(got.Jobs) != 1 {
			t.Fatalf("the owner's worker took %v", got)
		}
		receive(t, "a wake", calls.Channel())
		if got := claimNow(t, two, 0); len(got.Jobs) != 1 || got.Model != "hrnet" {
			t.Fatalf("help took %v", got)
		}
	})
}

// TestASlotFollowsItsWorker gives nothing to a worker that is not up, and takes from one that goes down.
func TestASlotFollowsItsWorker(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		config := testConfig(client)
		config.Slots = 1
		one, clock := joined(t, config)
		ada, ben := create(t, one), create(t, one)
		submit(t, one, ada, 2)
		submit(t, one, ben, 2)

		up := false
		config.Node, config.Now = "two", clock.Now
		config.Open = func(int) bool { return up }
		two := newService(t, config)
		must(t, two.join(t.Context(), true))
		clock.live(t, time.Second, one, two)
		if session := get(t, two, ben); session.State != Waiting {
			t.Fatalf("ben is %+v while the node boots", session)
		}
		up = true
		must(t, two.SlotsChanged(t.Context()))
		if session := get(t, two, ben); session.State != Active || session.Node != "two" {
			t.Fatalf("ben is %+v when it is up", session)
		}
		cleo := create(t, two)
		submit(t, two, cleo, 1)
		up = false
		clock.live(t, time.Second, one, two)
		if session := get(t, two, ben); session.State != Waiting || *session.Position != 1 {
			t.Errorf("ben is %+v when his worker is down", session)
		}
	})
}

func TestAReservationThatNobodyWatchesIsGivenUp(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		s, clock := joined(t, testConfig(client))
		watched, left := create(t, s), create(t, s)
		sub, err := s.Subscribe(t.Context(), watched, nil, func(Message) {})
		must(t, err)
		defer sub.Close()
		clock.live(t, unwatchedAfter-time.Second, s)
		must(t, s.tellPresence(t.Context()))
		clock.live(t, time.Second, s)
		if got := []State{stateOf(t, s, watched), stateOf(t, s, left)}; got[0] != Active || got[1] != Idle {
			t.Errorf("they are %v", got)
		}
		back, err := s.Subscribe(t.Context(), left, nil, func(Message) {})
		must(t, err)
		defer back.Close()
		if back.Opening.Session.State != Active {
			t.Errorf("when it connects again it is %s", back.Opening.Session.State)
		}
	})
}

// TestAReservationHasItsGrace counts it from when the slot was given, however long its owner had no work before.
func TestAReservationHasItsGrace(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		config := testConfig(client)
		config.Slots = 1
		s, clock := joined(t, config)
		gone, late, ben := create(t, s), create(t, s), create(t, s)
		clock.live(t, 10*time.Minute, s) // nobody watches the first
		sub, err := s.Subscribe(t.Context(), late, nil, func(Message) {})
		must(t, err)
		defer sub.Close()
		submit(t, s, ben, 1)
		if got := []State{stateOf(t, s, gone), stateOf(t, s, late), stateOf(t, s, ben)}; !slices.Equal(got, []State{Idle, Active, Waiting}) {
			t.Fatalf("they are %v", got)
		}
		clock.live(t, config.ReserveGrace, s)
		if got := []State{stateOf(t, s, late), stateOf(t, s, ben)}; !slices.Equal(got, []State{Idle, Active}) {
			t.Errorf("after the grace they are %v", got)
		}
	})
}

// TestABatchOfLargeImages: a turn that is over goes on for as long as the images that a worker has in hand.
func TestABatchOfLargeImages(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		config := testConfig(client)
		config.BatchSize = func(string) int { return 4 }
		s, _ := joined(t, config)
		ada := create(t, s)
		jobs := newJobs(8)
		for i, side := range []int{20_000, 4096, 4096, 4096, 4096, 4096, 20_000, 64} {
			jobs[i].Width, jobs[i].Height = side, side
		}
		if _, err := s.Submit(t.Context(), ada, "", jobs); err != nil {
			t.Fatal(err)
		}
		slot := *get(t, s, ada).Slot
		for _, want := range []int{1, 4, 1, 1, 1} {
			batch := claimNow(t, s, slot)
			if len(batch.Jobs) != want {
				t.Fatalf("a batch has %d images, want %d", len(batch.Jobs), want)
			}
			finishAll(t, s, slot, batch, nil)
		}
	})
}

// TestAClaimWhoseReplyWasLost asks twice with the same token, as after a broken connection.
func TestAClaimWhoseReplyWasLost(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		s, _ := joined(t, testConfig(client))
		ada := create(t, s)
		submit(t, s, ada, 2)
		slot := *get(t, s, ada).Slot
		s.slots[slot].token = "lost"
		first := claimNow(t, s, slot)
		s.slots[slot].token = "lost"
		second := claimNow(t, s, slot)
		if first.Jobs[0].ID != second.Jobs[0].ID || second.Jobs[0].Attempt != 1 {
			t.Errorf("got %v, then %v", first.Jobs[0], second.Jobs[0])
		}
		if got := claimNow(t, s, slot); got.Jobs[0].ID == first.Jobs[0].ID {
			t.Error("the same job was claimed twice")
		}
	})
}
