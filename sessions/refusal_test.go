package sessions

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// TestRedisRefuses has Redis answer with each refusal that it knows, and holds every call to what it must still do.
func TestRedisRefuses(t *testing.T) {
	client := openRedis(t, "auto")
	ctx := t.Context()
	do := func(args ...any) {
		t.Helper()
		must(t, client.Do(ctx, args...).Err())
	}
	const (
		well    = iota
		refused // ErrUnavailable, and nothing is changed
	)
	for _, c := range []struct {
		name       string
		begin, end func()
		frees      int // what ends or takes back work
	}{
		{"its memory is full", func() { do("CONFIG", "SET", "maxmemory", 1) }, func() { do("CONFIG", "SET", "maxmemory", 0) }, well},
		{"it is a replica", func() { do("REPLICAOF", "127.0.0.1", 1) }, func() { do("REPLICAOF", "NO", "ONE") }, refused},
		{"it wants a replica", func() { do("CONFIG", "SET", "min-replicas-to-write", 1) }, func() { do("CONFIG", "SET", "min-replicas-to-write", 0) }, refused},
	} {
		t.Run(c.name, func(t *testing.T) {
			must(t, client.FlushAll(ctx).Err())
			config := testConfig(client)
			config.Slots = 1
			s := newService(t, config)
			must(t, s.join(ctx, true))
			session, token, err := s.Create(ctx, "Ada")
			must(t, err)
			ada := session.ID
			jobs := submit(t, s, ada, 5)
			inHand := claimNow(t, s, 0)
			ben, cleo := create(t, s), create(t, s)
			submit(t, s, ben, 1)

			c.begin()
			t.Cleanup(func() { c.end() })
			check := func(what string, want int, err error) {
				t.Helper()
				if (want == well) != (err == nil) || (err != nil && !errors.Is(err, ErrUnavailable)) {
					t.Errorf("%s: %v", what, err)
				}
			}
			_, err = s.Authenticate(ctx, token)
			check("authenticate", well, err)
			_, err = s.Get(ctx, ada)
			check("get", well, err)
			_, err = s.Get(ctx, ben)
			check("get in line", well, err)
			_, err = s.Job(ctx, ada, jobs[0])
			check("job", well, err)
			_, err = s.Jobs(ctx, ada, JobQuery{Limit: 10})
			check("jobs", well, err)
			_, err = s.Stats(ctx)
			check("stats", well, err)
			sub, err := s.Subscribe(ctx, ada, nil, func(Message) {})
			check("subscribe", well, err)
			if err == nil {
				_, err = sub.Backlog(ctx, 0, 10)
				check("read the log", well, err)
				sub.Close()
			}
			_, _, err = s.Create(ctx, "Late")
			check("create", refused, err)
			_, err = s.Submit(ctx, ada, "", newJobs(1))
			check("submit", refused, err)
			check("ready", refused, s.Ready(ctx))

			_, err = s.tick(ctx)
			check("tick", c.frees, err)
			check("presence", c.frees, s.tellPresence(ctx))
			check("cancel", c.frees, s.Cancel(ctx, ada, jobs[4]))
			check("cancel all", c.frees, s.CancelAll(ctx, ben))
			check("close", c.frees, s.Close(ctx, cleo))
			_, err = s.claim(ctx, 0)
			check("claim", c.frees, err)
			if c.frees == well {
				finishAll(t, s, 0, inHand, nil)
			}

			c.end()
			began := time.Now()
			for s.Ready(ctx) != nil && time.Since(began) < patience {
				pause(ctx, 10*time.Millisecond)
			}
			_, err = s.Submit(ctx, ada, "", newJobs(1))
			check("submit afterwards", well, err)
			counts := get(t, s, ada).Jobs
			if counts.Queued+counts.Running+counts.Done+counts.Cancelled != 6 || (counts.Done == 1) != (c.frees == well) {
				t.Errorf("afterwards: %+v", counts)
			}
		})
	}
}

// TestClosingMakesRoom has Redis refuse for want of room on its disk, where the files of sessions may lie too.
func TestClosingMakesRoom(t *testing.T) {
	client := openRedis(t, "auto")
	ctx := t.Context()
	set := func(name, value string) { must(t, client.ConfigSet(ctx, name, value).Err()) }
	folder, err := client.ConfigGet(ctx, "dir").Result()
	must(t, err)
	must(t, os.Mkdir(filepath.Join(folder["dir"], "dump.rdb"), 0o700)) // so that it cannot save
	fill := func() {
		t.Helper()
		set("save", "3600 1000")
		must(t, client.BgSave(ctx).Err())
		eventually(t, "a refusal", func() bool { return redis.HasErrorPrefix(client.Set(ctx, "key", "", 0).Err(), "MISCONF") })
	}
	stored := newFiles()
	config := testConfig(client)
	config.Files = stored
	s := newService(t, config)
	ada, ben := create(t, s), create(t, s)

	fill()
	if err := s.Close(ctx, ada); !errors.Is(err, ErrNoRoom) || !errors.Is(err, ErrUnavailable) {
		t.Errorf("closing while there is no room: %v", err)
	}
	if stored.deleted[ada] == 0 {
		t.Error("what could make room was kept")
	}
	stored.freed = func() { set("save", "") }
	must(t, s.Close(ctx, ben))
	stored.freed = nil
	must(t, s.Close(ctx, ada))
}

// TestWorkersGoOnAsSoonAsRedisDoes has a worker wait for its next batch while nothing can be claimed.
func TestWorkersGoOnAsSoonAsRedisDoes(t *testing.T) {
	client := openRedis(t, "auto")
	config := testConfig(client)
	s := started(t, config, nobody{})
	ada := create(t, s)
	slot := *get(t, s, ada).Slot
	submit(t, s, ada, 1)
	must(t, client.Do(t.Context(), "REPLICAOF", "127.0.0.1", 1).Err())
	got := make(chan string, 1)
	go func() {
		batch, err := s.Next(t.Context(), slot)
		if err == nil {
			got <- batch.Jobs[0].ID
		}
	}()
	eventually(t, "a tick that fails", func() bool { return s.lease.failure() != nil })
	must(t, client.Do(t.Context(), "REPLICAOF", "NO", "ONE").Err())
	receive(t, "the batch", got)
}
