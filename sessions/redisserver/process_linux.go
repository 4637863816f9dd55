package redisserver

import (
	"os/exec"
	"syscall"
)

// dieWithParent makes the kernel end the child when this process ends, however it ends.
func dieWithParent(cmd *exec.Cmd) {
	// A process group of its own keeps a Ctrl-C at the terminal from it: the hub still has jobs to write down.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
