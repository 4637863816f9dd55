package ort

import (
	"errors"
	"testing"

	"seghub/gpuexec"
)

// The messages are those that ONNX Runtime 1.29 and its CUDA provider make, cut to what tells them apart.
func TestFaultsAreToldApart(t *testing.T) {
	const gpu, cpu = true, false
	for _, c := range []struct {
		onGPU bool
		text  string
		want  error // nil: an error like others
	}{
		// The arena's own limit, and an arena that could not grow.
		{gpu, "Available memory of 1024 is smaller than requested bytes of 4096", gpuexec.ErrOutOfMemory},
		{gpu, "Failed to allocate memory for requested buffer of size 1073741824", gpuexec.ErrOutOfMemory},
		// The device.
		{gpu, "CUDA failure 2: out of memory ; GPU=0 ; hostname=h ; file=cuda_allocator.cc ; line=42 ; expr=cudaMalloc((void**)&p, size);", gpuexec.ErrOutOfMemory},
		// cuBLAS and cuDNN.
		{gpu, "CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0", gpuexec.ErrOutOfMemory},
		{gpu, "CUBLAS failure 1: CUBLAS_STATUS_NOT_INITIALIZED ; GPU=0 ; expr=cublasCreate(&cublas_handle_);", gpuexec.ErrOutOfMemory},
		{gpu, "CUDNN failure 4001: CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED ; GPU=0", gpuexec.ErrOutOfMemory},
		{gpu, "CUDNN failure 4003: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED ; GPU=0", gpuexec.ErrOutOfMemory},
		// A poisoned context.
		{gpu, "CUDA failure 700: an illegal memory access was encountered ; GPU=0", gpuexec.ErrDeviceLost},
		{gpu, "CUDA failure 719: unspecified launch failure ; GPU=0", gpuexec.ErrDeviceLost},
		{gpu, "CUDNN failure 5000: CUDNN_STATUS_EXECUTION_FAILED ; GPU=0 ; expr=cudnn_fe_graph->execute", gpuexec.ErrDeviceLost},
		{gpu, "CUBLAS failure 13: CUBLAS_STATUS_EXECUTION_FAILED ; GPU=0", gpuexec.ErrDeviceLost},
		// Not the device's.
		{gpu, "Got invalid dimensions for input: image for the following indices", nil},
		{gpu, "Exiting due to terminate flag being set to true.", nil},
		// The host's.
		{cpu, "std::bad_alloc", gpuexec.ErrOutOfMemory},
		{cpu, "Failed to allocate memory for requested buffer of size 1073741824", gpuexec.ErrOutOfMemory},
		{cpu, "CUDA failure 700: an illegal memory access was encountered ; GPU=0", nil},
	} {
		cause := errors.New(c.text)
		err := explain(cause, c.onGPU)
		if !errors.Is(err, cause) {
			t.Errorf("%q became %v", c.text, err)
		}
		for _, kind := range []error{gpuexec.ErrDeviceLost, gpuexec.ErrOutOfMemory} {
			if want := errors.Is(c.want, kind); errors.Is(err, kind) != want {
				t.Errorf("%q: is %q %t", c.text, kind, !want)
			}
		}
	}
}
