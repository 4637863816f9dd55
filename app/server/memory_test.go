package server

import (
	"errors"
	"log/slog"
	"testing"

	"seghub/gpuexec/budget"
)

func TestCUDAMeasuresAGPUThatNVMLDoesNotSee(t *testing.T) {
	memory := func() (used, total uint64, err error) { return 3, 10, nil }
	gauge, stop := openGauge("0000:ff:1f.7", memory, slog.New(slog.DiscardHandler)) // no machine has a GPU there
	if usage, err := gauge.Usage(t.Context()); usage != (budget.Usage{UsedBytes: 3, TotalBytes: 10}) || err != nil {
		t.Errorf("Usage = %+v, %v", usage, err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestAPartOfAGPUIsToldFromAWhole(t *testing.T) {
	const gpu = 40960 << 20
	for total, whole := range map[uint64]bool{gpu: true, gpu - gpu/20: true, gpu / 2: false, gpu / 8: false} {
		memory := func() (uint64, uint64, error) { return 0, total, nil }
		if err := mustBeWhole(gpu, memory); (err == nil) != whole {
			t.Errorf("%d of %d bytes: %v", total, gpu, err)
		}
	}
	lost := errors.New("lost")
	if err := mustBeWhole(gpu, func() (uint64, uint64, error) { return 0, 0, lost }); !errors.Is(err, lost) {
		t.Errorf("what cannot be measured: %v", err)
	}
}
