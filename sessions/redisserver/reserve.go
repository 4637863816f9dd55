package redisserver

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/shirou/gopsutil/v4/disk"
)

// MostReserve is the most that a reserve takes of the disk: room for some ten thousand cancelled jobs.
const MostReserve = 16 << 20

// reserveEvery is how often the reserve looks at Redis.
const reserveEvery = 250 * time.Millisecond

// reserve is a file that takes room on the disk of the append-only file. When something else has filled that disk, Redis
// refuses every write, also those that would free room. Then the reserve is given up, and Redis writes on; it is taken again
// when there is room.
type reserve struct {
	folder string
	size   int64 // bytes
	client *redis.Client
	log    *slog.Logger
}

func (r *reserve) path() string { return filepath.Join(r.folder, "reserve") }

// keep looks after the reserve until stopping is closed.
func (r *reserve) keep(stopping <-chan struct{}) {
	held := r.take() == nil
	ticker := time.NewTicker(reserveEvery)
	defer ticker.Stop()
	for {
		select {
		case <-stopping:
			return
		case <-ticker.C:
		}
		ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
		info, err := r.client.Info(ctx, "persistence").Result()
		cancel()
		if err != nil {
			continue // it is away or loading, and tells later
		}
		writes := !strings.Contains(info, "aof_last_write_status:err")
		switch {
		case held && !writes:
			held = false
			if err := os.Remove(r.path()); err != nil {
				r.log.Error("the disk is full, and the reserve cannot be given up", "error", err)
				continue
			}
			r.log.Error("the disk is full: the reserve is given up, so that sessions can be ended", "folder", r.folder, "bytes", r.size)
		case !held && writes && r.room():
			if held = r.take() == nil; held {
				r.log.Info("there is room on the disk again: the reserve is kept", "folder", r.folder)
			}
		}
	}
}

// room reports whether the disk has room for the reserve, and as much again.
func (r *reserve) room() bool {
	usage, err := disk.Usage(r.folder)
	return err == nil && usage.Free >= 2*uint64(r.size)
}

// take makes the file unless it is there. Random bytes take their room on every file system, also on one that compresses.
func (r *reserve) take() error {
	if info, err := os.Stat(r.path()); err == nil && info.Size() == r.size {
		return nil
	}
	if !r.room() {
		return fmt.Errorf("redisserver: no room for a reserve of %d bytes", r.size)
	}
	f, err := os.Create(r.path())
	if err != nil {
		return err
	}
	_, err = io.CopyN(f, rand.Reader, r.size)
	if err == nil {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		_ = os.Remove(r.path()) // half of it serves nobody
	}
	return err
}
