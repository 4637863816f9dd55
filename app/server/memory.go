package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"seghub/gpuexec/budget"
	"seghub/gpuexec/nvml"
	"seghub/models/imageio"
)

// gpuGauge measures a GPU as the driver sees it.
type gpuGauge struct{ device *nvml.Device }

// Usage reads the GPU.
func (g gpuGauge) Usage(context.Context) (budget.Usage, error) {
	now, err := g.device.Usage()
	return budget.Usage{
		UsedBytes: now.UsedBytes, TotalBytes: now.TotalBytes, Utilisation: known(now.Utilisation), TemperatureC: known(now.TemperatureC),
	}, err
}

func known(value int) *int {
	if value == nvml.Unknown {
		return nil
	}
	return &value
}

// cudaMemory is how many bytes of a GPU's memory everybody uses, and how many there are, as CUDA tells it.
type cudaMemory func() (used, total uint64, err error)

// Usage reads the memory. How busy and how hot the GPU is CUDA does not tell.
func (memory cudaMemory) Usage(context.Context) (budget.Usage, error) {
	used, total, err := memory()
	return budget.Usage{UsedBytes: used, TotalBytes: total}, err
}

// decodeBudget is what decoded images may take together: so many bytes, or where that is 0, a quarter of the machine's memory. stop ends what
// the process does to keep to it.
func decodeBudget(ctx context.Context, bytes int64) (decoded *imageio.Budget, stop func(), err error) {
	if bytes == 0 {
		host, err := budget.Host{}.Usage(ctx)
		if err != nil {
			return nil, nil, err
		}
		bytes = int64(host.TotalBytes / 4)
	}
	limit := newHeapLimit(bytes)
	return imageio.NewWatchedBudget(bytes, limit.taken), limit.lift, nil
}

// openGauge finds out what to measure for workers on the GPU at a PCI bus id, or on the CPU when that is empty; stop frees it.
func openGauge(pciBusID string, memory cudaMemory, log *slog.Logger) (gauge budget.Gauge, stop func() error) {
	nothing := func() error { return nil }
	if pciBusID == "" {
		return budget.Host{}, nothing
	}
	device, err := openNVML(pciBusID, memory)
	if err != nil {
		log.Info("CUDA measures the GPU's memory, because NVML does not", "reason", err)
		return memory, nothing
	}
	return gpuGauge{device}, device.Close
}

// openNVML opens the GPU at a PCI bus id, if NVML tells of the memory that CUDA has. Of a part of a GPU (MIG) it tells of the whole, or
// nothing to who is not root; what others use of that is no concern of the part's.
func openNVML(pciBusID string, memory cudaMemory) (*nvml.Device, error) {
	device, err := nvml.Open(pciBusID)
	if err != nil {
		return nil, err
	}
	usage, err := device.Usage()
	if err == nil {
		err = mustBeWhole(usage.TotalBytes, memory)
	}
	if err != nil {
		return nil, errors.Join(err, device.Close())
	}
	return device, nil
}

// mustBeWhole returns an error when CUDA has a part of a GPU of so many bytes. Of a whole one it leaves out a few hundredths, which the driver
// keeps for itself; the largest part is a half.
func mustBeWhole(gpu uint64, memory cudaMemory) error {
	_, total, err := memory()
	if err == nil && total < gpu/4*3 {
		err = fmt.Errorf("CUDA has %d of the GPU's %d bytes", total, gpu)
	}
	return err
}
