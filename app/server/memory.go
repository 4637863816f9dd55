package server

import (
	"context"
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
// Of a GPU that NVML cannot see nothing is known: it is used all the same.
func openGauge(pciBusID string, log *slog.Logger) (gauge budget.Gauge, stop func() error) {
	nothing := func() error { return nil }
	if pciBusID == "" {
		return budget.Host{}, nothing
	}
	device, err := nvml.Open(pciBusID)
	if err != nil {
		log.Warn("the GPU's memory cannot be measured: nothing is known of what other programs use of it", "error", err)
		return nil, nothing
	}
	return gpuGauge{device}, device.Close
}
