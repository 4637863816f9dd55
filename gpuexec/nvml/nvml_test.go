package nvml

import (
	"errors"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// With a driver the numbers make sense; without one Open says so with its type.
func TestUsageOrAbsent(t *testing.T) {
	device, err := Open(0)
	if errors.Is(err, ErrAbsent) {
		if device != nil {
			t.Error("an absent library gave a device")
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	usage, err := device.Usage()
	if err != nil {
		t.Fatal(err)
	}
	if usage.TotalBytes == 0 || usage.UsedBytes > usage.TotalBytes || usage.Utilisation < 0 || usage.Utilisation > 100 {
		t.Errorf("%+v", usage)
	}
	if err := device.Close(); err != nil {
		t.Error(err)
	}
}
