package sessions

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"seghub/gpuexec"
)

// outcomeRequeue is the outcome of a job that was stopped, but not by its user: back to the head of the queue. The
// other outcomes are the states in which a job ends.
const outcomeRequeue = "requeue"

const (
	retryFirst = 50 * time.Millisecond
	retryMost  = time.Second
	finishTry  = 3 * time.Second // for one try; a shutdown waits that long
	insistFor  = 5 * time.Second // for a call that somebody waits for
)

// Finish implements gpuexec.Sink: it stores the result and then, in one step, ends the job and says so. While Redis
// is away it tries again until ctx ends; a job that is not finished then returns to its queue when this node stops
// or starts again. A result that comes too late, because the job was given to another, is dropped.
func (s *Service) Finish(ctx context.Context, r gpuexec.Result) {
	key := claimKey{r.JobID, r.Attempt}
	c := s.hand.get(key)
	if c == nil {
		s.log.Error("a job was finished that was not claimed", "job", r.JobID, "attempt", r.Attempt)
		return
	}
	defer s.hand.remove(key)
	s.progress.forget(key)

	outcome, problem := s.outcome(ctx, c, r)
	took := s.busy.with(r.Slot, c.at, s.now())
	word, err := s.finish(ctx, c, r, outcome, problem, took)
	switch {
	case err != nil:
		s.log.Warn("a job was not finished and will run again", "job", r.JobID, "session", c.session, "error", err)
	case word == "gone":
		// It was deleted meanwhile, or Redis has forgotten it: that says nothing of what else its session has.
		s.log.Warn("a job was finished that Redis does not know", "job", r.JobID, "session", c.session)
		s.deleteJob(ctx, c.session, r.JobID)
	case word == "closed":
		// What was stored for a session that closed meanwhile must not outlive it.
		if err := s.config.Files.DeleteSession(ctx, c.session); err != nil {
			s.log.Warn("files of a closed session are not deleted yet", "session", c.session, "error", err)
		}
	case word == "stale":
		s.log.Warn("a late result was dropped", "job", r.JobID, "session", c.session, "attempt", r.Attempt)
	default:
		s.log.Debug("job finished", "job", r.JobID, "session", c.session, "outcome", outcome)
		if word == string(JobCancelled) {
			outcome = word
		}
		if outcome == string(JobCancelled) || outcome == string(JobFailed) {
			s.deleteJob(ctx, c.session, r.JobID) // pieces of its mask, or all of it; what is being stored just now goes with the image
		}
		if s.config.Ended != nil && outcome != outcomeRequeue {
			s.config.Ended(r, JobState(outcome))
		}
	}
}

func (s *Service) deleteJob(ctx context.Context, session, job string) {
	if err := s.config.Files.DeleteJob(ctx, session, job); err != nil {
		s.log.Warn("files of a job without a result are not deleted yet", "job", job, "session", session, "error", err)
	}
}

// outcome stores the result of a job that succeeded and says what became of it; problem is JSON, empty unless it
// failed.
func (s *Service) outcome(ctx context.Context, c *claim, r gpuexec.Result) (outcome, problem string) {
	err := r.Err
	switch {
	case s.hand.cancelled(c):
		return string(JobCancelled), ""
	case errors.Is(err, gpuexec.ErrCancelled) || errors.Is(err, context.Canceled) || errors.Is(err, errNotAwaited):
		return outcomeRequeue, ""
	case err == nil && r.Output == nil:
		err = errors.New("a result without output")
	case err == nil:
		if err = s.awaited(ctx, c.session, claimKey{r.JobID, r.Attempt}); err == nil {
			err = s.config.Files.PutResult(ctx, c.job, c.session, *r.Output)
		}
		if err == nil {
			return string(JobDone), ""
		}
		if errors.Is(err, errNotAwaited) || ctx.Err() != nil {
			return outcomeRequeue, ""
		}
	}
	if s.config.Stalls != nil && s.config.Stalls(ctx, err) {
		s.log.Warn("a job goes back to its queue", "job", r.JobID, "session", c.session, "error", err)
		return outcomeRequeue, ""
	}
	s.log.Warn("job failed", "job", r.JobID, "session", c.session, "error", err)
	return string(JobFailed), s.problem(err)
}

// found is how many objects a result has.
func found(r gpuexec.Result) int {
	if r.Output == nil {
		return 0
	}
	return r.Output.Summary.Count
}

// problem is the JSON of what a client hears of err.
func (s *Service) problem(err error) string {
	data, marshalErr := json.Marshal(s.config.Problem(err))
	if marshalErr != nil {
		s.log.Error("a problem has no JSON", "error", marshalErr)
	}
	return string(data)
}

// finish runs the script until it answers or ctx ends. Work that is done is worth one try even when ctx has ended.
func (s *Service) finish(ctx context.Context, c *claim, r gpuexec.Result, outcome, problem string, took time.Duration) (string, error) {
	wait := retryFirst
	for {
		try, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTry)
		reply, err := s.run(try, finishScript, c.session, r.JobID, r.Attempt, outcome, problem,
			r.Timing.Decode.Milliseconds(), r.Timing.Infer.Milliseconds(), r.Timing.Postprocess.Milliseconds(), took.Milliseconds(), found(r))
		cancel()
		if err == nil {
			return text(reply), nil
		}
		if ctx.Err() != nil {
			return "", err
		}
		s.log.Warn("finishing a job is tried again", "job", r.JobID, "error", err)
		pause(ctx, wait)
		wait = min(2*wait, retryMost)
	}
}
