package gpuexec_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"seghub/gpuexec"
	"seghub/gpuexec/enginetest"
)

// over is a context that has ended.
func over() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func TestStopLetsTheWorkInHandFinish(t *testing.T) {
	script := &enginetest.Script{}
	gate := script.Hold()
	pool, from, to := startPool(t, 1, script)
	from.give(t, 0, bright(t, "running"))
	gate.Await(t)
	from.give(t, 0, bright(t, "decoded"))
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		pool.Stop(context.Background())
	}()
	gate.Release(t)
	gate.Await(t)
	gate.Release(t)
	for id, r := range to.next(t, 2) {
		if r.Err != nil {
			t.Errorf("%s: %v", id, r.Err)
		}
	}
	<-stopped
	if script.Open() != 0 || pool.Ready() {
		t.Errorf("after Stop: %d engines open, ready %t", script.Open(), pool.Ready())
	}
	pool.Stop(context.Background()) // again does nothing
}

func TestStopWhoseTimeIsOverCancelsTheRest(t *testing.T) {
	script := &enginetest.Script{}
	gate := script.Hold()
	pool, from, to := startPool(t, 1, script)
	from.give(t, 0, bright(t, "running", "beside"))
	gate.Await(t)
	from.give(t, 0, bright(t, "decoded"))
	pool.Stop(over())
	for id, r := range to.next(t, 3) {
		if !errors.Is(r.Err, gpuexec.ErrStopped) || !errors.Is(r.Err, gpuexec.ErrCancelled) || r.Output != nil {
			t.Errorf("%s: %+v", id, r)
		}
	}
	if n := len(script.Calls()); n != 1 {
		t.Errorf("%d runs", n)
	}
}

// finishWatcher tells what state Finish's context was in.
type finishWatcher struct {
	*sink
	ctxErr chan error
}

func (f finishWatcher) Finish(ctx context.Context, r gpuexec.Result) {
	f.ctxErr <- ctx.Err()
	f.sink.Finish(ctx, r)
}

func TestFinishCanStillWriteAfterTheTimeIsOver(t *testing.T) {
	script := &enginetest.Script{}
	gate := script.Hold()
	pool, from, to := newPool(1, script), newSource(1), finishWatcher{newSink(), make(chan error, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	if err := pool.Start(ctx, from, to); err != nil {
		t.Fatal(err)
	}
	from.give(t, 0, bright(t, "one"))
	gate.Await(t)
	cancel()
	pool.Stop(over())
	if err := <-to.ctxErr; err != nil {
		t.Errorf("Finish was called with a context that had ended: %v", err)
	}
	to.next(t, 1)
}

func TestTheEndOfStartsContextStopsFetching(t *testing.T) {
	script := &enginetest.Script{}
	gate := script.Hold()
	pool, from, to := newPool(1, script), newSource(1), newSink()
	ctx, cancel := context.WithCancel(t.Context())
	if err := pool.Start(ctx, from, to); err != nil {
		t.Fatal(err)
	}
	from.give(t, 0, bright(t, "one"))
	gate.Await(t)
	cancel()
	gate.Release(t)
	if err := to.next(t, 1)["one"].Err; err != nil {
		t.Errorf("what was in hand did not finish: %v", err)
	}
	pool.Stop(context.Background())
}

func TestStartTwiceAndAgain(t *testing.T) {
	script := &enginetest.Script{}
	pool, from, to := startPool(t, 1, script)
	if err := pool.Start(t.Context(), from, to); err == nil {
		t.Error("a running pool was started again")
	}
	pool.Stop(context.Background())
	if err := pool.Start(t.Context(), from, to); err != nil {
		t.Fatal(err)
	}
	from.give(t, 0, bright(t, "one"))
	if err := to.next(t, 1)["one"].Err; err != nil {
		t.Error(err)
	}
}

func TestStopEndsWarm(t *testing.T) {
	script := &enginetest.Script{New: func(int, int) error { return errDevice }}
	pool := newPool(1, script)
	if err := pool.Start(t.Context(), newSource(1), newSink()); err != nil {
		t.Fatal(err)
	}
	warmed := make(chan error)
	go func() { warmed <- pool.Warm(context.Background(), []string{"a"}) }()
	pool.Stop(context.Background())
	if err := <-warmed; !errors.Is(err, gpuexec.ErrNotRunning) {
		t.Errorf("Warm = %v", err)
	}
}

// Start, Stop, Warm, Cancel and the questions from many goroutines at once: every Stop returns and nothing is left.
func TestStartAndStopAtTheSameTime(t *testing.T) {
	const rounds, callers = 50, 4
	script := &enginetest.Script{}
	pool, from, to := newPool(2, script), newSource(2), newSink()
	var group sync.WaitGroup
	for caller := range callers {
		group.Go(func() {
			for round := range rounds {
				_ = pool.Start(t.Context(), from, to) // fails while another caller's life is on
				if caller%2 == 0 {
					_ = pool.Warm(over(), []string{"a"}) // there may be nobody to do it
				}
				pool.Ready()
				pool.Stats()
				pool.Cancel("nobody")
				if round%2 == 0 {
					pool.Stop(over())
				} else {
					pool.Stop(context.Background())
				}
			}
		})
	}
	group.Wait()
	pool.Stop(context.Background())
	if n := script.Open(); n != 0 {
		t.Errorf("%d engines were left open", n)
	}
	for _, m := range script.Misuse() {
		t.Error(m)
	}
}
