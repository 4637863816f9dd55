//go:build cgo && linux

package nvml

import (
	"errors"
	"fmt"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// Device is one GPU.
type Device struct{ handle nvml.Device }

// Open returns the GPU at a PCI bus id such as "0000:65:00.0", or an ErrAbsent. Close frees the library.
func Open(pciBusID string) (*Device, error) {
	switch code := nvml.Init(); code {
	case nvml.SUCCESS:
	case nvml.ERROR_LIBRARY_NOT_FOUND, nvml.ERROR_DRIVER_NOT_LOADED, nvml.ERROR_NO_PERMISSION:
		return nil, fmt.Errorf("%w: %s", ErrAbsent, nvml.ErrorString(code))
	default:
		return nil, failure("initialise", code)
	}
	handle, code := nvml.DeviceGetHandleByPciBusId(pciBusID)
	if code != nvml.SUCCESS {
		return nil, errors.Join(failure("find the GPU at "+pciBusID, code), (*Device)(nil).Close())
	}
	return &Device{handle: handle}, nil
}

// Usage returns what the GPU is doing now.
func (d *Device) Usage() (Usage, error) {
	memory, code := d.handle.GetMemoryInfo()
	if code != nvml.SUCCESS {
		return Usage{}, failure("read the memory", code)
	}
	usage := Usage{UsedBytes: memory.Used, TotalBytes: memory.Total, Utilisation: Unknown, TemperatureC: Unknown}
	// The memory is what models are kept or let go by: it counts whatever keeps the driver from telling of these.
	if rates, code := d.handle.GetUtilizationRates(); code == nvml.SUCCESS {
		usage.Utilisation = int(rates.Gpu)
	}
	if degrees, code := d.handle.GetTemperature(nvml.TEMPERATURE_GPU); code == nvml.SUCCESS {
		usage.TemperatureC = int(degrees)
	}
	return usage, nil
}

// Close frees the library.
func (*Device) Close() error {
	if code := nvml.Shutdown(); code != nvml.SUCCESS {
		return failure("shut down", code)
	}
	return nil
}

func failure(what string, code nvml.Return) error {
	return fmt.Errorf("nvml: %s: %s", what, nvml.ErrorString(code))
}
