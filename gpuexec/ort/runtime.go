// Package ort is the engine of the workers on ONNX Runtime. It alone imports onnxruntime_go.
//
// A process loads the library once and has one environment (Runtime). Each worker has an engine of its own, with a session a
// model: nothing is shared between engines but the environment, so nothing is locked around a model.
//
//	Open -> Runtime -- NewEngine(slot), on the worker's thread --> engine -- Open --> session -- Warm, Run, Shrink
//	Close: every session first, then its engine, then the Runtime
package ort

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/shirou/gopsutil/v4/cpu"
	onnx "github.com/yalue/onnxruntime_go"

	"seghub/gpuexec"
	"seghub/models"
)

// version is that of the library that scripts/fetch-onnxruntime fetches.
const version = "1.29.0"

// ErrLibraryAbsent says that there is no ONNX Runtime library where it was looked for.
var ErrLibraryAbsent = errors.New("the ONNX Runtime library is absent")

// Runtime is the loaded library. There is at most one in a process at a time.
type Runtime struct {
	device  device
	threads int // of one engine's session
	log     *slog.Logger
	signals signalHandlers

	mu      sync.Mutex
	engines int // guarded by mu; made and not closed
}

// DefaultLibrary is where scripts/fetch-onnxruntime puts the library: in the user's cache folder.
func DefaultLibrary() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = "."
	}
	name := "libonnxruntime.so.1"
	if runtime.GOOS == "darwin" {
		name = "libonnxruntime.1.dylib"
	}
	return filepath.Join(cache, "seghub", "onnxruntime", version, runtime.GOOS+"-"+runtime.GOARCH, name)
}

// HasCUDAProvider tells whether the library, DefaultLibrary when it is empty, has the provider beside it that runs models on a GPU.
func HasCUDAProvider(library string) bool {
	if library == "" {
		library = DefaultLibrary()
	}
	_, err := os.Stat(filepath.Join(filepath.Dir(library), cudaProvider))
	return err == nil
}

// Open loads the library, DefaultLibrary when it is empty, for engines of that many slots. device is "auto", "cpu" or "cuda:N"; auto
// takes the first GPU if a convolution ran on it, else the CPU, and logs which and why. A cuda:N on which none ran is an ErrNoGPU.
func Open(library, device string, slots int, log *slog.Logger) (*Runtime, error) {
	if onnx.IsInitialized() {
		return nil, errors.New("ort: a Runtime is open in this process already")
	}
	if library == "" {
		library = DefaultLibrary()
	}
	if _, err := os.Stat(library); err != nil {
		return nil, fmt.Errorf("%w: %w; `make run` fetches it, or set SEGHUB_ORT_LIBRARY to where yours is", ErrLibraryAbsent, err)
	}
	signals := currentSignalHandlers() // before anything could have replaced them
	chosen, err := chooseDevice(library, device, slots, log)
	if err != nil {
		return nil, err
	}
	if err := load(library); err != nil {
		return nil, fmt.Errorf("ort: load %s: %w", library, err)
	}
	r := &Runtime{
		device:  chosen,
		threads: threads(chosen, slots),
		log:     log,
		signals: signals,
	}
	log.Info("ONNX Runtime is loaded", "version", onnx.GetVersion(), "library", library, "device", chosen.String(), "threads_a_worker", r.threads)
	return r, nil
}

// load loads the library. From 1.29 on it tells its maker of the machine, of models, sessions and errors, under an id that it keeps in the user's
// cache folder, unless it hears before that it is not to: its functions for that come too late for what it tells of a start.
// https://github.com/microsoft/onnxruntime/pull/27379
func load(library string) error {
	if err := os.Setenv("ORT_DISABLE_TELEMETRY", "1"); err != nil {
		return err
	}
	onnx.SetSharedLibraryPath(library)
	return onnx.InitializeEnvironment(onnx.WithLogLevelError())
}

// threads is how many of the CPU's one worker computes with; one is enough to feed a GPU.
func threads(d device, slots int) int {
	if d.cuda != nil {
		return 1
	}
	return CPUThreads(slots)
}

// CPUThreads is how many threads each of slots workers computes with on the CPU: its share of the cores, and one at least.
func CPUThreads(slots int) int { return max(1, runtime.GOMAXPROCS(0)/slots) }

// Device is what the engines run on: "cpu" or "cuda:N".
func (r *Runtime) Device() string { return r.device.String() }

// Unused says why a GPU that this machine has is not what the engines run on, where nobody asked for the CPU, and what to do; empty otherwise.
func (r *Runtime) Unused() string { return r.device.unused }

// Version of the ONNX Runtime library.
func (r *Runtime) Version() string { return onnx.GetVersion() }

// DeviceName tells one machine's device from another's, for what is measured on it: "NVIDIA RTX A5000, 24564 MiB", or the CPU and how many
// cores it has.
func (r *Runtime) DeviceName() string {
	if r.device.cuda != nil {
		return r.device.name
	}
	return cpuName()
}

func cpuName() string {
	model := "unknown CPU"
	if info, err := cpu.Info(); err == nil && len(info) > 0 {
		model = info[0].ModelName
	}
	return fmt.Sprintf("%s, %d cores", model, runtime.GOMAXPROCS(0))
}

// PCIBusID tells where the GPU sits that the engines run on, such as "0000:65:00.0"; empty on the CPU.
func (r *Runtime) PCIBusID() string { return r.device.pciBusID }

// NewEngine makes the engine of slot's worker, on the OS thread that the caller is locked to and gives up with the engine. It
// is a gpuexec.NewEngine.
func (r *Runtime) NewEngine(slot int) (gpuexec.Engine, error) {
	e := &engine{runtime: r, slot: slot}
	prepare := e.openStream
	if r.device.cuda == nil {
		prepare = yieldCPU
	}
	if err := prepare(); err != nil {
		return nil, fmt.Errorf("ort: engine of slot %d: %w", slot, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.engines++
	return e, nil
}

// InUse is how many bytes of the GPU's memory everybody uses now, for who is on a thread of one of its engines; 0 when it does not
// say.
func (r *Runtime) InUse() uint64 {
	free, total, err := r.device.cuda.Memory()
	if err != nil {
		return 0
	}
	return total - free
}

// Memory is how many bytes of the GPU's memory everybody uses now, and how many there are: of a part of a GPU (MIG), the part's. It may be
// called on any goroutine.
func (r *Runtime) Memory() (used, total uint64, err error) {
	runtime.LockOSThread() // CUDA's device is the thread's
	defer runtime.UnlockOSThread()
	if err := r.device.cuda.UseDevice(r.device.index); err != nil {
		return 0, 0, fmt.Errorf("ort: %w", err)
	}
	free, total, err := r.device.cuda.Memory()
	if err != nil {
		return 0, 0, fmt.Errorf("ort: %w", err)
	}
	return total - free, total, nil
}

// RunFloats runs the graph of a model that has a Codec once on values as they are, and returns what it gives as it is: no step
// of the codec is done. It is for trying a model that is not in use yet.
func (r *Runtime) RunFloats(ctx context.Context, model models.Spec, values []float32, shape []int64) (out []float32, outShape []int64, err error) {
	e := &engine{runtime: r}
	if r.device.cuda != nil {
		if err := e.openStream(); err != nil {
			return nil, nil, fmt.Errorf("ort: %w", err)
		}
		defer func() { err = errors.Join(err, r.device.cuda.Destroy(e.stream)) }()
	}
	s, err := e.open(model, 1)
	if err != nil {
		return nil, nil, fmt.Errorf("ort: open %s: %w", model.ID, err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if out, outShape, err = s.runFloats(ctx, values, shape, false); err != nil {
		return nil, nil, fmt.Errorf("ort: run %s: %w", model.ID, err)
	}
	return out, outShape, nil
}

func (r *Runtime) engineClosed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.engines--
}

// Close frees the library. It refuses while an engine is open, whose sessions live in it.
func (r *Runtime) Close() error {
	r.mu.Lock()
	engines := r.engines
	r.mu.Unlock()
	if engines > 0 {
		return fmt.Errorf("ort: %d engines are still open", engines)
	}
	if err := onnx.DestroyEnvironment(); err != nil {
		return fmt.Errorf("ort: %w", err)
	}
	return nil
}
