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
	for _, task := range []func(){
		func() { s.keepLease(ctx) },
		func() { s.endTurns(ctx) },
		func() { s.buryDead(ctx) },
		func() { s.tellPresences(ctx) },
		func() { s.sweepClosed(ctx) },
		func() { s.listen(ctx) },
		func() { s.pump(ctx) },
		func() { s.cancelClaims(ctx, executor) },
		func() { s.flushProgress(ctx) },
		func() { s.followLine(ctx) },
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
