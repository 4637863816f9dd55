package redisserver

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestAFullDiskIsWrittenOnFromTheReserve has something else fill the disk of the append-only file, and later make room again.
func TestAFullDiskIsWrittenOnFromTheReserve(t *testing.T) {
	needRedis(t)
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=8m"); err != nil {
		t.Skipf("left out: a full disk: no right to mount a tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Error(err)
		}
	})
	client, _, stop, err := Open(t.Context(), "auto", disk, 1<<20, discard)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	}()
	path := filepath.Join(disk, "redis", "reserve")
	held := func() bool {
		info, err := os.Stat(path)
		return err == nil && info.Size() == 1<<20
	}
	await(t, "the reserve", held)

	camera := filepath.Join(disk, "camera.avi")
	if err := os.WriteFile(camera, make([]byte, 16<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("filling the disk: %v", err)
	}
	line := strings.Repeat("x", 64<<10)
	for i := range 12 { // three quarters of what the reserve has
		if err := client.Set(t.Context(), "key", line, 0).Err(); err != nil {
			t.Fatalf("write %d on the full disk: %v", i, err)
		}
	}
	if held() {
		t.Error("Redis writes on, but the reserve is still there")
	}
	if err := os.Remove(camera); err != nil {
		t.Fatal(err)
	}
	await(t, "the reserve again", held)

	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if _, _, stop, err = Open(t.Context(), "auto", disk, 1<<20, discard); err != nil {
		t.Fatal(err)
	}
	if after, err := os.Stat(path); err != nil || !os.SameFile(before, after) {
		t.Errorf("the next hub took another reserve: %v", err)
	}
}
