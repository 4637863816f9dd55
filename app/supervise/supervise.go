// Package supervise runs the hub's process on a GPU as a child of its own, and starts it anew when its device is lost. A CUDA
// context that an error has poisoned cannot be mended inside the process that has it, and closing it aborts that process; the
// jobs are in Redis, and clients resume.
//
//	serve (parent) --starts--> serve (child) -- exits with DeviceLost, or dies of a signal --> started anew, 5 times in 5 minutes at most
//	   |                          |
//	   +-- SIGINT, SIGTERM ------>+ -- exits with anything else --> the parent exits with that
package supervise

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// DeviceLost is the exit status of a hub whose device is lost: EX_TEMPFAIL of sysexits.h, try again.
const DeviceLost = 75

// So many restarts within so long are tried; what fails more often needs a person.
const (
	mostRestarts = 5
	within       = 5 * time.Minute
)

// ErrGivenUp says that the hub's process ended too often.
var ErrGivenUp = errors.New("the hub is not started again")

// ExitError is how the hub's process ended when it is not to be started again.
type ExitError struct{ Code int }

func (e *ExitError) Error() string {
	return fmt.Sprintf("the hub's process ended with status %d", e.Code)
}

// Supervisor runs one hub.
type Supervisor struct {
	// Command makes the process, again for each start.
	Command func() *exec.Cmd
	Log     *slog.Logger

	restarts []time.Time // within the last `within`
}

// Run starts the hub's process, passes on what comes from signals, and returns when it has ended for good: nil when it ended well, an
// *ExitError, or an ErrGivenUp.
func (s *Supervisor) Run(signals <-chan os.Signal) error {
	// The kernel ends the child when the thread that started it ends: this one stays for as long as it runs.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for {
		ended, stopped := s.runOnce(signals)
		var exit *exec.ExitError
		switch {
		case ended == nil:
			return nil
		case !errors.As(ended, &exit):
			return fmt.Errorf("start the hub's process: %w", ended)
		case stopped || !again(exit):
			return &ExitError{Code: code(exit)}
		}
		if err := s.mayRestart(time.Now(), exit); err != nil {
			return err
		}
		s.Log.Error("the hub's process ended and is started anew", "ended", exit.String(), "restarts", len(s.restarts), "at_most", mostRestarts, "within", within)
	}
}

// runOnce runs the process to its end. stopped tells whether a signal had asked it to stop.
func (s *Supervisor) runOnce(signals <-chan os.Signal) (ended error, stopped bool) {
	cmd := s.Command()
	endWithParent(cmd)
	if err := cmd.Start(); err != nil {
		return err, false
	}
	over, tell := context.WithCancel(context.Background())
	passed := make(chan bool)
	go func() {
		asked := false
		defer func() { passed <- asked }()
		for {
			select {
			case sig := <-signals:
				asked = true
				_ = cmd.Process.Signal(sig) // it may have ended just now
			case <-over.Done():
				return
			}
		}
	}()
	ended = cmd.Wait()
	tell()
	return ended, <-passed
}

// again tells whether a process that ended so is to be started anew: its device was lost, or something killed it.
func again(exit *exec.ExitError) bool {
	return exit.ExitCode() == DeviceLost || exit.ExitCode() == -1
}

// code is the status that a shell would give.
func code(exit *exec.ExitError) int {
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return exit.ExitCode()
}

// mayRestart counts a restart at now, or says why there is none.
func (s *Supervisor) mayRestart(now time.Time, exit *exec.ExitError) error {
	recent := s.restarts[:0]
	for _, at := range s.restarts {
		if now.Sub(at) < within {
			recent = append(recent, at)
		}
	}
	s.restarts = recent
	if len(s.restarts) >= mostRestarts {
		return fmt.Errorf("%w: it was started anew %d times within %s, and ended once more (%s). Look at its last words above, then at the GPU: "+
			"seghub doctor, and dmesg for the driver's Xid errors; SEGHUB_DEVICE=cpu serves without it", ErrGivenUp, len(s.restarts), within, exit)
	}
	s.restarts = append(s.restarts, now)
	return nil
}
