package ort

import (
	"errors"
	"testing"

	"seghub/gpuexec"
)

// The messages are those that ONNX Runtime 1.29 and its CUDA provider make, cut to what tells them apart.
func TestFaultsAreToldApart(t *testing.T) {
	const cpu, gpu, poisoned = 0, 1, 2 // where it happened, and how it is there
	for _, c := range []struct {
		on   int
		text string
		want error // nil: an error like others
	}{
		// The arena's own limit, and an arena that could not grow.
		{gpu, "Available memory of 1024 is smaller than requested bytes of 4096", gpuexec.ErrOutOfMemory},
		{gpu, "Failed to allocate memory for requested buffer of size 1073741824", gpuexec.ErrOutOfMemory},
		// The device.
		{gpu, "CUDA failure 2: out of memory ; GPU=0 ; hostname=h ; file=cuda_allocator.cc ; line=42 ; expr=cudaMalloc((void**)&p, size);", gpuexec.ErrOutOfMemory},
		{gpu, "CUDA error cudaErrorMemoryAllocation:out of memory", gpuexec.ErrOutOfMemory},
		// cuBLAS and cuDNN, whose words are the same for a poisoned context.
		{gpu, "CUBLAS failure 3: the resource allocation failed ; GPU=0 ; expr=cublasSetStream(cublas_handle_, stream);", gpuexec.ErrOutOfMemory},
		{gpu, "CUDNN failure 4004: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED ; GPU=0", gpuexec.ErrOutOfMemory},
		{gpu, "CUDNN_FE failure 11: CUDNN_BACKEND_API_FAILED ; GPU=0 ; expr=s_.cudnn_fe_graph->execute(h, p, w);", gpuexec.ErrOutOfMemory},
		{gpu, "CUDNN_FE failure 6: GRAPH_EXECUTION_PLAN_CREATION_FAILED ; GPU=0 ; expr=s_.cudnn_fe_graph->build_plans(handle);", gpuexec.ErrOutOfMemory},
		{poisoned, "CUDNN_FE failure 11: CUDNN_BACKEND_API_FAILED ; GPU=0 ; expr=s_.cudnn_fe_graph->execute(h, p, w);", gpuexec.ErrDeviceLost},
		{poisoned, "Failed to allocate memory for requested buffer of size 8388608", gpuexec.ErrDeviceLost},
		{poisoned, "CUBLAS failure 13: the function failed to launch on the GPU ; GPU=0", gpuexec.ErrDeviceLost},
		{poisoned, "CUDNN failure 5000: CUDNN_STATUS_EXECUTION_FAILED ; GPU=0 ; expr=cudnnAddTensor(h, a, b);", gpuexec.ErrDeviceLost},
		// A poisoned context, by its own words.
		{gpu, "CUDA failure 700: an illegal memory access was encountered ; GPU=0 ; expr=cudaMemcpyAsync(d, s, n, k, stream);", gpuexec.ErrDeviceLost},
		{gpu, "CUDA failure 719: unspecified launch failure ; GPU=0 ; expr=cudaStreamSynchronize(stream);", gpuexec.ErrDeviceLost},
		{gpu, "CUDA error cudaErrorLaunchFailure:unspecified launch failure", gpuexec.ErrDeviceLost},
		{gpu, "CUDA error cudaErrorIllegalAddress:an illegal memory access was encountered", gpuexec.ErrDeviceLost},
		{gpu, "CUDA failure 801: operation not supported ; GPU=0 ; expr=cudaStreamBeginCapture(s, m);", nil},
		{poisoned, "CUDA failure 801: operation not supported ; GPU=0 ; expr=cudaStreamBeginCapture(s, m);", gpuexec.ErrDeviceLost},
		// Not the device's.
		{gpu, "Got invalid dimensions for input: image for the following indices", nil},
		{gpu, "Exiting due to terminate flag being set to true.", nil},
		// The host's.
		{cpu, "std::bad_alloc", gpuexec.ErrOutOfMemory},
		{cpu, "Failed to allocate memory for requested buffer of size 1073741824", gpuexec.ErrOutOfMemory},
		{cpu, "CUDA failure 700: an illegal memory access was encountered ; GPU=0", nil},
	} {
		cause := errors.New(c.text)
		err := explain(cause, c.on != cpu, func() bool { return c.on == poisoned })
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
