package sessions

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"seghub/gpuexec"
	"seghub/models/mask"
)

// nextRevision is one that nobody has made yet.
func nextRevision(edit string) NewRevision {
	return NewRevision{Content: "of " + edit, Edit: edit, Options: mask.Options{Threshold: 0.6}, Count: 7,
		Changed: json.RawMessage(`[{"id":3}]`), Removed: json.RawMessage(`[4]`), Box: json.RawMessage(`[0,1,2,3]`)}
}

// doneJob gives a session with one job that is done.
func doneJob(t *testing.T, client redis.UniversalClient) (s *Service, session, job string) {
	t.Helper()
	s, _ = joined(t, testConfig(client))
	session = create(t, s)
	job = submit(t, s, session, 1)[0]
	batch := claimNow(t, s, 0)
	r := result(batch.Jobs[0], 0, nil)
	r.Output.Summary.Count = 9
	s.Finish(t.Context(), r)
	return s, session, job
}

func TestRevisionsFollowOneAnother(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		s, session, id := doneJob(t, client)
		job, err := s.Job(t.Context(), session, id)
		must(t, err)
		if job.Revision != 1 || job.Count == nil || *job.Count != 9 || job.Content != "" {
			t.Errorf("a job that is done has revision %d of %v objects", job.Revision, job.Count)
		}
		after := eventCount(t, s, session)

		for i, call := range []struct {
			from     int
			edit     string
			revision int
			err      error
		}{
			{1, "a", 2, nil},
			{1, "a", 2, nil}, // sent again after a lost reply
			{1, "b", 2, ErrConflict},
			{3, "b", 2, ErrConflict},
			{2, "b", 3, nil},
			{1, "a", 2, nil}, // once more, when another has followed
			{1, "b", 3, ErrConflict},
		} {
			revision, err := s.Revise(t.Context(), session, id, call.from, nextRevision(call.edit))
			if revision != call.revision || !errors.Is(err, call.err) {
				t.Errorf("call %d: revision %d, %v", i, revision, err)
			}
		}
		job, err = s.Job(t.Context(), session, id)
		must(t, err)
		if job.Revision != 3 || *job.Count != 7 || job.Content != "of b" || job.Options.Threshold != 0.6 || job.FirstOptions.Threshold != 0.5 {
			t.Errorf("the job is %+v", job)
		}
		revisions, err := s.Revisions(t.Context(), session, id)
		must(t, err)
		if len(revisions) != 3 {
			t.Fatalf("%d revisions", len(revisions))
		}
		if revisions[1].Edit != "a" || revisions[2].By != "Ada" || revisions[0].Options.Threshold != 0.5 || revisions[2].At.IsZero() {
			t.Errorf("revisions are %+v", revisions)
		}

		// Each revision is told once: what changed, and the job that it makes.
		messages := eventsAfter(t, s, session, after)
		var types []string
		for _, m := range messages {
			types = append(types, m.Type)
		}
		if !slices.Equal(types, []string{"edit", "job", "edit", "job"}) {
			t.Fatalf("events are %v", types)
		}
		want := fmt.Sprintf(`{"type":"edit","seq":%d,"job_id":"%s","revision":2,"changed":[{"id":3}],"removed":[4],"box":[0,1,2,3]}`, after+1, id)
		if got := string(messages[0].Data); got != want {
			t.Errorf("the edit is told as %s, want %s", got, want)
		}
	})
}

func TestOfManyAtOnceOneRevises(t *testing.T) {
	s, session, id := doneJob(t, openRedis(t, "auto"))
	const people, rounds = 4, 10
	var all sync.WaitGroup
	for p := range people {
		all.Go(func() {
			from := 1
			for made := 0; made < rounds; {
				revision, err := s.Revise(t.Context(), session, id, from, nextRevision(fmt.Sprintf("%d-%d", p, made)))
				if err == nil {
					made++
				} else if !errors.Is(err, ErrConflict) {
					t.Error(err)
					return
				}
				from = revision
			}
		})
	}
	all.Wait()
	revisions, err := s.Revisions(t.Context(), session, id)
	must(t, err)
	if len(revisions) != 1+people*rounds {
		t.Errorf("%d revisions were made", len(revisions))
	}
	for i, r := range revisions {
		if r.Number != i+1 {
			t.Errorf("revision %d stands at place %d", r.Number, i+1)
		}
	}
}

func TestOnlyWhatIsDoneIsRevised(t *testing.T) {
	s, _ := joined(t, testConfig(openRedis(t, "embedded")))
	session, other := create(t, s), create(t, s)
	job := submit(t, s, session, 1)[0]
	for what, of := range map[string][2]string{"a queued job": {session, job}, "no job": {session, "none"}, "another's job": {other, job}} {
		if _, err := s.Revise(t.Context(), of[0], of[1], 0, nextRevision("a")); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if revisions, err := s.Revisions(t.Context(), session, job); err != nil || revisions != nil {
		t.Errorf("a queued job has revisions %v, %v", revisions, err)
	}
}

func TestForgottenImagesTakeTheirJobsAlong(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		s, _ := joined(t, testConfig(client))
		session := create(t, s)
		image := newJobs(1)[0]
		again, other := image, newJobs(2)[1]
		again.Model = "other"
		var ids []string
		for _, job := range []NewJob{image, again, again, other} { // one after the other, each a batch
			made, err := s.Submit(t.Context(), session, "", []NewJob{job})
			must(t, err)
			ids = append(ids, made[0].ID)
		}
		finishAll(t, s, 0, claimNow(t, s, 0), nil)
		running := claimNow(t, s, 0)
		first, err := s.Image(t.Context(), session, image.ImageID)
		must(t, err)
		if first.ID != ids[0] || first.Filename != image.Filename {
			t.Errorf("the image's first job is %+v", first)
		}
		before := eventCount(t, s, session)

		gone, err := s.ForgetImage(t.Context(), session, image.ImageID)
		must(t, err)
		if !slices.Equal(gone, ids[:3]) {
			t.Errorf("forgotten are %v, want %v", gone, ids[:3])
		}
		finishAll(t, s, 0, running, gpuexec.ErrCancelled)
		for _, id := range ids[:3] {
			if _, err := s.Job(t.Context(), session, id); !errors.Is(err, ErrNotFound) {
				t.Errorf("job %s is still there: %v", id, err)
			}
		}
		page, err := s.Jobs(t.Context(), session, JobQuery{Limit: 10})
		must(t, err)
		if len(page.Jobs) != 1 || page.Jobs[0].ID != ids[3] {
			t.Errorf("left are %+v", page.Jobs)
		}
		now, err := s.Get(t.Context(), session)
		must(t, err)
		if now.Jobs != (Counts{Queued: 1}) {
			t.Errorf("the session counts %+v", now.Jobs)
		}
		messages := eventsAfter(t, s, session, before)
		cancelled := 0
		for _, m := range messages {
			if m.Type == "job" && strings.Contains(string(m.Data), `"state":"cancelled"`) && strings.Contains(string(m.Data), `"deleted":true`) {
				cancelled++
			}
		}
		if cancelled != 3 {
			t.Errorf("%d of 3 jobs were told to be cancelled and deleted", cancelled)
		}
		if _, err := s.Image(t.Context(), session, image.ImageID); !errors.Is(err, ErrNotFound) {
			t.Errorf("the image is still known: %v", err)
		}
	})
}

func eventCount(t *testing.T, s *Service, session string) int64 {
	t.Helper()
	got, err := s.Get(t.Context(), session)
	must(t, err)
	return got.Seq
}

// eventsAfter are what a socket hears that knows everything up to seq.
func eventsAfter(t *testing.T, s *Service, session string, seq int64) []Message {
	t.Helper()
	subscription, err := s.Subscribe(t.Context(), session, &Mark{Seq: seq}, func(Message) {})
	must(t, err)
	defer subscription.Close()
	messages, err := subscription.Backlog(t.Context(), seq, 100)
	must(t, err)
	return messages
}
