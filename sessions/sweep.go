package sessions

import (
	"context"
	"fmt"
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

// sweepClosed closes the sessions that have expired, and deletes what is closed, until ctx ends.
func (s *Service) sweepClosed(ctx context.Context) {
	every(ctx, min(sweepEvery, s.config.SessionTTL/3), nil, func() {
		found, err := s.overdue(ctx)
		if err == nil {
			err = s.doChores(ctx, found)
		}
		if err != nil && ctx.Err() == nil {
			s.log.Warn("closed sessions are not swept yet", "error", err)
			pause(ctx, sweepRetryAfter)
		}
	})
}

// chores are what may take long.
type chores struct {
	expired []string // sessions without sockets and work for a TTL
	closing []string // closed sessions that are not swept yet
}

func (s *Service) overdue(ctx context.Context) (chores, error) {
	reply, err := s.ask(ctx, overdueScript)
	if err != nil {
		return chores{}, err
	}
	return chores{expired: texts(reply[0]), closing: texts(reply[1])}, nil
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
