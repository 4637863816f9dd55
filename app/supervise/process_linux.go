package supervise

import (
	"os/exec"
	"syscall"
)

// endWithParent has the kernel end the child when this process ends, however it ends: two hubs on one data folder would be one
// too many.
func endWithParent(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} }
