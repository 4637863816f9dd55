// Package trap breaks the CUDA context of this process on purpose, as a kernel with a fault in it does, to see what becomes of who
// uses it.
package trap

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/ebitengine/purego"
)

// ErrAbsent says that there is no driver that compiles a kernel.
var ErrAbsent = errors.New("there is no CUDA driver that compiles a kernel")

// kernel is one whose only instruction is the trap, for every GPU that CUDA 13 knows.
const kernel = ".version 7.0\n.target sm_70\n.address_size 64\n.visible .entry broken()\n{\n\ttrap;\n}\n\x00"

// Spring launches the kernel in the context of the calling thread, which must be locked to its OS thread, and waits for its end.
// It returns the driver's error code, which every later call in the context answers as well: 719 for a failed launch.
func Spring() (code int32, err error) {
	library, err := purego.Dlopen("libcuda.so.1", purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrAbsent, err)
	}
	var (
		load   func(module *uintptr, image *byte) int32
		find   func(function *uintptr, module uintptr, name string) int32
		launch func(function uintptr, gx, gy, gz, bx, by, bz, shared uint32, stream uintptr, arguments, extra uintptr) int32
		wait   func() int32
	)
	for name, function := range map[string]any{
		"cuModuleLoadData": &load, "cuModuleGetFunction": &find, "cuLaunchKernel": &launch, "cuCtxSynchronize": &wait,
	} {
		symbol, err := purego.Dlsym(library, name)
		if err != nil {
			return 0, fmt.Errorf("%w: %w", ErrAbsent, err)
		}
		purego.RegisterFunc(function, symbol)
	}
	image := []byte(kernel)
	var module, function uintptr
	if code := load(&module, &image[0]); code != 0 {
		return 0, fmt.Errorf("cuModuleLoadData: CUDA error %d", code)
	}
	runtime.KeepAlive(image)
	if code := find(&function, module, "broken"); code != 0 {
		return 0, fmt.Errorf("cuModuleGetFunction: CUDA error %d", code)
	}
	if code := launch(function, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0); code != 0 {
		return 0, fmt.Errorf("cuLaunchKernel: CUDA error %d", code)
	}
	return wait(), nil
}
