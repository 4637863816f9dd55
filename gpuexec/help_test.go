package gpuexec_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"seghub/gpuexec"
	"seghub/gpuexec/budget"
	"seghub/gpuexec/enginetest"
	"seghub/models"
)

// crew makes a pool of workers that help each other, on as many cores, with a model that takes tiles of 64 pixels, so many a run.
func crew(slots, atOnce, rows int, script *enginetest.Script, may func() bool) *gpuexec.Pool {
	model := models.Spec{
		ID: "tiled", Batch: models.Batch{Alone: rows, Shared: rows, Max: rows},
		Input: models.Input{Height: 64, Width: 64, Channels: 1, Scaling: models.ScalingNative},
	}
	pool := gpuexec.New(gpuexec.Config{
		Slots: slots, Device: gpuexec.CPU, NewEngine: script.NewEngine, MaxPixels: 1 << 23, Budget: budget.New(budget.Config{}),
		Models: func(string) (models.Spec, bool) { return model, true }, Lost: func(error) {}, Help: may, Log: quiet,
	})
	pool.RunAtOnce(atOnce)
	return pool
}

func always() bool { return true }

// tiles is one job, of an image of three tiles a row.
func tiles(t *testing.T, id string, height int) gpuexec.Batch {
	return gpuexec.Batch{Model: "tiled", Jobs: []gpuexec.Job{job(id, deep(t, 150, height))}}
}

// standing are the slots whose runs stand at a gate, which is held until let; let is for all runs from then on.
type standing struct {
	slots chan int
	let   chan struct{}
}

func stand(script *enginetest.Script) *standing {
	s := &standing{slots: make(chan int, 100), let: make(chan struct{})}
	script.Run = func(ctx context.Context, call enginetest.Call) error {
		s.slots <- call.Slot
		select {
		case <-s.let:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return s
}

// now are the slots of the runs that have come since.
func (s *standing) now() []int {
	synctest.Wait()
	var slots []int
	for len(s.slots) > 0 {
		slots = append(slots, <-s.slots)
	}
	slices.Sort(slots)
	return slots
}

// atWork tests a started, warm pool of a crew.
func atWork(t *testing.T, slots, atOnce int, may func() bool, test func(t *testing.T, pool *gpuexec.Pool, from *source, to *sink, at *standing)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		script := &enginetest.Script{}
		at := stand(script)
		pool := crew(slots, atOnce, 1, script, may)
		from, to := startThis(t, pool, slots, script)
		if err := pool.Warm(t.Context(), []string{"tiled"}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		test(t, pool, from, to, at)
		pool.Stop(context.Background())
	})
}

func wantSlots(t *testing.T, at *standing, want ...int) {
	t.Helper()
	if got := at.now(); !slices.Equal(got, want) {
		t.Fatalf("runs on the workers %v, want %v", got, want)
	}
}

func TestIdleWorkersRunTilesOfALargeImage(t *testing.T) {
	atWork(t, 4, 4, always, func(t *testing.T, pool *gpuexec.Pool, from *source, to *sink, at *standing) {
		from.give(t, 1, tiles(t, "large", 300))
		wantSlots(t, at, 0, 1, 2) // a row of three tiles
		for slot, s := range pool.Stats() {
			if busy := s.State == gpuexec.WorkerBusy; busy != (slot < 3) {
				t.Errorf("worker %d is %s", slot, s.State)
			}
			if helps := slot == 0 || slot == 2; helps != (s.Helps != nil) || helps && *s.Helps != 1 {
				t.Errorf("worker %d helps %v", slot, s.Helps)
			}
		}
		close(at.let)
		if r := to.next(t, 1)["large"]; r.Err != nil || r.Slot != 1 {
			t.Errorf("%+v", r)
		}
		synctest.Wait()
		for slot, s := range pool.Stats() {
			if s.State != gpuexec.WorkerIdle || s.Helps != nil || (s.ImagesDone == 1) != (slot == 1) {
				t.Errorf("in the end worker %d is %s and has made %d images", slot, s.State, s.ImagesDone)
			}
		}
	})
}

func TestNobodyHelpsWhere(t *testing.T) {
	lone := func(t *testing.T, _ *gpuexec.Pool, from *source, to *sink, at *standing) {
		from.give(t, 0, tiles(t, "large", 300))
		wantSlots(t, at, 0)
		close(at.let)
		if r := to.next(t, 1)["large"]; r.Err != nil {
			t.Error(r.Err)
		}
		if slots := slices.Compact(at.now()); !slices.Equal(slots, []int{0}) {
			t.Errorf("the rest ran on the workers %v", slots)
		}
	}
	t.Run("that is not wished", func(t *testing.T) { atWork(t, 4, 4, func() bool { return false }, lone) })
	t.Run("there is one core", func(t *testing.T) { atWork(t, 4, 1, always, lone) })
	t.Run("others have the cores", func(t *testing.T) {
		atWork(t, 4, 2, always, func(t *testing.T, _ *gpuexec.Pool, from *source, to *sink, at *standing) {
			from.give(t, 3, tiles(t, "other", 60))
			wantSlots(t, at, 0, 3)
			from.give(t, 2, tiles(t, "large", 300))
			wantSlots(t, at, 2) // who came first keeps his help for a run
			close(at.let)
			to.next(t, 2)
		})
	})
	t.Run("the model is not open", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			script := &enginetest.Script{}
			pool := crew(3, 3, 1, script, always)
			from, to := startThis(t, pool, 3, script)
			from.give(t, 0, tiles(t, "large", 300))
			if r := to.next(t, 1)["large"]; r.Err != nil {
				t.Error(r.Err)
			}
			pool.Stop(context.Background())
			if loads := script.Loads(); !slices.Equal(loads, []string{"0 tiled/1"}) {
				t.Errorf("loaded %v", loads)
			}
		})
	})
}

// A worker has its own batch at hand: its own goes before, and what it has begun for others is done by them.
func TestAWorkersOwnBatchEndsItsHelp(t *testing.T) {
	atWork(t, 2, 2, always, func(t *testing.T, _ *gpuexec.Pool, from *source, to *sink, at *standing) {
		from.give(t, 0, tiles(t, "large", 60))
		wantSlots(t, at, 0, 1)
		from.give(t, 1, tiles(t, "own", 60))
		wantSlots(t, at, 1) // at once, although nothing was let
		close(at.let)
		for id, r := range to.next(t, 2) {
			if r.Err != nil {
				t.Errorf("%s: %v", id, r.Err)
			}
		}
	})
}

func TestCancelEndsTheRunsOfHelpers(t *testing.T) {
	atWork(t, 3, 3, always, func(t *testing.T, pool *gpuexec.Pool, from *source, to *sink, at *standing) {
		from.give(t, 0, tiles(t, "large", 60))
		wantSlots(t, at, 0, 1, 2)
		pool.Cancel("large")
		wantCancelled(t, to, "large")
		for slot := range 3 { // each is free for another, although nothing was let
			from.give(t, slot, gpuexec.Batch{Model: "tiled", Jobs: []gpuexec.Job{job(fmt.Sprint(slot), deep(t, 60, 60))}})
		}
		wantSlots(t, at, 0, 1, 2)
		close(at.let)
		to.next(t, 3)
	})
}

func TestStopEndsTheRunsOfHelpers(t *testing.T) {
	atWork(t, 3, 3, always, func(t *testing.T, pool *gpuexec.Pool, from *source, to *sink, at *standing) {
		from.give(t, 0, tiles(t, "large", 60))
		wantSlots(t, at, 0, 1, 2)
		pool.Stop(over())
		if r := to.next(t, 1)["large"]; !errors.Is(r.Err, gpuexec.ErrStopped) {
			t.Error(r.Err)
		}
	})
}

// Time that runs share counts once.
func TestTheTimeOfRunsBesideEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		script := &enginetest.Script{Run: enginetest.Delay(time.Second)}
		pool := crew(3, 3, 1, script, always)
		from, to := startThis(t, pool, 3, script)
		if err := pool.Warm(t.Context(), []string{"tiled"}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		from.give(t, 0, tiles(t, "large", 60))
		if r := to.next(t, 1)["large"]; r.Timing.Infer != time.Second {
			t.Errorf("three runs of a second beside each other count %v", r.Timing.Infer)
		}
		pool.Stop(context.Background())
	})
}

// Whoever helps, and whatever goes wrong with it: an image comes out as if one worker had run it all.
func TestHelpChangesNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		slots, rows := rapid.IntRange(2, 4).Draw(rt, "slots"), rapid.IntRange(1, 3).Draw(rt, "rows")
		var files [][]byte
		for range rapid.IntRange(1, 4).Draw(rt, "images") {
			files = append(files, deep(t, rapid.IntRange(10, 300).Draw(rt, "width"), rapid.IntRange(10, 200).Draw(rt, "height")))
		}
		failing := rapid.Float64Range(0, 0.5).Draw(rt, "failing")
		fails := rapid.SliceOfN(rapid.Float64Range(0, 1), 200, 200).Draw(rt, "fails")
		panics := rapid.Bool().Draw(rt, "by a panic")

		made := func(may func() bool, run func(ctx context.Context, call enginetest.Call) error) map[string]gpuexec.Result {
			script := &enginetest.Script{Run: run}
			pool := crew(slots, slots, rows, script, may)
			from, to := newSource(slots), newSink()
			if err := pool.Start(t.Context(), from, to); err != nil {
				rt.Fatal(err)
			}
			defer pool.Stop(context.Background())
			if err := pool.Warm(t.Context(), []string{"tiled"}); err != nil {
				rt.Fatal(err)
			}
			var b gpuexec.Batch
			for i, file := range files {
				b.Model, b.Jobs = "tiled", append(b.Jobs, job(fmt.Sprint(i), file))
			}
			from.give(t, 0, b)
			results := to.next(t, len(files))
			for _, m := range script.Misuse() {
				rt.Error(m)
			}
			return results
		}
		alone := made(func() bool { return false }, nil)
		var runs atomic.Int64
		helped := made(always, func(_ context.Context, call enginetest.Call) error {
			if i := runs.Add(1); call.Slot == 0 || i >= int64(len(fails)) || fails[i] > failing {
				return nil
			}
			if panics {
				panic("a bug")
			}
			return errDevice
		})
		for id, want := range alone {
			got := helped[id]
			if want.Err != nil || got.Err != nil || !bytes.Equal(got.Output.MaskPNG, want.Output.MaskPNG) || !reflect.DeepEqual(got.Output.Objects, want.Output.Objects) {
				rt.Errorf("image %s is another one with help: %v, %v", id, want.Err, got.Err)
			}
		}
	})
}
