package gpuexec

import (
	"context"
	"sync"
)

// turns lets one goroutine at a time do something with what has a name.
type turns struct {
	mu    sync.Mutex
	taken map[string]chan struct{} // by name; closed when the turn is over; guarded by mu
}

// take returns once nobody else has the turn for name, which is the caller's until done; or ctx's error when that ends first.
func (t *turns) take(ctx context.Context, name string) (done func(), err error) {
	for {
		over := t.tryTake(name)
		if over == nil {
			return func() { t.giveBack(name) }, nil
		}
		select {
		case <-over:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// tryTake returns nil when the caller has the turn, else what is closed when another's is over.
func (t *turns) tryTake(name string) (over <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if other, busy := t.taken[name]; busy {
		return other
	}
	t.taken[name] = make(chan struct{})
	return nil
}

func (t *turns) giveBack(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	close(t.taken[name])
	delete(t.taken, name)
}
