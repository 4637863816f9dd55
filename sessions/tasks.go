package sessions

import (
	"context"
	"sync"
)

// tasks are the goroutines of a started Service. Each ends with the context that stop cancels.
type tasks struct {
	cancel context.CancelFunc
	done   sync.WaitGroup
}

func (s *Service) startTasks(ctx context.Context, executor Executor) *tasks {
	ctx, cancel := context.WithCancel(ctx)
	t := &tasks{cancel: cancel}
	todo := make(chan chores)
	for _, task := range []func(){
		func() { s.keepLease(ctx, todo) },
		func() { s.sweeper(ctx, todo) },
		func() { s.listen(ctx) },
		func() { s.pump(ctx) },
		func() { s.cancelClaims(ctx, executor) },
		func() { s.flushProgress(ctx) },
		func() { s.tellPositions(ctx) },
		func() { s.resolveDoubts(ctx) },
	} {
		t.done.Go(task)
	}
	return t
}

func (t *tasks) stop() {
	t.cancel()
	t.done.Wait()
}

// signal wakes everybody who waits for it.
type signal struct {
	mu sync.Mutex
	ch chan struct{} // closed by broadcast; nil until somebody waits
}

// wait gives a channel that is closed by the next broadcast.
func (s *signal) wait() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch == nil {
		s.ch = make(chan struct{})
	}
	return s.ch
}

func (s *signal) broadcast() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch != nil {
		close(s.ch)
		s.ch = nil
	}
}

// poke makes sure that the one goroutine that reads ch looks again; ch has room for one.
func poke(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
