package budget

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/shirou/gopsutil/v4/mem"
)

// Host is the Gauge of the memory that a process on the CPU runs in: the machine's, or that of the container around it where that
// is less.
type Host struct{}

// cgroup is where Linux shows a process the limits of its own container.
const cgroup = "/sys/fs/cgroup"

// Usage measures the host.
func (Host) Usage(ctx context.Context) (Usage, error) {
	host, err := mem.VirtualMemoryWithContext(ctx)
	if err != nil {
		return Usage{}, fmt.Errorf("budget: the host's memory: %w", err)
	}
	usage := Usage{UsedBytes: host.Total - host.Available, TotalBytes: host.Total}
	if inside, ok := container(cgroup); ok && inside.TotalBytes < usage.TotalBytes {
		return inside, nil
	}
	return usage, nil
}

// container reads the limit of a container, and what of it is in use: all but the pages of files, which the kernel takes back
// when somebody needs them. False when there is no limit.
func container(folder string) (Usage, bool) {
	limit, ok := number(folder, "memory.max")
	if !ok {
		return Usage{}, false
	}
	used, ok := number(folder, "memory.current")
	if !ok {
		return Usage{}, false
	}
	stat, err := os.ReadFile(filepath.Join(folder, "memory.stat"))
	if err != nil {
		return Usage{}, false
	}
	for line := range strings.Lines(string(stat)) {
		if value, is := strings.CutPrefix(line, "inactive_file "); is {
			if pages, err := strconv.ParseUint(strings.TrimSpace(value), 10, 64); err == nil {
				used -= min(used, pages)
			}
		}
	}
	return Usage{UsedBytes: used, TotalBytes: limit}, true
}

// number reads a file of one number; false when there is none, as where the limit is "max".
func number(folder, name string) (uint64, bool) {
	text, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil
}
