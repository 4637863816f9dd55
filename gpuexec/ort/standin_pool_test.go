package ort

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"

	"seghub/gpuexec"
	"seghub/gpuexec/budget"
	"seghub/gpuexec/cuda/cudatest"
	"seghub/models"
	"seghub/models/imageio"
)

// gauge reads the stand-in's card as its runtime tells it.
type gauge struct{ r *Runtime }

func (g gauge) Usage(context.Context) (budget.Usage, error) {
	free, total, err := g.r.device.cuda.Memory()
	return budget.Usage{UsedBytes: total - free, TotalBytes: total}, err
}

// rowsOf is a batch table with so many rows a run of each model.
func rowsOf(rows map[string]int) models.BatchTable {
	table := models.BatchTable{Fallback: 1, Models: make(map[string][]models.BatchRow)}
	for id, n := range rows {
		table.Models[id] = []models.BatchRow{{ConcurrentUsers: 1, Optimal: n, MaxSafe: n}}
	}
	return table
}

// cudaPool is a pool on the stand-in's card.
type cudaPool struct {
	*gpuexec.Pool
	from given
	to   outcomes
	lost chan error
}

// startCUDAPool starts so many workers with the models that ship, warm in the rows that are given. batches is how many batches each
// may be given, jobs how many outcomes are kept.
func startCUDAPool(t *testing.T, slots, batches, jobs int, rows map[string]int, wrap func(gpuexec.Engine) gpuexec.Engine) cudaPool {
	t.Helper()
	r := openCUDA(t, slots)
	specs := shipped(t)
	memory := budget.New(budget.Config{Gauge: gauge{r}, Levels: budget.DefaultLevels(), Log: quiet})
	memory.Start(t.Context())
	t.Cleanup(memory.Stop)
	p := cudaPool{from: newGiven(slots, batches), to: make(outcomes, jobs), lost: make(chan error, 1)}
	p.Pool = gpuexec.New(gpuexec.Config{
		Slots: slots, Device: r.Device(), MaxPixels: 1 << 24, Log: quiet, Batches: rowsOf(rows), Budget: memory, InUse: r.InUse,
		Models: func(id string) (models.Spec, bool) { spec, ok := specs[id]; return spec, ok },
		Lost:   func(err error) { p.lost <- err },
		NewEngine: func(slot int) (gpuexec.Engine, error) {
			e, err := r.NewEngine(slot)
			if err == nil && wrap != nil {
				e = wrap(e)
			}
			return e, err
		},
	})
	if err := p.Start(t.Context(), p.from, p.to); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Stop(context.Background()) })
	var ids []string
	for id := range rows {
		ids = append(ids, id)
	}
	if err := p.Warm(t.Context(), ids); err != nil {
		t.Fatal(err)
	}
	return p
}

const white = 255

// plain is a PNG of that size, of one shade.
func plain(t *testing.T, width, height int, shade byte) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := imageio.EncodeGray(&file, width, height, bytes.Repeat([]byte{shade}, width*height)); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// Two hundred images of all sizes, in batches of one to seven, of three models in turn: whatever comes, a run has the rows that its
// model has, the last of a batch those that are left and padding. So no plan is built.
func TestWhateverComesARunHasItsModelsShape(t *testing.T) {
	onStandIn(t, cudatest.Settings{}, func(t *testing.T, s *cudatest.StandIn) {
		const slots, images = 2, 200
		rows := map[string]int{"unet_spherohq": 4, "hrnet": 2, "cbam_resunet": 3}
		p := startCUDAPool(t, slots, images, images, rows, nil)
		warm := len(s.Log(t).Of(os.Getpid()))
		files := [][]byte{plain(t, 64, 48, 0), plain(t, 300, 200, 0), plain(t, 512, 512, 0), plain(t, 40, 700, 0)}
		ids := []string{"unet_spherohq", "hrnet", "cbam_resunet"}
		runs := 0
		for n, batch := 0, 0; n < images; batch++ {
			b := gpuexec.Batch{Model: ids[batch%len(ids)]}
			for range min(1+batch%7, images-n) {
				b.Jobs = append(b.Jobs, jobOf(fmt.Sprint(n), files[n%len(files)]))
				n++
			}
			runs += (len(b.Jobs) + rows[b.Model] - 1) / rows[b.Model]
			p.from[batch%slots] <- b
		}
		for range images {
			if result := p.to.next(t); result.Err != nil {
				t.Error(result.Err)
			}
		}
		log := s.Log(t).Of(os.Getpid())[warm:]
		if n := log.Plans(); n > 0 {
			t.Errorf("%d plans were built after warm-up", n)
		}
		// A worker that has nothing to do for a while runs once more to give memory back.
		if got := log.Syncs(); got != runs && len(log.Frees()) == 0 {
			t.Errorf("%d runs, want %d", got, runs)
		}
	})
}

// shortFor has the stand-in find no memory for runs that have a white pixel among their rows.
type shortFor struct {
	gpuexec.Engine
	set func(cudatest.Settings)
}

func (e shortFor) Open(ctx context.Context, model models.Spec, n int) (gpuexec.Session, error) {
	s, err := e.Engine.Open(ctx, model, n)
	return shortForSession{s, e.set}, err
}

type shortForSession struct {
	gpuexec.Session
	set func(cudatest.Settings)
}

func (s shortForSession) Run(ctx context.Context, in models.Tensor) (models.Tensor, error) {
	if slices.Contains(in.Pix, 255) {
		s.set(fails("cudnnBackendExecute", cudatest.DNNDeviceAllocationFailed, 3))
		defer s.set(cudatest.Settings{})
	}
	return s.Session.Run(ctx, in)
}

// A run for which there is no memory is tried with half the rows, then each image alone: the one for which there is none then fails,
// and no other, then or later.
func TestOnlyTheImageWithoutMemoryFails(t *testing.T) {
	onStandIn(t, cudatest.Settings{}, func(t *testing.T, s *cudatest.StandIn) {
		const rows = 4
		p := startCUDAPool(t, 1, 1, rows, map[string]int{"unet_spherohq": rows}, func(e gpuexec.Engine) gpuexec.Engine {
			return shortFor{e, func(settings cudatest.Settings) { s.Set(t, settings) }}
		})
		give := func(shades ...byte) {
			t.Helper()
			b := gpuexec.Batch{Model: "unet_spherohq"}
			for n, shade := range shades {
				b.Jobs = append(b.Jobs, jobOf(fmt.Sprint(n), plain(t, 64, 48, shade)))
			}
			p.from[0] <- b
			for range shades {
				result := p.to.next(t)
				n, err := strconv.Atoi(result.JobID)
				if err != nil {
					t.Fatal(err)
				}
				if want := shades[n] == white; errors.Is(result.Err, gpuexec.ErrOutOfMemory) != want || (result.Err != nil) != want {
					t.Errorf("image %d of %v: %v", n, shades, result.Err)
				}
			}
		}
		give(0, white, 0, 0)
		give(white)
		give(0, 0, 0, 0)
		if len(p.lost) > 0 {
			t.Errorf("the device was given up: %v", <-p.lost)
		}
	})
}

// Another program takes the memory that a worker gives back while it is short: every job is crowded out then, with or without its model, and runs
// once there is memory again.
func TestOthersCrowdJobsOut(t *testing.T) {
	const total = 1 << 30
	onStandIn(t, cudatest.Settings{Memory: total}, func(t *testing.T, s *cudatest.StandIn) {
		p := startCUDAPool(t, 1, 1, 1, map[string]int{"unet_spherohq": 2}, nil)
		run := func() error {
			p.from[0] <- gpuexec.Batch{Model: "unet_spherohq", Jobs: []gpuexec.Job{jobOf("job", plain(t, 64, 48, 0))}}
			return p.to.next(t).Err
		}
		if err := run(); err != nil {
			t.Fatal(err)
		}
		held := s.Log(t).Of(os.Getpid()).Held()
		s.Set(t, cudatest.Settings{Memory: total, Others: total})
		s.Await(t, func(log cudatest.Log) bool { return log.Of(os.Getpid()).Held() < held })
		for range 2 {
			if err := run(); !errors.Is(err, gpuexec.ErrCrowdedOut) || p.Crowded() == nil {
				t.Errorf("without memory: %v", err)
			}
		}
		s.Set(t, cudatest.Settings{Memory: total})
		if err := run(); err != nil {
			t.Errorf("with memory: %v", err)
		}
	})
}

// Two workers with four models that do not fit together: what they hold stays within the budget at all times, and all jobs are
// done.
func TestMemoryStaysWithinTheBudget(t *testing.T) {
	const total = 1 << 30
	onStandIn(t, cudatest.Settings{Memory: total, Workspace: 4 << 20}, func(t *testing.T, s *cudatest.StandIn) {
		const slots, batches = 2, 24
		p := startCUDAPool(t, slots, batches, batches, map[string]int{"unet_spherohq": 2, "hrnet": 2, "cbam_resunet": 1, "unet_nuclei": 1}, nil)
		ids := []string{"unet_spherohq", "hrnet", "cbam_resunet", "unet_nuclei"}
		for n := range batches {
			p.from[n%slots] <- gpuexec.Batch{Model: ids[n/slots%len(ids)], Jobs: []gpuexec.Job{jobOf(fmt.Sprint(n), plain(t, 64, 48, 0))}}
		}
		for range batches {
			if result := p.to.next(t); result.Err != nil {
				t.Error(result.Err)
			}
		}
		log := s.Log(t).Of(os.Getpid())
		limit := budget.DefaultLevels().High.Of(total)
		if peak := log.Peak(); peak > limit {
			t.Errorf("%d bytes were held, the budget is %d", peak, limit)
		}
		t.Logf("at most %d of %d bytes were held", log.Peak(), limit)
	})
}

// lastCalls notes how long the stand-in's log was when a call on a session or an engine last returned.
type lastCalls struct {
	gpuexec.Engine
	note func()
}

func (l lastCalls) Open(ctx context.Context, model models.Spec, n int) (gpuexec.Session, error) {
	defer l.note()
	s, err := l.Engine.Open(ctx, model, n)
	return lastCallsSession{s, l.note}, err
}

type lastCallsSession struct {
	gpuexec.Session
	note func()
}

func (l lastCallsSession) Run(ctx context.Context, in models.Tensor) (models.Tensor, error) {
	defer l.note()
	return l.Session.Run(ctx, in)
}

// The pool tells of a lost device once, and then nobody calls CUDA: closing a session would end the process.
func TestNobodyCallsALostDevice(t *testing.T) {
	onStandIn(t, cudatest.Settings{}, func(t *testing.T, s *cudatest.StandIn) {
		const slots, batches = 2, 8
		var mu sync.Mutex
		last := 0 // guarded by mu; how long the log was then
		p := startCUDAPool(t, slots, batches, slots*batches, map[string]int{"unet_spherohq": 1}, func(e gpuexec.Engine) gpuexec.Engine {
			return lastCalls{e, func() {
				mu.Lock()
				defer mu.Unlock()
				last = len(s.Log(t))
			}}
		})
		s.Set(t, fails("cudaLaunchKernel", cudatest.IllegalAddress, 500))
		for slot := range slots {
			for n := range batches {
				p.from[slot] <- gpuexec.Batch{Model: "unet_spherohq", Jobs: []gpuexec.Job{jobOf(fmt.Sprint(slot, n), plain(t, 64, 48, 0))}}
			}
		}
		if err := <-p.lost; !errors.Is(err, gpuexec.ErrDeviceLost) {
			t.Errorf("it is told as %v", err)
		}
		now, cancel := context.WithCancel(t.Context())
		cancel()
		p.Stop(now)
		// The budget measures on, once a second: that is answered with an error, and ends no process.
		calls := slices.DeleteFunc(s.Log(t)[last:], func(r cudatest.Record) bool { return r.Call == "cudaMemGetInfo" })
		if len(calls) > 0 {
			t.Errorf("after the last run there were the calls\n%v", calls)
		}
		if p.Ready() {
			t.Error("a pool without a device is ready")
		}
		if len(p.lost) > 0 {
			t.Errorf("and once more: %v", <-p.lost)
		}
	})
}
