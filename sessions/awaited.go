package sessions

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// errNotAwaited is why nothing is stored of an attempt: another one has the job, or it is over.
var errNotAwaited = errors.New("another attempt has the job, or it is over")

// awaited reports why an attempt's result is not to be stored: a node that was silent for longer than its lease would write over what another
// has made meanwhile, and people have corrected. While Redis is away it is asked again until ctx ends.
func (s *Service) awaited(ctx context.Context, session string, key claimKey) error {
	wait := retryFirst
	for {
		job, err := s.redis.HMGet(ctx, sessionKey(session)+":job:"+key.job, "state", "attempt").Result()
		if err == nil {
			state := JobState(text(job[0]))
			if number(job[1]) == int64(key.attempt) && (state == JobRunning || state == JobQueued) {
				return nil
			}
			return fmt.Errorf("sessions: job %s: %w", key.job, errNotAwaited)
		}
		if ctx.Err() != nil {
			return unavailable(ctx, "look for a job", err)
		}
		pause(ctx, wait)
		wait = min(2*wait, retryMost)
	}
}

// whileAwaited is r, which ends with an error unless the attempt that it is of is awaited then.
func (s *Service) whileAwaited(ctx context.Context, session string, key claimKey, r io.Reader) io.Reader {
	return readerFunc(func(p []byte) (int, error) {
		n, err := r.Read(p)
		if errors.Is(err, io.EOF) {
			if late := s.awaited(ctx, session, key); late != nil {
				return n, late
			}
		}
		return n, err
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
