// Package lane runs one model at a time on an engine with a thread of its own, for who measures it: the engine's methods belong to one
// thread, and this is the goroutine that is locked to it.
package lane

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"seghub/gpuexec"
	"seghub/models"
)

// Lane is an engine and at most one session on it. It may be used by any number of goroutines: one after the other has its turn.
type Lane struct {
	tasks chan task
	over  chan struct{} // closed when the thread is given up
}

type task struct {
	do   func(*state) error
	done chan<- error // holds one
}

// state is what the thread owns.
type state struct {
	engine  gpuexec.Engine
	session gpuexec.Session
	lost    error // no engine's method may be called any more
}

// Start makes slot's engine on a thread of its own, until Close.
func Start(newEngine gpuexec.NewEngine, slot int) (*Lane, error) {
	l := &Lane{tasks: make(chan task), over: make(chan struct{})}
	made := make(chan error, 1)
	go func() {
		defer close(l.over)
		runtime.LockOSThread() // never unlocked: what a device library has tied to the thread goes with it
		var s state
		var err error
		s.engine, err = newEngine(slot)
		made <- err
		if err != nil {
			return
		}
		for t := range l.tasks {
			if s.lost != nil {
				t.done <- s.lost
				continue
			}
			err := t.do(&s)
			if errors.Is(err, gpuexec.ErrDeviceLost) {
				s.lost = err
			}
			t.done <- err
		}
	}()
	if err := <-made; err != nil {
		<-l.over
		return nil, fmt.Errorf("make an engine: %w", err)
	}
	return l, nil
}

// do has the thread do something and returns what came of it.
func (l *Lane) do(f func(*state) error) error {
	done := make(chan error, 1)
	l.tasks <- task{f, done}
	return <-done
}

// Do calls f on the engine's thread.
func (l *Lane) Do(f func()) error {
	return l.do(func(*state) error { f(); return nil })
}

// Open opens a session of the model for runs of n rows, instead of the one before. It is not warm.
func (l *Lane) Open(ctx context.Context, model models.Spec, n int) error {
	return l.do(func(s *state) (err error) {
		if err := s.closeSession(); err != nil {
			return err
		}
		s.session, err = s.engine.Open(ctx, model, n)
		return err
	})
}

// Warm warms the session.
func (l *Lane) Warm(ctx context.Context) error {
	return l.do(func(s *state) error { return s.session.Warm(ctx) })
}

// Run runs the session.
func (l *Lane) Run(ctx context.Context, in models.Tensor) (out models.Tensor, err error) {
	err = l.do(func(s *state) (err error) {
		out, err = s.session.Run(ctx, in)
		return err
	})
	return out, err
}

// Close frees the session and the engine, unless the device is lost, and ends the thread. No other call follows.
func (l *Lane) Close() error {
	err := l.do(func(s *state) error { return errors.Join(s.closeSession(), s.engine.Close()) })
	close(l.tasks)
	<-l.over
	if errors.Is(err, gpuexec.ErrDeviceLost) {
		return nil // whoever used the lane has heard of it
	}
	return err
}

func (s *state) closeSession() error {
	if s.session == nil {
		return nil
	}
	err := s.session.Close()
	s.session = nil
	return err
}
