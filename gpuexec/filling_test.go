package gpuexec_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"seghub/gpuexec"
	"seghub/gpuexec/enginetest"
	"seghub/models"
	"seghub/models/imageio"
)

// tiled is a registry of models, in one version, that take tiles of 64 pixels, four a run.
func tiled(version *atomic.Int64) func(id string) (models.Spec, bool) {
	return func(id string) (models.Spec, bool) {
		return models.Spec{
			ID: id, Version: fmt.Sprint(version.Load()), Batch: models.Batch{Alone: 4, Shared: 4, Max: 4},
			Input: models.Input{Height: 64, Width: 64, Channels: 1, Scaling: models.ScalingNative},
		}, true
	}
}

// high is a job with an image of nine such tiles.
func high(t *testing.T, id string) gpuexec.Job { return job(id, deep(t, 60, 500)) }

// queue tests a pool of one worker whose runs take a second each, in which all else is done that can be done.
func queue(t *testing.T, script *enginetest.Script, test func(t *testing.T, pool *gpuexec.Pool, from *source, to *sink, version *atomic.Int64)) {
	synctest.Test(t, func(t *testing.T) {
		run := script.Run
		script.Run = func(ctx context.Context, call enginetest.Call) error {
			if err := enginetest.Delay(time.Second)(ctx, call); err != nil || run == nil {
				return err
			}
			return run(ctx, call)
		}
		var version atomic.Int64
		pool, from, to := startPoolOf(t, tiled(&version), 1, script)
		defer pool.Stop(context.Background())
		test(t, pool, from, to, &version)
	})
}

// giveEach gives jobs of the model as batches of their own.
func giveEach(t *testing.T, from *source, model string, jobs ...gpuexec.Job) {
	t.Helper()
	for _, j := range jobs {
		from.give(t, 0, gpuexec.Batch{Model: model, Jobs: []gpuexec.Job{j}})
	}
}

// wantRuns holds the script to runs on so many tiles each.
func wantRuns(t *testing.T, script *enginetest.Script, want ...int) {
	t.Helper()
	var runs []int
	for _, call := range script.Calls() {
		runs = append(runs, images(call))
	}
	if !slices.Equal(runs, want) {
		t.Errorf("runs on %v tiles, want %v", runs, want)
	}
}

// wantDone takes the results of jobs of high, which must all be done.
func wantDone(t *testing.T, to *sink, ids ...string) {
	t.Helper()
	results := to.next(t, len(ids))
	for _, id := range ids {
		if r := results[id]; r.Err != nil || r.Output.Summary.Count != 20 {
			t.Errorf("%s: %+v", id, r)
		}
	}
}

func TestRunsAreFilledFromTheNextBatch(t *testing.T) {
	script := &enginetest.Script{}
	queue(t, script, func(t *testing.T, _ *gpuexec.Pool, from *source, to *sink, _ *atomic.Int64) {
		giveEach(t, from, "a", high(t, "one"), high(t, "two"), high(t, "three"))
		wantDone(t, to, "one", "two", "three")
	})
	wantRuns(t, script, 4, 4, 4, 4, 4, 4, 3)
}

// What is in hand when the pool stops fills its runs as ever.
func TestRunsAreFilledWhileThePoolStops(t *testing.T) {
	script := &enginetest.Script{}
	queue(t, script, func(t *testing.T, pool *gpuexec.Pool, from *source, to *sink, _ *atomic.Int64) {
		giveEach(t, from, "a", high(t, "one"), high(t, "two"))
		pool.Stop(context.Background())
		wantDone(t, to, "one", "two")
	})
	wantRuns(t, script, 4, 4, 4, 4, 2)
}

// The end of a batch does not wait for one whose image is not there yet.
func TestAPaddedRunDoesNotWaitForAnImage(t *testing.T) {
	script := &enginetest.Script{}
	queue(t, script, func(t *testing.T, _ *gpuexec.Pool, from *source, to *sink, _ *atomic.Int64) {
		slow, there := high(t, "slow"), make(chan struct{})
		open := slow.Open
		slow.Open = func(ctx context.Context) (imageio.Source, error) {
			<-there
			return open(ctx)
		}
		giveEach(t, from, "a", high(t, "one"), slow)
		wantDone(t, to, "one")
		close(there)
		wantDone(t, to, "slow")
	})
	wantRuns(t, script, 4, 4, 1, 4, 4, 1)
}

func TestARunIsOfOneModel(t *testing.T) {
	script := &enginetest.Script{}
	queue(t, script, func(t *testing.T, _ *gpuexec.Pool, from *source, to *sink, _ *atomic.Int64) {
		giveEach(t, from, "a", high(t, "one"))
		giveEach(t, from, "b", high(t, "two"))
		wantDone(t, to, "one", "two")
	})
	wantRuns(t, script, 4, 4, 1, 4, 4, 1)
}

// A batch that waits behind another runs on the model as it is by then.
func TestARunIsOfOneVersion(t *testing.T) {
	script := &enginetest.Script{}
	queue(t, script, func(t *testing.T, _ *gpuexec.Pool, from *source, to *sink, version *atomic.Int64) {
		giveEach(t, from, "a", high(t, "one"), high(t, "two"))
		version.Add(1)
		wantDone(t, to, "one", "two")
	})
	wantRuns(t, script, 4, 4, 1, 4, 4, 1)
	for i, call := range script.Calls() {
		if want := fmt.Sprint(i / 3); call.Model.Version != want {
			t.Errorf("run %d on version %s, want %s", i, call.Model.Version, want)
		}
	}
}

// Batches that would fill each other's runs without end leave room for what is done between two.
func TestAnOrderIsNotPutOffByTheNextBatch(t *testing.T) {
	script := &enginetest.Script{}
	queue(t, script, func(t *testing.T, pool *gpuexec.Pool, from *source, to *sink, _ *atomic.Int64) {
		giveEach(t, from, "a", high(t, "one"), high(t, "two")) // the second once the first is decoded, and runs
		if err := pool.Warm(t.Context(), []string{"b"}); err != nil {
			t.Error(err)
		}
		wantDone(t, to, "one", "two")
	})
	wantRuns(t, script, 4, 4, 1, 4, 4, 1)
}

// A run that fails is tried anew for each image, of whichever batch.
func TestABatchDoesNotFailTheOneBefore(t *testing.T) {
	script := &enginetest.Script{Run: func(_ context.Context, call enginetest.Call) error {
		for row := range call.Input.N {
			if tile := call.Input.Rows(row, row+1).Pix; bytes.Count(tile, []byte{255}) > len(tile)/2 {
				return errDevice
			}
		}
		return nil
	}}
	queue(t, script, func(t *testing.T, _ *gpuexec.Pool, from *source, to *sink, _ *atomic.Int64) {
		var white bytes.Buffer
		if err := imageio.EncodeGray(&white, 60, 60, append(make([]byte, 10*60), bytes.Repeat([]byte{255}, 50*60)...)); err != nil {
			t.Fatal(err)
		}
		giveEach(t, from, "a", high(t, "one"), job("bad", white.Bytes()))
		results := to.next(t, 2)
		if one, bad := results["one"].Err, results["bad"].Err; one != nil || !errors.Is(bad, errDevice) {
			t.Errorf("one: %v, bad: %v", one, bad)
		}
	})
	wantRuns(t, script, 4, 4, 2, 1, 1)
}

// A run for two batches that finds no memory is halved for both.
func TestARunForTwoBatchesIsHalved(t *testing.T) {
	script := &enginetest.Script{}
	script.Run = func(ctx context.Context, call enginetest.Call) error {
		if len(script.Calls()) == 3 {
			return enginetest.OutOfMemory(-1)(ctx, call)
		}
		return nil
	}
	queue(t, script, func(t *testing.T, _ *gpuexec.Pool, from *source, to *sink, _ *atomic.Int64) {
		giveEach(t, from, "a", high(t, "one"), high(t, "two"))
		wantDone(t, to, "one", "two")
	})
	wantRuns(t, script, 4, 4, 4, 2, 2, 2, 2, 2)
}

// An engine that breaks under one image is made anew for the next, of the same batch too.
func TestAnEngineThatBreaksIsThereForTheNextImage(t *testing.T) {
	script := &enginetest.Script{}
	script.Run = func(ctx context.Context, call enginetest.Call) error {
		if len(script.Calls()) == 1 {
			return enginetest.Panic(ctx, call)
		}
		return nil
	}
	queue(t, script, func(t *testing.T, _ *gpuexec.Pool, from *source, to *sink, _ *atomic.Int64) {
		second, began := high(t, "second"), make(chan struct{})
		open := second.Open
		second.Open = func(ctx context.Context) (imageio.Source, error) {
			<-began
			return open(ctx)
		}
		to.onProgress = func(p gpuexec.Progress) {
			if p.JobID == "first" && p.Stage == gpuexec.StageInfer && p.Done == 0 {
				close(began)
			}
		}
		from.give(t, 0, gpuexec.Batch{Model: "a", Jobs: []gpuexec.Job{high(t, "first"), second}})
		results := to.next(t, 2)
		if first, second := results["first"].Err, results["second"].Err; first == nil || second != nil {
			t.Errorf("first: %v, second: %v", first, second)
		}
	})
	if loads := strings.Join(script.Loads(), ", "); loads != "0 a/4 0, 0 a/4 0" {
		t.Errorf("loads %s", loads)
	}
}

// A run ends as soon as nobody wants any of its tiles, and not before, whatever else its batches have.
func TestCancelEndsTheRunOfTheCancelled(t *testing.T) {
	for name, c := range map[string]struct {
		cancelled []string
		runs      []int
		took      time.Duration
	}{
		"one of two batches":  {[]string{"one"}, []int{4, 4, 4, 4, 2}, 5 * time.Second},
		"both":                {[]string{"one", "two"}, []int{4, 4, 4}, 2500 * time.Millisecond},
		"one, and all others": {[]string{"one", "two", "three"}, []int{4, 4, 4}, 2500 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			script := &enginetest.Script{}
			queue(t, script, func(t *testing.T, pool *gpuexec.Pool, from *source, to *sink, _ *atomic.Int64) {
				began := time.Now()
				giveEach(t, from, "a", high(t, "one"), high(t, "two"))
				<-time.After(2500*time.Millisecond - time.Since(began)) // the third run is for both
				for _, id := range c.cancelled {
					pool.Cancel(id)
				}
				to.next(t, 2)
				pool.Stop(context.Background())
				if took := time.Since(began); took != c.took {
					t.Errorf("it took %s, want %s", took, c.took)
				}
			})
			wantRuns(t, script, c.runs...)
		})
	}
}
