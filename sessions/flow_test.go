package sessions

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"

	"seghub/gpuexec"
)

// kindsOf names each kept message: "session active", "job running", "mask".
func kindsOf(t testing.TB, messages []Message) []string {
	t.Helper()
	var kinds []string
	for _, m := range messages {
		var frame struct {
			Type    string
			Seq     int64
			Job     Job
			Session Session
		}
		must(t, json.Unmarshal(m.Data, &frame))
		if frame.Seq != m.Seq || frame.Type != m.Type {
			t.Fatalf("message %d %q has the frame %s", m.Seq, m.Type, m.Data)
		}
		switch m.Type {
		case "job":
			kinds = append(kinds, "job "+string(frame.Job.State))
		case "session":
			kinds = append(kinds, "session "+string(frame.Session.State))
		default:
			kinds = append(kinds, m.Type)
		}
	}
	return kinds
}

func kept(messages []Message) []Message {
	var out []Message
	for _, m := range messages {
		if m.Seq > 0 {
			out = append(out, m)
		}
	}
	return out
}

func TestOneJobFromSubmitToDone(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		s := started(t, testConfig(client), nobody{})
		var id, token string
		{
			session, tok, err := s.Create(t.Context(), "Ada")
			must(t, err)
			id, token = session.ID, tok
			if session.State != Active || session.Slot == nil || session.Name != "Ada" || session.Node != "one" {
				t.Errorf("a new session while nobody waits is %+v", session)
			}
		}
		if got, err := s.Authenticate(t.Context(), token); err != nil || got != id {
			t.Fatalf("Authenticate gave %q, %v", got, err)
		}

		box := newMailbox()
		sub, err := s.Subscribe(t.Context(), id, nil, box.deliver)
		must(t, err)
		defer sub.Close()
		if sub.Opening.Resumed || sub.Opening.Gap || sub.Opening.Session.Seq != 1 {
			t.Errorf("opening %+v", sub.Opening)
		}

		job := submit(t, s, id, 1)[0]
		session, err := s.Get(t.Context(), id)
		must(t, err)
		batch, err := s.Next(t.Context(), *session.Slot)
		must(t, err)
		if len(batch.Jobs) != 1 || batch.Jobs[0].ID != job || batch.Model != "unet" || batch.Jobs[0].Attempt != 1 ||
			batch.Jobs[0].Options.MinArea != 9 {
			t.Fatalf("batch %+v", batch)
		}
		s.Progress(gpuexec.Progress{JobID: job, Attempt: 1, Stage: gpuexec.StageInfer, Done: 1, Total: 2, Percent: 40})
		box.await(t, "progress", func(all []Message) bool {
			return len(all) > 0 && all[len(all)-1].Type == "progress"
		})
		running, err := s.Job(t.Context(), id, job)
		must(t, err)
		if running.State != JobRunning || running.Stage != "infer" || running.Percent != 40 {
			t.Errorf("the running job is %+v", running)
		}
		for _, row := range []int{0, 32} {
			s.Piece(t.Context(), gpuexec.Piece{JobID: job, Attempt: 1, Y: row, Width: 64, Height: 16})
		}
		finishAll(t, s, *session.Slot, batch, nil)
		s.Piece(t.Context(), gpuexec.Piece{JobID: job, Attempt: 1}) // too late

		all := box.await(t, "job done", func(all []Message) bool { return len(kept(all)) == 4 })
		want := []string{"job queued", "job running", "progress", "mask", "mask", "mask", "job done"}
		if got := kindsOf(t, all); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("heard %v, want %v", got, want)
		}
		for i, m := range kept(all) {
			if m.Seq != int64(i+2) {
				t.Errorf("message %d has seq %d", i, m.Seq)
			}
		}
		wantMask := fmt.Sprintf(`{"type":"mask","seq":4,"job_id":%q,"image_id":"image0","final":true,"x":0,"y":0,"width":64,"height":48}`, job)
		if m := all[5]; string(m.Data) != wantMask || m.JobID != job || m.Bare {
			t.Errorf("mask header %s", m.Data)
		}
		wantPiece := fmt.Sprintf(`{"type":"mask","job_id":%q,"image_id":"image0","final":false,"x":0,"y":32,"width":64,"height":16}`, job)
		if m := all[4]; string(m.Data) != wantPiece || m.JobID != job || m.Row != 32 || m.Seq != 0 {
			t.Errorf("header of a piece %s", m.Data)
		}
		done, err := s.Job(t.Context(), id, job)
		must(t, err)
		if done.State != JobDone || done.Percent != 100 || done.FinishedAt == nil || done.Filename != "é 0.png" {
			t.Errorf("the finished job is %+v", done)
		}
		if n := s.config.Files.(*files).stored(id, job); n != 1 {
			t.Errorf("the result was stored %d times", n)
		}
	})
}

// TestAPieceThatComesAfterTheWholeIsNotHeard has pieces be on their way while their jobs' ends are read. Those of a very large image stand, and are
// wanted however late they come.
func TestAPieceThatComesAfterTheWholeIsNotHeard(t *testing.T) {
	client := openRedis(t, "embedded")
	s := started(t, testConfig(client), nobody{})
	id := create(t, s)
	box := newMailbox()
	sub, err := s.Subscribe(t.Context(), id, nil, box.deliver)
	must(t, err)
	defer sub.Close()
	asked := newJobs(3)
	asked[1].Width, asked[1].Height = gpuexec.WholeMask, 2
	_, err = s.Submit(t.Context(), id, "", asked)
	must(t, err)
	slot := *get(t, s, id).Slot
	claims := []gpuexec.Job{claimNow(t, s, slot).Jobs[0], claimNow(t, s, slot).Jobs[0], claimNow(t, s, slot).Jobs[0]}
	ended := func(n int) {
		t.Helper()
		box.await(t, "the end of a job", func(all []Message) bool {
			return len(slices.DeleteFunc(kindsOf(t, all), func(kind string) bool { return kind != "job done" })) == n
		})
	}
	for i, job := range claims[:2] {
		s.Finish(t.Context(), result(job, slot, nil))
		ended(i + 1)
		must(t, client.Publish(t.Context(), pieceChannel, fmt.Sprintf(`%s %s 3 {"type":"mask","y":64}`, id, job.ID)).Err())
	}
	s.Finish(t.Context(), result(claims[2], slot, nil)) // what comes by the same way, and behind them
	ended(3)
	var late []string
	for _, m := range box.all() {
		if m.Type == "mask" && m.Seq == 0 {
			late = append(late, m.JobID)
		}
	}
	if !slices.Equal(late, []string{claims[1].ID}) {
		t.Errorf("of the jobs %s, %s and %s pieces were heard of %v, want the second alone", claims[0].ID, claims[1].ID, claims[2].ID, late)
	}
}

// What is there of a mask goes when its job gets no result.
func TestPiecesGoWithTheirJob(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		config := testConfig(client)
		config.BatchSize = func(string) int { return 3 }
		s, _ := joined(t, config)
		id := create(t, s)
		jobs := submit(t, s, id, 3)
		session, err := s.Get(t.Context(), id)
		must(t, err)
		batch := claimNow(t, s, *session.Slot)
		for _, job := range batch.Jobs {
			s.Piece(t.Context(), gpuexec.Piece{JobID: job.ID, Attempt: 1, Y: 16, Width: 64, Height: 16})
		}
		must(t, s.Cancel(t.Context(), id, jobs[0]))
		s.hand.cancel(jobs[0])
		for i, ended := range []error{gpuexec.ErrCancelled, errors.New("it failed"), nil} {
			s.Finish(t.Context(), result(batch.Jobs[i], *session.Slot, ended))
		}
		if left, want := s.config.Files.(*files).pieces, []string{id + "/" + jobs[2] + " from row 16"}; !slices.Equal(left, want) {
			t.Errorf("pieces %v, want %v", left, want)
		}
	})
}
