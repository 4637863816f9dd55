package ort

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"seghub/gpuexec"
	"seghub/gpuexec/cuda"
)

// fault is a kind of failure, told by what ONNX Runtime's messages say: its API has codes for its own failures, not for a
// device's.
type fault struct {
	signs   []string // each of which tells it
	onGPU   bool     // only there
	is      error
	because string
}

// faults are tried in order; the first that fits counts. A message of memory comes before those of CUDA errors, in whose words it
// is told too.
var faults = []fault{
	{
		because: "an arena is at its limit, or could not grow",
		signs:   []string{"smaller than requested bytes", "Failed to allocate memory", "bad_alloc"},
		is:      gpuexec.ErrOutOfMemory,
	},
	{
		because: "cudaErrorMemoryAllocation, 2",
		signs:   []string{"CUDA failure 2:", "out of memory"},
		is:      gpuexec.ErrOutOfMemory,
	},
	{
		because: "a library of CUDA's has failed: on a context that is whole, memory is what it most often lacks, for a workspace, a handle or a " +
			"plan. The graph API of cuDNN, CUDNN_FE, keeps its reason to itself",
		signs: []string{
			"CUDNN_FE failure ",
			"CUDNN failure 40", "CUDNN failure 50", // internal errors, those of allocations among them, and executions that failed
			"CUBLAS failure 1:", "CUBLAS failure 3:", "CUBLAS failure 13:", "CUBLAS failure 14:", // the same, and what cublasCreate says
		},
		onGPU: true,
		is:    gpuexec.ErrOutOfMemory,
	},
	{
		because: "any other error of a call of CUDA itself: nobody knows what is left of the context",
		signs:   []string{"CUDA failure ", "CUDA error "},
		onGPU:   true,
		is:      gpuexec.ErrDeviceLost,
	},
}

// explain wraps err in the kind that it is. last is what the CUDA runtime says on the thread on which err came, nil on the CPU:
// where that has poisoned the context, the message may be of anything, since every call fails.
func explain(err error, onGPU bool, last error) error {
	var failure *cuda.Error
	if errors.As(last, &failure) && failure.Poisons() {
		return fmt.Errorf("%w: %w: %w", gpuexec.ErrDeviceLost, last, err)
	}
	text := err.Error()
	for _, f := range faults {
		if f.onGPU && !onGPU {
			continue
		}
		if slices.ContainsFunc(f.signs, func(sign string) bool { return strings.Contains(text, sign) }) {
			return fmt.Errorf("%w: %w", f.is, shortened{err})
		}
	}
	return err
}

// longestMessage is how much of a message is kept: cuDNN's frontend writes whole graphs into its own.
const longestMessage = 600

// shortened is an error whose message is cut.
type shortened struct{ error }

func (s shortened) Error() string {
	text := s.error.Error()
	if len(text) <= longestMessage {
		return text
	}
	return strings.ToValidUTF8(text[:longestMessage], "") + " ..."
}

func (s shortened) Unwrap() error { return s.error }
