package gpuexec_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
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

// crew makes a pool of workers that help each other, on as many cores, with a model that takes tiles of 64 pixels, so many a run. change, when
// given, changes what it is made of.
func crew(slots, atOnce, rows int, script *enginetest.Script, may func() bool, change ...func(*gpuexec.Config)) *gpuexec.Pool {
	model := tiledModel(rows)
	config := gpuexec.Config{
		Slots: slots, Device: gpuexec.CPU, NewEngine: script.NewEngine, MaxPixels: 1 << 23, Budget: budget.New(budget.Config{}),
		Models: func(string) (models.Spec, bool) { return model, true }, Lost: func(error) {}, Help: may, Log: quiet,
	}
	for _, c := range change {
		c(&config)
	}
	pool := gpuexec.New(config)
	pool.RunAtOnce(atOnce)
	return pool
}

func tiledModel(rows int) models.Spec {
	return models.Spec{
		ID: "tiled", Batch: models.Batch{Alone: rows, Shared: rows, Max: rows},
		Input: models.Input{Height: 64, Width: 64, Channels: 1, Scaling: models.ScalingNative},
	}
}

func always() bool { return true }

// versioned has the model be of the version that the test says, at first "one".
func versioned() (version *atomic.Value, change func(*gpuexec.Config)) {
	version = new(atomic.Value)
	version.Store("one")
	return version, func(c *gpuexec.Config) {
		c.Models = func(string) (models.Spec, bool) {
			model := tiledModel(1)
			model.Version = version.Load().(string)
			return model, true
		}
	}
}

// tiles is one job, of an image of three tiles a row.
func tiles(t *testing.T, id string, height int) gpuexec.Batch {
	return gpuexec.Batch{Model: "tiled", Jobs: []gpuexec.Job{job(id, deep(t, 150, height))}}
}

// standing are the slots whose runs stand at a gate. What is sent to let lets one go on; once it is closed, all do.
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
func atWork(t *testing.T, slots, atOnce int, may func() bool, test func(t *testing.T, pool *gpuexec.Pool, from *source, to *sink, at *standing), change ...func(*gpuexec.Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		script := &enginetest.Script{}
		at := stand(script)
		pool := crew(slots, atOnce, 1, script, may, change...)
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
		from.give(t, 1, tiles(t, "large", 60))
		wantSlots(t, at, 0, 1, 2) // it is three tiles
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

// Tiles of rows to come, and of other images of the batch, are given too.
func TestWhatIsDecodedIsGivenToAll(t *testing.T) {
	narrow := gpuexec.Batch{Model: "tiled", Jobs: []gpuexec.Job{job("narrow", deep(t, 100, 500))}} // two tiles a row
	var small gpuexec.Batch
	for i := range 8 {
		small.Model, small.Jobs = "tiled", append(small.Jobs, job(fmt.Sprint(i), deep(t, 60, 60)))
	}
	for _, b := range []gpuexec.Batch{narrow, small} {
		atWork(t, 4, 4, always, func(t *testing.T, _ *gpuexec.Pool, from *source, to *sink, at *standing) {
			from.give(t, 0, b)
			first := at.now() // what was there when the first tile came; the rest is decoded meanwhile
			for range first {
				at.let <- struct{}{}
			}
			wantSlots(t, at, 0, 1, 2, 3)
			begun := 0
			for _, j := range b.Jobs {
				if slices.ContainsFunc(to.progressOf(j.ID), func(p gpuexec.Progress) bool { return p.Stage == gpuexec.StageInfer }) {
					begun++
				}
			}
			if want := min(len(b.Jobs), len(first)+4); begun != want {
				t.Errorf("inference was told of %d images, want %d", begun, want)
			}
			close(at.let)
			for id, r := range to.next(t, len(b.Jobs)) {
				if r.Err != nil {
					t.Errorf("%s: %v", id, r.Err)
				}
			}
		})
	}
}

// Whoever was called, or was not there to be called, is counted once.
func TestHelpGoesOn(t *testing.T) {
	atWork(t, 2, 3, always, func(t *testing.T, _ *gpuexec.Pool, from *source, to *sink, at *standing) {
		for i := range 5 {
			id := fmt.Sprint(i)
			from.give(t, 0, tiles(t, id, 60))
			wantSlots(t, at, 0, 1)
			at.let <- struct{}{}
			at.let <- struct{}{}
			at.now() // the third tile
			at.let <- struct{}{}
			to.next(t, 1)
			synctest.Wait()
		}
	})
}

// A worker that could not be called counts for nobody: it is there for the next image.
func TestWhoWasNotThereHelpsLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var there atomic.Bool
		script := &enginetest.Script{New: func(slot, _ int) error {
			if slot == 2 && !there.Load() {
				return errDevice
			}
			return nil
		}}
		at := stand(script)
		pool := crew(3, 3, 1, script, always)
		from, to := startThis(t, pool, 3, script)
		var warming sync.WaitGroup
		warming.Go(func() { _ = pool.Warm(t.Context(), []string{"tiled"}) })
		synctest.Wait()
		from.give(t, 1, gpuexec.Batch{Model: "tiled", Jobs: []gpuexec.Job{job("own", deep(t, 60, 60))}}) // opens the model
		wantSlots(t, at, 1)
		at.let <- struct{}{}
		to.next(t, 1)
		synctest.Wait()
		from.give(t, 0, tiles(t, "first", 60))
		wantSlots(t, at, 0, 1)
		for range 3 {
			at.let <- struct{}{}
		}
		to.next(t, 1)
		at.now()
		there.Store(true)
		warming.Wait()
		synctest.Wait()
		from.give(t, 0, tiles(t, "next", 60))
		wantSlots(t, at, 0, 1, 2)
		close(at.let)
		to.next(t, 1)
		pool.Stop(context.Background())
	})
}

// The memory that a helper's runs take is booked.
func TestHelpBooksItsMemory(t *testing.T) {
	var b *budget.Budget
	atWork(t, 3, 3, always, func(t *testing.T, _ *gpuexec.Pool, from *source, to *sink, at *standing) {
		warm := b.State().BookedBytes
		<-time.After(time.Minute) // what runs hold is given back
		if rested := b.State().BookedBytes; rested >= warm {
			t.Fatalf("%d bytes are booked after a rest, %d before", rested, warm)
		}
		from.give(t, 0, tiles(t, "large", 60))
		wantSlots(t, at, 0, 1, 2)
		if booked := b.State().BookedBytes; booked != warm {
			t.Errorf("%d bytes are booked while all run, want %d", booked, warm)
		}
		close(at.let)
		to.next(t, 1)
	}, func(c *gpuexec.Config) {
		b = budgetOf(func() uint64 { return 10 })
		c.Budget = b
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
	t.Run("another version of it is open", func(t *testing.T) {
		version, change := versioned()
		atWork(t, 3, 3, always, func(t *testing.T, pool *gpuexec.Pool, from *source, to *sink, at *standing) {
			version.Store("two")
			lone(t, pool, from, to, at)
		}, change)
	})
	t.Run("there is no memory for it", func(t *testing.T) {
		var full atomic.Bool
		var b *budget.Budget
		atWork(t, 3, 3, always, func(t *testing.T, pool *gpuexec.Pool, from *source, to *sink, at *standing) {
			<-time.After(time.Minute) // what runs hold is given back
			full.Store(true)
			b.Sample(t.Context())
			from.give(t, 0, tiles(t, "large", 60))
			<-time.After(time.Minute) // as long as the worker itself waits for some
			wantSlots(t, at, 0)
			close(at.let)
			to.next(t, 1)
		}, func(c *gpuexec.Config) {
			b = budgetOf(func() uint64 {
				if full.Load() {
					return 99
				}
				return 10
			})
			c.Budget = b
		})
	})
	t.Run("it is open for fewer rows", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			script := &enginetest.Script{Load: func(_ context.Context, slot int, _ models.Spec, rows int) error {
				if slot == 1 && rows > 1 {
					return gpuexec.ErrOutOfMemory
				}
				return nil
			}}
			pool := crew(2, 2, 2, script, always)
			from, to := startThis(t, pool, 2, script)
			if err := pool.Warm(t.Context(), []string{"tiled"}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			wide := job("wide", deep(t, 190, 60)) // four tiles a row
			from.give(t, 0, gpuexec.Batch{Model: "tiled", Jobs: []gpuexec.Job{wide}})
			if r := to.next(t, 1)["wide"]; r.Err != nil {
				t.Error(r.Err)
			}
			pool.Stop(context.Background())
			for _, call := range script.Calls() {
				if call.Slot != 0 {
					t.Errorf("a run of %d on worker %d", call.Rows, call.Slot)
				}
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
		synctest.Wait()
		for slot, s := range pool.Stats() {
			if s.State != gpuexec.WorkerIdle {
				t.Errorf("worker %d is %s", slot, s.State)
			}
		}
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
		for range rapid.IntRange(1, 2).Draw(rt, "images") {
			files = append(files, deep(t, rapid.IntRange(10, 150).Draw(rt, "width"), rapid.IntRange(10, 100).Draw(rt, "height")))
		}
		failing := rapid.Float64Range(0, 0.5).Draw(rt, "failing")
		fails := rapid.SliceOfN(rapid.Float64Range(0, 1), 30, 30).Draw(rt, "fails")
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
