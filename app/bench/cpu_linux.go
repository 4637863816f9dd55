package bench

import (
	"time"

	"golang.org/x/sys/unix"
)

// cpuTime is the processor time that a process has used. Linux keeps a clock of it a process, to the nanosecond; /proc tells it in
// hundredths of a second, of which a round of a small model has few.
func cpuTime(pid int32) (time.Duration, error) {
	const schedClock = 2 // CPUCLOCK_SCHED, of the process as a whole: see clock_getcpuclockid(3)
	var at unix.Timespec
	if err := unix.ClockGettime(^pid<<3|schedClock, &at); err != nil {
		return 0, err
	}
	return time.Duration(at.Nano()), nil
}
