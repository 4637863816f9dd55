package ort

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"seghub/gpuexec"
	"seghub/gpuexec/cuda"
	"seghub/gpuexec/cuda/cudatest"
)

// openAuto opens ONNX Runtime on what "auto" finds, and returns why it is not the GPU, and what it logs.
func openAuto(t *testing.T) (device, unused, log string) {
	t.Helper()
	var text bytes.Buffer
	r, err := Open(library(t), auto, 4, slog.New(slog.NewTextHandler(&text, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	return r.Device(), r.Unused(), text.String()
}

// The real provider finds all that it needs, and the probe's convolution comes before anything that this process does.
func TestAutoTakesAGPUOnWhichAConvolutionRan(t *testing.T) {
	onStandIn(t, cudatest.Settings{}, func(t *testing.T, s *cudatest.StandIn) {
		device, unused, text := openAuto(t)
		if device != "cuda:0" || unused != "" {
			t.Errorf("the models run on %q: %s", device, text)
		}
		if log := s.Log(t); len(log.Calls("cudnnBackendExecute")) != 1 || log.Launches() != 1 || len(log.Failed()) > 0 {
			t.Errorf("the probe asked for\n%v\nand failed in %+v", log, log.Failed())
		}
	})
}

// bus is what a test's machine has on its PCI bus: a network card and, if it is to have one, a GPU, whose sound is a device of its own.
func bus(t *testing.T, gpu bool) {
	t.Helper()
	devices := map[string][2]string{"0000:00:1f.6": {"0x8086", "0x020000"}, "0000:65:00.1": {"0x10de", "0x040300"}}
	if gpu {
		devices["0000:65:00.0"] = [2]string{"0x10de", "0x030000"}
	}
	before, folder := onBus, t.TempDir()
	for name, is := range devices {
		for i, file := range []string{"vendor", "class"} {
			if err := os.MkdirAll(filepath.Join(folder, name), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(folder, name, file), []byte(is[i]+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	onBus = folder
	t.Cleanup(func() { onBus = before })
}

// TestAutoSaysThatAGPUIsNotUsedThatCUDADoesNotFind tries what happens to a machine overnight: its driver is updated, it sleeps, its card falls
// off the bus, the service that starts the hub does not know where CUDA's libraries are.
func TestAutoSaysThatAGPUIsNotUsedThatCUDADoesNotFind(t *testing.T) {
	for name, c := range map[string]struct {
		without cudatest.Library
		code    int
		visible string // for CUDA
		on      bool   // the bus
		says    string // none where nothing is to be said
	}{
		"an update":              {code: 803, on: true, says: "restart the machine"},
		"sleep":                  {code: 999, on: true, says: "modprobe"},
		"off the bus":            {code: cudatest.NoDevice, on: true, says: "nvidia-smi must list the GPU"},
		"libraries":              {without: cudatest.DNN, on: true, says: "cuDNN 9 (libcudnn.so.9); install libcudnn9-cuda-13"},
		"none":                   {code: cudatest.NoDevice},
		"another one is visible": {code: cudatest.NoDevice, visible: "GPU-1", on: true, says: "CUDA_VISIBLE_DEVICES must not hide it"},
		"hidden":                 {code: cudatest.NoDevice, visible: "-1", on: true},
	} {
		t.Run(name, func(t *testing.T) {
			var without []cudatest.Library
			if c.without != "" {
				without = append(without, c.without)
			}
			settings := cudatest.Settings{Faults: []cudatest.Fault{{Call: "cudaGetDeviceCount", Code: c.code}}}
			onStandIn(t, settings, func(t *testing.T, _ *cudatest.StandIn) {
				if c.without != "" && cuda.Load(string(c.without)) == nil {
					t.Skip("left out: CUDA: this machine has libraries of its own")
				}
				bus(t, c.on)
				if c.visible != "" {
					t.Setenv("CUDA_VISIBLE_DEVICES", c.visible)
				}
				device, unused, text := openAuto(t)
				if device != gpuexec.CPU || (unused == "") != (c.says == "") || !strings.Contains(unused, c.says) {
					t.Errorf("on %s, for %q: %s", device, unused, text)
				}
				if warned := strings.Contains(text, "level=WARN"); warned != (c.says != "") {
					t.Error(text)
				}
			}, without...)
		})
	}
}

// Without any one of CUDA's libraries, and with a card that is none, the models run on the CPU and the log says what to do.
func TestAutoEndsOnTheCPU(t *testing.T) {
	for name, c := range map[string]struct {
		without cudatest.Library
		fault   cudatest.Fault
		said    []string
		there   bool // a card
	}{
		"no driver":   {without: cudatest.Driver, said: []string{"the NVIDIA driver (libcuda.so.1)", "nvidia-driver-580"}},
		"no cudart":   {without: cudatest.Runtime, said: []string{"cudart 13 (libcudart.so.13)", "cuda-cudart-13-0"}},
		"no cuBLAS":   {without: cudatest.BLAS, said: []string{"cuBLAS 13 (libcublas.so.13)", "libcublas-13-0"}},
		"no cuBLASLt": {without: cudatest.BLASLt, said: []string{"cuBLASLt 13 (libcublasLt.so.13)", "libcublas-13-0"}},
		"no cuDNN":    {without: cudatest.DNN, said: []string{"cuDNN 9 (libcudnn.so.9)", "libcudnn9-cuda-13"}},
		"no cuRAND":   {without: cudatest.Random, said: []string{"cuRAND 10 (libcurand.so.10)", "libcurand-13-0"}},

		"no card":       {fault: cudatest.Fault{Call: "cudaGetDeviceCount", Code: cudatest.NoDevice}, said: []string{"CUDA error 100"}},
		"an old driver": {fault: cudatest.Fault{Call: "cudaGetDeviceCount", Code: cudatest.InsufficientDriver}, said: []string{"CUDA error 35", "driver of version 580"}},
		"a full card":   {fault: cudatest.Fault{Call: "cudaMalloc*", Code: cudatest.OutOfMemory}, said: []string{"Failed to allocate memory", "end the programs that nvidia-smi lists"}, there: true},
		"a card without room for another program": {fault: cudatest.Fault{Call: "cudaSetDevice", Code: cudatest.OutOfMemory},
			said: []string{"out of memory", "end the programs that nvidia-smi lists"}, there: true},
		"a broken card": {fault: cudatest.Fault{Call: "cudaStreamSynchronize", Code: cudatest.LaunchFailure, After: 1}, said: []string{"nvidia-smi"}, there: true},
		"a card that the provider has no code for": {fault: cudatest.Fault{Call: "cudaLaunchKernel", Code: cudatest.NoKernelImage},
			said: []string{"no kernel image", "compute capability 7.5"}, there: true},
		"a broken cuDNN": {fault: cudatest.Fault{Call: "cudnnBuildPlan", Code: cudatest.DNNInternalError},
			said: []string{"nvidia-smi"}, there: true},
	} {
		t.Run(name, func(t *testing.T) {
			var settings cudatest.Settings
			var without []cudatest.Library
			if c.without == "" {
				settings.Faults = []cudatest.Fault{c.fault}
			} else {
				without = append(without, c.without)
			}
			onStandIn(t, settings, func(t *testing.T, _ *cudatest.StandIn) {
				if c.without != "" && cuda.Load(string(c.without)) == nil {
					t.Skip("left out: CUDA: this machine has libraries of its own")
				}
				bus(t, false)
				device, unused, text := openAuto(t)
				if device != gpuexec.CPU {
					t.Errorf("the models run on %s", device)
				}
				for _, part := range append(c.said, "models run on the CPU") {
					if !strings.Contains(text, part) {
						t.Errorf("the log does not say %q: %s", part, text)
					}
				}
				lines := map[string]int{"level=INFO": 2, "level=WARN": 0} // why, and that ONNX Runtime is loaded
				if c.there {
					lines = map[string]int{"level=INFO": 1, "level=WARN": 1}
				}
				for level, want := range lines {
					if strings.Count(text, level) != want {
						t.Errorf("not %d lines of %s: %s", want, level, text)
					}
				}
				if last := c.said[len(c.said)-1]; c.there != strings.Contains(unused, last) || len(unused) > 300 {
					t.Errorf("the GPU is unused because of %q", unused)
				}
			}, without...)
		})
	}
}
