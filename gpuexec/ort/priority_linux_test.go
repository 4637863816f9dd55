package ort

import (
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// The worker's thread computes at a lower priority; the others of the process stay as they are.
func TestEnginesOnTheCPUYieldToTheRest(t *testing.T) {
	niceness := func() int {
		// The system call answers 20 - nice.
		raw, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
		if err != nil {
			t.Error(err)
		}
		return 20 - raw
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := niceness()
	r := openCPU(t, 1)
	worker := make(chan int)
	go func() {
		defer close(worker)
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		e, err := r.NewEngine(0)
		if err != nil {
			t.Error(err)
			return
		}
		worker <- niceness()
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}()
	if got, want := <-worker, max(before, inferencePriority); got != want {
		t.Errorf("the worker's nice value is %d, want %d", got, want)
	}
	<-worker
	if after := niceness(); after != before {
		t.Errorf("the nice value of another thread went from %d to %d", before, after)
	}
}
