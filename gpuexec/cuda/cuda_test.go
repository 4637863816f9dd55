package cuda

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// standIn behaves as the CUDA runtime of a machine with two GPUs, of 1000 and 1001 bytes, on the buses 0x65 and 0x66.
const standIn = `
#include <stddef.h>
#include <string.h>
static __thread int device;
static int streams;
int cudaGetDeviceCount(int *count) { *count = 2; return 0; }
int cudaSetDevice(int d) { if (d < 0 || d > 1) return 101; device = d; return 0; }
int cudaSetDeviceFlags(unsigned flags) { return flags == 4 ? 0 : 1; }
int cudaStreamCreateWithFlags(void **stream, unsigned flags) {
	if (flags != 1) return 1;
	*stream = (void *)(size_t)(0x100000000 + ++streams);
	return 0;
}
int cudaStreamDestroy(void *stream) { return (size_t)stream == 0x100000000 + streams-- ? 0 : 400; }
int cudaMemGetInfo(size_t *free, size_t *total) { *free = 700; *total = 1000 + device; return 0; }
static __thread int last;
int cudaPeekAtLastError(void) { return last; }
int cudaGetLastError(void) { int code = last; last = 0; return code; }
int cudaRuntimeGetVersion(int *v) { *v = 13000; return 0; }
int cudaDriverGetVersion(int *v) { *v = 13020; return 0; }
int cudaGetDeviceProperties(char *p, int d) {
	if (d < 0 || d > 1) return last = 101;
	memset(p, 'x', 1008);
	strcpy(p, d ? "Second" : "First");
	return 0;
}
int cudaDeviceGetAttribute(int *v, int attribute, int d) {
	if (d < 0 || d > 1) return last = 101;
	switch (attribute) {
	case 33: *v = 0x65 + d; return 0;
	case 34: *v = 0; return 0;
	case 50: *v = 1; return 0;
	case 75: *v = 8; return 0;
	case 76: *v = 6 + 3 * d; return 0;
	}
	return 1;
}
const char *cudaGetErrorString(int code) { return code == 101 ? "invalid device ordinal" : "something else"; }
`

// openStandIn compiles source and loads it as if it were the CUDA runtime.
func openStandIn(t *testing.T, source string) (*Runtime, error) {
	t.Helper()
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("left out: there is no C compiler to build a stand-in for the CUDA runtime with")
	}
	dir := t.TempDir()
	code, library := filepath.Join(dir, "cudart.c"), filepath.Join(dir, "libcudart.so")
	if err := os.WriteFile(code, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(cc, "-shared", "-fPIC", "-o", library, code).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return open(library)
}

func TestRuntimeCalls(t *testing.T) {
	r, err := openStandIn(t, standIn)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := r.Devices(); n != 2 || err != nil {
		t.Fatalf("Devices() = %d, %v", n, err)
	}
	if err := r.UseDevice(1); err != nil {
		t.Fatal(err)
	}
	if err := r.SleepWhileWaiting(); err != nil {
		t.Error(err)
	}
	stream, err := r.NewStream()
	if err != nil {
		t.Fatal(err)
	}
	if stream != 0x100000001 {
		t.Errorf("the stream is %#x: a handle of 64 bits was cut or not written", uintptr(stream))
	}
	if err := r.Destroy(stream); err != nil {
		t.Error(err)
	}
	if free, total, err := r.Memory(); free != 700 || total < 1000 || err != nil {
		t.Errorf("Memory() = %d, %d, %v", free, total, err)
	}
}

func TestAFailedCallSaysWhy(t *testing.T) {
	r, err := openStandIn(t, standIn)
	if err != nil {
		t.Fatal(err)
	}
	var failure *Error
	if err := r.UseDevice(7); !errors.As(err, &failure) {
		t.Fatalf("UseDevice(7) = %v", err)
	}
	if failure.Code != 101 || failure.Call != "cudaSetDevice" || failure.Message != "invalid device ordinal" {
		t.Errorf("%+v", failure)
	}
}

func TestADeviceIsDescribed(t *testing.T) {
	r, err := openStandIn(t, standIn)
	if err != nil {
		t.Fatal(err)
	}
	name, err := r.DeviceName(1)
	if name != "Second" || err != nil {
		t.Errorf("DeviceName = %q, %v", name, err)
	}
	bus, err := r.PCIBusID(1)
	if bus != "0001:66:00.0" || err != nil {
		t.Errorf("PCIBusID = %q, %v", bus, err)
	}
	major, minor, err := r.Capability(1)
	if major != 8 || minor != 9 || err != nil {
		t.Errorf("Capability = %d.%d, %v", major, minor, err)
	}
	driver, err := r.DriverVersion()
	if driver.String() != "13.2" || err != nil {
		t.Errorf("DriverVersion = %v, %v", driver, err)
	}
	runtime, err := r.RuntimeVersion()
	if runtime.String() != "13.0" || err != nil {
		t.Errorf("RuntimeVersion = %v, %v", runtime, err)
	}
}

func TestADeviceThatIsNotThereIsNotDescribed(t *testing.T) {
	runtime.LockOSThread() // the last error is the thread's
	defer runtime.UnlockOSThread()
	r, err := openStandIn(t, standIn)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.PeekAtLastError(); err != nil {
		t.Errorf("before any failure: %v", err)
	}
	_, nameErr := r.DeviceName(2)
	_, busErr := r.PCIBusID(2)
	_, _, capabilityErr := r.Capability(2)
	for _, err := range []error{nameErr, busErr, capabilityErr} {
		var failure *Error
		if !errors.As(err, &failure) || failure.Code != 101 {
			t.Errorf("%v", err)
		}
	}
	if err := r.PeekAtLastError(); err != nil {
		t.Errorf("left on the thread, for whoever looks there after a call of its own: %v", err)
	}
}

func TestLoadSaysWhatIsMissing(t *testing.T) {
	if err := Load("libseghub-no-such.so.9"); err == nil || !strings.Contains(err.Error(), "libseghub-no-such.so.9") {
		t.Errorf("Load = %v", err)
	}
}

func TestALibraryThatLacksAFunctionIsRefused(t *testing.T) {
	if _, err := openStandIn(t, "int cudaGetDeviceCount(int *count) { return 0; }"); err == nil {
		t.Error("a library without streams was taken for the CUDA runtime")
	}
}

func TestAbsentLibraryIsATypedError(t *testing.T) {
	defer func(name string) { library = name }(library)
	library = "libseghub-no-such-cudart.so.13"
	if _, err := Open(); !errors.Is(err, ErrAbsent) {
		t.Errorf("Open() = %v, want ErrAbsent", err)
	}
}
