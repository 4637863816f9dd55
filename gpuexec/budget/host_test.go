package budget

import (
	"os"
	"path/filepath"
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

func TestAContainersLimitCountsWithoutThePagesOfFiles(t *testing.T) {
	write := func(folder, name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	folder := t.TempDir()
	if _, ok := container(folder); ok {
		t.Error("a folder without files has a limit")
	}
	write(folder, "memory.max", "8000\n")
	write(folder, "memory.current", "6000\n")
	write(folder, "memory.stat", "anon 1000\ninactive_file 2500\nactive_file 10\n")
	if got, ok := container(folder); !ok || got != (Usage{UsedBytes: 3500, TotalBytes: 8000}) {
		t.Errorf("%+v, %t", got, ok)
	}
	write(folder, "memory.max", "max\n")
	if _, ok := container(folder); ok {
		t.Error("a container without a limit has one")
	}

	first := t.TempDir() // version 1
	if err := os.Mkdir(filepath.Join(first, "memory"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(first, "memory/memory.limit_in_bytes", "8000\n")
	write(first, "memory/memory.usage_in_bytes", "6000\n")
	write(first, "memory/memory.stat", "inactive_file 100\ntotal_inactive_file 2500\n")
	if got, ok := container(first); !ok || got != (Usage{UsedBytes: 3500, TotalBytes: 8000}) {
		t.Errorf("of the first version: %+v, %t", got, ok)
	}
}
