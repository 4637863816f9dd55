package nvml

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// No machine has a GPU there, whether it has a driver or not.
func TestAPlaceWithoutAGPUGivesNone(t *testing.T) {
	if device, err := Open("0000:ff:1f.7"); err == nil || device != nil {
		t.Errorf("Open = %v, %v", device, err)
	}
}
