package sessions

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"seghub/gpuexec"
)

// The frames as the client gets them. Each event of the log is a whole object at its moment.
type (
	jobFrame struct {
		Type    string `json:"type"`
		Seq     int64  `json:"seq"`
		Job     Job    `json:"job"`
		Deleted bool   `json:"deleted,omitempty"` // with its image: it is the last that is heard of it
	}
	// A session that is told to wait hears its estimate in the position frames that follow: eta_seconds is null here.
	sessionFrame struct {
		Type    string  `json:"type"`
		Seq     int64   `json:"seq"`
		Session Session `json:"session"`
	}
	maskFrame struct {
		Type    string `json:"type"`
		Seq     int64  `json:"seq,omitempty"` // of the final one
		JobID   string `json:"job_id"`
		ImageID string `json:"image_id"`
		Final   bool   `json:"final"`
		X       int    `json:"x"`
		Y       int    `json:"y"`
		Width   int    `json:"width"`
		Height  int    `json:"height"`
	}
	progressFrame struct {
		Type    string `json:"type"`
		JobID   string `json:"job_id"`
		Stage   string `json:"stage"`
		Done    int    `json:"done"`
		Total   int    `json:"total"`
		Percent int    `json:"percent"`
	}
	positionFrame struct {
		Type       string   `json:"type"`
		Position   int      `json:"position"`
		Waiting    int      `json:"waiting"`
		ETASeconds *float64 `json:"eta_seconds"`
	}
)

func sessionKey(id string) string { return hashTag + ":session:" + id }

// event is one entry of the log.
type event struct {
	Message
	finished string // the job that it says is over, if any
	state    State  // of the session, if it tells that
}

// newEvent makes the client's frame of one entry in session's log: {id, {field, value, ...}}.
func newEvent(session string, entry any) (event, error) {
	parts := list(entry)
	if len(parts) != 2 {
		return event{}, fmt.Errorf("sessions: an entry in the log of %s is %v", session, entry)
	}
	seq, err := entrySeq(text(parts[0]))
	if err != nil {
		return event{}, err
	}
	r := fieldsOf(list(parts[1]))
	e := event{Message: Message{Seq: seq, Type: r["type"]}}
	var frame any
	switch e.Type {
	case "job":
		job, err := r.job()
		if err != nil {
			return event{}, err
		}
		frame = jobFrame{Type: e.Type, Seq: seq, Job: job, Deleted: r["deleted"] == "1"}
		if job.FinishedAt != nil {
			e.finished = job.ID
		}
	case "session":
		now := r.session(session)
		now.Seq = seq
		frame = sessionFrame{Type: e.Type, Seq: seq, Session: now}
		e.state, e.Last = now.State, now.State == Closed
	case "edit":
		frame = newEditFrame(seq, r)
	case "mask":
		e.JobID = r["id"]
		frame = maskFrame{Type: e.Type, Seq: seq, JobID: r["id"], ImageID: r["image"], Final: true,
			Width: r.int("width"), Height: r.int("height")}
		e.Bare = r.int("width")*r.int("height") > gpuexec.WholeMask
	default:
		return event{}, fmt.Errorf("sessions: event %d of %s: unknown type %q", seq, session, e.Type)
	}
	e.Data, err = json.Marshal(frame)
	if err != nil {
		return event{}, fmt.Errorf("sessions: event %d of %s: %w", seq, session, err)
	}
	return e, nil
}

func entrySeq(id string) (int64, error) {
	ms, _, _ := strings.Cut(id, "-")
	seq, err := strconv.ParseInt(ms, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("sessions: event id %q: %w", id, err)
	}
	return seq, nil
}

// readLog reads at most limit events of session that follow after, in order. It fails with ErrGap when the first of them is
// no longer kept, or the log is of another epoch.
func (s *Service) readLog(ctx context.Context, session string, after Mark, limit int) ([]Message, error) {
	if limit <= 0 {
		return nil, nil
	}
	reply, err := s.ask(ctx, eventsScript, limit, session, after.Seq)
	if err != nil {
		return nil, err
	}
	if text(reply[0]) != after.Epoch {
		return nil, ErrGap
	}
	events, err := newEvents(session, after.Seq, list(reply[1]))
	if err != nil {
		return nil, err
	}
	out := make([]Message, len(events))
	for i := range events {
		out[i] = events[i].Message
	}
	return out, nil
}

func seqID(seq int64) string { return strconv.FormatInt(seq, 10) }

// newEvents makes frames of entries that must follow the event after without a gap.
func newEvents(session string, after int64, entries []any) ([]event, error) {
	out := make([]event, 0, len(entries))
	for _, entry := range entries {
		e, err := newEvent(session, entry)
		if err != nil {
			return nil, err
		}
		if e.Seq != after+1 {
			return nil, ErrGap
		}
		after = e.Seq
		out = append(out, e)
	}
	return out, nil
}
