package redisserver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	stopWithin   = 10 * time.Second // for the last write of the append-only file, then it is killed
	restartAfter = 200 * time.Millisecond
)

// child is a redis-server that this process runs and starts again when it dies.
type child struct {
	binary, folder, socket string
	log                    *slog.Logger

	stopping chan struct{} // closed by stop
	done     chan struct{} // closed when the last process has ended and nothing runs any more
}

// openChild starts redis-server in the folder redis of dataDir, and keeps a reserve of so many bytes beside its files. One hub
// at a time may use a data folder.
func openChild(ctx context.Context, binary, dataDir string, reserved int64, log *slog.Logger) (redis.UniversalClient, func() error, error) {
	folder, err := filepath.Abs(filepath.Join(dataDir, "redis"))
	if err != nil {
		return nil, nil, fmt.Errorf("redisserver: %w", err)
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, nil, fmt.Errorf("redisserver: %w", err)
	}
	socket, err := socketPath(folder)
	if err != nil {
		return nil, nil, fmt.Errorf("redisserver: %w", err)
	}
	unlock, err := lockFolder(folder)
	if err != nil {
		return nil, nil, fmt.Errorf("redisserver: %s: %w", folder, err)
	}
	client := newClient(&redis.Options{Network: "unix", Addr: socket})
	if err := endOrphan(ctx, client); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("redisserver: a redis-server of an earlier hub: %w", err), client.Close(), unlock())
	}
	c := &child{binary: binary, folder: folder, socket: socket, log: log,
		stopping: make(chan struct{}), done: make(chan struct{})}
	ended := make(chan struct{})
	go c.supervise(ended)
	var keepers sync.WaitGroup
	stop := closeOnce(func() error {
		close(c.stopping)
		keepers.Wait()
		err := client.Close()
		<-c.done
		return errors.Join(err, unlock())
	})
	if err := awaitReady(ctx, client, false, ended); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("redisserver: %s: %w", binary, err), stop())
	}
	if reserved > 0 {
		r := &reserve{folder: folder, size: min(reserved, MostReserve), client: client, log: log}
		client.AddHook(r)
		keepers.Go(func() { r.keep(c.stopping) })
	}
	log.Info("Redis is a child of this hub", "folder", folder)
	return client, stop, nil
}

// supervise runs the server again and again until stop. ended is closed when it ends for the first time.
func (c *child) supervise(ended chan<- struct{}) {
	defer close(c.done)
	// The kernel ends the child when the thread that started it ends: this one stays for as long as it runs.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for first := true; ; first = false {
		err := c.runOnce()
		if first {
			close(ended)
		}
		select {
		case <-c.stopping:
			return
		default:
		}
		c.log.Error("redis-server ended; it is started again", "error", err)
		select {
		case <-c.stopping:
			return
		case <-time.After(restartAfter):
		}
	}
}

// runOnce runs the server until it ends or stop asks it to.
func (c *child) runOnce() error {
	//nolint:noctx // stop asks it to end, and waits: a killed server may not have written all
	cmd := exec.Command(c.binary,
		"--port", "0", "--unixsocket", c.socket, "--unixsocketperm", "700",
		"--dir", c.folder, "--appendonly", "yes", "--appendfsync", "everysec", "--save", "",
		"--daemonize", "no", "--loglevel", "warning", "--maxmemory-policy", "noeviction")
	dieWithParent(cmd)
	output, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		return err
	}
	var stopper sync.WaitGroup
	exited := make(chan struct{})
	stopper.Go(func() {
		select {
		case <-exited:
			return
		case <-c.stopping:
		}
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended just now
		select {
		case <-exited:
		case <-time.After(stopWithin):
			_ = cmd.Process.Kill()
		}
	})
	c.forward(output) // until it closes its end
	err = cmd.Wait()
	close(exited)
	stopper.Wait()
	return err
}

// chatter begins those of its warnings that tell of nothing but an ordinary start or stop.
var chatter = []string{"oO0OoO0OoO0Oo", "Redis version=", "Configuration loaded", "Server initialized", "User requested shutdown",
	"Redis is now ready to exit", "Received SIGTERM", "Received shutdown"}

// forward logs the server's lines, "PID:ROLE DATE TIME LEVEL message"; # is the level of its warnings.
func (c *child) forward(output io.Reader) {
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		_, message, isWarning := strings.Cut(lines.Text(), " # ")
		for _, prefix := range chatter {
			isWarning = isWarning && !strings.HasPrefix(message, prefix)
		}
		if isWarning {
			c.log.Warn("redis-server: " + message)
		} else {
			c.log.Debug("redis-server: " + lines.Text())
		}
	}
	_, _ = io.Copy(io.Discard, output) // a line too long must not block it
}

// endOrphan ends a server that still listens on our socket. The folder is locked, so that it can only be the child
// of a hub that was killed; it is on its way out, and its append-only file must be whole before the next one reads.
func endOrphan(ctx context.Context, client *redis.Client) error {
	info, err := client.InfoMap(ctx, "server").Result()
	if err != nil && !strings.HasPrefix(err.Error(), "LOADING") {
		return nil // nobody listens
	}
	var pid int
	_, _ = fmt.Sscan(info["Server"]["process_id"], &pid)
	_ = client.Shutdown(ctx).Err() // answers by closing the connection
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	ctx, cancel := context.WithTimeout(ctx, stopWithin)
	defer cancel()
	for {
		if client.Ping(ctx).Err() != nil && !alive(pid) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("process %d does not end: %w", pid, ctx.Err())
		case <-ticker.C:
		}
	}
}

// alive reports whether there is a process pid that has not ended.
func alive(pid int) bool {
	if pid <= 0 || hasEnded(pid) {
		return false
	}
	p, err := os.FindProcess(pid)
	return err == nil && p.Signal(syscall.Signal(0)) == nil
}
