// Package orttest opens ONNX Runtime for the tests of what stands on it.
package orttest

import (
	"errors"
	"log/slog"
	"os"
	"testing"

	"seghub/gpuexec"
	"seghub/gpuexec/ort"
)

// Open opens ONNX Runtime on the CPU, for slots engines, until the test ends. Without the library the test is left out.
func Open(t testing.TB, slots int) *ort.Runtime {
	t.Helper()
	runtime, err := ort.Open(os.Getenv("SEGHUB_ORT_LIBRARY"), gpuexec.CPU, slots, slog.New(slog.DiscardHandler))
	if errors.Is(err, ort.ErrLibraryAbsent) {
		t.Skip("left out: ONNX Runtime library is absent: run scripts/fetch-onnxruntime")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := runtime.Close(); err != nil {
			t.Error(err)
		}
	})
	return runtime
}
