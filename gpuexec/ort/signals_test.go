package ort

import (
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/ebitengine/purego"
)

// A handler that a library installs as C programs do, without SA_ONSTACK, is replaced by Go's, and Go hears the signal again.
func TestSignalHandlersArePutBack(t *testing.T) {
	const usr2 = syscall.SIGUSR2
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, usr2)
	defer signal.Stop(heard)
	handlers := currentSignalHandlers()
	if n := handlers.restore(); n != 0 {
		t.Fatalf("%d of Go's own handlers were replaced", n)
	}

	install, err := purego.Dlsym(purego.RTLD_DEFAULT, "signal")
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := purego.Dlsym(purego.RTLD_DEFAULT, "abs") // takes an int and does nothing with it, as a handler would
	if err != nil {
		t.Fatal(err)
	}
	purego.SyscallN(install, uintptr(usr2), foreign)

	if n := handlers.restore(); n != 1 {
		t.Fatalf("%d handlers were put back, want 1", n)
	}
	if err := syscall.Kill(os.Getpid(), usr2); err != nil {
		t.Fatal(err)
	}
	select {
	case <-heard:
	case <-time.After(10 * time.Second):
		t.Error("Go no longer hears the signal")
	}
}
