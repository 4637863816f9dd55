package gpuexec

import (
	"context"
	"sync"
)

// gate lets goroutines through while it is open. It begins shut.
type gate struct {
	mu   sync.Mutex
	pass chan struct{} // guarded by mu; closed while the gate is open
	open bool          // guarded by mu
}

func newGate() *gate { return &gate{pass: make(chan struct{})} }

func (g *gate) set(open bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if open == g.open {
		return
	}
	g.open = open
	if open {
		close(g.pass)
	} else {
		g.pass = make(chan struct{})
	}
}

// wait returns true once the gate is open, false when ctx ended first.
func (g *gate) wait(ctx context.Context) bool {
	g.mu.Lock()
	pass := g.pass
	g.mu.Unlock()
	select {
	case <-pass:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
