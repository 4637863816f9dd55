package sessions

import (
	"context"
	"fmt"
	"time"
)

// sweepChunk is how many jobs one script deletes, so that none holds Redis up for long.
const sweepChunk = 500

// sweep deletes the jobs and files of a closed session once none of its jobs runs. Until then it does nothing,
// and is called again.
func (s *Service) sweep(ctx context.Context, id string) error {
	for {
		reply, err := s.run(ctx, sweepScript, id, sweepChunk)
		if err != nil {
			return err
		}
		switch text(reply) {
		case "busy":
			return nil
		case "clean":
			if err := s.config.Files.DeleteSession(ctx, id); err != nil {
				return fmt.Errorf("sessions: delete files: %w", err)
			}
			_, err := s.run(ctx, sweptScript, id)
			return err
		}
	}
}

// chores are what the keeper found that may take long.
type chores struct {
	expired []string // sessions without sockets and work for a TTL
	closing []string // closed sessions that are not swept yet
}

// sweeper does the chores until ctx ends.
func (s *Service) sweeper(ctx context.Context, todo <-chan chores) {
	for {
		select {
		case <-ctx.Done():
			return
		case c := <-todo:
			if err := s.doChores(ctx, c); err != nil && ctx.Err() == nil {
				s.log.Warn("closed sessions are not swept yet", "error", err)
				pause(ctx, sweepRetryAfter)
			}
		}
	}
}

func (s *Service) doChores(ctx context.Context, c chores) error {
	for _, id := range c.expired {
		reply, err := s.run(ctx, closeScript, id, 1, int64(rememberClosed.Seconds()), newID())
		if err != nil {
			return err
		}
		if text(reply) == "ok" {
			s.log.Info("session expired", "session", id)
			c.closing = append(c.closing, id)
		}
	}
	for _, id := range c.closing {
		if err := s.sweep(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
