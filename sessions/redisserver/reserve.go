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
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/shirou/gopsutil/v4/disk"
)

// MostReserve is the most that a reserve takes of the disk: room for some ten thousand cancelled jobs.
const MostReserve = 16 << 20

const (
	// reserveName is that of its file, beside Redis' own.
	reserveName = "reserve"
	// reserveEvery is how often the reserve looks at Redis.
	reserveEvery = 250 * time.Millisecond
	// spentWithin is how long Redis may take to write on once the reserve is given up: a sync that is under way may hold it up.
	spentWithin = 2 * time.Second
	// rewriteAt is by how many percent the append-only file may grow before it is rewritten: the default.
	rewriteAt = "100"
)

// reserve is a file that takes room on the disk of the append-only file. When something else has filled that disk, Redis
// refuses every write, also those that would free room. Then the reserve is given up, and Redis writes on; it is taken again
// when there is room. A write that was refused for want of it is sent again: MISCONF means that nothing was done.
type reserve struct {
	folder string
	size   int64 // bytes
	client redis.UniversalClient
	log    *slog.Logger

	mu    sync.Mutex
	held  bool      // guarded by mu: the file is there
	spent time.Time // guarded by mu: when it was given up last
}

func (r *reserve) path() string { return filepath.Join(r.folder, reserveName) }

// keep looks after the reserve until stopping is closed.
func (r *reserve) keep(stopping <-chan struct{}) {
	r.take()
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
		if err == nil { // else it is away or loading, and tells later
			if strings.Contains(info, "aof_last_write_status:err") {
				r.spend(ctx)
			} else if r.take() {
				r.rewriting(ctx, rewriteAt)
				r.log.Info("there is room on the disk again: the reserve is kept", "folder", r.folder)
			}
		}
		cancel()
	}
}

// spend gives the reserve up, and reports whether it was there until now or a moment ago, so that Redis is about to write on.
func (r *reserve) spend(ctx context.Context) bool {
	r.mu.Lock()
	held := r.held
	if held {
		r.held, r.spent = false, time.Now()
		if err := os.Remove(r.path()); err != nil {
			r.log.Error("the disk is full, and the reserve cannot be given up", "error", err)
		}
	}
	soon := time.Since(r.spent) < spentWithin
	r.mu.Unlock()
	if held {
		r.log.Error("the disk is full: the reserve is given up, so that sessions can be ended", "folder", r.folder, "bytes", r.size)
		r.rewriting(ctx, "0")
	}
	return soon
}

// rewriting sets when Redis rewrites its append-only file. While the reserve is spent it must not: half of a second file, which
// is deleted again, would take what is left.
func (r *reserve) rewriting(ctx context.Context, percent string) {
	if err := r.client.ConfigSet(ctx, "auto-aof-rewrite-percentage", percent).Err(); err != nil {
		r.log.Warn("when Redis rewrites its log is not changed", "percent", percent, "error", err)
	}
}

// take makes the file if there is room for it and as much again, and reports whether it was made now. One of an earlier hub is kept,
// unless it is of another size or that one died while it wrote. Random bytes take their room on every file system, also on one
// that compresses.
func (r *reserve) take() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held {
		return false
	}
	if info, err := os.Stat(r.path()); err == nil && info.Size() == r.size {
		r.held = true
		return false
	}
	if usage, err := disk.Usage(r.folder); err != nil || usage.Free < 2*uint64(r.size) {
		return false
	}
	if err := r.write(); err != nil {
		_ = os.Remove(r.path()) // half of it serves nobody
		return false
	}
	r.held = true
	return true
}

func (r *reserve) write() error {
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
	return err
}

// ProcessHook has a command that Redis refuses for want of room go on from the reserve.
func (r *reserve) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, command redis.Cmder) error {
		for {
			err := next(ctx, command)
			if !redis.HasErrorPrefix(err, "MISCONF") || !r.spend(ctx) {
				return err
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("%w: %w", ctx.Err(), err)
			case <-time.After(pollEvery):
			}
		}
	}
}

// DialHook changes nothing.
func (r *reserve) DialHook(next redis.DialHook) redis.DialHook {
	return next
}

// ProcessPipelineHook changes nothing: the hub writes by scripts, one at a time.
func (r *reserve) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
