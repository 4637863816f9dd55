package server

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"seghub/gpuexec"
	"seghub/storage"
)

func TestAStallLastsAsLongAsNoJobCanBeDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var away, full, crowded error
		told := 0
		s := &stall{
			writable: newWritable(func(context.Context) error { return away }),
			free:     func(context.Context) error { return full },
			crowded:  func() error { return crowded },
			changed:  func(context.Context) error { told++; return nil },
			log:      slog.New(slog.DiscardHandler),
		}
		lasts := func() bool { s.endIfOver(t.Context()); return s.is.Load() }
		lost := &storage.Error{Op: storage.OpPut, Err: syscall.EIO}
		if s.begins(t.Context(), lost) || lasts() {
			t.Error("one blob that fails is a stall")
		}
		full = storage.ErrFull
		if s.begins(t.Context(), &storage.Error{Op: "read", Err: syscall.EIO}) {
			t.Error("one blob that cannot be read is a stall, because there is little room")
		}
		full = nil
		away = syscall.EROFS
		for _, err := range []error{gpuexec.ErrInference, &storage.Error{Op: "open", Err: storage.ErrNotFound}} {
			if s.begins(t.Context(), err) {
				t.Errorf("%v is a stall", err)
			}
		}
		for range 3 {
			if !s.begins(t.Context(), errors.Join(lost)) || !lasts() {
				t.Error("no stall while nothing can be written")
			}
		}
		away, full = nil, storage.ErrFull
		if !lasts() {
			t.Error("it is over before there is room")
		}
		full = nil
		s.writable.forget()
		if lasts() || told != 2 {
			t.Errorf("it does not end, and was told %d times", told)
		}

		if s.begins(t.Context(), gpuexec.ErrOutOfMemory) {
			t.Error("one job for which there is no memory is a stall")
		}
		crowded = gpuexec.ErrCrowdedOut
		if !s.begins(t.Context(), crowded) || !lasts() || told != 3 {
			t.Errorf("no stall while others have the memory, and it was told %d times", told)
		}
		if crowded = nil; lasts() {
			t.Error("it does not end when they are gone")
		}
	})
}

// TestNobodyWaitsForTheDiskToRenewTheLease looks at a slot in a stall: a disk that answers late must not cost the lease, and with it what is in
// hand.
func TestNobodyWaitsForTheDiskToRenewTheLease(t *testing.T) {
	s := &server{stall: &stall{crowded: func() error { return nil }, free: func(context.Context) error {
		t.Error("the disk is asked")
		return storage.ErrFull
	}}}
	s.warmed.Store(true)
	s.stall.is.Store(true)
	if s.slotOpen(0) {
		t.Error("a slot is open")
	}
}

// TestAStallEndsByItself has nobody ask for its end but who watches it.
func TestAStallEndsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var room atomic.Bool
		told := make(chan struct{})
		s := &stall{
			writable: newWritable(func(context.Context) error { return nil }),
			free: func(context.Context) error {
				if !room.Load() {
					return storage.ErrFull
				}
				return nil
			},
			crowded: func() error { return nil },
			changed: func(context.Context) error { told <- struct{}{}; return nil },
			log:     slog.New(slog.DiscardHandler),
		}
		ctx, stop := context.WithCancel(t.Context())
		var watching sync.WaitGroup
		watching.Go(func() { s.watch(ctx) })
		s.is.Store(true)
		<-time.After(10 * stallLookEvery)
		synctest.Wait()
		if !s.is.Load() {
			t.Error("it is over before there is room")
		}
		room.Store(true)
		<-told
		if s.is.Load() {
			t.Error("who hears that slots open finds them closed")
		}
		stop()
		watching.Wait()
	})
}
