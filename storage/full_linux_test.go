package storage

import (
	"bytes"
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"
)

// TestFullDisk fills a real file system of 256 KiB.
func TestFullDisk(t *testing.T) {
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("left out: a full disk: no right to mount a tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Error(err)
		}
	})
	s := open(t, disk)

	key := ImageKey("s", "large")
	n, err := s.Put(t.Context(), key, bytes.NewReader(randomBytes(1<<20)), 2<<20)
	if !errors.Is(err, ErrFull) || !errors.Is(err, syscall.ENOSPC) || n != 0 {
		t.Fatalf("Put of more than the disk holds: %d, %v; want ErrFull", n, err)
	}
	wantAbsent(t, s, key)
	wantNoFiles(t, s)

	// The room is there again: the same key takes a smaller blob.
	small := randomBytes(100 << 10)
	if err := s.Write(t.Context(), key, small); err != nil {
		t.Fatal(err)
	}
	wantBlob(t, s, key, small)

	if _, err := s.Announce(t.Context(), "hub", time.Minute); err != nil {
		t.Fatal(err)
	}

	// A full disk harms nothing that lies on it, and deleting works on it.
	stored := 0
	for {
		err := s.Write(t.Context(), ImageKey("other", fmt.Sprint(stored)), randomBytes(20<<10))
		if errors.Is(err, ErrFull) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		stored++
	}
	wantBlob(t, s, key, small)
	for i := range stored {
		wantBlob(t, s, ImageKey("other", fmt.Sprint(i)), randomBytes(20<<10))
	}
	for i, err := 0, error(nil); err == nil; i++ { // to the last page
		err = s.Write(t.Context(), ImageKey("other", fmt.Sprint("tiny", i)), []byte("x"))
	}
	if others, err := s.Announce(t.Context(), "hub", time.Minute); err != nil || len(others) > 0 {
		t.Errorf("Announce on a full disk: %v, %v", others, err)
	}
	if _, err := s.Announce(t.Context(), "newcomer", time.Minute); !errors.Is(err, ErrFull) {
		t.Errorf("first Announce on a full disk: %v; want ErrFull", err)
	}
	if err := s.DeleteSession(t.Context(), "other"); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), ImageKey("s", "again"), randomBytes(20<<10)); err != nil {
		t.Fatal(err)
	}
}
