package sessions

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"seghub/models/mask"
)

// Revision is one state of a job's result. What it consists of lies in the storage; here is its name, and who made it when.
type Revision struct {
	Number  int
	Content string // as Job.Content
	Edit    string // names what was asked for; empty for the first revision
	Options mask.Options
	At      time.Time
	By      string // the name that the session had then; empty for the first
}

// NewRevision is what is to follow a revision. Its blobs are stored already.
type NewRevision struct {
	Content string
	Edit    string // not used before
	Options mask.Options
	Count   int
	// What the session's sockets hear, as JSON.
	Changed, Removed, Box json.RawMessage
}

type editFrame struct {
	Type     string          `json:"type"`
	Seq      int64           `json:"seq"`
	JobID    string          `json:"job_id"`
	Revision int             `json:"revision"`
	Changed  json.RawMessage `json:"changed"`
	Removed  json.RawMessage `json:"removed"`
	Box      json.RawMessage `json:"box"`
}

func newEditFrame(seq int64, r record) editFrame {
	return editFrame{Type: "edit", Seq: seq, JobID: r["id"], Revision: r.int("revision"),
		Changed: json.RawMessage(r["changed"]), Removed: json.RawMessage(r["removed"]), Box: json.RawMessage(r["box"])}
}

// revised sets what a job has of its newest revision.
func (r record) revised(job *Job) error {
	job.Revision, job.Content = r.int("revision"), r["content"]
	if r["count"] != "" && job.State == JobDone {
		count := r.int("count")
		job.Count = &count
	}
	if r["options"] == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(r["options"]), &job.Options); err != nil {
		return fmt.Errorf("options: %w", err)
	}
	return nil
}

// Revise makes next the revision of a finished job that follows from, and tells the session's sockets. It fails with ErrConflict when
// from is not the newest: then nothing has changed.
func (s *Service) Revise(ctx context.Context, id, job string, from int, next NewRevision) (revision int, err error) {
	options, err := json.Marshal(next.Options)
	if err != nil {
		return 0, fmt.Errorf("sessions: revise: %w", err)
	}
	answer, err := s.demand(ctx, reviseScript, id, job, from, next.Content, next.Edit, next.Count, options,
		[]byte(next.Changed), []byte(next.Removed), []byte(next.Box))
	if err != nil {
		return 0, err
	}
	if text(answer[0]) == "conflict" {
		return int(number(answer[1])), ErrConflict
	}
	return int(number(answer[1])), nil
}

// Revisions gives those of a job, oldest first; the first is what the model found. There is none before the job is done.
func (s *Service) Revisions(ctx context.Context, id, job string) ([]Revision, error) {
	first, err := s.Job(ctx, id, job)
	if err != nil {
		return nil, err
	}
	if first.Revision == 0 {
		return nil, nil
	}
	reply, err := s.ask(ctx, revisionsScript, id, job)
	if err != nil {
		return nil, err
	}
	revisions := []Revision{{Number: 1, Options: first.FirstOptions, At: *first.FinishedAt}}
	for _, entry := range reply {
		revision, err := newRevisionEntry(entry)
		if err != nil {
			return nil, fmt.Errorf("sessions: revisions of job %s: %w", job, err)
		}
		revisions = append(revisions, revision)
	}
	return revisions, nil
}

func newRevisionEntry(entry any) (Revision, error) {
	parts := list(entry)
	if len(parts) != 2 {
		return Revision{}, fmt.Errorf("an entry is %v", entry)
	}
	number, err := entrySeq(text(parts[0]))
	if err != nil {
		return Revision{}, err
	}
	r := fieldsOf(list(parts[1]))
	revision := Revision{Number: int(number), Content: r["content"], Edit: r["edit"], At: r.time("at"), By: r["by"]}
	if err := json.Unmarshal([]byte(r["options"]), &revision.Options); err != nil {
		return Revision{}, fmt.Errorf("options of revision %d: %w", number, err)
	}
	return revision, nil
}

// fieldsOf reads {field, value, ...}.
func fieldsOf(values []any) record {
	r := make(record, len(values)/2)
	for i := 0; i+1 < len(values); i += 2 {
		r[text(values[i])] = text(values[i+1])
	}
	return r
}

// Image gives the first job of an image: what a further one has in common with it.
func (s *Service) Image(ctx context.Context, id, image string) (Job, error) {
	reply, err := s.ask(ctx, imageScript, id, image)
	if err != nil {
		return Job{}, err
	}
	return newRecord(jobFields, reply).job()
}

// ForgetImage cancels the jobs of an image and takes them out of the session; it gives their ids, whose files the caller deletes. A job
// that a worker has in hand goes when that hears of it.
func (s *Service) ForgetImage(ctx context.Context, id, image string) ([]string, error) {
	var gone []string
	for {
		answer, err := s.demand(ctx, deleteImageScript, id, image, cancelChunk)
		if err != nil {
			return gone, err
		}
		gone = append(gone, texts(answer[1:])...)
		if number(answer[0]) == 0 {
			return gone, nil
		}
	}
}
