package server

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"

	"seghub/storage"
)

// stall is a time in which the storage takes nothing: its disk is full or read-only, or a network is gone. The slots are closed then, and
// jobs that have failed of it go back to their queues, which would be gone through in a minute otherwise, and all of them lost.
type stall struct {
	writable *writable
	free     func(context.Context) error // why there is too little room
	changed  func(context.Context) error // hears that slots open or close
	log      *slog.Logger
	is       atomic.Bool
}

// begins tells whether err is that of a stall, rather than of one blob. Too little room keeps nothing from being read.
func (s *stall) begins(ctx context.Context, err error) bool {
	var failed *storage.Error
	if !errors.As(err, &failed) || errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrTooLarge) || ctx.Err() != nil {
		return false
	}
	if s.is.Load() {
		return true
	}
	s.writable.forget()
	why := s.writable.ask(ctx)
	if why == nil && failed.Op == storage.OpPut {
		why = s.free(ctx)
	}
	if why == nil {
		return false
	}
	if !s.is.Swap(true) {
		s.log.Error("no jobs are run until the storage takes what is made of them", "error", why)
		s.tell(ctx)
	}
	return true
}

// lasts tells whether it goes on, and looks whether it is over.
func (s *stall) lasts(ctx context.Context) bool {
	if !s.is.Load() {
		return false
	}
	if s.why(ctx) != nil {
		return true
	}
	if s.is.Swap(false) {
		s.log.Info("the storage takes files again: jobs are run")
	}
	return false
}

func (s *stall) why(ctx context.Context) error {
	if err := s.free(ctx); err != nil {
		return err
	}
	return s.writable.ask(ctx)
}

func (s *stall) tell(ctx context.Context) {
	if err := s.changed(ctx); err != nil {
		s.log.Warn("the slots are closed as soon as Redis can be told", "error", err)
	}
}
