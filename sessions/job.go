package sessions

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

const (
	maxPage     = 1_000 // jobs a page
	lookAt      = 1_000 // jobs that one script looks at for a page of one state
	cancelChunk = 250   // queued jobs that one script cancels
)

// Submit queues jobs, all or none. The session runs if it holds a slot or can have one at once; else it waits in
// line. key, unless it is empty, names the submission: the jobs that it made before and that are still there are given
// instead, and without jobs it is only asked for those.
//
// When the outcome stays unknown the error is an ErrInDoubt, and the images must be left where they are.
func (s *Service) Submit(ctx context.Context, id, key string, jobs []NewJob) ([]Job, error) {
	if s.draining.Load() {
		return nil, ErrDraining
	}
	if len(jobs) == 0 && key == "" {
		return nil, nil
	}
	args := make([]any, 0, 3+6*len(jobs))
	args = append(args, id, s.config.MaxQueue, key)
	queued := make([]Job, len(jobs))
	for i, j := range jobs {
		data, err := json.Marshal(specOf(j))
		if err != nil {
			return nil, fmt.Errorf("sessions: submit: %w", err)
		}
		queued[i] = Job{ID: newID(), ImageID: j.ImageID, Filename: j.Filename, Width: j.Width, Height: j.Height,
			Place: specOf(j).place(), Calibration: j.Calibration, Model: j.Model, Diameter: j.Diameter, Options: j.Options, SHA256: j.SHA256, State: JobQueued}
		queued[i].recalibrate()
		args = append(args, queued[i].ID, j.Model, j.ImageID, j.Width, j.Height, data)
	}
	reply, known, err := s.insist(ctx, submitScript, args...)
	if err != nil && !known && len(jobs) > 0 {
		s.doubts.add(doubt{session: id, jobs: queued})
		return nil, fmt.Errorf("%w: %w", ErrInDoubt, err)
	}
	if err != nil {
		return nil, err
	}
	answer, err := rows(submitScript, reply)
	if err != nil {
		return nil, err
	}
	if text(answer[0]) == "known" {
		return jobsFrom(answer[1:])
	}
	created := time.UnixMilli(number(answer[0])).UTC()
	for i := range queued {
		queued[i].CreatedAt = created
	}
	return queued, nil
}

// Job gives one job of a session.
func (s *Service) Job(ctx context.Context, id, job string) (Job, error) {
	reply, err := s.ask(ctx, jobScript, id, job)
	if err != nil {
		return Job{}, err
	}
	return newRecord(jobFields, reply).job()
}

// Jobs gives one page of a session's jobs, newest first. A Limit outside 1..1000 is taken as the nearer of them.
func (s *Service) Jobs(ctx context.Context, id string, q JobQuery) (JobPage, error) {
	below := "+inf"
	if q.Cursor != "" {
		n, err := strconv.ParseUint(q.Cursor, 36, 53)
		if err != nil {
			return JobPage{}, ErrBadCursor
		}
		below = strconv.FormatUint(n, 10)
	}
	limit := min(max(q.Limit, 1), maxPage)
	page := JobPage{Jobs: []Job{}}
	for {
		reply, err := s.ask(ctx, jobsScript, id, below, string(q.State), limit-len(page.Jobs), lookAt)
		if err != nil {
			return JobPage{}, err
		}
		jobs, err := jobsFrom(existing(reply[1:]))
		if err != nil {
			return JobPage{}, err
		}
		page.Jobs = append(page.Jobs, jobs...)
		below = text(reply[0])
		if below == "" {
			return page, nil
		}
		if len(page.Jobs) == limit {
			page.NextCursor = strconv.FormatInt(number(below), 36)
			return page, nil
		}
	}
}

// Cancel stops one job: a queued one at once, a running one as soon as its worker hears. Cancelling a finished
// job does nothing.
func (s *Service) Cancel(ctx context.Context, id, job string) error {
	reply, _, err := s.insist(ctx, cancelScript, id, job)
	if err != nil {
		return err
	}
	return refusal(text(reply))
}

// CancelAll stops every job that the session has at this moment.
func (s *Service) CancelAll(ctx context.Context, id string) error {
	highest := ""
	for {
		left, err := s.demand(ctx, cancelAllScript, id, highest, cancelChunk)
		if err != nil {
			return err
		}
		if number(left[0]) == 0 {
			return nil
		}
		highest = text(left[1])
	}
}
