package ort

import (
	"errors"
	"testing"

	"seghub/gpuexec"
	"seghub/gpuexec/cuda"
)

// The messages are those that ONNX Runtime 1.29 and its CUDA provider make, cut to what tells them apart.
func TestFaultsAreToldApart(t *testing.T) {
	const gpu, cpu = true, false
	illegal := &cuda.Error{Call: "cudaPeekAtLastError", Code: 700, Message: "an illegal memory access was encountered"}
	noMemory := &cuda.Error{Call: "cudaPeekAtLastError", Code: 2, Message: "out of memory"}
	for _, c := range []struct {
		onGPU bool
		text  string
		last  error // that the CUDA runtime has on the thread
		want  error // nil: an error like others
	}{
		// The arena's own limit, and an arena that could not grow.
		{gpu, "BFCArena::AllocateRawInternal(size_t, bool, onnxruntime::Stream*) Available memory of 13448448 is smaller than requested bytes of 16777216", nil, gpuexec.ErrOutOfMemory},
		{gpu, "BFCArena::AllocateRawInternal(size_t, bool, onnxruntime::Stream*) Failed to allocate memory for requested buffer of size 8388608", noMemory, gpuexec.ErrOutOfMemory},
		// The device.
		{gpu, "CUDA failure 2: out of memory ; GPU=0 ; hostname=h ; file=cuda_allocator.cc ; line=42 ; expr=cudaMalloc((void**)&p, size);", noMemory, gpuexec.ErrOutOfMemory},
		{gpu, "while running Cast node. Name:'/Cast' Status Message: CUDA error cudaErrorMemoryAllocation:out of memory", noMemory, gpuexec.ErrOutOfMemory},
		// cuBLAS and cuDNN.
		{gpu, "CUBLAS failure 3: the resource allocation failed ; GPU=0 ; expr=cublasCreate(&cublas_handle_);", nil, gpuexec.ErrOutOfMemory},
		{gpu, "CUBLAS failure 1: the library was not initialized ; GPU=0 ; expr=cublasCreate(&cublas_handle_);", nil, gpuexec.ErrOutOfMemory},
		{gpu, "CUBLAS failure 13: the function failed to launch on the GPU ; GPU=0", nil, gpuexec.ErrOutOfMemory},
		{gpu, "CUDNN failure 4003: CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED ; GPU=0", nil, gpuexec.ErrOutOfMemory},
		{gpu, "CUDNN failure 4004: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED ; GPU=0", nil, gpuexec.ErrOutOfMemory},
		{gpu, "CUDNN failure 5000: CUDNN_STATUS_EXECUTION_FAILED ; GPU=0 ; expr=cudnnAddTensor(cudnn_handle, ...)", nil, gpuexec.ErrOutOfMemory},
		{gpu, "CUDNN_FE failure 11: CUDNN_BACKEND_API_FAILED ; GPU=0 ; expr=s_.cudnn_fe_graph->execute(cudnn_handle, s_.variant_pack, ws.get());", nil, gpuexec.ErrOutOfMemory},
		{gpu, "OP not supported by CUDNN Frontend: CUDNN_FE failure 6: GRAPH_EXECUTION_PLAN_CREATION_FAILED ; GPU=0", nil, gpuexec.ErrOutOfMemory},
		// A poisoned context, whatever is said of it.
		{gpu, "CUDA failure 700: an illegal memory access was encountered ; GPU=0", illegal, gpuexec.ErrDeviceLost},
		{gpu, "CUDA error cudaErrorLaunchFailure:unspecified launch failure", nil, gpuexec.ErrDeviceLost},
		{gpu, "CUDNN_FE failure 11: CUDNN_BACKEND_API_FAILED ; GPU=0 ; expr=s_.cudnn_fe_graph->execute(cudnn_handle, s_.variant_pack, ws.get());", illegal, gpuexec.ErrDeviceLost},
		{gpu, "CUBLAS failure 13: the function failed to launch on the GPU ; GPU=0", illegal, gpuexec.ErrDeviceLost},
		{gpu, "BFCArena::AllocateRawInternal(size_t, bool, onnxruntime::Stream*) Failed to allocate memory for requested buffer of size 8388608", illegal, gpuexec.ErrDeviceLost},
		// Not the device's.
		{gpu, "Got invalid dimensions for input: image for the following indices", nil, nil},
		{gpu, "Exiting due to terminate flag being set to true.", nil, nil},
		{gpu, "CUDNN failure 2000: CUDNN_STATUS_BAD_PARAM ; GPU=0", nil, nil},
		// The host's.
		{cpu, "std::bad_alloc", nil, gpuexec.ErrOutOfMemory},
		{cpu, "Failed to allocate memory for requested buffer of size 1073741824", nil, gpuexec.ErrOutOfMemory},
		{cpu, "CUDA failure 700: an illegal memory access was encountered ; GPU=0", nil, nil},
	} {
		cause := errors.New(c.text)
		err := explain(cause, c.onGPU, c.last)
		if !errors.Is(err, cause) {
			t.Errorf("%q became %v", c.text, err)
		}
		for _, kind := range []error{gpuexec.ErrDeviceLost, gpuexec.ErrOutOfMemory} {
			if want := errors.Is(c.want, kind); errors.Is(err, kind) != want {
				t.Errorf("%q, with %v on the thread: is %q %t", c.text, c.last, kind, !want)
			}
		}
	}
}
