package gpuexec_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"seghub/gpuexec"
	"seghub/gpuexec/budget"
	"seghub/gpuexec/enginetest"
	"seghub/models"
)

var errDevice = errors.New("the device said no")

// spoilt makes a run fail with err when an image of that brightness is in it.
func spoilt(brightness uint8, err error) func(context.Context, enginetest.Call) error {
	return func(_ context.Context, call enginetest.Call) error {
		if slices.Contains(call.Input.Pix, brightness) {
			return err
		}
		return nil
	}
}

func TestAFailedBatchIsTriedImageByImage(t *testing.T) {
	script := &enginetest.Script{Run: spoilt(13, errDevice)}
	_, from, to := startPool(t, 1, script)
	from.give(t, 0, gpuexec.Batch{Model: "a", Jobs: []gpuexec.Job{
		job("one", picture(t, 255)), job("bad", picture(t, 13)), job("two", picture(t, 255)),
	}})
	results := to.next(t, 3)
	if results["one"].Err != nil || results["two"].Err != nil {
		t.Errorf("one: %v, two: %v", results["one"].Err, results["two"].Err)
	}
	if err := results["bad"].Err; !errors.Is(err, gpuexec.ErrInference) || !errors.Is(err, errDevice) {
		t.Errorf("bad: %v", err)
	}
	var sizes []int
	for _, call := range script.Calls() {
		sizes = append(sizes, images(call))
	}
	if !slices.Equal(sizes, []int{3, 1, 1, 1}) {
		t.Errorf("runs of %v images", sizes)
	}
}

func TestAnImageThatFailsAloneIsNotTriedAgain(t *testing.T) {
	script := &enginetest.Script{Run: spoilt(13, errDevice)}
	_, from, to := startPool(t, 1, script)
	from.give(t, 0, gpuexec.Batch{Model: "a", Jobs: []gpuexec.Job{job("bad", picture(t, 13))}})
	if err := to.next(t, 1)["bad"].Err; !errors.Is(err, gpuexec.ErrInference) || errors.Is(err, gpuexec.ErrNotLoaded) {
		t.Error(err)
	}
	if n := len(script.Calls()); n != 1 {
		t.Errorf("%d runs", n)
	}
}

// An engine that panicked is closed and made anew with its warm models, and the other images do not suffer.
func TestAnEngineThatPanickedIsMadeAnew(t *testing.T) {
	script := &enginetest.Script{Run: func(ctx context.Context, call enginetest.Call) error {
		if slices.Contains(call.Input.Pix, 13) {
			return enginetest.Panic(ctx, call)
		}
		return nil
	}}
	pool, from, to := startPool(t, 1, script)
	if err := pool.Warm(t.Context(), []string{"b"}); err != nil {
		t.Fatal(err)
	}
	from.give(t, 0, gpuexec.Batch{Model: "a", Jobs: []gpuexec.Job{job("good", picture(t, 255)), job("bad", picture(t, 13))}})
	results := to.next(t, 2)
	if results["good"].Err != nil || !errors.Is(results["bad"].Err, gpuexec.ErrInference) {
		t.Errorf("good: %v, bad: %v", results["good"].Err, results["bad"].Err)
	}
	from.give(t, 0, bright(t, "after"))
	if err := to.next(t, 1)["after"].Err; err != nil {
		t.Error(err)
	}
	if !pool.Ready() {
		t.Error("the new engine has not the warm models")
	}
	calls := script.Calls()
	// The batch, then each alone; the bad one costs an engine both times.
	if last := calls[len(calls)-1]; last.Life != 3 {
		t.Errorf("the last run was on engine %d of the slot", last.Life)
	}
	if n := script.Open(); n != 1 {
		t.Errorf("%d engines are open on one slot", n)
	}
}

func TestAModelThatCannotBeLoadedFailsItsJobsAlone(t *testing.T) {
	script := &enginetest.Script{Load: func(_ context.Context, _ int, model models.Spec, _ int) error {
		if model.ID == "b" {
			return errDevice
		}
		return nil
	}}
	pool, from, to := startPool(t, 1, script)
	if err := pool.Warm(t.Context(), []string{"a", "b"}); !errors.Is(err, errDevice) {
		t.Errorf("Warm = %v", err)
	}
	if !pool.Ready() || !pool.Loaded("a") || pool.Loaded("b") {
		t.Errorf("ready %t, a %t, b %t", pool.Ready(), pool.Loaded("a"), pool.Loaded("b"))
	}
	if a, b := pool.Broken("a"), pool.Broken("b"); a != nil || !errors.Is(b, errDevice) {
		t.Errorf("broken: a %v, b %v", a, b)
	}
	b := bright(t, "one")
	b.Model = "b"
	from.give(t, 0, b)
	from.give(t, 0, bright(t, "two"))
	results := to.next(t, 2)
	if err := results["one"].Err; !errors.Is(err, gpuexec.ErrInference) || !errors.Is(err, gpuexec.ErrNotLoaded) || results["two"].Err != nil {
		t.Errorf("one: %v, two: %v", results["one"].Err, results["two"].Err)
	}
}

// crooked makes an output that does not fit its input.
type crooked struct{ gpuexec.Engine }

type crookedSession struct{ gpuexec.Session }

func (c crooked) Open(ctx context.Context, model models.Spec, n int) (gpuexec.Session, error) {
	s, err := c.Engine.Open(ctx, model, n)
	return crookedSession{s}, err
}

func (c crookedSession) Run(ctx context.Context, in models.Tensor) (models.Tensor, error) {
	out, err := c.Session.Run(ctx, in)
	out.W--
	return out, err
}

func TestAnOutputOfTheWrongShapeIsAnError(t *testing.T) {
	script := &enginetest.Script{}
	pool := gpuexec.New(gpuexec.Config{
		Slots: 1, Device: gpuexec.CPU, Models: registry, MaxPixels: 1 << 20, Budget: budget.New(budget.Config{}), Lost: func(error) {}, Log: quiet,
		NewEngine: func(slot int) (gpuexec.Engine, error) {
			e, err := script.NewEngine(slot)
			return crooked{e}, err
		},
	})
	from, to := newSource(1), newSink()
	if err := pool.Start(t.Context(), from, to); err != nil {
		t.Fatal(err)
	}
	defer pool.Stop(context.Background())
	from.give(t, 0, bright(t, "one"))
	if err := to.next(t, 1)["one"].Err; !errors.Is(err, gpuexec.ErrInference) {
		t.Errorf("one: %v", err)
	}
}

func TestWarmLoadsOnEveryWorker(t *testing.T) {
	script := &enginetest.Script{}
	pool, _, _ := startPool(t, 3, script)
	if err := pool.Warm(t.Context(), []string{"a", "b"}); err != nil {
		t.Fatal(err)
	}
	if !pool.Ready() || !pool.Loaded("a") || !pool.Loaded("b") || pool.Loaded("c") {
		t.Errorf("ready %t, a %t, b %t, c %t", pool.Ready(), pool.Loaded("a"), pool.Loaded("b"), pool.Loaded("c"))
	}
	loads := script.Loads()
	slices.Sort(loads)
	// Runs of several images have a session, and a single image has one too.
	if want := []string{"0 a/1", "0 a/6", "0 b/1", "0 b/6", "1 a/1", "1 a/6", "1 b/1", "1 b/6", "2 a/1", "2 a/6", "2 b/1", "2 b/6"}; !slices.Equal(loads, want) {
		t.Errorf("loads %v", loads)
	}
	if err := pool.Warm(t.Context(), []string{"a"}); err != nil {
		t.Fatal(err)
	}
	if again := script.Loads(); len(again) != len(loads) {
		t.Errorf("a loaded model was loaded again: %v", again)
	}
	if err := pool.Warm(t.Context(), []string{"gone"}); err == nil || !pool.Ready() {
		t.Errorf("Warm of an unknown model = %v, ready %t", err, pool.Ready())
	}
}

func TestWarmNeedsRunningWorkers(t *testing.T) {
	script := &enginetest.Script{}
	pool := newPool(1, script)
	if err := pool.Warm(t.Context(), []string{"a"}); !errors.Is(err, gpuexec.ErrNotRunning) {
		t.Errorf("before Start: %v", err)
	}
	if pool.Ready() {
		t.Error("a pool that was not started is ready")
	}
}

// A worker without an engine takes no work, is not ready, and tries again with growing pauses until it has one.
func TestAWorkerWithoutAnEngineIsDownUntilItHasOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var tries []time.Duration
		script := &enginetest.Script{New: func(_, life int) error {
			tries = append(tries, time.Since(began))
			if life < 5 {
				return errDevice
			}
			return nil
		}}
		pool, from, to := startPool(t, 1, script)
		synctest.Wait()
		if state := pool.Stats()[0].State; state != gpuexec.WorkerDown {
			t.Errorf("the worker is %s", state)
		}
		if err := pool.Down(); !errors.Is(err, errDevice) || pool.Ready() {
			t.Errorf("it is down, because of %v, ready %t", err, pool.Ready())
		}
		select {
		case from.batches[0] <- bright(t, "early"):
			t.Error("a worker without an engine took a batch")
		default:
		}
		if err := pool.Warm(t.Context(), []string{"a"}); err != nil {
			t.Fatal(err)
		}
		if err := pool.Down(); !pool.Ready() || err != nil {
			t.Errorf("after Warm: ready %t, %v", pool.Ready(), err)
		}
		from.give(t, 0, bright(t, "one"))
		if err := to.next(t, 1)["one"].Err; err != nil {
			t.Error(err)
		}
		ms := time.Millisecond
		if want := []time.Duration{0, 100 * ms, 300 * ms, 700 * ms, 1500 * ms}; !slices.Equal(tries, want) {
			t.Errorf("tries after %v", tries)
		}
	})
}

// stumbling fails the first calls.
type stumbling struct {
	*source
	failures atomic.Int32
}

func (s *stumbling) Next(ctx context.Context, slot int) (gpuexec.Batch, error) {
	switch s.failures.Add(-1) {
	case 2:
		return gpuexec.Batch{}, errors.New("the queue is away")
	case 1:
		return gpuexec.Batch{}, nil // against the contract
	}
	return s.source.Next(ctx, slot)
}

func TestASourceThatFailsIsAskedAgainAfterAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		pool, from, to := newPool(1, &enginetest.Script{}), &stumbling{source: newSource(1)}, newSink()
		from.failures.Store(3)
		if err := pool.Start(t.Context(), from, to); err != nil {
			t.Fatal(err)
		}
		defer pool.Stop(context.Background())
		from.give(t, 0, bright(t, "one"))
		if err := to.next(t, 1)["one"].Err; err != nil {
			t.Error(err)
		}
		if waited := time.Since(began); waited != 300*time.Millisecond {
			t.Errorf("asked again after %v", waited)
		}
	})
}
