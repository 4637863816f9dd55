package ort

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"seghub/gpuexec/cuda"
)

// The provider's files, which ONNX Runtime loads from beside itself when a session asks for CUDA; sharedProvider first.
const (
	cudaProvider   = "libonnxruntime_providers_cuda.so"
	sharedProvider = "libonnxruntime_providers_shared.so"
)

// driverLibrary is what every program that uses a GPU needs of the NVIDIA driver.
const driverLibrary = "libcuda.so.1"

// ErrNoGPU says why a model cannot run on the GPU that was asked for.
var ErrNoGPU = errors.New("no GPU can be used")

// Diagnosis is what was found of the things that a model needs to run on a GPU.
type Diagnosis struct {
	Library string  // ONNX Runtime's file
	Version string  // of ONNX Runtime; empty when it did not load
	Missing Lacking // what is not there, or does not load, in the order in which it is to be mended

	Driver cuda.Version // the newest CUDA that the driver runs; 0 where it is not known, as are those below
	CUDA   cuda.Version // of the CUDA runtime
	GPUs   int
	GPU    GPU

	Step    string // what was being done last
	Problem string // why that ended it, other than what is Missing
	Remedy  string // what to do about Problem
	Works   bool   // the probe's convolution ran on the GPU

	Tried   int               `json:",omitempty"` // of the models that were to be tried, with the one that is being tried
	Refused map[string]string `json:",omitempty"` // why a model cannot be used, by path
}

// GPU is the one that was asked for.
type GPU struct {
	Index       int
	Name        string
	PCIBusID    string // such as "0000:65:00.0"
	Capability  string // compute capability, such as "8.6"
	MemoryBytes uint64
}

func (g GPU) String() string {
	return fmt.Sprintf("cuda:%d, %s, %.1f GiB, compute capability %s, PCI %s", g.Index, g.Name, float64(g.MemoryBytes)/(1<<30), g.Capability, g.PCIBusID)
}

// name tells it from GPUs of other kinds.
func (g GPU) name() string { return fmt.Sprintf("%s, %d MiB", g.Name, g.MemoryBytes>>20) }

// Missing is a library that is not there, or that does not load.
type Missing struct {
	File   string // by which it is looked for
	Reason string // what the system says of a file that is there and does not load; empty for one that is not
}

// what a library is called, and what brings it.
type what struct {
	file, name, apt, pip string
}

// needed is what the CUDA provider of ONNX Runtime 1.29 cannot do without, in the order in which it is to be mended. The
// packages are those of NVIDIA's repository for Debian and Ubuntu and of PyPI.
var needed = []what{
	{driverLibrary, "the NVIDIA driver", "nvidia-driver-580 or later", ""},
	{"libcudart.so.13", "cudart 13", "cuda-cudart-13-0", "nvidia-cuda-runtime"},
	{"libcublasLt.so.13", "cuBLASLt 13", "libcublas-13-0", "nvidia-cublas"},
	{"libcublas.so.13", "cuBLAS 13", "libcublas-13-0", "nvidia-cublas"},
	{"libcudnn.so.9", "cuDNN 9", "libcudnn9-cuda-13", "nvidia-cudnn-cu13"},
	{"libcurand.so.10", "cuRAND 10", "libcurand-13-0", "nvidia-curand"},
	{sharedProvider, "ONNX Runtime's provider interface", "", ""},
	{cudaProvider, "ONNX Runtime's CUDA provider", "", ""},
}

// describe names a library that needed may not have.
func describe(file string) what {
	if i := slices.IndexFunc(needed, func(w what) bool { return w.file == file }); i >= 0 {
		return needed[i]
	}
	return what{file: file}
}

func (m Missing) String() string {
	text := m.File
	if name := describe(m.File).name; name != "" {
		text = fmt.Sprintf("%s (%s)", name, m.File)
	}
	if m.Reason != "" {
		text += ", which is there and does not load: " + m.Reason
	}
	return text
}

// Err is nil when models can run on the GPU, and else an ErrNoGPU that says in one sentence what is missing and what to install.
func (d Diagnosis) Err() error {
	if d.Works {
		return nil
	}
	problem, remedy := d.obstacle()
	if remedy != "" {
		remedy = "; " + remedy
	}
	return fmt.Errorf("%w: %s%s", ErrNoGPU, problem, remedy)
}

// obstacle is why models cannot run on the GPU, and what to do; the latter is empty where that is not known.
func (d Diagnosis) obstacle() (problem, remedy string) {
	if len(d.Missing) > 0 {
		return "this machine lacks " + d.Missing.String(), d.Missing.Remedy()
	}
	return d.Problem, d.Remedy
}

// brief is the obstacle for a line of a page, or what to do alone: what libraries say of their errors may be two thousand characters.
func (d Diagnosis) brief() string {
	const most = 120
	problem, remedy := d.obstacle()
	switch {
	case remedy == "":
		return strings.ToValidUTF8(problem[:min(most, len(problem))], "") // a character may be cut in two
	case len(problem) > most:
		return remedy
	}
	return problem + "; " + remedy
}

// onBus is where Linux lists what is on the PCI bus.
var onBus = "/sys/bus/pci/devices"

// there tells whether the machine has a GPU of NVIDIA's. CUDA alone does not know that: to it a GPU whose driver was just updated, that has
// slept, has fallen off its bus or lacks a library is none. One that CUDA_VISIBLE_DEVICES hides is not to be used.
func (d Diagnosis) there() bool {
	if d.GPUs > 0 {
		return true
	}
	if visible, set := os.LookupEnv("CUDA_VISIBLE_DEVICES"); set && (visible == "" || strings.HasPrefix(visible, "-")) {
		return false
	}
	is := func(device, what, begins string) bool {
		text, err := os.ReadFile(filepath.Join(device, what))
		return err == nil && strings.HasPrefix(string(text), begins)
	}
	devices, _ := filepath.Glob(filepath.Join(onBus, "*")) // its error is of a pattern alone
	return slices.ContainsFunc(devices, func(device string) bool {
		return is(device, "vendor", "0x10de") && is(device, "class", "0x03") // a display controller: a card has more on the bus
	})
}

// DeviceName is what Runtime.DeviceName is of a Runtime on this machine: the GPU's when that works, else the CPU's.
func (d Diagnosis) DeviceName() string {
	if d.Works {
		return d.GPU.name()
	}
	return cpuName()
}

// Lacking is what a machine lacks.
type Lacking []Missing

// Parted is the same by where it comes from: the driver, CUDA, and ONNX Runtime.
func (l Lacking) Parted() (driver, libraries, provider Lacking) {
	for _, m := range l {
		switch m.File {
		case driverLibrary:
			driver = append(driver, m)
		case cudaProvider, sharedProvider:
			provider = append(provider, m)
		default:
			libraries = append(libraries, m)
		}
	}
	return driver, libraries, provider
}

func (l Lacking) String() string {
	names := make([]string, len(l))
	for i, m := range l {
		names[i] = m.String()
	}
	return list(names)
}

// Remedy says what brings it; empty when that is not known.
func (l Lacking) Remedy() string {
	driver, libraries, provider := l.Parted()
	var steps []string
	if len(driver) > 0 {
		steps = append(steps, "install "+describe(driverLibrary).apt+" with apt, or start the container with --gpus all")
	}
	var apt, pip []string
	for _, m := range libraries {
		w := describe(m.File)
		apt = appendNew(apt, w.apt)
		pip = appendNew(pip, w.pip)
	}
	if len(apt) > 0 {
		steps = append(steps, fmt.Sprintf("install %s with apt (or %s with pip, and its nvidia/*/lib folders on LD_LIBRARY_PATH)", list(apt), list(pip)))
	}
	if len(provider) > 0 {
		steps = append(steps, "run `make runtime GPU=1`")
	}
	return strings.Join(steps, "; ")
}

func appendNew(list []string, s string) []string {
	if s == "" || slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// list joins words as a sentence does: "a, b and c".
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}
