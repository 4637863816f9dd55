package server

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"seghub/gpuexec"
	"seghub/storage"
)

// stall is a time in which no job can be done: the storage takes nothing, because its disk is full or read-only, or a network is gone, or other
// programs have the memory of the GPU. The slots are closed then, and jobs that have failed of it go back to their queues, which would be gone
// through in a minute otherwise, and all of them lost.
type stall struct {
	writable *writable
	free     func(context.Context) error // why there is too little room
	crowded  func() error                // why there is no memory for models
	changed  func(context.Context) error // hears that slots open or close
	stalled  func(why error)             // hears that it begins; may be nil
	log      *slog.Logger
	is       atomic.Bool
}

// begins tells whether err is that of a stall, rather than of one job.
func (s *stall) begins(ctx context.Context, err error) bool {
	why := s.reason(ctx, err)
	if why == nil {
		return false
	}
	if !s.is.Swap(true) {
		s.log.Error("no jobs are run until this is over", "error", why)
		if s.stalled != nil {
			s.stalled(why)
		}
		s.tell(ctx)
	}
	return true
}

// reason is why err is that of a stall; nil when it is not. Too little room on the disk keeps nothing from being read.
func (s *stall) reason(ctx context.Context, err error) error {
	var failed *storage.Error
	switch {
	case ctx.Err() != nil:
		return nil
	case errors.Is(err, gpuexec.ErrCrowdedOut):
		return err
	case !errors.As(err, &failed) || errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrTooLarge):
		return nil
	case s.is.Load():
		return err
	}
	s.writable.forget()
	if why := s.writable.ask(ctx); why != nil || failed.Op != storage.OpPut {
		return why
	}
	return s.free(ctx)
}

// stallLookEvery is how often somebody looks whether a stall is over.
const stallLookEvery = time.Second

// watch ends what stalls begin, until ctx ends. It alone waits for a disk that may answer late, as that of a network does: whoever renews the lease
// asks only whether there is a stall.
func (s *stall) watch(ctx context.Context) {
	look := time.NewTicker(stallLookEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
			s.endIfOver(ctx)
		}
	}
}

// endIfOver ends the stall if there is one and jobs can be done again.
func (s *stall) endIfOver(ctx context.Context) {
	if s.is.Load() && s.why(ctx) == nil {
		s.is.Store(false)
		s.log.Info("jobs are run again")
		s.tell(ctx)
	}
}

func (s *stall) why(ctx context.Context) error {
	if err := s.crowded(); err != nil {
		return err
	}
	if err := s.free(ctx); err != nil {
		return err
	}
	return s.writable.ask(ctx)
}

func (s *stall) tell(ctx context.Context) {
	if err := s.changed(ctx); err != nil {
		s.log.Warn("which slots are open is told as soon as Redis can hear it", "error", err)
	}
}
