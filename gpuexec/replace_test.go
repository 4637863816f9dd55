package gpuexec_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"seghub/gpuexec"
	"seghub/gpuexec/enginetest"
	"seghub/models"
	"seghub/models/imageio"
)

// shelf is a registry that changes. It has the model "a" at first, in version 1.
type shelf struct {
	mu    sync.Mutex
	specs map[string]models.Spec // guarded by mu
}

func newShelf() *shelf {
	s := &shelf{specs: make(map[string]models.Spec)}
	s.put("1", side)
	return s
}

// put has a version of "a" whose input has sides of that length.
func (s *shelf) put(version string, side int) {
	spec, _ := registry("a")
	spec.Version, spec.Input.Height, spec.Input.Width = version, side, side
	s.mu.Lock()
	defer s.mu.Unlock()
	s.specs["a"] = spec
}

func (s *shelf) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.specs)
}

func (s *shelf) get(id string) (models.Spec, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	spec, known := s.specs[id]
	return spec, known
}

// giveDecoded returns when slot 0's worker decodes b, for the model that the registry had when it took b.
func giveDecoded(t *testing.T, from *source, b gpuexec.Batch) {
	t.Helper()
	opened := make(chan struct{})
	var once sync.Once
	for i, j := range b.Jobs {
		b.Jobs[i].Open = func(ctx context.Context) (imageio.Source, error) {
			once.Do(func() { close(opened) })
			return j.Open(ctx)
		}
	}
	from.give(t, 0, b)
	select {
	case <-opened:
	case <-time.After(waitLimit):
		t.Fatal("no image was opened")
	}
}

// The batch that runs keeps its model; the next has the new one, though it was decoded before that came. What was made says which it was.
func TestAModelIsReplacedBetweenBatches(t *testing.T) {
	for name, newSide := range map[string]int{"same input": side, "another input": 2 * side} {
		t.Run(name, func(t *testing.T) {
			script := &enginetest.Script{}
			gate := script.Hold()
			shelf := newShelf()
			pool, from, to := startPoolOf(t, shelf.get, 1, script)
			if err := pool.Warm(t.Context(), []string{"a"}); err != nil {
				t.Fatal(err)
			}
			from.give(t, 0, bright(t, "runs"))
			gate.Await(t)
			giveDecoded(t, from, bright(t, "waits", "waits too"))
			shelf.put("2", newSide)
			if pool.Loaded("a") || !pool.Ready() {
				t.Errorf("before the new model is loaded: loaded %t, ready %t", pool.Loaded("a"), pool.Ready())
			}
			gate.Release(t)
			call := gate.Await(t)
			gate.Release(t)
			if call.Model.Version != "2" || call.Input.H != newSide || images(call) != 2 {
				t.Errorf("%d images of %d pixels ran on version %s", images(call), call.Input.H, call.Model.Version)
			}
			for id, r := range to.next(t, 3) {
				ran := "2"
				if id == "runs" {
					ran = "1"
				}
				if r.Err != nil || r.Output.Width != side || r.Output.Summary.Count != 1 || r.Output.Model.Version != ran {
					t.Errorf("%s: %+v", id, r)
				}
			}
			to.none(t)
			if calls := script.Calls(); calls[0].Model.Version != "1" || len(calls) != 2 {
				t.Errorf("%d runs, the first on version %s", len(calls), calls[0].Model.Version)
			}
			if want := []string{"0 a 1", "0 a 2"}; !slices.Equal(ofModels(script.Loads()), want) || !pool.Loaded("a") {
				t.Errorf("loads %q, loaded %t", script.Loads(), pool.Loaded("a"))
			}
		})
	}
}

// Many jobs on two workers while the model is replaced again and again: each is done once, and no worker goes back.
func TestNoJobFailsWhileModelsAreReplaced(t *testing.T) {
	const slots, batches, size, versions = 2, 40, 3, 10
	script := &enginetest.Script{}
	shelf := newShelf()
	pool, from, to := startPoolOf(t, shelf.get, slots, script)
	var givers, replacer sync.WaitGroup
	for slot := range slots {
		givers.Go(func() {
			for n := range batches {
				var ids []string
				for i := range size {
					ids = append(ids, fmt.Sprintf("%d.%d.%d", slot, n, i))
				}
				from.give(t, slot, bright(t, ids...))
			}
		})
	}
	replacer.Go(func() {
		for v := range versions {
			shelf.put(fmt.Sprint(v+2), side*(1+v%2))
			if err := pool.Warm(t.Context(), []string{"a"}); err != nil {
				t.Error(err)
			}
		}
	})
	for id, r := range to.next(t, slots*batches*size) {
		if r.Err != nil || r.Output.Width != side || r.Output.Summary.Count != 1 {
			t.Errorf("%s: %+v", id, r)
		}
	}
	givers.Wait()
	replacer.Wait()
	to.none(t)
	if !pool.Loaded("a") {
		t.Error("the last version is not loaded")
	}
	last := make(map[int]int) // version by slot
	for _, call := range script.Calls() {
		version, err := strconv.Atoi(call.Model.Version)
		if err != nil || version < last[call.Slot] {
			t.Errorf("slot %d ran version %s after %d", call.Slot, call.Model.Version, last[call.Slot])
		}
		last[call.Slot] = version
	}
}

func TestJobsOfAModelThatIsGoneFail(t *testing.T) {
	script := &enginetest.Script{}
	gate := script.Hold()
	shelf := newShelf()
	pool, from, to := startPoolOf(t, shelf.get, 1, script)
	from.give(t, 0, bright(t, "runs"))
	gate.Await(t)
	giveDecoded(t, from, bright(t, "decoded", "decoded too"))
	shelf.clear()
	gate.Release(t)
	from.give(t, 0, bright(t, "fetched"))
	results := to.next(t, 4)
	if results["runs"].Err != nil {
		t.Errorf("the job that ran: %v", results["runs"].Err)
	}
	delete(results, "runs")
	for id, r := range results {
		if !errors.Is(r.Err, gpuexec.ErrNoModel) || !errors.Is(r.Err, gpuexec.ErrInference) {
			t.Errorf("%s: %v", id, r.Err)
		}
	}
	if n := len(script.Calls()); n != 1 {
		t.Errorf("%d runs", n)
	}
	if err := pool.Warm(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if want := []string{"0 a"}; !slices.Equal(ofModels(script.Unloads()), want) || pool.Loaded("a") {
		t.Errorf("unloads %q, loaded %t", script.Unloads(), pool.Loaded("a"))
	}
}

// While a file is being replaced there is neither the old model nor the new one: a worker that has neither waits.
func TestABatchWaitsForAModelThatIsBeingReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		script := &enginetest.Script{Load: func(_ context.Context, _ int, model models.Spec, _ int) error {
			if model.Version == "1" {
				return models.ErrChanged
			}
			return nil
		}}
		shelf := newShelf()
		_, from, to := startPoolOf(t, shelf.get, 1, script)
		from.give(t, 0, bright(t, "one", "two"))
		<-time.After(4 * time.Second)
		to.none(t)
		shelf.put("2", side)
		for id, r := range to.next(t, 2) {
			if r.Err != nil {
				t.Errorf("%s: %v", id, r.Err)
			}
		}

		// But not for ever, and not once for each image.
		shelf.put("1", side)
		began := time.Now()
		from.give(t, 0, bright(t, "three", "four"))
		<-time.After(16 * time.Second)
		for id, r := range to.next(t, 2) {
			if !errors.Is(r.Err, gpuexec.ErrInference) || !errors.Is(r.Err, models.ErrChanged) {
				t.Errorf("%s: %v after %v", id, r.Err, time.Since(began))
			}
		}
	})
}

// However many ask for a model at the same time, each worker loads it once.
func TestAModelIsLoadedOnceHoweverManyAsk(t *testing.T) {
	const slots, callers = 2, 8
	script := &enginetest.Script{}
	pool, from, to := startPoolOf(t, newShelf().get, slots, script)
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			if err := pool.Warm(t.Context(), []string{"a", "a"}); err != nil {
				t.Error(err)
			}
		})
	}
	from.give(t, 0, bright(t, "one"))
	from.give(t, 1, bright(t, "two"))
	group.Wait()
	to.next(t, 2)
	if all := slices.Sorted(slices.Values(script.Loads())); len(all) != len(slices.Compact(slices.Clone(all))) {
		t.Errorf("a session was opened twice: %q", all)
	}
	loads := ofModels(script.Loads())
	slices.Sort(loads)
	if want := []string{"0 a 1", "1 a 1"}; !slices.Equal(loads, want) {
		t.Errorf("loads %q", loads)
	}
}
