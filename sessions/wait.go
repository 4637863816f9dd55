package sessions

import (
	"context"
	"sync"
	"time"
)

// bell wakes everybody who listens to it.
type bell struct {
	mu sync.Mutex
	ch chan struct{} // closed by ring; nil until somebody listens
}

// next gives a channel that is closed when the bell is rung next.
func (b *bell) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}

// poke makes sure that the one goroutine that reads ch looks again; ch has room for one.
func poke(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
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

// every takes a step at once, then each interval and whenever it is poked, until ctx ends.
func every(ctx context.Context, interval time.Duration, poked <-chan struct{}, step func()) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for ctx.Err() == nil {
		step()
		select {
		case <-ctx.Done():
		case <-ticker.C:
		case <-poked:
		}
	}
}
