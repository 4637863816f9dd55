//go:build !linux

package bench

import (
	"time"

	"github.com/shirou/gopsutil/v4/process"
)

// cpuTime is the processor time that a process has used.
func cpuTime(pid int32) (time.Duration, error) {
	times, err := (&process.Process{Pid: pid}).Times()
	if err != nil {
		return 0, err
	}
	return time.Duration((times.User + times.System) * float64(time.Second)), nil
}
