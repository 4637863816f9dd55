package server

import (
	"context"
	"errors"
	"log/slog"
	"syscall"
	"testing"
	"testing/synctest"

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
		lost := &storage.Error{Op: storage.OpPut, Err: syscall.EIO}
		if s.begins(t.Context(), lost) || s.lasts(t.Context()) {
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
			if !s.begins(t.Context(), errors.Join(lost)) || !s.lasts(t.Context()) {
				t.Error("no stall while nothing can be written")
			}
		}
		away, full = nil, storage.ErrFull
		if !s.lasts(t.Context()) {
			t.Error("it is over before there is room")
		}
		full = nil
		s.writable.forget()
		if s.lasts(t.Context()) || told != 1 {
			t.Errorf("it does not end, and was told %d times", told)
		}

		if s.begins(t.Context(), gpuexec.ErrOutOfMemory) {
			t.Error("one job for which there is no memory is a stall")
		}
		crowded = gpuexec.ErrCrowdedOut
		if !s.begins(t.Context(), crowded) || !s.lasts(t.Context()) || told != 2 {
			t.Errorf("no stall while others have the memory, and it was told %d times", told)
		}
		if crowded = nil; s.lasts(t.Context()) {
			t.Error("it does not end when they are gone")
		}
	})
}
