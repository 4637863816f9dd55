package sessions

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/redis/go-redis/v9"

	"seghub/sessions/redisserver"
)

// shown is what a client shows that heard messages, jobs by id, and how often it began anew. It fails when what it heard
// has a hole.
func shown(t testing.TB, messages []Message) (jobs map[string]JobState, anew int) {
	t.Helper()
	jobs = make(map[string]JobState)
	var seq int64
	for _, m := range messages {
		switch {
		case m.Opening != nil:
			anew++
			jobs, seq = make(map[string]JobState), m.Opening.Session.Seq
			for _, job := range m.Opening.Jobs {
				jobs[job.ID] = job.State
			}
		case m.Seq > 0:
			if seq > 0 && m.Seq != seq+1 {
				t.Fatalf("seq %d follows %d", m.Seq, seq)
			}
			seq = m.Seq
			var frame jobFrame
			must(t, json.Unmarshal(m.Data, &frame))
			if m.Type == "job" {
				jobs[frame.Job.ID] = frame.Job.State
			}
		}
	}
	return jobs, anew
}

// TestARollback takes Redis back to an earlier state, as a power cut does to a log that is written every second, and lets new events
// take the numbers of those that are gone: whoever listens begins anew, and whoever comes back hears of the gap.
func TestARollback(t *testing.T) {
	openRedis(t, "auto") // skips without redis-server; the test's own is another
	dir, backup, log := t.TempDir(), t.TempDir(), slog.New(slog.DiscardHandler)
	client, _, stopRedis, err := redisserver.Open(t.Context(), "auto", dir, 0, log)
	must(t, err)
	own := redis.NewClient(&redis.Options{Network: "unix", Addr: client.(*redis.Client).Options().Addr, MaxRetries: -1})
	defer own.Close()
	restart := func(between func()) {
		t.Helper()
		must(t, stopRedis())
		between()
		_, _, stopRedis, err = redisserver.Open(t.Context(), "auto", dir, 0, log)
		must(t, err)
	}
	defer func() { must(t, stopRedis()) }()
	files := filepath.Join("redis", "appendonlydir")

	s := started(t, testConfig(own), nobody{})
	ada := create(t, s)
	submit(t, s, ada, 2)
	restart(func() { must(t, os.CopyFS(filepath.Join(backup, files), os.DirFS(filepath.Join(dir, files)))) })

	stays := newMailbox()
	sub, err := s.Subscribe(t.Context(), ada, nil, stays.deliver)
	must(t, err)
	defer sub.Close()
	lost := submit(t, s, ada, 4)
	heard := stays.await(t, "four jobs", func(all []Message) bool { return len(kept(all)) >= 4 })
	left := Mark{Seq: heard[len(heard)-1].Seq, Epoch: sub.Opening.Epoch}

	restart(func() {
		must(t, os.RemoveAll(filepath.Join(dir, files)))
		must(t, os.CopyFS(filepath.Join(dir, files), os.DirFS(filepath.Join(backup, files))))
	})
	fresh := submit(t, s, ada, 6)
	stays.await(t, "what there is now", func(all []Message) bool {
		jobs, anew := shown(t, all)
		return anew > 0 && len(jobs) == 8 && jobs[fresh[5]] == JobQueued && jobs[lost[0]] == ""
	})
	back, err := s.Subscribe(t.Context(), ada, &left, func(Message) {})
	must(t, err)
	defer back.Close()
	if o := back.Opening; o.Resumed || !o.Gap || len(o.Jobs) != 8 || o.Epoch == left.Epoch || o.Session.Seq < left.Seq {
		t.Errorf("who comes back hears: resumed %t, gap %t, %d jobs, seq %d after %d", o.Resumed, o.Gap, len(o.Jobs), o.Session.Seq, left.Seq)
	}
	if _, err := sub.Backlog(t.Context(), 0, 10); err != nil {
		t.Errorf("the log after it began anew: %v", err)
	}
	again, err := s.Subscribe(t.Context(), ada, &Mark{back.Opening.Session.Seq, back.Opening.Epoch}, func(Message) {})
	must(t, err)
	defer again.Close()
	if !again.Opening.Resumed {
		t.Error("who comes back to the same epoch is not resumed")
	}
}
