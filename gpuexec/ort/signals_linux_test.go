package ort

import (
	"os"
	"os/signal"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A handler that a library installs as C programs do, without SA_ONSTACK, is replaced by Go's, and Go hears the signal again.
func TestSignalHandlersArePutBack(t *testing.T) {
	const usr2 = unix.SIGUSR2
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, usr2)
	defer signal.Stop(heard)
	handlers := currentSignalHandlers()
	if n := handlers.restore(); n != 0 {
		t.Fatalf("%d of Go's own handlers were replaced", n)
	}

	// The kernel's struct sigaction. The handler's address is not zero or one, which mean default and ignore; the signal does
	// not come while it is in place.
	foreign := struct {
		handler, flags, restorer uintptr
		mask                     uint64
	}{handler: 4096}
	if _, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(usr2), uintptr(unsafe.Pointer(&foreign)), 0, unsafe.Sizeof(foreign.mask), 0, 0); errno != 0 {
		t.Fatal(errno)
	}

	if n := handlers.restore(); n != 1 {
		t.Fatalf("%d handlers were put back, want 1", n)
	}
	if err := unix.Kill(os.Getpid(), usr2); err != nil {
		t.Fatal(err)
	}
	select {
	case <-heard:
	case <-time.After(2 * time.Minute):
		t.Error("Go no longer hears the signal")
	}
}
