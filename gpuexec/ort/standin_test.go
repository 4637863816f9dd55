package ort

import (
	"debug/elf"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"seghub/gpuexec/cuda/cudatest"
)

// onStandIn runs the rest of the test t, which is body, in a process of its own, in which ONNX Runtime's CUDA provider finds the
// stand-in for CUDA's libraries, all but those without. Call it last.
func onStandIn(t *testing.T, settings cudatest.Settings, body func(t *testing.T, s *cudatest.StandIn), without ...cudatest.Library) {
	t.Helper()
	providerFile(t)
	cudatest.Child(t, settings, body, without...)
}

// providerFile is ONNX Runtime's CUDA provider.
func providerFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(filepath.Dir(library(t)), cudaProvider)
	if _, err := os.Stat(path); err != nil {
		t.Skip("left out: CUDA: ONNX Runtime has no CUDA provider beside it: make runtime GPU=1 fetches it")
	}
	return path
}

// A provider of another version may want more of CUDA's libraries than the stand-in has; loading it would only say the first.
func TestTheStandInHasAllThatTheProviderImports(t *testing.T) {
	provider, err := elf.Open(providerFile(t))
	if err != nil {
		t.Fatal(err)
	}
	defer provider.Close()
	needed, err := provider.ImportedLibraries()
	if err != nil {
		t.Fatal(err)
	}
	standIn := cudatest.Open(t)
	has := make(map[string]map[string]bool) // symbols by library
	for _, library := range needed {
		if !strings.HasPrefix(library, "libcu") {
			continue
		}
		symbols, err := standIn.Symbols(cudatest.Library(library))
		if err != nil {
			t.Errorf("the provider is linked to %s: %v", library, err)
		}
		has[library] = symbols
	}
	imported, err := provider.ImportedSymbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, symbol := range imported {
		if symbols := has[symbol.Library]; symbols != nil && !symbols[symbol.Name] {
			t.Errorf("%s lacks %s", symbol.Library, symbol.Name)
		}
	}
	if len(has) < 5 {
		t.Errorf("the provider is linked to %q: is it the one for CUDA 13?", needed)
	}
}
