package processes

import (
	"bufio"
	"context"
	_ "embed" // the clock
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"seghub/api/porttest"
)

// patience is how long a Redis may take to answer.
const patience = 20 * time.Second

//go:embed preload/clock.c
var clockSource []byte

// Redis is a redis-server with an append-only file, whose clock can be stepped.
type Redis struct {
	Address string

	process
	folder  string
	library string // what its clock goes by
	clock   string // file of the seconds by which that is off
}

// NewRedis makes one in a folder. clockFolder takes what its clock is stepped with, which wants a C compiler.
func NewRedis(ctx context.Context, folder, clockFolder string) (*Redis, error) {
	address, err := porttest.Free()
	if err != nil {
		return nil, err
	}
	library, err := buildClock(ctx, clockFolder)
	if err != nil {
		return nil, err
	}
	r := &Redis{Address: address, folder: folder, library: library, clock: filepath.Join(clockFolder, "offset")}
	return r, r.Step(0)
}

func buildClock(ctx context.Context, folder string) (library string, err error) {
	source := filepath.Join(folder, "clock.c")
	if err := os.WriteFile(source, clockSource, 0o600); err != nil {
		return "", err
	}
	library = filepath.Join(folder, "clock.so")
	out, err := exec.CommandContext(ctx, "cc", "-shared", "-fPIC", "-O2", "-o", library, source, "-ldl").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the clock: %w\n%s", err, out)
	}
	return library, nil
}

// Start starts the process and waits until it answers.
func (r *Redis) Start(ctx context.Context) error {
	_, port, err := net.SplitHostPort(r.Address)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(context.Background(), "redis-server", "--bind", "127.0.0.1", "--port", port, "--dir", r.folder, // Kill ends it
		"--appendonly", "yes", "--appendfsync", "always", "--save", "", "--auto-aof-rewrite-percentage", "0")
	cmd.Env = append(os.Environ(), "LD_PRELOAD="+r.library, "CLOCK_OFFSET="+r.clock)
	if err := r.start(cmd); err != nil {
		return fmt.Errorf("start a Redis: %w", err)
	}
	return r.Settle(ctx, "PING", "+PONG")
}

// Step sets by how many seconds the clock of this Redis is off, while it runs.
func (r *Redis) Step(seconds int64) error {
	file, err := os.OpenFile(r.clock, os.O_WRONLY|os.O_CREATE, 0o600) // never cut short: Redis has it mapped
	if err != nil {
		return err
	}
	_, err = file.WriteAt(binary.NativeEndian.AppendUint64(nil, uint64(seconds)), 0)
	return errors.Join(err, file.Close())
}

// Settle says a command until its answer begins as wanted, and fails when it does not in time.
func (r *Redis) Settle(ctx context.Context, command, want string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		answer, err := r.Do(ctx, command)
		if err == nil && strings.HasPrefix(answer, want) {
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("redis: %s: %q, want %s: %w", command, answer, want, errors.Join(err, ctx.Err()))
		}
	}
}

// Do says one command, its words divided by spaces, and gives the first line of the answer.
func (r *Redis) Do(ctx context.Context, command string) (string, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", r.Address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return "", err
		}
	}
	if _, err := fmt.Fprintf(conn, "%s\r\n", command); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimSpace(line), err
}
