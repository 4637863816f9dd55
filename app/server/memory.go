package server

import (
	"context"

	"github.com/shirou/gopsutil/v4/mem"

	"seghub/app/status"
)

// hostMemory is the memory that workers without a GPU run in.
func hostMemory(ctx context.Context) (status.Memory, error) {
	m, err := mem.VirtualMemoryWithContext(ctx)
	if err != nil {
		return status.Memory{}, err
	}
	return status.NewMemory(m.Total-m.Available, m.Total), nil
}
