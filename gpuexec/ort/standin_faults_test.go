package ort

import (
	"context"
	"errors"
	"runtime"
	"testing"

	"seghub/gpuexec"
	"seghub/gpuexec/cuda/cudatest"
)

// fails is a stand-in one of whose calls fails for good once it was asked a few times.
func fails(call string, code, after int) cudatest.Settings {
	return cudatest.Settings{Faults: []cudatest.Fault{{Call: call, Code: code, After: after}}}
}

// What CUDA and its libraries say when they have no memory, each at the call that makes it, is told as that; and once there is
// some, a session that is opened anew works.
func TestNoMemoryIsToldAtEachKindOfCall(t *testing.T) {
	const warming, running = false, true
	for name, c := range map[string]struct {
		settings cudatest.Settings
		when     bool
	}{
		"the arena's limit":          {cudatest.Settings{Memory: 128 << 20}, warming},
		"cudaMalloc":                 {fails("cudaMalloc", cudatest.OutOfMemory, 60), warming},
		"cudaMalloc of shrunk runs":  {fails("cudaMalloc", cudatest.OutOfMemory, 0), running},
		"a launch":                   {fails("cudaLaunchKernel", cudatest.OutOfMemory, 5), running},
		"cublasCreate":               {fails("cublasCreate_v2", cudatest.BLASAllocFailed, 0), warming},
		"cuDNN's plan":               {fails("cudnnBuildPlan", cudatest.DNNHostAllocationFailed, 7), warming},
		"cuDNN's descriptor":         {fails("cudnnBackendFinalize", cudatest.DNNHostAllocationFailed, 20), warming},
		"cuDNN's run, on the host":   {fails("cudnnBackendExecute", cudatest.DNNHostAllocationFailed, 3), running},
		"cuDNN's run, on the device": {fails("cudnnBackendExecute", cudatest.DNNDeviceAllocationFailed, 3), running},
		"cuDNN's older calls":        {fails("cudnnAddTensor", cudatest.DNNDeviceAllocationFailed, 3), running},
	} {
		t.Run(name, func(t *testing.T) {
			onStandIn(t, cudatest.Settings{Memory: c.settings.Memory}, func(t *testing.T, s *cudatest.StandIn) {
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				e, err := openCUDA(t, 1).NewEngine(0)
				if err != nil {
					t.Fatal(err)
				}
				attempt := func(rows int, warm, run cudatest.Settings) error {
					s.Set(t, warm)
					return warmAndRun(t, e, shapeOf{shipped(t)["unet_spherohq"], rows}, func() { s.Set(t, run) })
				}
				if c.when == warming {
					err = attempt(4, c.settings, c.settings)
				} else {
					err = attempt(4, cudatest.Settings{}, c.settings)
				}
				if !errors.Is(err, gpuexec.ErrOutOfMemory) || errors.Is(err, gpuexec.ErrDeviceLost) {
					t.Errorf("it is told as %v", err)
				}
				if err := attempt(1, cudatest.Settings{Memory: c.settings.Memory}, cudatest.Settings{Memory: c.settings.Memory}); err != nil {
					t.Errorf("and then: %v", err)
				}
			})
		})
	}
}

// warmAndRun opens a session, warms it, gives back what its runs have taken, and runs it; between is called before that.
func warmAndRun(t *testing.T, e gpuexec.Engine, shape shapeOf, between func()) error {
	session, err := e.Open(t.Context(), shape.model, shape.rows)
	if err != nil {
		return err
	}
	err = session.Warm(t.Context())
	if err == nil {
		err = session.Shrink(t.Context())
	}
	if err == nil {
		between()
		_, err = session.Run(t.Context(), noise(shape.model, shape.rows, 1))
	}
	if errors.Is(err, gpuexec.ErrDeviceLost) {
		return err // no call follows
	}
	return errors.Join(err, session.Close())
}

// TestWhatTheHubWasRefusedIsNoFaultOfARun has other programs keep the card's memory from an engine, or CUDA not tell of it: once they are gone,
// models run on the same thread.
func TestWhatTheHubWasRefusedIsNoFaultOfARun(t *testing.T) {
	const notPermitted = 800
	onStandIn(t, cudatest.Settings{}, func(t *testing.T, s *cudatest.StandIn) {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		r := openCUDA(t, 1)
		s.Set(t, fails("cudaStreamCreateWithFlags", cudatest.OutOfMemory, 0))
		if _, err := r.NewEngine(0); err == nil {
			t.Fatal("an engine was made of nothing")
		}
		s.Set(t, cudatest.Settings{})
		e, err := r.NewEngine(0)
		if err != nil {
			t.Fatal(err)
		}
		shape := shapeOf{shipped(t)["unet_spherohq"], 1}
		if err := warmAndRun(t, e, shape, func() {}); err != nil {
			t.Errorf("after an engine without memory: %v", err)
		}
		err = warmAndRun(t, e, shape, func() {
			s.Set(t, fails("cudaMemGetInfo", notPermitted, 0))
			if used := r.InUse(); used != 0 {
				t.Errorf("%d bytes in use, of a card that does not tell", used)
			}
		})
		if err != nil {
			t.Errorf("after a measurement that failed: %v", err)
		}
	})
}

// Whichever call hears of it first, an error that has poisoned the context is told as a lost device.
func TestAPoisonedContextIsToldAsALostDevice(t *testing.T) {
	for name, settings := range map[string]cudatest.Settings{
		"a launch that fails":            fails("cudaLaunchKernel", cudatest.LaunchFailure, 5),
		"a launch after another's error": fails("cudaLaunchKernel", cudatest.IllegalAddress, 0),
		"an allocation":                  fails("cudaMalloc", cudatest.IllegalAddress, 0),
		"a copy":                         fails("cudaMemcpyAsync", cudatest.IllegalAddress, 0),
		"the end of a run":               fails("cudaStreamSynchronize", cudatest.LaunchFailure, 0),
		"a plan's execution":             fails("cudnnBackendExecute", cudatest.IllegalAddress, 3),
		"an older call of cuDNN":         fails("cudnnAddTensor", cudatest.IllegalAddress, 3),
	} {
		t.Run(name, func(t *testing.T) {
			onStandIn(t, cudatest.Settings{}, func(t *testing.T, s *cudatest.StandIn) {
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				e, err := openCUDA(t, 1).NewEngine(0)
				if err != nil {
					t.Fatal(err)
				}
				err = warmAndRun(t, e, shapeOf{shipped(t)["unet_spherohq"], 1}, func() { s.Set(t, settings) })
				if !errors.Is(err, gpuexec.ErrDeviceLost) || errors.Is(err, gpuexec.ErrOutOfMemory) {
					t.Errorf("it is told as %v", err)
				}
			})
		})
	}
}

// ONNX Runtime cannot end a run whose kernel hangs. Another worker does not notice.
func TestARunThatHangsHoldsItsWorkerAlone(t *testing.T) {
	onStandIn(t, cudatest.Settings{}, func(t *testing.T, s *cudatest.StandIn) {
		const slots = 2
		shape := shapeOf{shipped(t)["unet_spherohq"], 1}
		r := openCUDA(t, slots)
		ctx, cancel := context.WithCancel(t.Context())
		var sessions []gpuexec.Session
		for slot := range slots {
			e, err := r.NewEngine(slot)
			if err != nil {
				t.Fatal(err)
			}
			opened, err := openWarm(t, e, []shapeOf{shape})
			if err != nil {
				t.Fatal(err)
			}
			sessions = append(sessions, opened...)
		}
		run := func(ctx context.Context, s gpuexec.Session) error {
			_, err := s.Run(ctx, noise(shape.model, shape.rows, 1))
			return err
		}

		s.Set(t, cudatest.Settings{Faults: []cudatest.Fault{{Call: "cudaStreamSynchronize", Hang: true, Times: 1}}})
		ended := make(chan error)
		go func() { ended <- run(ctx, sessions[0]) }()
		s.Await(t, func(log cudatest.Log) bool { return log[len(log)-1].Hangs })
		cancel()
		for range 3 {
			if err := run(t.Context(), sessions[1]); err != nil {
				t.Error(err)
			}
		}
		select {
		case err := <-ended:
			t.Fatalf("the run ended: %v", err)
		default:
		}
		s.Set(t, cudatest.Settings{})
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// A plan may load a library that takes a signal from Go: it has it back when the model is warm.
func TestSignalsAreGosAgainWhenAModelIsWarm(t *testing.T) {
	onStandIn(t, cudatest.Settings{Signals: true}, func(t *testing.T, s *cudatest.StandIn) {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		r := openCUDA(t, 1)
		e, err := r.NewEngine(0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := openWarm(t, e, []shapeOf{{shipped(t)["unet_spherohq"], 1}}); err != nil {
			t.Fatal(err)
		}
		if s.Log(t).Plans() == 0 {
			t.Fatal("no plan was built")
		}
		if n := r.signals.restore(); n > 0 {
			t.Errorf("%d signal handlers were still another's", n)
		}
	})
}
