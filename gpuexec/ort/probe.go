package ort

import (
	"context"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	onnx "github.com/yalue/onnxruntime_go"

	"seghub/gpuexec"
	"seghub/gpuexec/cuda"
	"seghub/models"
)

// probeMemory is what the probe's convolution may take of the GPU's memory: a workspace of cuDNN's and a few KiB.
const probeMemory = 1 << 30

// beProbe is the life of a process that is the probe. It writes the Diagnosis to descriptor 3 before each step, so that one
// that ends the process is known.
func beProbe(request string) (exitCode int) {
	var r probeRequest
	if err := json.Unmarshal([]byte(request), &r); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	runtime.LockOSThread()
	syscall.CloseOnExec(3) // a program that the driver runs must not keep it open
	reports := json.NewEncoder(os.NewFile(3, "report"))
	p := &probe{request: r, report: func(d Diagnosis) error { return reports.Encode(d) }}
	p.found.Library = r.Library
	p.found.GPU.Index = max(0, r.GPU)
	err := p.examine()
	var stop *obstacle
	switch {
	case errors.As(err, &stop):
		p.found.Problem, p.found.Remedy = stop.problem, stop.remedy
	case err != nil:
		p.found.Problem = fmt.Sprintf("%s: %s", p.found.Step, err)
	}
	if err := p.report(p.found); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0 // nothing is freed: the process ends
}

// probe finds out what a Diagnosis says.
type probe struct {
	request probeRequest
	found   Diagnosis
	report  func(Diagnosis) error
}

// obstacle is an error whose remedy is known.
type obstacle struct{ problem, remedy string }

func (o *obstacle) Error() string { return o.problem + "; " + o.remedy }

// step says what is done next.
func (p *probe) step(what string) error {
	p.found.Step = what
	return p.report(p.found)
}

// examine fills p.found. Its error is why it ended early, but for what is found.Missing.
func (p *probe) examine() error {
	if err := p.step("load ONNX Runtime"); err != nil {
		return err
	}
	if err := load(p.request.Library); err != nil {
		return err
	}
	p.found.Version = onnx.GetVersion()
	if p.request.GPU == noGPU {
		return p.tryModels()
	}
	if err := p.loadLibraries(); err != nil || len(p.found.Missing) > 0 {
		return err
	}
	gpu, err := p.findGPU()
	if err != nil {
		return err
	}
	if err := p.step("run a convolution on " + p.found.GPU.Name); err != nil {
		return err
	}
	if err := convolve(device{cuda: gpu, index: p.request.GPU, memoryLimit: probeMemory}); err != nil {
		return advise(err)
	}
	p.found.Works = true
	return nil
}

// tryModels opens each model and runs it on black rows, as a worker does before it takes jobs.
func (p *probe) tryModels() error {
	e := &engine{runtime: &Runtime{threads: runtime.GOMAXPROCS(0), log: slog.New(slog.DiscardHandler)}}
	p.found.Refused = make(map[string]string)
	for i, path := range p.request.Models {
		p.found.Tried = i + 1
		if err := p.step("run " + filepath.Base(path)); err != nil {
			return err
		}
		if err := e.try(path); err != nil {
			p.found.Refused[path] = err.Error()
		}
	}
	return nil
}

func (e *engine) try(path string) error {
	model, err := models.ReadSpec(path)
	if err != nil {
		return err
	}
	session, err := gpuexec.OpenWarm(context.Background(), e, model, 1)
	if err != nil {
		return err
	}
	return session.Close()
}

// loadLibraries loads all that the provider needs, and notes what is missing of it, and of the provider itself.
func (p *probe) loadLibraries() error {
	folder := filepath.Dir(p.request.Library)
	var files []string
	for _, w := range needed {
		files = append(files, w.file)
	}
	further, err := imported(filepath.Join(folder, cudaProvider))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read %s: %w", cudaProvider, err)
	}
	// The provider's own files last: they need all the others.
	own := slices.Index(files, sharedProvider)
	files = slices.Concat(files[:own], further, files[own:])
	for i, file := range files {
		if slices.Contains(files[:i], file) {
			continue
		}
		if err := p.step("load " + file); err != nil {
			return err
		}
		if file == cudaProvider || file == sharedProvider {
			if _, err := os.Stat(filepath.Join(folder, file)); err != nil {
				p.found.Missing = append(p.found.Missing, Missing{File: file})
			}
			continue // ONNX Runtime alone can load them
		}
		p.note(file, cuda.Load(file))
	}
	return nil
}

// note adds what kept file from loading to what is missing. That may be another library, which file needs.
func (p *probe) note(file string, err error) {
	if err == nil {
		return
	}
	missing := Missing{File: file, Reason: err.Error()}
	// As glibc writes it.
	if absent, _, is := strings.Cut(err.Error(), ": cannot open shared object file: No such file"); is {
		missing = Missing{File: filepath.Base(absent)}
	}
	if !slices.Contains(p.found.Missing, missing) {
		p.found.Missing = append(p.found.Missing, missing)
	}
}

// imported is the names of the libraries that the one at path says it needs.
func imported(path string) ([]string, error) {
	file, err := elf.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return file.ImportedLibraries()
}

// findGPU opens the CUDA runtime and notes what it says of the GPU that was asked for.
func (p *probe) findGPU() (*cuda.Runtime, error) {
	if err := p.step("ask the CUDA runtime for GPUs"); err != nil {
		return nil, err
	}
	gpu, err := cuda.Open()
	if err != nil {
		return nil, err
	}
	found, index := &p.found, p.request.GPU
	if found.Driver, err = gpu.DriverVersion(); err != nil {
		return nil, advise(err)
	}
	if found.CUDA, err = gpu.RuntimeVersion(); err != nil {
		return nil, advise(err)
	}
	if found.GPUs, err = gpu.Devices(); err != nil {
		return nil, advise(err)
	}
	if found.GPUs == 0 {
		return nil, advise(errors.New("the CUDA runtime finds none (CUDA error 100)")) // as it says itself elsewhere
	}
	if index >= found.GPUs {
		return nil, &obstacle{fmt.Sprintf("there is no cuda:%d", index), fmt.Sprintf("the last one is cuda:%d", found.GPUs-1)}
	}
	if err := gpu.UseDevice(index); err != nil {
		return nil, advise(err)
	}
	if found.GPU.Name, err = gpu.DeviceName(index); err != nil {
		return nil, advise(err)
	}
	if found.GPU.PCIBusID, err = gpu.PCIBusID(index); err != nil {
		return nil, advise(err)
	}
	major, minor, err := gpu.Capability(index)
	if err != nil {
		return nil, advise(err)
	}
	found.GPU.Capability = fmt.Sprintf("%d.%d", major, minor)
	if _, found.GPU.MemoryBytes, err = gpu.Memory(); err != nil {
		return nil, advise(err)
	}
	if 10*major+minor < oldestCapability {
		remedy := "take a GTX 16, an RTX 20 or a later one, or SEGHUB_DEVICE=cpu"
		if other, name := newer(gpu, found.GPUs); name != "" {
			remedy = fmt.Sprintf("set SEGHUB_DEVICE=cuda:%d, which is %s", other, name)
		}
		return nil, &obstacle{fmt.Sprintf("%s has compute capability %s, and CUDA 13 begins at 7.5", found.GPU.Name, found.GPU.Capability), remedy}
	}
	return gpu, nil
}

// newer is the first of so many GPUs that is not too old, and its name; none where that is empty. The one that CUDA counts first is the fastest,
// as far as it can tell, and that may be an old one.
func newer(gpu *cuda.Runtime, gpus int) (index int, name string) {
	for index = range gpus {
		if major, minor, err := gpu.Capability(index); err != nil || 10*major+minor < oldestCapability {
			continue
		}
		if name, err := gpu.DeviceName(index); err == nil {
			return index, name
		}
	}
	return 0, ""
}

// oldestCapability is ten times the least compute capability for which CUDA 13 and its libraries have code. Its driver runs older GPUs all
// the same, and what the libraries say on those does not tell why.
const oldestCapability = 75

// remedies says what to do about errors of a CUDA that is there and does not work, by what their text has.
var remedies = []struct{ sign, remedy string }{
	{"CUDA error 35)", "install a driver of version 580 or later: CUDA 13 needs it"},
	{"CUDA error 46)", "another program has the GPU for itself: nvidia-smi lists it, and `sudo nvidia-smi -c DEFAULT` lets programs share the GPU"},
	{"CUDA error 100)", "nvidia-smi must list the GPU, CUDA_VISIBLE_DEVICES must not hide it, and a container must be given it (--gpus all)"},
	{"CUDA error 802)", "start nvidia-fabricmanager, of the driver's very version: GPUs that NVSwitch joins do not work without it"},
	{"CUDA error 803)", "restart the machine: the driver was replaced and the old one is still in the kernel"},
	// Of a driver that is too old beside CUDA's compatibility library, which images have, and of one that was just replaced.
	{"CUDA error 804)", "install a driver of version 580 or later, in a container's host; if it is there, restart the machine"},
	{"CUDA error 999)", "after the machine has slept, `sudo modprobe -r nvidia_uvm && sudo modprobe nvidia_uvm`, or restart it"},
	{"not enabled in this build", "use the core library that `make runtime GPU=1` fetches: this one is a build for the CPU"},
	{"no kernel image", "the provider has code for GPUs of compute capability 7.5, 8.x, 9.0 and 12.x: take one of those, or SEGHUB_DEVICE=cpu"},
	{"out of memory", "end the programs that nvidia-smi lists on the GPU"},
	{"Failed to allocate memory", "end the programs that nvidia-smi lists on the GPU"}, // so an arena says it
}

// advise makes an error an obstacle: with the remedy that fits it, or the first thing to look at.
func advise(err error) error {
	text := strings.TrimSuffix(strings.Join(strings.Fields(err.Error()), " "), ".")
	remedy := "nvidia-smi must show the GPU without an error"
	for _, r := range remedies {
		if strings.Contains(text, r.sign) {
			remedy = r.remedy
			break
		}
	}
	return &obstacle{text, remedy}
}
