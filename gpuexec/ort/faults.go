package ort

import (
	"fmt"
	"strings"

	"seghub/gpuexec"
)

// fault is a kind of failure, told by what ONNX Runtime's messages say: its API has codes for its own failures, not for a
// device's.
type fault struct {
	because string
	signs   []string                  // each of which tells it
	onGPU   bool                      // only there
	is      func(poisoned bool) error // nil: of no kind
}

func always(kind error) func(bool) error { return func(bool) error { return kind } }

// orLost is kind, unless the context is poisoned.
func orLost(kind error) func(bool) error {
	return func(poisoned bool) error {
		if poisoned {
			return gpuexec.ErrDeviceLost
		}
		return kind
	}
}

// faults are tried in order; the first that fits counts. A message of memory comes before those of CUDA errors, in whose words it
// is told too: it leaves the context as it was.
var faults = []fault{
	{
		because: "an arena is at its limit, or could not grow, whatever cudaMalloc gave for a reason; or the host has no memory",
		signs:   []string{"smaller than requested bytes", "Failed to allocate memory", "bad_alloc"},
		is:      orLost(gpuexec.ErrOutOfMemory),
	},
	{
		because: "cudaErrorMemoryAllocation, 2, of a call or of a launch; CUBLAS_STATUS_ALLOC_FAILED, 3",
		signs:   []string{"CUDA failure 2:", "cudaErrorMemoryAllocation", "out of memory", "CUBLAS failure 3:"},
		onGPU:   true,
		is:      always(gpuexec.ErrOutOfMemory),
	},
	{
		because: "a CUDA error that poisons the context, as cuda.Error.Poisons lists them",
		signs: []string{
			"CUDA failure 214:", "CUDA failure 700:", "CUDA failure 702:", "CUDA failure 710:", "CUDA failure 714:", "CUDA failure 715:",
			"CUDA failure 716:", "CUDA failure 717:", "CUDA failure 718:", "CUDA failure 719:",
			"cudaErrorECCUncorrectable", "cudaErrorIllegalAddress", "cudaErrorLaunchTimeout", "cudaErrorAssert", "cudaErrorHardwareStackError",
			"cudaErrorIllegalInstruction", "cudaErrorMisalignedAddress", "cudaErrorInvalidAddressSpace", "cudaErrorInvalidPc", "cudaErrorLaunchFailure",
		},
		onGPU: true,
		is:    always(gpuexec.ErrDeviceLost),
	},
	{
		because: "any other CUDA error: the context tells what it has done",
		signs:   []string{"CUDA failure ", "CUDA error "},
		onGPU:   true,
		is:      orLost(nil),
	},
	{
		because: "a failure of a library on top of CUDA. Its message is the same whether it found no memory for a plan, a workspace or a " +
			"handle, or the context is poisoned: the context tells",
		signs: []string{"CUDNN failure ", "CUDNN_FE failure ", "CUBLAS failure ", "CURAND failure ", "CUFFT failure "},
		onGPU: true,
		is:    orLost(gpuexec.ErrOutOfMemory),
	},
}

// longestMessage is how much of a message is kept: cuDNN's frontend writes whole graphs into its own.
const longestMessage = 600

// explain wraps err in the kind that it is. poisoned tells whether the GPU's context can do nothing more; it is asked where the message
// leaves that open.
func explain(err error, onGPU bool, poisoned func() bool) error {
	text := err.Error()
	for _, f := range faults {
		if f.onGPU && !onGPU {
			continue
		}
		for _, sign := range f.signs {
			if strings.Contains(text, sign) {
				if kind := f.is(onGPU && poisoned()); kind != nil {
					return fmt.Errorf("%w: %w", kind, shortened{err})
				}
				return shortened{err}
			}
		}
	}
	return err
}

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
