package budget

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/shirou/gopsutil/v4/mem"
)

// Host is the Gauge of the memory that a process on the CPU runs in: the machine's, or that of the container or the service around it where
// that is less.
type Host struct{}

// groups is where Linux shows the limits of groups of processes: to one in a container often those of its own alone.
const groups = "/sys/fs/cgroup"

// ownGroups names the groups that this process is in, a line a hierarchy.
const ownGroups = "/proc/self/cgroup"

// accounts are the files there that tell of memory: those of version 2, and those of version 1, where no limit is a very high one.
var accounts = []account{
	{limit: "memory.max", used: "memory.current", stat: "memory.stat", files: []string{"inactive_file ", "active_file ", "slab_reclaimable "}},
	{
		folder: "memory", limit: "memory.limit_in_bytes", used: "memory.usage_in_bytes", stat: "memory.stat",
		files: []string{"total_inactive_file ", "total_active_file "},
	},
}

type account struct {
	folder            string // of the hierarchy, which is named like this in ownGroups
	limit, used, stat string // names of files
	// files are what the lines of stat begin with that tell the bytes of pages of files and, where they are charged for, of what the kernel
	// remembers of folders. Active ones are among them: they were read twice, and go as the others do, as the machine's own account has it.
	files []string
}

// Usage measures the host.
func (Host) Usage(ctx context.Context) (Usage, error) {
	host, err := mem.VirtualMemoryWithContext(ctx)
	if err != nil {
		return Usage{}, fmt.Errorf("budget: the host's memory: %w", err)
	}
	usage := Usage{UsedBytes: host.Total - host.Available, TotalBytes: host.Total}
	if inside, ok := limited(groups, ownGroups); ok && inside.TotalBytes < usage.TotalBytes {
		return inside, nil
	}
	return usage, nil
}

// limited reads the lowest of the limits that hold for this process, those of its group and of all around it, and what of that is in use: all
// but the pages of files, which the kernel takes back when somebody needs them. False when there is none.
func limited(groups, ownGroups string) (lowest Usage, ok bool) {
	own, _ := os.ReadFile(ownGroups) // without it the outermost is read alone
	for _, a := range accounts {
		root := filepath.Join(groups, a.folder)
		for group := a.group(string(own)); ; group = filepath.Dir(group) {
			if usage, is := a.read(filepath.Join(root, group)); is && (!ok || usage.TotalBytes < lowest.TotalBytes) {
				lowest, ok = usage, true
			}
			if group == "/" {
				break
			}
		}
	}
	return lowest, ok
}

// group is the one that the process is in, as a path from the outermost, "/". A line is "ID:HIERARCHIES:PATH", and that of version 2 "0::PATH".
// In a container the path may be that of the machine, which is not there: then its outermost group is read all the same.
func (a account) group(own string) string {
	for line := range strings.Lines(own) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) == 3 && slices.Contains(strings.Split(parts[1], ","), a.folder) {
			return filepath.Join("/", parts[2])
		}
	}
	return "/"
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
		for _, files := range a.files {
			if value, is := strings.CutPrefix(line, files); is {
				if pages, err := strconv.ParseUint(strings.TrimSpace(value), 10, 64); err == nil {
					used -= min(used, pages)
				}
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
