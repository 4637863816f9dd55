package ort

import "golang.org/x/sys/unix"

// inferencePriority is the nice value of the threads that compute on the CPU: beside one of them, a thread of the usual
// priority gets nine tenths of a core.
const inferencePriority = 10

// yieldCPU has the calling OS thread, and those that it starts from now on, take what the rest of the process leaves. Models
// fill every core: as equals, decoding, postprocessing and the sockets would wait for theirs longer than they work.
func yieldCPU() error {
	raw, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err != nil {
		return err
	}
	if nice := 20 - raw; nice >= inferencePriority { // the system call answers 20 - nice
		return nil // the whole program was started so, and may not raise itself
	}
	return unix.Setpriority(unix.PRIO_PROCESS, 0, inferencePriority)
}
