package gpuexec_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"seghub/gpuexec"
	"seghub/gpuexec/budget"
	"seghub/gpuexec/enginetest"
	"seghub/models/imageio"
)

// kind is what is the matter with a job's image.
type kind int

const (
	whole     kind = iota
	corrupt        // its file is damaged
	absent         // its file is gone
	panicking      // opening it panics
	failing        // the engine fails on it
	losing         // the engine is lost on it
	kinds
)

var errAbsent = errors.New("no such blob")

// mayEnd tells whether a job of that kind may end so, apart from ErrCancelled.
func (k kind) mayEnd(err error) bool {
	switch k {
	case whole:
		return err == nil
	case corrupt:
		return errors.Is(err, imageio.ErrCorrupt)
	case absent:
		return errors.Is(err, errAbsent)
	case panicking:
		return err != nil
	default:
		return errors.Is(err, gpuexec.ErrInference)
	}
}

// The brightness of the images on which the engine fails and is lost.
const (
	failingBrightness = 13
	losingBrightness  = 66
)

func (k kind) job(t *rapid.T, id string) gpuexec.Job {
	switch k {
	case corrupt:
		file := picture(t, 255)
		return job(id, file[:len(file)/2])
	case absent:
		j := job(id, nil)
		j.Open = func(context.Context) (imageio.Source, error) { return nil, errAbsent }
		return j
	case panicking:
		j := job(id, nil)
		j.Open = func(context.Context) (imageio.Source, error) { panic("a bug") }
		return j
	case failing:
		return job(id, picture(t, failingBrightness))
	case losing:
		return job(id, picture(t, losingBrightness))
	default:
		return job(id, picture(t, 255))
	}
}

// shared gives its batches to whichever worker asks, and remembers which jobs it gave.
type shared struct {
	batches chan gpuexec.Batch

	mu    sync.Mutex
	given []string // guarded by mu
}

func (s *shared) Next(ctx context.Context, _ int) (gpuexec.Batch, error) {
	select {
	case <-ctx.Done():
		return gpuexec.Batch{}, ctx.Err()
	case b := <-s.batches:
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, j := range b.Jobs {
			s.given = append(s.given, j.ID)
		}
		return b, nil
	}
}

// Whatever fails, is cancelled or is stopped, and when: every job that the workers took is finished exactly once, in a way
// that fits it, no engine is used by two at once or left open, and all memory is given back.
func TestEveryJobIsFinishedOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		slots := rapid.IntRange(1, 3).Draw(t, "slots")
		sizes := rapid.SliceOfN(rapid.IntRange(1, 4), 1, 8).Draw(t, "batch sizes")
		jobKinds := make(map[string]kind)
		from := &shared{batches: make(chan gpuexec.Batch, len(sizes))}
		var ids []string
		for n, size := range sizes {
			b := gpuexec.Batch{Model: "a"}
			for i := range size {
				id := fmt.Sprintf("%d.%d", n, i)
				k := kind(rapid.IntRange(0, int(kinds)-1).Draw(t, "kind"))
				jobKinds[id], ids = k, append(ids, id)
				b.Jobs = append(b.Jobs, k.job(t, id))
			}
			from.batches <- b
		}
		cancels := rapid.SliceOf(rapid.SampledFrom(ids)).Draw(t, "cancelled")
		stopAfter := rapid.IntRange(0, len(ids)).Draw(t, "stop after")
		hard := rapid.Bool().Draw(t, "stop at once")

		script := &enginetest.Script{Run: func(_ context.Context, call enginetest.Call) error {
			switch {
			case bytes.IndexByte(call.Input.Pix, losingBrightness) >= 0:
				panic("a bug")
			case bytes.IndexByte(call.Input.Pix, failingBrightness) >= 0:
				return errDevice
			}
			return nil
		}}
		memory := imageio.NewBudget(rapid.Int64Range(2<<20, 16<<20).Draw(t, "memory"))
		pool, to := gpuexec.New(gpuexec.Config{
			Slots: slots, Device: "cuda:0", NewEngine: script.NewEngine, Models: registry, MaxPixels: 1 << 23, Budget: budget.New(budget.Config{}),
			Decoded: memory, Lost: func(error) {}, Log: quiet,
		}), newSink()
		if err := pool.Start(context.Background(), from, to); err != nil {
			t.Fatal(err)
		}
		var canceller sync.WaitGroup
		cancelled := make(map[string]bool) // owned by canceller until it is over
		canceller.Go(func() {
			for _, id := range cancels {
				if pool.Cancel(id) {
					cancelled[id] = true
				}
			}
		})
		var results []gpuexec.Result
		for range stopAfter {
			results = append(results, <-to.results)
		}
		stop := context.Background()
		if hard {
			stop = over()
		}
		pool.Stop(stop)
		canceller.Wait()
		close(to.results)
		for r := range to.results {
			results = append(results, r)
		}

		var finished []string
		for _, r := range results {
			finished = append(finished, r.JobID)
			ended := errors.Is(r.Err, gpuexec.ErrCancelled) && (cancelled[r.JobID] || hard && errors.Is(r.Err, gpuexec.ErrStopped))
			if !ended && (cancelled[r.JobID] || !jobKinds[r.JobID].mayEnd(r.Err)) {
				t.Errorf("job %s of kind %d, cancelled %t, stopped at once %t: %v", r.JobID, jobKinds[r.JobID], cancelled[r.JobID], hard, r.Err)
			}
			if (r.Err == nil) != (r.Output != nil) {
				t.Errorf("job %s: error %v, output %v", r.JobID, r.Err, r.Output)
			}
		}
		slices.Sort(finished)
		slices.Sort(from.given)
		if !slices.Equal(finished, from.given) {
			t.Errorf("given %v, finished %v", from.given, finished)
		}
		wantFree(t, memory)
		if n := script.Open(); n != 0 {
			t.Errorf("%d engines were left open", n)
		}
		for _, m := range script.Misuse() {
			t.Error(m)
		}
	})
}
