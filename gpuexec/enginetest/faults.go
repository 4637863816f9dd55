package enginetest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"seghub/gpuexec"
)

// Delay is a Script.Run that takes so long, or until its context ends.
func Delay(d time.Duration) func(context.Context, Call) error {
	return func(ctx context.Context, _ Call) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// OutOfMemory is a Script.Run for whose first so many runs there is no memory; below zero, there never is.
func OutOfMemory(times int64) func(context.Context, Call) error {
	var runs atomic.Int64
	return func(context.Context, Call) error {
		if times >= 0 && runs.Add(1) > times {
			return nil
		}
		return fmt.Errorf("%w: the arena is at its limit", gpuexec.ErrOutOfMemory)
	}
}

// Hang is a Script.Run that does not end, whatever happens to its context, before release is closed.
func Hang(release <-chan struct{}) func(context.Context, Call) error {
	return func(context.Context, Call) error {
		<-release
		return errors.New("the hung run was let go")
	}
}

// Poison is a Script.Run after which the device is lost.
func Poison(context.Context, Call) error {
	return fmt.Errorf("%w: CUDA error 700", gpuexec.ErrDeviceLost)
}

// Panic is a Script.Run that panics.
func Panic(context.Context, Call) error { panic("the engine broke off") }
