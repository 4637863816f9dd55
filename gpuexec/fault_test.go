package gpuexec_test

import (
	"context"
	"errors"
	"fmt"
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

// rowsOf are the shapes of the runs so far.
func rowsOf(script *enginetest.Script) []int {
	var rows []int
	for _, call := range script.Calls() {
		rows = append(rows, call.Rows)
	}
	return rows
}

func TestARunAlwaysHasTheRowsOfItsModel(t *testing.T) {
	script := &enginetest.Script{}
	pool, from, to := startPool(t, 1, script) // eight rows a run
	from.give(t, 0, bright(t, "a", "b", "c"))
	to.next(t, 3)
	from.give(t, 0, bright(t, "d"))
	to.next(t, 1)
	if rows := rowsOf(script); !slices.Equal(rows, []int{8, 8}) {
		t.Errorf("runs of %v rows: the last ones are to be padded", rows)
	}
	// Once warm, there is a shape for a single image beside it.
	if err := pool.Warm(t.Context(), []string{"a"}); err != nil {
		t.Fatal(err)
	}
	from.give(t, 0, bright(t, "e"))
	to.next(t, 1)
	from.give(t, 0, bright(t, "f", "g"))
	to.next(t, 2)
	if rows := rowsOf(script)[2:]; !slices.Equal(rows, []int{1, 8}) {
		t.Errorf("runs of %v rows", rows)
	}
}

func TestARunWithoutMemoryIsTriedOnceMoreWithHalfTheRows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		script := &enginetest.Script{Run: enginetest.OutOfMemory(1)}
		pool, from, to := startPool(t, 1, script)
		if err := pool.Warm(t.Context(), []string{"b"}); err != nil {
			t.Fatal(err)
		}
		from.give(t, 0, bright(t, "one", "two", "three", "four", "five"))
		for id, r := range to.next(t, 5) {
			if r.Err != nil {
				t.Errorf("%s: %v", id, r.Err)
			}
		}
		if rows := rowsOf(script); !slices.Equal(rows, []int{8, 4, 4}) {
			t.Errorf("runs of %v rows", rows)
		}
		if unloads := script.Unloads(); !slices.Equal(unloads, []string{"0 a/8", "0 b/1", "0 b/8"}) {
			t.Errorf("what made room: %v", unloads)
		}
		// After a rest memory is no longer thought short.
		<-time.After(10 * time.Second)
		from.give(t, 0, bright(t, "six", "seven"))
		to.next(t, 2)
		if rows := rowsOf(script); rows[len(rows)-1] != 8 {
			t.Errorf("runs of %v rows", rows)
		}
		pool.Stop(context.Background())
	})
}

func TestAJobForWhichThereIsNoMemoryFailsAlone(t *testing.T) {
	const large = 13 // its image's brightness
	script := &enginetest.Script{Run: func(ctx context.Context, call enginetest.Call) error {
		if slices.Contains(call.Input.Pix, large) {
			return enginetest.OutOfMemory(-1)(ctx, call)
		}
		return nil
	}}
	_, from, to := startPool(t, 1, script)
	from.give(t, 0, gpuexec.Batch{Model: "a", Jobs: []gpuexec.Job{
		job("one", picture(t, 255)), job("large", picture(t, large)), job("two", picture(t, 255)),
	}})
	results := to.next(t, 3)
	if results["one"].Err != nil || results["two"].Err != nil {
		t.Errorf("one: %v, two: %v", results["one"].Err, results["two"].Err)
	}
	if err := results["large"].Err; !errors.Is(err, gpuexec.ErrOutOfMemory) {
		t.Errorf("large: %v", err)
	}
	from.give(t, 0, bright(t, "after"))
	if err := to.next(t, 1)["after"].Err; err != nil {
		t.Error(err)
	}
}

// startLosing starts a pool of two workers; lost gets what it says when the device is lost.
func startLosing(t *testing.T, script *enginetest.Script) (pool *gpuexec.Pool, from *source, to *sink, lost chan error) {
	t.Helper()
	lost = make(chan error, 10)
	pool = gpuexec.New(gpuexec.Config{
		Slots: 2, Device: "cuda:0", NewEngine: script.NewEngine, Models: registry, MaxPixels: 1 << 20, Log: quiet,
		Budget: budget.New(budget.Config{}), Lost: func(err error) { lost <- err },
	})
	from, to = newSource(2), newSink()
	if err := pool.Start(t.Context(), from, to); err != nil {
		t.Fatal(err)
	}
	return pool, from, to, lost
}

// A poisoned device is called no more, not even to be closed; the jobs in hand are left to who hands them back.
func TestAPoisonedDeviceIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var poisoned atomic.Bool
		script := &enginetest.Script{Run: func(ctx context.Context, call enginetest.Call) error {
			if poisoned.Load() {
				return enginetest.Poison(ctx, call)
			}
			return nil
		}}
		pool, from, to, lost := startLosing(t, script)
		if err := pool.Warm(t.Context(), []string{"a"}); err != nil {
			t.Fatal(err)
		}
		from.give(t, 0, bright(t, "before"))
		to.next(t, 1)
		poisoned.Store(true)
		from.give(t, 0, bright(t, "one", "two"))
		if err := <-lost; !errors.Is(err, gpuexec.ErrDeviceLost) {
			t.Error(err)
		}
		synctest.Wait()
		to.none(t)
		if pool.Ready() {
			t.Error("a pool without a device is ready")
		}
		if err := pool.Warm(t.Context(), []string{"b"}); !errors.Is(err, gpuexec.ErrDeviceLost) {
			t.Errorf("Warm = %v", err)
		}
		pool.Stop(over())
		for id, r := range to.next(t, 2) {
			if !errors.Is(r.Err, gpuexec.ErrStopped) {
				t.Errorf("%s was finished with %v", id, r.Err)
			}
		}
		if len(lost) > 0 {
			t.Error("it was lost twice")
		}
		for _, m := range script.Misuse() {
			t.Error(m)
		}
		if script.Open() != 2 {
			t.Error("an engine was closed")
		}
	})
}

func TestADeviceThatIsLostOverAModelFailsNoJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		script := &enginetest.Script{Load: func(context.Context, int, models.Spec, int) error {
			return fmt.Errorf("%w: CUDA error 700", gpuexec.ErrDeviceLost)
		}}
		pool, from, to, lost := startLosing(t, script)
		from.give(t, 0, bright(t, "one", "two"))
		if err := <-lost; !errors.Is(err, gpuexec.ErrDeviceLost) {
			t.Error(err)
		}
		synctest.Wait()
		to.none(t)
		pool.Stop(over())
		for id, r := range to.next(t, 2) {
			if !errors.Is(r.Err, gpuexec.ErrStopped) {
				t.Errorf("%s was finished with %v", id, r.Err)
			}
		}
	})
}

func TestAHungRunLosesTheDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		letGo := make(chan struct{})
		var hangs atomic.Bool
		script := &enginetest.Script{Run: func(ctx context.Context, call enginetest.Call) error {
			if hangs.Load() {
				return enginetest.Hang(letGo)(ctx, call)
			}
			return enginetest.Delay(5*time.Second)(ctx, call)
		}}
		pool, from, to, lost := startLosing(t, script)
		from.give(t, 0, bright(t, "slow"))
		to.next(t, 1)
		hangs.Store(true)
		began := time.Now()
		from.give(t, 0, bright(t, "hangs"))
		if err := <-lost; !errors.Is(err, gpuexec.ErrDeviceLost) {
			t.Error(err)
		}
		// Ten times the 5 s that the slowest run took, and 10 s for the run to end when it is told to.
		if took := time.Since(began); took != 60*time.Second {
			t.Errorf("it was lost after %s", took)
		}
		to.none(t)
		close(letGo) // so that the test can end: a real one would not return
		pool.Stop(over())
		to.next(t, 1)
	})
}

// An engine that hangs while it is made, or opens a model, does so before any run. The other worker would wait for the model for ever.
func TestAnEngineThatHangsBeforeItRunsLosesTheDevice(t *testing.T) {
	for name, hang := range map[string]func(script *enginetest.Script, letGo chan struct{}){
		"made": func(script *enginetest.Script, letGo chan struct{}) {
			script.New = func(int, int) error { <-letGo; return errors.New("the hung call was let go") }
		},
		"opens": func(script *enginetest.Script, letGo chan struct{}) {
			script.Load = func(context.Context, int, models.Spec, int) error {
				<-letGo
				return errors.New("the hung call was let go")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				letGo := make(chan struct{})
				script := &enginetest.Script{}
				hang(script, letGo)
				pool, _, to, lost := startLosing(t, script)
				if err := pool.Warm(t.Context(), []string{"a"}); !errors.Is(err, gpuexec.ErrDeviceLost) {
					t.Errorf("Warm = %v", err)
				}
				if err := <-lost; !errors.Is(err, gpuexec.ErrDeviceLost) {
					t.Error(err)
				}
				to.none(t)
				close(letGo) // so that the test can end
				pool.Stop(over())
			})
		})
	}
}

func TestARunThatTakesTooLongIsEndedAndFailsItsJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slow atomic.Bool
		script := &enginetest.Script{Run: func(ctx context.Context, call enginetest.Call) error {
			if slow.Load() {
				return enginetest.Delay(time.Hour)(ctx, call)
			}
			return nil
		}}
		pool, from, to, lost := startLosing(t, script)
		from.give(t, 0, bright(t, "first"))
		to.next(t, 1)
		slow.Store(true)
		began := time.Now()
		from.give(t, 0, bright(t, "slow"))
		<-time.After(29 * time.Second)
		to.none(t)
		<-time.After(2 * time.Second)
		if err := to.next(t, 1)["slow"].Err; !errors.Is(err, gpuexec.ErrTooLong) || !errors.Is(err, gpuexec.ErrInference) {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		slow.Store(false)
		from.give(t, 0, bright(t, "after"))
		if err := to.next(t, 1)["after"].Err; err != nil {
			t.Error(err)
		}
		if len(lost) > 0 {
			t.Error(<-lost)
		}
		pool.Stop(context.Background())
	})
}

// On the CPU a run that takes much longer than those before it has to do with less of the processor.
func TestARunOnABusyCPUHasItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var takes atomic.Int64
		script := &enginetest.Script{Run: func(ctx context.Context, call enginetest.Call) error {
			return enginetest.Delay(time.Duration(takes.Load()))(ctx, call)
		}}
		pool := gpuexec.New(gpuexec.Config{
			Slots: 1, Device: gpuexec.CPU, NewEngine: script.NewEngine, Models: registry, MaxPixels: 1 << 20, Log: quiet,
			Budget: budget.New(budget.Config{}), Lost: func(error) {},
		})
		from, to := startThis(t, pool, 1, script)
		for _, d := range []time.Duration{time.Second, 9 * time.Minute} {
			takes.Store(int64(d))
			from.give(t, 0, bright(t, "image"))
			<-time.After(d)
			if err := to.next(t, 1)["image"].Err; err != nil {
				t.Errorf("a run of %v: %v", d, err)
			}
		}
	})
}

// A process that was stopped, as one in the background of a terminal, has lived through one beat, whatever a clock shows: its run has neither
// taken too long nor hung, and the time does not count for later runs.
func TestAProcessThatWasStoppedBlamesNoRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const stopped, limit = time.Hour, 30 // beats
		script := &enginetest.Script{}
		gate := script.Hold()
		lost := make(chan error, 1)
		pool := gpuexec.New(gpuexec.Config{
			Slots: 1, Device: "cuda:0", NewEngine: script.NewEngine, Models: registry, MaxPixels: 1 << 20, Log: quiet,
			Budget: budget.New(budget.Config{}), Lost: func(err error) { lost <- err },
		})
		beats := make(chan time.Time)
		pool.BeatBy(beats)
		from, to := startThis(t, pool, 1, script)
		from.give(t, 0, bright(t, "across"))
		gate.Await(t)
		<-time.After(stopped)
		beats <- time.Now()
		gate.Release(t)
		if err := to.next(t, 1)["across"].Err; err != nil {
			t.Fatal(err)
		}
		from.give(t, 0, bright(t, "too long"))
		gate.Await(t)
		for range limit {
			beats <- time.Now()
		}
		if err := to.next(t, 1)["too long"].Err; !errors.Is(err, gpuexec.ErrTooLong) || len(lost) > 0 {
			t.Errorf("after %d beats: %v, and lost are %d", limit, err, len(lost))
		}
	})
}

func TestTheMemoryOfRunsIsGivenBackAtRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		script := &enginetest.Script{}
		pool, from, to := startPoolOf(t, anyModel, 1, script)
		runOn(t, from, to, "a", "b")
		<-time.After(4 * time.Second)
		if shrinks := script.Shrinks(); len(shrinks) != 0 {
			t.Errorf("%v after 4 s of rest", shrinks)
		}
		<-time.After(4 * time.Second)
		if shrinks := script.Shrinks(); !slices.Equal(shrinks, []string{"0 a/1", "0 b/1"}) {
			t.Errorf("%v after 8 s of rest", shrinks)
		}
		<-time.After(time.Minute)
		if shrinks := script.Shrinks(); len(shrinks) != 2 {
			t.Errorf("what holds nothing was shrunk again: %v", shrinks)
		}
		pool.Stop(context.Background())
	})
}

func TestMemoryIsKeptWhileAnotherWorkerRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		script := &enginetest.Script{}
		pool, from, to := startPoolOf(t, anyModel, 2, script)
		from.give(t, 0, on(t, "a", "once"))
		to.next(t, 1)
		for range 10 { // the other one has work every other second
			from.give(t, 1, on(t, "a", "again"))
			to.next(t, 1)
			<-time.After(2 * time.Second)
		}
		if shrinks := script.Shrinks(); len(shrinks) != 0 {
			t.Errorf("%v while a worker runs", shrinks)
		}
		<-time.After(8 * time.Second)
		if shrinks := script.Shrinks(); len(shrinks) != 2 {
			t.Errorf("%v once all rest", shrinks)
		}
		pool.Stop(context.Background())
	})
}

func TestABatchDoesNotWaitForMemoryToBeGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		script := &enginetest.Script{Shrink: func(ctx context.Context, _ int, _ models.Spec, _ int) error {
			<-ctx.Done() // as long as it may
			return ctx.Err()
		}}
		pool, from, to := startPool(t, 1, script)
		from.give(t, 0, bright(t, "one"))
		to.next(t, 1)
		<-time.After(8 * time.Second) // it shrinks now
		began := time.Now()
		from.give(t, 0, bright(t, "two"))
		to.next(t, 1)
		if waited := time.Since(began); waited > 0 {
			t.Errorf("a batch waited %s for a shrinking session", waited)
		}
		pool.Stop(context.Background())
	})
}

// startBooked starts a pool of one worker with a budget of which the test has booked everything.
func startBooked(t *testing.T, script *enginetest.Script) (*gpuexec.Pool, *source, *sink, *budget.Reservation) {
	t.Helper()
	b := budgetOf(func() uint64 { return 0 })
	b.Sample(t.Context())
	all, ok := b.Try(b.State().BudgetBytes)
	if !ok {
		t.Fatal("no room in an empty budget")
	}
	pool := gpuexec.New(gpuexec.Config{
		Slots: 1, Device: "cuda:0", NewEngine: script.NewEngine, Models: registry, MaxPixels: 1 << 20, Log: quiet,
		Budget: b, Lost: func(error) {},
	})
	from, to := startThis(t, pool, 1, script)
	return pool, from, to, all
}

func TestARunWaitsForRoomInTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		script := &enginetest.Script{}
		pool, from, to, others := startBooked(t, script)
		from.give(t, 0, bright(t, "one", "two"))
		<-time.After(5 * time.Second)
		to.none(t)
		others.Release()
		to.next(t, 2)
		if rows := rowsOf(script); !slices.Equal(rows, []int{8}) {
			t.Errorf("runs of %v rows", rows)
		}
		pool.Stop(context.Background())
	})
}

// Who waits in vain does with fewer rows, and with one in any case: nobody is kept from working by what was only thought.
func TestARunShrinksWhenThereIsNoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		script := &enginetest.Script{}
		pool, from, to, others := startBooked(t, script)
		from.give(t, 0, bright(t, "one", "two"))
		for id, r := range toWithin(t, to, 2, time.Minute) {
			if r.Err != nil {
				t.Errorf("%s: %v", id, r.Err)
			}
		}
		if rows := rowsOf(script); !slices.Equal(rows, []int{1, 1}) {
			t.Errorf("runs of %v rows", rows)
		}
		others.Release()
		pool.Stop(context.Background())
	})
}

// toWithin is to.next for results that take their time.
func toWithin(t *testing.T, to *sink, n int, limit time.Duration) map[string]gpuexec.Result {
	t.Helper()
	for late := time.After(limit); len(to.results) < n; {
		select {
		case <-late:
			t.Fatalf("%d of %d jobs were finished within %s", len(to.results), n, limit)
		case <-time.After(time.Second):
		}
	}
	return to.next(t, n)
}

// The session for a single image is opened where there is room beside the model's own, never in its place.
func TestTheShapeOfOneRowPushesNothingOut(t *testing.T) {
	script := &enginetest.Script{}
	pool, _, _, others := startBooked(t, script)
	limit := others.Bytes()
	const run = 8 * side * side * 512 // of eight rows, as it is thought; one row takes an eighth, and twice that while it warms
	others.Resize(limit - 2*run)
	script.Load = func(_ context.Context, _ int, _ models.Spec, rows int) error {
		if rows == 8 { // then there is room for the runs of one row, but not for its first
			others.Resize(limit - run - run/8*3/2)
		}
		return nil
	}
	if err := pool.Warm(t.Context(), []string{"a"}); err != nil {
		t.Fatal(err)
	}
	if loads := script.Loads(); !slices.Equal(loads, []string{"0 a/8"}) {
		t.Errorf("loads %v", loads)
	}
	if gone := append(script.Shrinks(), script.Unloads()...); len(gone) > 0 {
		t.Errorf("%v made room", gone)
	}
	others.Release()
}
