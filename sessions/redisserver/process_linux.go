package redisserver

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// dieWithParent makes the kernel end the child when this process ends, however it ends.
func dieWithParent(cmd *exec.Cmd) {
	// A process group of its own keeps a Ctrl-C at the terminal from it: the hub still has jobs to write down.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}

// hasEnded tells whether process pid has ended and nobody has taken notice yet. That may be for good: the first process of a container, which
// is the parent of all whose own is gone, often waits for none but its own.
func hasEnded(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)) // "PID (NAME) STATE ...", and any name
	state := bytes.TrimSpace(stat[bytes.LastIndexByte(stat, ')')+1:])
	return err == nil && len(state) > 0 && (state[0] == 'Z' || state[0] == 'X')
}
