package ort

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	onnx "github.com/yalue/onnxruntime_go"

	"seghub/gpuexec"
	"seghub/gpuexec/cuda"
)

// cudaProvider is the file that ONNX Runtime loads from beside itself when a session asks for CUDA.
const cudaProvider = "libonnxruntime_providers_cuda.so"

// ErrNoGPU says why a model cannot run on the GPU that was asked for.
var ErrNoGPU = errors.New("no GPU can be used")

// device is what the engines run on: the CPU when cuda is nil, else GPU number index.
type device struct {
	cuda        *cuda.Runtime
	index       int
	memoryLimit uint64 // bytes of GPU memory that one session's arena may take
}

func (d device) String() string {
	if d.cuda == nil {
		return gpuexec.CPU
	}
	return fmt.Sprintf("cuda:%d", d.index)
}

func chooseDevice(library, wanted string, slots int, log *slog.Logger) (device, error) {
	if wanted == gpuexec.CPU {
		return device{}, nil
	}
	index := 0
	if wanted != "auto" {
		number, isCUDA := strings.CutPrefix(wanted, "cuda:")
		var err error
		if index, err = strconv.Atoi(number); !isCUDA || err != nil || index < 0 {
			return device{}, fmt.Errorf("ort: the device is %q, but must be auto, cpu or cuda:N", wanted)
		}
	}
	gpu, err := openGPU(library, index, slots)
	if err == nil {
		return gpu, nil
	}
	if wanted == "auto" {
		log.Info("models run on the CPU", "reason", err.Error())
		return device{}, nil
	}
	return device{}, fmt.Errorf("ort: %s: %w", wanted, err)
}

func openGPU(library string, index, slots int) (device, error) {
	if _, err := os.Stat(filepath.Join(filepath.Dir(library), cudaProvider)); err != nil {
		return device{}, fmt.Errorf("%w: this ONNX Runtime has no %s beside it", ErrNoGPU, cudaProvider)
	}
	runtime, err := cuda.Open()
	if err != nil {
		return device{}, fmt.Errorf("%w: %w", ErrNoGPU, err)
	}
	count, err := runtime.Devices()
	if err != nil {
		return device{}, fmt.Errorf("%w: %w", ErrNoGPU, err)
	}
	if index >= count {
		return device{}, fmt.Errorf("%w: this machine has %d", ErrNoGPU, count)
	}
	if err := runtime.UseDevice(index); err != nil {
		return device{}, fmt.Errorf("%w: %w", ErrNoGPU, err)
	}
	_, total, err := runtime.Memory()
	if err != nil {
		return device{}, fmt.Errorf("%w: %w", ErrNoGPU, err)
	}
	return device{cuda: runtime, index: index, memoryLimit: memoryShare(total, slots)}, nil
}

// memoryShare is what of a GPU's memory one slot may take: an equal part of what is left when the last sixth is kept free for
// CUDA's own contexts and for other programs. That is the 83 % above which the node warns.
func memoryShare(total uint64, slots int) uint64 {
	return (total - total/6) / uint64(slots)
}

// appendCUDA has the session run on stream of the device. An arena belongs to its session: a worker that has several models
// loaded can take that many shares.
func (d device) appendCUDA(options *onnx.SessionOptions, stream cuda.Stream) error {
	provider, err := onnx.NewCUDAProviderOptions()
	if err != nil {
		return err
	}
	defer release(provider)
	// One call: each one replaces all that an earlier one set.
	err = provider.Update(map[string]string{
		"device_id":               strconv.Itoa(d.index),
		"gpu_mem_limit":           strconv.FormatUint(d.memoryLimit, 10),
		"arena_extend_strategy":   "kSameAsRequested",
		"has_user_compute_stream": "1",
		"user_compute_stream":     strconv.FormatUint(uint64(stream), 10),
	})
	if err != nil {
		return err
	}
	return options.AppendExecutionProviderCUDA(provider)
}
