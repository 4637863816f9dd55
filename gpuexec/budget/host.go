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

// accounts are the files there that tell of memory: those of version 2, and those of version 1, where no limit is a very high one.
var accounts = []account{
	{limit: "memory.max", used: "memory.current", stat: "memory.stat", files: "inactive_file "},
	{limit: "memory/memory.limit_in_bytes", used: "memory/memory.usage_in_bytes", stat: "memory/memory.stat", files: "total_inactive_file "},
}

type account struct {
	limit, used, stat string // names of files
	files             string // what a line of stat begins with that tells the bytes of pages of files
}

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
	for _, a := range accounts {
		if usage, ok := a.read(folder); ok {
			return usage, true
		}
	}
	return Usage{}, false
}

func (a account) read(folder string) (Usage, bool) {
	limit, ok := number(folder, a.limit)
	if !ok {
		return Usage{}, false
	}
	used, ok := number(folder, a.used)
	if !ok {
		return Usage{}, false
	}
	stat, err := os.ReadFile(filepath.Join(folder, a.stat))
	if err != nil {
		return Usage{}, false
	}
	for line := range strings.Lines(string(stat)) {
		if value, is := strings.CutPrefix(line, a.files); is {
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
