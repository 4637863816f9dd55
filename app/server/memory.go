package server

import (
	"context"
	"log/slog"

	"github.com/shirou/gopsutil/v4/mem"

	"seghub/app/status"
	"seghub/gpuexec/nvml"
)

// memory measures the memory that the workers run in: that of their GPU, or without one the host's.
type memory struct {
	gpu *nvml.Device // nil on the CPU
}

// openMemory finds out what to measure for workers on the GPU at a PCI bus id, or on the CPU when that is empty. A GPU that
// NVML cannot see is used all the same, and its memory shown as the host's.
func openMemory(pciBusID string, log *slog.Logger) memory {
	if pciBusID == "" {
		return memory{}
	}
	gpu, err := nvml.Open(pciBusID)
	if err != nil {
		log.Warn("GPU memory cannot be measured", "error", err)
		return memory{}
	}
	return memory{gpu: gpu}
}

func (m memory) measure(ctx context.Context) (status.Memory, error) {
	if m.gpu != nil {
		usage, err := m.gpu.Usage()
		return status.NewMemory(usage.UsedBytes, usage.TotalBytes), err
	}
	host, err := mem.VirtualMemoryWithContext(ctx)
	if err != nil {
		return status.Memory{}, err
	}
	return status.NewMemory(host.Total-host.Available, host.Total), nil
}

// short tells whether models that are not in use should make room, before it is so full that no work can be taken. Memory that
// cannot be measured is not short.
func (m memory) short(ctx context.Context) bool {
	now, err := m.measure(ctx)
	return err == nil && now.Pressure != status.PressureNormal
}

func (m memory) close() error {
	if m.gpu == nil {
		return nil
	}
	return m.gpu.Close()
}
