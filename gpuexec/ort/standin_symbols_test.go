package ort_test

import (
	"debug/elf"
	"strings"
	"testing"

	"seghub/gpuexec/cuda/cudatest"
	"seghub/gpuexec/ort/orttest"
)

// A provider of another version may want more of CUDA's libraries than the stand-in has; loading it would only say the first.
func TestTheStandInHasAllThatTheProviderImports(t *testing.T) {
	provider, err := elf.Open(orttest.CUDAProvider(t))
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
