package cudatest

import (
	"debug/elf"
	"fmt"
	"path/filepath"
)

// Symbols returns the functions that a library has.
func (s *StandIn) Symbols(library Library) (map[string]bool, error) {
	file, err := elf.Open(filepath.Join(s.folder, string(library)))
	if err != nil {
		return nil, fmt.Errorf("read the stand-in's symbols: %w", err)
	}
	defer file.Close()
	dynamic, err := file.DynamicSymbols()
	if err != nil {
		return nil, fmt.Errorf("read the stand-in's symbols: %w", err)
	}
	symbols := make(map[string]bool)
	for _, symbol := range dynamic {
		if symbol.Section != elf.SHN_UNDEF {
			symbols[symbol.Name] = true
		}
	}
	return symbols, nil
}
