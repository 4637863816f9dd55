package sessions

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// The frames as the client gets them. Each event of the log is a whole object at its moment.
type (
	jobFrame struct {
		Type string `json:"type"`
		Seq  int64  `json:"seq"`
		Job  Job    `json:"job"`
	}
	// A session that is told to wait hears its estimate in the position frames that follow: eta_seconds is null here.
	sessionFrame struct {
		Type    string  `json:"type"`
		Seq     int64   `json:"seq"`
		Session Session `json:"session"`
	}
	maskFrame struct {
		Type    string `json:"type"`
		Seq     int64  `json:"seq"`
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
func logKey(id string) string     { return sessionKey(id) + ":log" }

// event is one entry of the log. finished is the job that it says is over, if any.
type event struct {
	Message
	finished string
}

// newEvent makes the client's frame of one entry in session's log.
func newEvent(session string, entry redis.XMessage) (event, error) {
	seq, err := entrySeq(entry.ID)
	if err != nil {
		return event{}, err
	}
	r := make(record, len(entry.Values))
	for field, value := range entry.Values {
		r[field] = text(value)
	}
	e := event{Message: Message{Seq: seq, Type: r["type"]}}
	var frame any
	switch e.Type {
	case "job":
		job, err := r.job()
		if err != nil {
			return event{}, err
		}
		frame = jobFrame{Type: e.Type, Seq: seq, Job: job}
		if job.FinishedAt != nil {
			e.finished = job.ID
		}
	case "session":
		now := r.session(session)
		now.Seq = seq
		frame = sessionFrame{Type: e.Type, Seq: seq, Session: now}
		e.Last = now.State == Closed
	case "mask":
		e.JobID = r["id"]
		frame = maskFrame{Type: e.Type, Seq: seq, JobID: r["id"], ImageID: r["image"], Final: true,
			Width: r.int("width"), Height: r.int("height")}
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

// readLog reads at most limit events of session with seq above after, in order. It fails with ErrGap
// when the first of them is no longer kept.
func (s *Service) readLog(ctx context.Context, session string, after int64, limit int) ([]Message, error) {
	if limit <= 0 {
		return nil, nil
	}
	entries, err := s.redis.XRangeN(ctx, logKey(session), seqID(after+1), "+", int64(limit)).Result()
	if err != nil {
		return nil, unavailable(ctx, "read log", err)
	}
	events, err := newEvents(session, after, entries)
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
func newEvents(session string, after int64, entries []redis.XMessage) ([]event, error) {
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
