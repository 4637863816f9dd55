//go:build cgo && linux

package nvml

import (
	"errors"
	"fmt"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// Device is one GPU.
type Device struct{ handle nvml.Device }

// Open returns GPU number device, as the driver counts, or an ErrAbsent. Close frees the library.
func Open(device int) (*Device, error) {
	switch code := nvml.Init(); code {
	case nvml.SUCCESS:
	case nvml.ERROR_LIBRARY_NOT_FOUND, nvml.ERROR_DRIVER_NOT_LOADED, nvml.ERROR_NO_PERMISSION:
		return nil, fmt.Errorf("%w: %s", ErrAbsent, nvml.ErrorString(code))
	default:
		return nil, failure("initialise", code)
	}
	handle, code := nvml.DeviceGetHandleByIndex(device)
	if code != nvml.SUCCESS {
		return nil, errors.Join(failure(fmt.Sprintf("find GPU %d", device), code), (*Device)(nil).Close())
	}
	return &Device{handle: handle}, nil
}

// Usage returns what the GPU is doing now.
func (d *Device) Usage() (Usage, error) {
	memory, code := d.handle.GetMemoryInfo()
	if code != nvml.SUCCESS {
		return Usage{}, failure("read the memory", code)
	}
	rates, code := d.handle.GetUtilizationRates()
	if code != nvml.SUCCESS {
		return Usage{}, failure("read the utilisation", code)
	}
	return Usage{UsedBytes: memory.Used, TotalBytes: memory.Total, Utilisation: int(rates.Gpu)}, nil
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
