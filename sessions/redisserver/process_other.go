//go:build unix && !linux

package redisserver

import (
	"os/exec"
	"syscall"
)

// dieWithParent cannot make the child end with a parent that is killed; the next hub ends it.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}

// hasEnded cannot tell here; what is everybody's parent takes notice of each end.
func hasEnded(int) bool { return false }
