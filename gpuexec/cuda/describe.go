package cuda

import (
	"bytes"
	"fmt"

	"github.com/ebitengine/purego"
)

// Version is that of a CUDA, as the runtime writes it: 13020 is 13.2.
type Version int32

func (v Version) String() string { return fmt.Sprintf("%d.%d", v/1000, v%1000/10) }

// Attributes of a device, of cudaDeviceAttr.
const (
	attributePCIBus          = 33
	attributePCIDevice       = 34
	attributePCIDomain       = 50
	attributeCapabilityMajor = 75
	attributeCapabilityMinor = 76
)

// cudaDeviceProp begins with the name, of 256 bytes. How long it is depends on the version: about 1 KiB in CUDA 13, which
// leaves room.
const (
	nameBytes       = 256
	propertiesBytes = 16 << 10
)

// Load loads a library of CUDA, by its name alone where the system looks for it, or says as the system does why it cannot. It
// stays loaded until the program ends.
func Load(library string) error {
	_, err := purego.Dlopen(library, purego.RTLD_LAZY|purego.RTLD_LOCAL)
	return err
}

// DriverVersion is the newest CUDA that the driver runs; 0 without a driver.
func (r *Runtime) DriverVersion() (Version, error) {
	var v int32
	err := r.check("cudaDriverGetVersion", r.driverVersion(&v))
	return Version(v), err
}

// RuntimeVersion is that of the loaded library.
func (r *Runtime) RuntimeVersion() (Version, error) {
	var v int32
	err := r.check("cudaRuntimeGetVersion", r.runtimeVersion(&v))
	return Version(v), err
}

// DeviceName is what the maker calls the device, such as "NVIDIA RTX A5000".
func (r *Runtime) DeviceName(device int) (string, error) {
	properties := make([]byte, propertiesBytes)
	if err := r.check("cudaGetDeviceProperties", r.getProperties(&properties[0], int32(device))); err != nil {
		return "", err
	}
	name, _, _ := bytes.Cut(properties[:nameBytes], []byte{0})
	return string(name), nil
}

// PCIBusID is where the device sits, such as "0000:65:00.0", as cudaDeviceGetPCIBusId writes it. Its number means another device
// to other libraries and under another CUDA_VISIBLE_DEVICES; this does not.
func (r *Runtime) PCIBusID(device int) (string, error) {
	address, err := r.attributes(device, attributePCIDomain, attributePCIBus, attributePCIDevice)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%04x:%02x:%02x.0", address[0], address[1], address[2]), nil
}

// Capability is the device's compute capability, such as 8, 6.
func (r *Runtime) Capability(device int) (major, minor int, err error) {
	c, err := r.attributes(device, attributeCapabilityMajor, attributeCapabilityMinor)
	if err != nil {
		return 0, 0, err
	}
	return int(c[0]), int(c[1]), nil
}

func (r *Runtime) attributes(device int, attributes ...int32) ([]int32, error) {
	values := make([]int32, len(attributes))
	for i, a := range attributes {
		if err := r.check("cudaDeviceGetAttribute", r.getAttribute(&values[i], a, int32(device))); err != nil {
			return nil, err
		}
	}
	return values, nil
}
