package budget

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheHostIsMeasured(t *testing.T) {
	usage, err := Host{}.Usage(t.Context())
	if err != nil || usage.TotalBytes == 0 || usage.UsedBytes == 0 || usage.UsedBytes > usage.TotalBytes {
		t.Errorf("%+v, %v", usage, err)
	}
	if usage.Utilisation != nil || usage.TemperatureC != nil {
		t.Error("the host has a GPU's utilisation")
	}
}

func TestAGroupsLimitCountsWithoutThePagesOfFiles(t *testing.T) {
	const noLimit = "max"
	for name, c := range map[string]struct {
		own   string
		files map[string]string // by group: limit, and of 6000 bytes in use how many are files'
		want  Usage             // none where there is no limit
	}{
		"nobody has a limit":       {"0::/", map[string]string{"/": ""}, Usage{}},
		"no limit":                 {"0::/", map[string]string{"/": noLimit}, Usage{}},
		"a container":              {"0::/\n", map[string]string{"/": "8000"}, Usage{UsedBytes: 3500, TotalBytes: 8000}},
		"a service":                {"0::/system.slice/seghub.service\n", map[string]string{"/system.slice/seghub.service": "8000"}, Usage{UsedBytes: 3500, TotalBytes: 8000}},
		"all services":             {"0::/system.slice/seghub.service\n", map[string]string{"/system.slice": "7000", "/system.slice/seghub.service": noLimit}, Usage{UsedBytes: 3500, TotalBytes: 7000}},
		"of two the lower":         {"0::/lab/hub\n", map[string]string{"/lab": "9000", "/lab/hub": "8000"}, Usage{UsedBytes: 3500, TotalBytes: 8000}},
		"of another":               {"0::/lab/hub\n", map[string]string{"/lab/other": "8000"}, Usage{}},
		"a path of the machine's":  {"0::/docker/1234\n", map[string]string{"/": "8000"}, Usage{UsedBytes: 3500, TotalBytes: 8000}},
		"version 1":                {"5:cpu,cpuacct:/x\n4:memory:/jobs/17\n0::/\n", map[string]string{"memory/jobs/17": "8000"}, Usage{UsedBytes: 3500, TotalBytes: 8000}},
		"version 1 in a container": {"4:memory:/docker/1234\n", map[string]string{"memory": "8000"}, Usage{UsedBytes: 3500, TotalBytes: 8000}},
		"it does not say where":    {"", map[string]string{"/": "8000"}, Usage{UsedBytes: 3500, TotalBytes: 8000}},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			write := func(name, text string) {
				t.Helper()
				if err := os.MkdirAll(filepath.Dir(filepath.Join(folder, name)), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			write("own", c.own)
			for group, limit := range c.files {
				names := []string{"memory.max", "memory.current", "memory.stat", "slab_reclaimable 100\ninactive_file 400\nactive_file 2000\n"}
				if strings.HasPrefix(group, "memory") {
					names = []string{"memory.limit_in_bytes", "memory.usage_in_bytes", "memory.stat", "inactive_file 100\nactive_file 100\ntotal_inactive_file 400\ntotal_active_file 2100\n"}
				}
				if limit != "" {
					write(filepath.Join(group, names[0]), limit+"\n")
				}
				write(filepath.Join(group, names[1]), "6000\n")
				write(filepath.Join(group, names[2]), "anon 1000\n"+names[3])
			}
			if got, ok := limited(folder, filepath.Join(folder, "own")); got != c.want || ok != (c.want != Usage{}) {
				t.Errorf("%+v, %t", got, ok)
			}
		})
	}
}
