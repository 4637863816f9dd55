package bench

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/shirou/gopsutil/v4/process"

	"seghub/gpuexec/nvml"
)

// processes are a process and those it has started.
type processes []int32

// treeOf is pid's process and what it has started by now.
func treeOf(ctx context.Context, pid int) (processes, error) {
	root, err := process.NewProcessWithContext(ctx, int32(pid))
	if err != nil {
		return nil, fmt.Errorf("process %d: %w", pid, err)
	}
	tree := processes{root.Pid}
	children, err := root.ChildrenWithContext(ctx)
	if err != nil {
		return nil, fmt.Errorf("children of process %d: %w", pid, err)
	}
	for _, child := range children {
		below, err := treeOf(ctx, int(child.Pid))
		if err != nil {
			return nil, err
		}
		tree = append(tree, below...)
	}
	slices.Sort(tree)
	return tree, nil
}

// cpu is the processor time that they have used, user and system.
func (p processes) cpu() (sum time.Duration, err error) {
	for _, pid := range p {
		used, err := cpuTime(pid)
		if err != nil {
			return 0, fmt.Errorf("processor time of process %d: %w", pid, err)
		}
		sum += used
	}
	return sum, nil
}

// resident is how many bytes of memory they have.
func (p processes) resident() (sum int64, err error) {
	for _, pid := range p {
		memory, err := (&process.Process{Pid: pid}).MemoryInfo()
		if err != nil {
			return 0, fmt.Errorf("memory of process %d: %w", pid, err)
		}
		sum += int64(memory.RSS)
	}
	return sum, nil
}

// gpu is the card whose memory the paths take; nil where there is none to ask.
type gpu struct{ device *nvml.Device }

// openGPU opens the one at a PCI bus id; none where that is empty or nobody can tell.
func openGPU(pciBusID string) gpu {
	if pciBusID == "" {
		return gpu{}
	}
	opened, err := nvml.Open(pciBusID)
	if err != nil {
		return gpu{}
	}
	return gpu{opened}
}

// used is how many bytes of its memory are in use, by anybody; 0 where nobody can tell.
func (g gpu) used() int64 {
	if g.device == nil {
		return 0
	}
	usage, err := g.device.Usage()
	if err != nil {
		return 0
	}
	return int64(usage.UsedBytes)
}

func (g gpu) close() {
	if g.device != nil {
		_ = g.device.Close() // it was only read
	}
}
