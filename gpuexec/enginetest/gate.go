package enginetest

import (
	"context"
	"testing"
	"time"
)

// awaitLimit is how long a test waits for a run that does not come before it fails.
const awaitLimit = 10 * time.Second

// Gate holds runs back until the test lets them go on.
type Gate struct {
	arrived chan Call
	release chan struct{}
}

// Hold sets s.Run to a gate: each run tells Await that it is there and waits for its Release, or for its context's end.
func (s *Script) Hold() *Gate {
	g := &Gate{arrived: make(chan Call), release: make(chan struct{})}
	s.Run = g.pass
	return g
}

func (g *Gate) pass(ctx context.Context, call Call) error {
	select {
	case g.arrived <- call:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-g.release:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Await returns the next run that stands at the gate.
func (g *Gate) Await(t testing.TB) Call {
	t.Helper()
	select {
	case call := <-g.arrived:
		return call
	case <-time.After(awaitLimit):
		t.Fatal("no run came to the gate")
		return Call{}
	}
}

// Release lets one run that Await has returned go on.
func (g *Gate) Release(t testing.TB) {
	t.Helper()
	select {
	case g.release <- struct{}{}:
	case <-time.After(awaitLimit):
		t.Fatal("no run was waiting for its release")
	}
}
