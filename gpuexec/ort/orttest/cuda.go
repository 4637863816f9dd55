package orttest

import (
	"os"
	"path/filepath"
	"testing"

	"seghub/gpuexec/cuda/cudatest"
	"seghub/gpuexec/ort"
)

// CUDAProvider is the file beside the ONNX Runtime library with which it runs on CUDA. Without it the test is left out.
func CUDAProvider(t testing.TB) string {
	t.Helper()
	library := os.Getenv("SEGHUB_ORT_LIBRARY")
	if library == "" {
		library = ort.DefaultLibrary()
	}
	path := filepath.Join(filepath.Dir(library), "libonnxruntime_providers_cuda.so")
	if _, err := os.Stat(path); err != nil {
		t.Skip("left out: CUDA: ONNX Runtime has no CUDA provider beside it: make runtime GPU=1 fetches it")
	}
	return path
}

// OnStandIn runs the rest of the test t, which is body, in a process of its own, in which ONNX Runtime's CUDA provider finds the
// stand-in for CUDA's libraries, all but those without. Call it last.
func OnStandIn(t *testing.T, settings cudatest.Settings, body func(t *testing.T, s *cudatest.StandIn), without ...cudatest.Library) {
	t.Helper()
	CUDAProvider(t)
	cudatest.Child(t, settings, body, without...)
}
