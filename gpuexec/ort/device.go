package ort

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	onnx "github.com/yalue/onnxruntime_go"

	"seghub/gpuexec"
	"seghub/gpuexec/cuda"
	"seghub/models"
)

// device is what the engines run on: the CPU when cuda is nil, else GPU number index.
type device struct {
	cuda        *cuda.Runtime
	index       int
	pciBusID    string
	name        string // and its memory
	memoryLimit uint64 // bytes of GPU memory that one session's arena may take
	unused      string // why a GPU that is there is not taken, and what to do
}

func (d device) String() string {
	if d.cuda == nil {
		return gpuexec.CPU
	}
	return fmt.Sprintf("cuda:%d", d.index)
}

// arenas are those whose memory a run may give back, as ONNX Runtime's run options name them.
func (d device) arenas() string {
	if d.cuda == nil {
		return "cpu:0"
	}
	return fmt.Sprintf("gpu:%d", d.index)
}

// chooseDevice takes the GPU that is wanted, or the first one for auto, if a convolution ran on it. If not, auto is the CPU, and the
// log says why.
func chooseDevice(library, wanted string, slots int, log *slog.Logger) (device, error) {
	if wanted == gpuexec.CPU {
		return device{}, nil
	}
	index := 0
	if wanted != auto {
		var err error
		if index, err = GPUIndex(wanted); err != nil {
			return device{}, err
		}
	}
	// Not a caller's context: the probe ends by itself.
	found := diagnose(context.Background(), probeRequest{Library: library, GPU: index})
	gpu, err := openGPU(found, slots)
	switch {
	case err == nil:
		log.Info("models run on the GPU", "gpu", found.GPU.String(), "cuda", found.CUDA.String(), "driver_cuda", found.Driver.String())
		return gpu, nil
	case wanted == auto && found.there():
		log.Warn("models run on the CPU until the hub is started anew, though there is a GPU", "reason", err.Error())
		return device{unused: found.brief()}, nil
	case wanted == auto:
		log.Info("models run on the CPU", "reason", err.Error())
		return device{}, nil
	}
	return device{}, fmt.Errorf("ort: %s: %w", wanted, err)
}

// auto stands for the first GPU if it can be used, else the CPU.
const auto = "auto"

// ErrDevice says that what names a device names none on any machine.
var ErrDevice = errors.New("ort: the device must be auto, cpu or cuda:N")

// GPUIndex is the N of a device "cuda:N"; else the error is an ErrDevice.
func GPUIndex(device string) (int, error) {
	number, isCUDA := strings.CutPrefix(device, "cuda:")
	index, err := strconv.Atoi(number)
	if !isCUDA || err != nil || index < 0 {
		return 0, fmt.Errorf("%w: %q", ErrDevice, device)
	}
	return index, nil
}

func openGPU(found Diagnosis, slots int) (device, error) {
	if err := found.Err(); err != nil {
		return device{}, err
	}
	runtime, err := cuda.Open()
	if err != nil {
		return device{}, fmt.Errorf("%w: %w", ErrNoGPU, err)
	}
	gpu := found.GPU
	return device{cuda: runtime, index: gpu.Index, pciBusID: gpu.PCIBusID, name: gpu.name(), memoryLimit: memoryShare(gpu.MemoryBytes, slots)}, nil
}

// memoryShare is what of a GPU's memory one slot may take: an equal part of what is left when the last sixth is kept free for
// CUDA's own contexts and for other programs. That is the 83 % above which the node warns.
func memoryShare(total uint64, slots int) uint64 {
	return (total - total/6) / uint64(slots)
}

// newStream ties the calling OS thread to the device and makes a stream for it.
func (d device) newStream() (cuda.Stream, error) {
	if err := d.cuda.UseDevice(d.index); err != nil {
		return 0, err
	}
	// A worker waits for most of a run: the decoders have use for its core.
	if err := d.cuda.SleepWhileWaiting(); err != nil {
		return 0, err
	}
	return d.cuda.NewStream()
}

// appendCUDA has the session run on stream of the device. An arena belongs to its session: a worker that has several models
// loaded can take that many shares.
func (d device) appendCUDA(options *onnx.SessionOptions, stream cuda.Stream, model models.Spec) error {
	provider, err := onnx.NewCUDAProviderOptions()
	if err != nil {
		return err
	}
	defer release(provider)
	// One call: each one replaces all that an earlier one set.
	if err := provider.Update(d.providerOptions(stream, model.Precision)); err != nil {
		return err
	}
	return options.AppendExecutionProviderCUDA(provider)
}

// providerOptions are the CUDA provider's for a model of that precision.
func (d device) providerOptions(stream cuda.Stream, precision string) map[string]string {
	set := map[string]string{
		"device_id":               strconv.Itoa(d.index),
		"gpu_mem_limit":           strconv.FormatUint(d.memoryLimit, 10),
		"arena_extend_strategy":   "kSameAsRequested",
		"cudnn_conv_algo_search":  "HEURISTIC", // the quick one of cuDNN's; since 1.20 EXHAUSTIVE is its slow one and runs nothing, either
		"use_tf32":                "1",
		"has_user_compute_stream": "1",
		"user_compute_stream":     strconv.FormatUint(uint64(stream), 10),
	}
	if precision == "fp16" {
		// The layout in which tensor cores take half precision.
		set["prefer_nhwc"] = "1"
	}
	return set
}
