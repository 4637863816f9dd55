package processes

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// process is a program that can be started again after it has ended.
type process struct {
	running *exec.Cmd // nil while it is down
}

func (p *process) start(cmd *exec.Cmd) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	p.running = cmd
	return nil
}

// Pid is that of the running process.
func (p *process) Pid() int { return p.running.Process.Pid }

// Signal sends one to the running process.
func (p *process) Signal(s syscall.Signal) error {
	if p.running == nil {
		return os.ErrProcessDone
	}
	return p.running.Process.Signal(s)
}

// end sends a signal and waits until the process is gone; how it ended does not matter.
func (p *process) end(s syscall.Signal) error {
	if p.running == nil {
		return nil
	}
	if err := p.running.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	err := p.running.Wait()
	p.running = nil
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil
	}
	return err
}

// Kill ends the process as a power cut would, and waits for it.
func (p *process) Kill() error { return p.end(syscall.SIGKILL) }
