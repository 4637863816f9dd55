package gpuexec_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"seghub/gpuexec"
	"seghub/gpuexec/budget"
	"seghub/gpuexec/enginetest"
	"seghub/models"
)

// anyModel is a registry that knows every model, each of one shape.
func anyModel(id string) (models.Spec, bool) {
	spec, _ := registry("a")
	spec.ID, spec.Batch = id, models.Batch{Alone: 1, Shared: 1, Max: 1}
	return spec, true
}

// sessionsOpen is how many sessions a script's engines have.
func sessionsOpen(script *enginetest.Script) int { return len(script.Loads()) - len(script.Unloads()) }

// gauge measures what the test says, in hundredths of the device.
type gauge func() uint64

func (g gauge) Usage(context.Context) (budget.Usage, error) {
	return budget.Usage{UsedBytes: g() << 30, TotalBytes: 100 << 30}, nil
}

// budgetOf is a budget of that gauge with the levels of a hub.
func budgetOf(g gauge) *budget.Budget {
	return budget.New(budget.Config{Gauge: g, Levels: budget.DefaultLevels(), Log: quiet})
}

// startSmall starts a pool of one worker on a device that is short of memory while the worker has more than room models.
func startSmall(t *testing.T, script *enginetest.Script, room *atomic.Int64) (*gpuexec.Pool, *source, *sink) {
	t.Helper()
	b := budgetOf(func() uint64 {
		if int64(sessionsOpen(script)) > room.Load() {
			return 85
		}
		return 10
	})
	b.Start(t.Context())
	t.Cleanup(b.Stop)
	pool := gpuexec.New(gpuexec.Config{
		Slots: 1, Device: "cuda:0", NewEngine: script.NewEngine, Models: anyModel, MaxPixels: 1 << 20, Log: quiet,
		Budget: b, Lost: func(error) {},
	})
	from, to := startThis(t, pool, 1, script)
	return pool, from, to
}

// runOn has slot 0's worker run one image on each of the models, in that order.
func runOn(t *testing.T, from *source, to *sink, ids ...string) {
	t.Helper()
	for _, id := range ids {
		from.give(t, 0, on(t, id, id))
		if err := to.next(t, 1)[id].Err; err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
}

// on is a batch of one white image for a model.
func on(t *testing.T, model, job string) gpuexec.Batch {
	b := bright(t, job)
	b.Model = model
	return b
}

// wantLoaded wants these of the models a, b, c and d to be loaded, and no others.
func wantLoaded(t *testing.T, pool *gpuexec.Pool, want string) {
	t.Helper()
	got := ""
	for _, id := range []string{"a", "b", "c", "d"} {
		if pool.Loaded(id) {
			got += id
		}
	}
	if got != want {
		t.Errorf("the models %q are loaded, want %q", got, want)
	}
}

// TestWhatOthersTakeWhileAModelIsMeasuredIsNotBookedForGood has another program take 10 GiB while the first of two workers opens a model, of 100
// MiB and 200 for its runs.
func TestWhatOthersTakeWhileAModelIsMeasuredIsNotBookedForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64 // before an opening, after it, and when it is warm
		inUse := func() uint64 {
			n := asked.Add(1) - 1
			used := uint64(n/3)*300 + []uint64{0, 100, 300}[n%3]
			if n > 0 {
				used += 10 << 10
			}
			return used << 20
		}
		script := &enginetest.Script{}
		b := budgetOf(func() uint64 { return 12 })
		b.Start(t.Context())
		t.Cleanup(b.Stop)
		pool := gpuexec.New(gpuexec.Config{
			Slots: 2, Device: "cuda:0", NewEngine: script.NewEngine, Models: anyModel, MaxPixels: 1 << 20, Log: quiet,
			Budget: b, InUse: inUse, Lost: func(error) {},
		})
		from, to := startThis(t, pool, 2, script)
		if err := pool.Warm(t.Context(), []string{"a"}); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute) // they rest, and the memory of their runs is given back
		for slot := range 2 {
			from.give(t, slot, on(t, "a", "job"))
			if err := to.next(t, 1)["job"].Err; err != nil {
				t.Error(err)
			}
		}
		if booked := b.State().BookedBytes; booked != 2*300<<20 {
			t.Errorf("%d MiB are booked", booked>>20)
		}
	})
}

func TestTheLeastRecentlyUsedModelsAreUnloadedWhileMemoryIsShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var room atomic.Int64
		room.Store(4)
		script := &enginetest.Script{}
		pool, from, to := startSmall(t, script, &room)
		if err := pool.Warm(t.Context(), []string{"a", "b", "c", "d"}); err != nil {
			t.Fatal(err)
		}
		runOn(t, from, to, "b", "c", "a", "b")
		wantLoaded(t, pool, "abcd")

		// shrinkTo makes the device smaller, and waits until that was measured.
		shrinkTo := func(models int64) {
			room.Store(models)
			<-time.After(2 * time.Second)
		}
		// d was loaded and never ran; c ran longest ago.
		shrinkTo(2)
		wantLoaded(t, pool, "ab")
		runOn(t, from, to, "a")
		// The one that ran last stays, and is left however short memory is.
		shrinkTo(1)
		wantLoaded(t, pool, "a")
		shrinkTo(0)
		runOn(t, from, to, "a")
		wantLoaded(t, pool, "a")
		// What another needs goes before it is loaded; a warm model that was unloaded is loaded by the batch that needs it.
		runOn(t, from, to, "d")
		wantLoaded(t, pool, "d")
		if want := []string{"0 d", "0 c", "0 b", "0 a"}; !slices.Equal(ofModels(script.Unloads()), want) {
			t.Errorf("unloads %q, want %q", script.Unloads(), want)
		}
		if !pool.Ready() {
			t.Error("the pool is not ready for want of warm models that it unloaded")
		}
		pool.Stop(context.Background())
	})
}

func TestAWorkerWithoutWorkMakesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var room atomic.Int64
		room.Store(4)
		script := &enginetest.Script{}
		pool, from, to := startSmall(t, script, &room)
		runOn(t, from, to, "a", "b", "c", "a")
		<-time.After(time.Minute)
		wantLoaded(t, pool, "abc")
		room.Store(0)
		<-time.After(3 * time.Second)
		wantLoaded(t, pool, "a")
	})
}

// crowded makes loads fail that would be one more than room; tries counts all of them.
func crowded(script *enginetest.Script, room int, tries *[]string) {
	script.Load = func(_ context.Context, _ int, model models.Spec, _ int) error {
		*tries = append(*tries, model.ID)
		if sessionsOpen(script) >= room {
			return fmt.Errorf("%w: %w", gpuexec.ErrOutOfMemory, errDevice)
		}
		return nil
	}
}

func TestALoadWithoutMemoryTakesThePlaceOfTheLeastRecentlyUsed(t *testing.T) {
	var tries []string // by the one worker
	script := &enginetest.Script{}
	crowded(script, 2, &tries)
	pool, from, to := startPoolOf(t, anyModel, 1, script)
	runOn(t, from, to, "a", "b", "a", "c")
	wantLoaded(t, pool, "ac")
	// First what the runs of a and of b hold makes room, then b itself.
	if want := []string{"a", "b", "c", "c", "c", "c"}; !slices.Equal(tries, want) {
		t.Errorf("loads of %q were tried, want %q", tries, want)
	}
}

func TestALoadWithoutMemoryFailsWhenNoModelCanGo(t *testing.T) {
	var tries []string // by the one worker
	script := &enginetest.Script{}
	crowded(script, 0, &tries)
	_, from, to := startPoolOf(t, anyModel, 1, script)
	from.give(t, 0, on(t, "a", "one"))
	if err := to.next(t, 1)["one"].Err; !errors.Is(err, gpuexec.ErrInference) || !errors.Is(err, gpuexec.ErrOutOfMemory) {
		t.Errorf("one: %v", err)
	}
	if len(tries) != 1 {
		t.Errorf("%d loads were tried", len(tries))
	}
}

// slowLoads makes each load take a second, and remembers the most that were under way at a time: of one model, and of all.
type slowLoads struct {
	under            map[string]*atomic.Int64 // by model; not written to
	all              atomic.Int64
	mostOne, mostAll atomic.Int64
}

func newSlowLoads(script *enginetest.Script, ids ...string) *slowLoads {
	s := &slowLoads{under: make(map[string]*atomic.Int64)}
	for _, id := range ids {
		s.under[id] = new(atomic.Int64)
	}
	script.Load = func(ctx context.Context, _ int, model models.Spec, _ int) error {
		raise(&s.mostOne, s.under[model.ID].Add(1))
		raise(&s.mostAll, s.all.Add(1))
		defer s.all.Add(-1)
		defer s.under[model.ID].Add(-1)
		select {
		case <-time.After(time.Second):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return s
}

func raise(most *atomic.Int64, to int64) {
	for now := most.Load(); to > now && !most.CompareAndSwap(now, to); now = most.Load() {
	}
}

func TestOneWorkerAtATimeLoadsAModel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const slots = 4
		script := &enginetest.Script{}
		slow := newSlowLoads(script, "a", "b")
		_, from, to := startPool(t, slots, script)
		began := time.Now()
		for slot := range slots {
			model := "a"
			if slot == slots-1 {
				model = "b"
			}
			from.give(t, slot, on(t, model, fmt.Sprint(slot)))
		}
		for id, r := range to.next(t, slots) {
			if r.Err != nil {
				t.Errorf("%s: %v", id, r.Err)
			}
		}
		if slow.mostOne.Load() != 1 || slow.mostAll.Load() != 2 {
			t.Errorf("%d loads of one model at a time and %d of both, want 1 and 2", slow.mostOne.Load(), slow.mostAll.Load())
		}
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("three workers had loaded one model after %v", took)
		}
	})
}

// A worker that waits for another's load waits no longer than its batch is wanted.
func TestWaitingForALoadEndsWithTheBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		script := &enginetest.Script{}
		newSlowLoads(script, "a", "b")
		pool, from, to := startPool(t, 2, script)
		from.give(t, 0, bright(t, "loads"))
		synctest.Wait()
		from.give(t, 1, bright(t, "waits"))
		synctest.Wait()
		if !pool.Cancel("waits") {
			t.Error("there is no such job")
		}
		from.give(t, 1, on(t, "b", "goes on"))
		results := to.next(t, 3)
		if results["loads"].Err != nil || results["goes on"].Err != nil || !errors.Is(results["waits"].Err, gpuexec.ErrCancelled) {
			t.Errorf("%+v", results)
		}
		loads := ofModels(script.Loads())
		slices.Sort(loads)
		if want := "0 a,1 b"; strings.Join(loads, ",") != want {
			t.Errorf("loads %q, want %s", loads, want)
		}
	})
}

func TestStopEndsTheWaitForALoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		script := &enginetest.Script{}
		newSlowLoads(script, "a")
		pool, from, to := startPool(t, 2, script)
		for slot := range 2 {
			from.give(t, slot, bright(t, fmt.Sprint(slot)))
		}
		synctest.Wait()
		pool.Stop(over())
		for id, r := range to.next(t, 2) {
			if !errors.Is(r.Err, gpuexec.ErrStopped) {
				t.Errorf("%s: %v", id, r.Err)
			}
		}
		if loads := script.Loads(); len(loads) != 0 {
			t.Errorf("loads %q", loads)
		}
	})
}

// TestMemoryOfALargeImageGoesBackToTheSystem leaves garbage behind while a job is done, and one is cancelled.
func TestMemoryOfALargeImageGoesBackToTheSystem(t *testing.T) {
	const garbage = 64 << 20
	for name, end := range map[string]func(pool *gpuexec.Pool) bool{
		"done":      func(*gpuexec.Pool) bool { return true },
		"cancelled": func(pool *gpuexec.Pool) bool { return pool.Cancel("large") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				pool, from, to := startPool(t, 1, &enginetest.Script{Run: enginetest.Delay(time.Second)})
				defer pool.Stop(context.Background())
				pool.TakeAsLarge(1)
				from.give(t, 0, bright(t, "large"))
				synctest.Wait()
				left := make([]byte, garbage)
				for i := 0; i < len(left); i += 4096 {
					left[i] = 1
				}
				runtime.KeepAlive(left)
				before := returned()
				if !end(pool) {
					t.Fatal("there is no such job")
				}
				to.next(t, 1)
				<-time.After(3 * time.Second)
				synctest.Wait()
				if now := returned(); now < before+garbage/2 {
					t.Errorf("%d MiB went back, of %d", int64(now-before)>>20, garbage>>20)
				}
			})
		})
	}
}

// returned is how many bytes the heap has given back to the system.
func returned() uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapReleased
}

// A program that takes the device's memory crowds out every job, which is told from a job that is too large for what there is.
func TestJobsAreCrowdedOutByOthersAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var others atomic.Uint64
		script := &enginetest.Script{Load: func(context.Context, int, models.Spec, int) error {
			return enginetest.OutOfMemory(-1)(t.Context(), enginetest.Call{})
		}}
		b := budgetOf(others.Load)
		pool := gpuexec.New(gpuexec.Config{
			Slots: 1, Device: "cuda:0", NewEngine: script.NewEngine, Models: anyModel, MaxPixels: 1 << 20, Log: quiet,
			Budget: b, Lost: func(error) {},
		})
		from, to := startThis(t, pool, 1, script)
		fails := func(hundredths uint64, crowded bool) {
			t.Helper()
			others.Store(hundredths)
			b.Sample(t.Context())
			from.give(t, 0, on(t, "a", "job"))
			err := to.next(t, 1)["job"].Err
			if !errors.Is(err, gpuexec.ErrOutOfMemory) || errors.Is(err, gpuexec.ErrCrowdedOut) != crowded || errors.Is(pool.Crowded(), gpuexec.ErrCrowdedOut) != crowded {
				t.Errorf("while others have %d hundredths: %v, and the pool says %v", hundredths, err, pool.Crowded())
			}
		}
		fails(10, false)
		fails(83, true)
		fails(60, false)
		fails(95, true)
		others.Store(10)
		b.Sample(t.Context())
		if err := pool.Crowded(); err != nil {
			t.Errorf("when they are gone: %v", err)
		}
	})
}
