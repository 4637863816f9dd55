// Package cuda calls the few functions of the CUDA runtime that the workers need for streams of their own. The runtime is
// looked up when the program runs: nothing links against CUDA, and a machine without it gets ErrAbsent.
package cuda

import (
	"errors"
	"fmt"

	"github.com/ebitengine/purego"
)

// ErrAbsent says that the CUDA runtime library is not on this machine.
var ErrAbsent = errors.New("the CUDA runtime library is absent")

// Error is a failed call of the CUDA runtime.
type Error struct {
	Call    string
	Code    int32 // cudaError_t
	Message string
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s: %s (CUDA error %d)", e.Call, e.Message, e.Code)
}

// library is the one that the CUDA provider of ONNX Runtime 1.29 is built for.
var library = "libcudart.so.13"

// streamNonBlocking is cudaStreamNonBlocking: the stream does not wait for the legacy default stream, nor it for the stream.
const streamNonBlocking = 1

// scheduleBlockingSync is cudaDeviceScheduleBlockingSync: a thread that waits for the device sleeps.
const scheduleBlockingSync = 4

// Runtime is the loaded CUDA runtime.
type Runtime struct {
	getDeviceCount func(count *int32) int32
	setDevice      func(device int32) int32
	setDeviceFlags func(flags uint32) int32
	streamCreate   func(stream *uintptr, flags uint32) int32
	streamDestroy  func(stream uintptr) int32
	memGetInfo     func(free, total *uintptr) int32
	peekAtLast     func() int32
	takeLast       func() int32
	errorString    func(code int32) string

	getProperties  func(properties *byte, device int32) int32
	getAttribute   func(value *int32, attribute, device int32) int32
	driverVersion  func(version *int32) int32
	runtimeVersion func(version *int32) int32
}

// Stream is a cudaStream_t.
type Stream uintptr

// Open loads the CUDA runtime, or returns an ErrAbsent. The library stays loaded until the program ends.
func Open() (*Runtime, error) {
	r, err := open(library)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAbsent, err)
	}
	return r, nil
}

func open(library string) (*Runtime, error) {
	handle, err := purego.Dlopen(library, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return nil, err
	}
	r := &Runtime{}
	for name, function := range map[string]any{
		"cudaGetDeviceCount":        &r.getDeviceCount,
		"cudaSetDevice":             &r.setDevice,
		"cudaSetDeviceFlags":        &r.setDeviceFlags,
		"cudaStreamCreateWithFlags": &r.streamCreate,
		"cudaStreamDestroy":         &r.streamDestroy,
		"cudaMemGetInfo":            &r.memGetInfo,
		"cudaPeekAtLastError":       &r.peekAtLast,
		"cudaGetLastError":          &r.takeLast,
		"cudaGetErrorString":        &r.errorString,
		"cudaGetDeviceProperties":   &r.getProperties,
		"cudaDeviceGetAttribute":    &r.getAttribute,
		"cudaDriverGetVersion":      &r.driverVersion,
		"cudaRuntimeGetVersion":     &r.runtimeVersion,
	} {
		symbol, err := purego.Dlsym(handle, name)
		if err != nil {
			return nil, err
		}
		purego.RegisterFunc(function, symbol)
	}
	return r, nil
}

// Devices returns how many GPUs there are. No driver is an *Error, not zero.
func (r *Runtime) Devices() (int, error) {
	var count int32
	err := r.check("cudaGetDeviceCount", r.getDeviceCount(&count))
	return int(count), err
}

// UseDevice makes device the one that later calls on this OS thread mean.
func (r *Runtime) UseDevice(device int) error {
	return r.check("cudaSetDevice", r.setDevice(int32(device)))
}

// SleepWhileWaiting has this process's threads sleep while they wait for the thread's device. Without it each keeps a core busy that
// whole time, unless the process has more contexts than the machine has cores.
func (r *Runtime) SleepWhileWaiting() error {
	return r.check("cudaSetDeviceFlags", r.setDeviceFlags(scheduleBlockingSync))
}

// NewStream makes a stream on the thread's device.
func (r *Runtime) NewStream() (Stream, error) {
	var stream uintptr
	err := r.check("cudaStreamCreateWithFlags", r.streamCreate(&stream, streamNonBlocking))
	return Stream(stream), err
}

// Destroy frees a stream, once what runs on it is done.
func (r *Runtime) Destroy(stream Stream) error {
	return r.check("cudaStreamDestroy", r.streamDestroy(uintptr(stream)))
}

// Memory returns the free and the whole memory of the thread's device, in bytes.
func (r *Runtime) Memory() (free, total uint64, err error) {
	var f, t uintptr // size_t
	err = r.check("cudaMemGetInfo", r.memGetInfo(&f, &t))
	return uint64(f), uint64(t), err
}

// PeekAtLastError returns the error that the last failed call of a library on this OS thread has left, or nil, and leaves it there: the calls
// of this package leave none. One that has poisoned the device's context stays for every thread.
func (r *Runtime) PeekAtLastError() error {
	return r.failure("cudaPeekAtLastError", r.peekAtLast())
}

// check makes an error of what a call has answered, and takes it off the thread: ONNX Runtime looks there after each kernel, and would take it
// for that one's.
func (r *Runtime) check(call string, code int32) error {
	if code != 0 {
		r.takeLast()
	}
	return r.failure(call, code)
}

func (r *Runtime) failure(call string, code int32) error {
	if code == 0 {
		return nil
	}
	return &Error{Call: call, Code: code, Message: r.errorString(code)}
}
