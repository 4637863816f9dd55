package ort

import (
	"fmt"
	"strings"

	"seghub/gpuexec"
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
// is told too: it leaves the context as it was.
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
		because: "a library of CUDA's found no memory for its workspace or handle",
		signs: []string{
			"CUBLAS_STATUS_ALLOC_FAILED", "CUBLAS failure 3:", "CUBLAS_STATUS_NOT_INITIALIZED", // what cublasCreate says then
			"CUDNN_STATUS_ALLOC_FAILED", "CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
			"CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED", "CUDNN_STATUS_SUBLIBRARY_LOADING_FAILED",
		},
		onGPU: true,
		is:    gpuexec.ErrOutOfMemory,
	},
	{
		because: "a CUDA error that poisons the context: an illegal access, 700, a failed launch, 719, and their like; no call succeeds after it",
		signs:   []string{"CUDA failure ", "CUDA error ", "CUBLAS failure ", "CUDNN failure ", "CUFFT failure ", "CURAND failure "},
		onGPU:   true,
		is:      gpuexec.ErrDeviceLost,
	},
}

// explain wraps err in the kind that it is.
func explain(err error, onGPU bool) error {
	text := err.Error()
	for _, f := range faults {
		if f.onGPU && !onGPU {
			continue
		}
		for _, sign := range f.signs {
			if strings.Contains(text, sign) {
				return fmt.Errorf("%w: %w", f.is, err)
			}
		}
	}
	return err
}
