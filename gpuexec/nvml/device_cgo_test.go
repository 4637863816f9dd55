//go:build cgo && linux

package nvml

import (
	"errors"
	"testing"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock"
)

// card answers as a GPU that is 30 percent busy at 61 degrees, unless an answer's code says otherwise.
func card(memory, rates, temperature nvml.Return) *Device {
	return &Device{handle: &mock.Device{
		GetMemoryInfoFunc: func() (nvml.Memory, nvml.Return) {
			return nvml.Memory{Total: 24 << 30, Used: 3 << 30, Free: 21 << 30}, memory
		},
		GetUtilizationRatesFunc: func() (nvml.Utilization, nvml.Return) {
			return nvml.Utilization{Gpu: 30, Memory: 99}, rates
		},
		GetTemperatureFunc: func(nvml.TemperatureSensors) (uint32, nvml.Return) { return 61, temperature },
	}}
}

func TestUsage(t *testing.T) {
	const ok, absent, fault = nvml.SUCCESS, nvml.ERROR_NOT_SUPPORTED, nvml.ERROR_UNKNOWN
	for name, c := range map[string]struct {
		rates, temperature nvml.Return
		want               Usage
	}{
		"all":         {ok, ok, Usage{3 << 30, 24 << 30, 30, 61}},
		"memory":      {absent, absent, Usage{3 << 30, 24 << 30, Unknown, Unknown}},
		"temperature": {absent, ok, Usage{3 << 30, 24 << 30, Unknown, 61}},
		"utilisation": {ok, fault, Usage{3 << 30, 24 << 30, 30, Unknown}},
		"faults":      {fault, fault, Usage{3 << 30, 24 << 30, Unknown, Unknown}},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := card(ok, c.rates, c.temperature).Usage(); got != c.want || err != nil {
				t.Errorf("%+v, %v; want %+v", got, err, c.want)
			}
		})
	}
	for _, code := range []nvml.Return{nvml.ERROR_GPU_IS_LOST, absent, fault} {
		if usage, err := card(code, ok, ok).Usage(); err == nil || usage != (Usage{}) {
			t.Errorf("without the memory, %s: %+v, %v", nvml.ErrorString(code), usage, err)
		}
	}
}

// The GPU that a bus id names is the one that has it.
func TestOpenByBusID(t *testing.T) {
	if _, err := Open("0000:ff:1f.7"); errors.Is(err, ErrAbsent) {
		t.Skip("left out: NVML: there is no NVIDIA driver")
	}
	if code := nvml.Init(); code != nvml.SUCCESS {
		t.Fatal(nvml.ErrorString(code))
	}
	defer func() { _ = nvml.Shutdown() }() // what was looked up is known by then
	first, code := nvml.DeviceGetHandleByIndex(0)
	if code != nvml.SUCCESS {
		t.Skip("left out: NVML: there is no GPU")
	}
	info, _ := first.GetPciInfo()
	var id []byte
	for _, c := range info.BusId {
		if c == 0 {
			break
		}
		id = append(id, byte(c))
	}
	device, err := Open(string(id))
	if err != nil {
		t.Fatal(err)
	}
	usage, err := device.Usage()
	if err != nil || usage.TotalBytes == 0 || usage.UsedBytes > usage.TotalBytes || usage.Utilisation > 100 {
		t.Errorf("%+v, %v", usage, err)
	}
	if err := device.Close(); err != nil {
		t.Error(err)
	}
}
