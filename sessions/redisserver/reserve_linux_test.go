package redisserver

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
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
	held := func() bool {
		info, err := os.Stat(filepath.Join(disk, "redis", "reserve"))
		return err == nil && info.Size() == 1<<20
	}
	await(t, "the reserve", held)

	camera := filepath.Join(disk, "camera.avi")
	if err := os.WriteFile(camera, make([]byte, 16<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("filling the disk: %v", err)
	}
	line := string(make([]byte, 8<<10))
	refused := false
	await(t, "a write after the disk was full", func() bool {
		err := client.Set(t.Context(), "key", line, 0).Err()
		refused = refused || err != nil
		return refused && err == nil
	})
	if held() {
		t.Error("Redis writes on, but the reserve is still there")
	}
	if err := os.Remove(camera); err != nil {
		t.Fatal(err)
	}
	await(t, "the reserve again", held)
}

// await waits until ok.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	timeout := time.NewTimer(20 * time.Second)
	defer timeout.Stop()
	for !ok() {
		select {
		case <-ticker.C:
		case <-timeout.C:
			t.Fatalf("%s did not come about", what)
		}
	}
}
