package ort

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"

	"seghub/gpuexec"
	"seghub/gpuexec/cuda/cudatest"
	"seghub/models"
)

// openCUDA opens the library for slots engines on the stand-in's card. It stays open until the process ends, as with a card that is
// lost.
func openCUDA(t *testing.T, slots int) *Runtime {
	t.Helper()
	r, err := Open(library(t), "cuda:0", slots, quiet)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// shipped returns the models that ship, by their ids.
func shipped(t *testing.T) map[string]models.Spec {
	t.Helper()
	registry, err := models.Open(filepath.Join("..", "..", "models", "weights"), quiet)
	if err != nil {
		t.Fatal(err)
	}
	specs := make(map[string]models.Spec)
	for _, model := range registry.List() {
		specs[model.ID] = model
	}
	return specs
}

// shapeOf is a model and the rows of its runs.
type shapeOf struct {
	model models.Spec
	rows  int
}

// workersOn has so many goroutines, each on a thread and with an engine of its own, open and warm all shapes; calls warm when they
// all have; and then lets each run them in turn, so often.
func workersOn(t *testing.T, r *Runtime, slots int, shapes []shapeOf, runs int, warm func()) {
	t.Helper()
	var ready, over sync.WaitGroup
	begin := make(chan struct{})
	ready.Add(slots)
	for slot := range slots {
		over.Go(func() {
			runtime.LockOSThread() // never unlocked, as a worker's
			warmed := sync.OnceFunc(ready.Done)
			defer warmed()
			err := func() (err error) {
				e, err := r.NewEngine(slot)
				if err != nil {
					return err
				}
				sessions, err := openWarm(t, e, shapes)
				if err != nil {
					return err
				}
				warmed()
				<-begin
				for n := range runs {
					shape := shapes[n%len(shapes)]
					if _, err := sessions[n%len(shapes)].Run(t.Context(), noise(shape.model, shape.rows, uint32(n))); err != nil {
						return err
					}
				}
				return nil
			}()
			if err != nil {
				t.Errorf("worker %d: %v", slot, err)
			}
		})
	}
	ready.Wait()
	if !t.Failed() {
		warm()
	}
	close(begin)
	over.Wait()
}

func openWarm(t *testing.T, e gpuexec.Engine, shapes []shapeOf) ([]gpuexec.Session, error) {
	var sessions []gpuexec.Session
	for _, shape := range shapes {
		s, err := e.Open(t.Context(), shape.model, shape.rows)
		if err == nil {
			err = s.Warm(t.Context())
		}
		if err != nil {
			return nil, fmt.Errorf("%s, %d rows: %w", shape.model.ID, shape.rows, err)
		}
		sessions = append(sessions, s)
	}
	return sessions, nil
}

// Each worker's work is on a stream of its own, and none on the NULL stream, for which all others would wait. Weights alone go up
// through that, while a session is opened.
func TestEachWorkerHasAStreamOfItsOwn(t *testing.T) {
	onStandIn(t, cudatest.Settings{}, func(t *testing.T, s *cudatest.StandIn) {
		const slots = 4
		r := openCUDA(t, slots)
		small := shipped(t)["unet_spherohq"]
		var opened int
		workersOn(t, r, slots, []shapeOf{{small, 2}, {small, 1}}, 6, func() { opened = len(s.Log(t).Of(os.Getpid())) })
		log := s.Log(t).Of(os.Getpid())
		for _, record := range log.OnNullStream() {
			if record.Call != "cudaMemcpy" {
				t.Errorf("on the NULL stream: %+v", record)
			}
		}
		log = log[opened:]
		if null := log.OnNullStream(); len(null) > 0 {
			t.Errorf("on the NULL stream, after warm-up: %+v", null)
		}
		worker := make(map[cudatest.Stream]int) // thread
		for thread, streams := range log.StreamsOfThreads() {
			if len(streams) != 1 {
				t.Errorf("thread %d works on the streams %v", thread, streams)
			}
			worker[streams[0]] = thread
		}
		if len(worker) != slots {
			t.Errorf("%d workers have %d streams", slots, len(worker))
		}
	})
}

// How a worker's thread waits is said before there is anything to wait for, and in the probe as in the hub.
func TestAWorkerSleepsWhileItWaits(t *testing.T) {
	onStandIn(t, cudatest.Settings{}, func(t *testing.T, s *cudatest.StandIn) {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if _, err := openCUDA(t, 1).NewEngine(0); err != nil {
			t.Fatal(err)
		}
		log := s.Log(t)
		if n := len(log.Processes()); n != 2 {
			t.Errorf("%d processes, want the probe and this one", n)
		}
		for _, process := range log.Processes() {
			told := slices.IndexFunc(log.Of(process), func(r cudatest.Record) bool { return r.Call == "cudaSetDeviceFlags" })
			made := slices.IndexFunc(log.Of(process), func(r cudatest.Record) bool { return r.Call == "cudaStreamCreateWithFlags" })
			if told < 0 || made < told {
				t.Errorf("process %d was told how to wait in call %d, and made its stream in call %d", process, told, made)
			}
		}
	})
}

// Whoever asks for the memory is told that of the engines' device.
func TestMemoryIsThatOfTheDevice(t *testing.T) {
	onStandIn(t, cudatest.Settings{Devices: 2, Memory: 3 << 30}, func(t *testing.T, s *cudatest.StandIn) {
		r, err := Open(library(t), "cuda:1", 1, quiet)
		if err != nil {
			t.Fatal(err)
		}
		used, total, err := r.Memory()
		if used != 0 || total != 3<<30 || err != nil {
			t.Errorf("%d of %d bytes, %v", used, total, err)
		}
		s.Set(t, fails("cudaMemGetInfo", cudatest.IllegalAddress, 0))
		if used, total, err := r.Memory(); used != 0 || total != 0 || err == nil {
			t.Errorf("of a lost device: %d of %d bytes, %v", used, total, err)
		}
	})
}

// Models of several shapes take turns on four workers. A network of one row may want a piece more in its third run.
func TestAfterWarmUpARunPlansAndAllocatesNothing(t *testing.T) {
	onStandIn(t, cudatest.Settings{}, func(t *testing.T, s *cudatest.StandIn) {
		const slots, runs = 4, 50
		specs := shipped(t)
		shapes := []shapeOf{{specs["hrnet"], 1}, {specs["cbam_resunet"], 2}, {specs["unet_spherohq"], 4}}
		var warm cudatest.Log
		workersOn(t, openCUDA(t, slots), slots, shapes, runs, func() { warm = s.Log(t).Of(os.Getpid()) })
		log := s.Log(t).Of(os.Getpid())[len(warm):]
		if warm.Plans() == 0 || log.Launches() < slots*runs {
			t.Fatalf("warm-up built %d plans, then %d kernels were launched", warm.Plans(), log.Launches())
		}
		if n := log.Plans(); n > 0 {
			t.Errorf("%d plans were built after warm-up", n)
		}
		for _, record := range append(log.Allocations(), log.Frees()...) {
			t.Errorf("after warm-up: %+v", record)
		}
		if n := len(log.Calls("cudaHostAlloc")) + len(log.Calls("cudaMallocHost")); n > 0 {
			t.Errorf("host memory was allocated %d times after warm-up", n)
		}
		if got := log.Syncs(); got != slots*runs {
			t.Errorf("%d runs waited for their stream %d times, want once each", slots*runs, got)
		}
		t.Logf("%d bytes are held, and were at most %d", warm.Held(), warm.Peak())
	})
}
