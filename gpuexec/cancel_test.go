package gpuexec_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"seghub/gpuexec"
	"seghub/gpuexec/enginetest"
	"seghub/models/imageio"
)

// wantCancelled takes the next result, which must be that job's end.
func wantCancelled(t *testing.T, to *sink, id string) {
	t.Helper()
	r, ok := to.next(t, 1)[id]
	if !ok || !errors.Is(r.Err, gpuexec.ErrCancelled) || errors.Is(r.Err, gpuexec.ErrStopped) || r.Output != nil {
		t.Errorf("%s: %+v", id, r)
	}
}

func TestCancelOfARunningJobTerminatesTheRun(t *testing.T) {
	script := &enginetest.Script{}
	gate := script.Hold()
	pool, from, to := startPool(t, 1, script)
	from.give(t, 0, bright(t, "one"))
	gate.Await(t)
	if !pool.Cancel("one") {
		t.Fatal("Cancel did not find a running job")
	}
	wantCancelled(t, to, "one")
	// Nobody released the gate: that the next run comes to it shows that the first one was terminated.
	from.give(t, 0, bright(t, "two"))
	gate.Await(t)
	gate.Release(t)
	to.next(t, 1)
	if pool.Cancel("one") {
		t.Error("a job was cancelled twice")
	}
}

func TestCancelInABatchLetsTheOthersGoOn(t *testing.T) {
	script := &enginetest.Script{}
	gate := script.Hold()
	pool, from, to := startPool(t, 1, script)
	from.give(t, 0, bright(t, "one", "two", "three"))
	gate.Await(t)
	if !pool.Cancel("two") {
		t.Fatal("Cancel did not find a running job")
	}
	wantCancelled(t, to, "two") // at once: the gate still holds the run
	gate.Release(t)
	for id, r := range to.next(t, 2) {
		if r.Err != nil {
			t.Errorf("%s: %v", id, r.Err)
		}
	}
	if n := len(script.Calls()); n != 1 {
		t.Errorf("%d runs", n)
	}
}

func TestCancelOfAllInABatchTerminatesTheRun(t *testing.T) {
	script := &enginetest.Script{}
	gate := script.Hold()
	pool, from, to := startPool(t, 1, script)
	from.give(t, 0, bright(t, "one", "two"))
	gate.Await(t)
	pool.Cancel("one")
	pool.Cancel("two")
	to.next(t, 2)
	from.give(t, 0, bright(t, "three"))
	gate.Await(t)
	gate.Release(t)
	to.next(t, 1)
}

// A job that waits decoded behind another batch never reaches the engine, alone or among others.
func TestCancelOfADecodedJobKeepsItFromTheEngine(t *testing.T) {
	script := &enginetest.Script{}
	gate := script.Hold()
	pool, from, to := startPool(t, 1, script)
	from.give(t, 0, bright(t, "first"))
	gate.Await(t)
	from.give(t, 0, bright(t, "kept", "dropped"))
	awaitDecoded(t, to, "kept", "dropped")
	if !pool.Cancel("dropped") {
		t.Fatal("Cancel did not find a decoded job")
	}
	wantCancelled(t, to, "dropped")
	gate.Release(t)
	if call := gate.Await(t); images(call) != 1 {
		t.Errorf("a batch of %d images ran, of which one was cancelled before", images(call))
	}
	gate.Release(t)
	for id, r := range to.next(t, 2) {
		if r.Err != nil {
			t.Errorf("%s: %v", id, r.Err)
		}
	}
}

// awaitDecoded returns when the jobs' decoding has been reported whole. What is handed on after that, packed, is covered by
// the property test: here it does not matter whether the cancellation comes before or after.
func awaitDecoded(t *testing.T, to *sink, ids ...string) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	late := time.After(waitLimit)
	for {
		decoded := 0
		for _, id := range ids {
			if slices.ContainsFunc(to.progressOf(id), func(p gpuexec.Progress) bool { return p.Done == p.Total }) {
				decoded++
			}
		}
		if decoded == len(ids) {
			return
		}
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("%d of %d jobs are decoded", decoded, len(ids))
		}
	}
}

func TestCancelWhileDecoding(t *testing.T) {
	script := &enginetest.Script{}
	pool, from, to := startPool(t, 1, script)
	opening := make(chan struct{})
	slow := job("slow", nil)
	slow.Open = func(ctx context.Context) (imageio.Source, error) {
		close(opening)
		<-ctx.Done() // a storage that does not answer
		return nil, ctx.Err()
	}
	from.give(t, 0, gpuexec.Batch{Model: "a", Jobs: []gpuexec.Job{slow}})
	<-opening
	if !pool.Cancel("slow") {
		t.Fatal("Cancel did not find a job in decoding")
	}
	wantCancelled(t, to, "slow")
	from.give(t, 0, bright(t, "next"))
	to.next(t, 1)
	if n := len(script.Calls()); n != 1 {
		t.Errorf("%d runs for one job that was not cancelled", n)
	}
}

func TestCancelWhilePostprocessing(t *testing.T) {
	pool, from, to := newPool(1, &enginetest.Script{}), newSource(1), newSink()
	began, goOn := make(chan struct{}), make(chan struct{})
	to.onProgress = func(p gpuexec.Progress) {
		if p.Stage == gpuexec.StagePostprocess && p.Done == 0 {
			close(began)
			<-goOn
		}
	}
	if err := pool.Start(t.Context(), from, to); err != nil {
		t.Fatal(err)
	}
	defer pool.Stop(context.Background())
	from.give(t, 0, bright(t, "one"))
	<-began
	if !pool.Cancel("one") {
		t.Fatal("Cancel did not find a job in postprocessing")
	}
	wantCancelled(t, to, "one") // while its postprocessing still stands
	close(goOn)
	pool.Stop(context.Background())
	to.none(t)
	if done := pool.Stats()[0].ImagesDone; done != 0 {
		t.Errorf("%d images were counted as done", done)
	}
}

func TestCancelOfWhatIsNotInHand(t *testing.T) {
	pool, from, to := startPool(t, 1, &enginetest.Script{})
	if pool.Cancel("nobody") {
		t.Error("a job that does not exist was cancelled")
	}
	from.give(t, 0, bright(t, "one"))
	to.next(t, 1)
	if pool.Cancel("one") {
		t.Error("a finished job was cancelled")
	}
	to.none(t)
}
