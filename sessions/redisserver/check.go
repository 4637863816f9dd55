package redisserver

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// State is what Check found of the Redis that Open would give.
type State struct {
	Kind       string // External, Child or Embedded; of an Embedded nothing else is known
	Where      string // an external server's address, a child's program
	InUse      bool   // a hub runs this child now
	Version    string // such as "7.2.4"
	Eviction   string // its maxmemory-policy
	AppendOnly bool   // it keeps an append-only file
	Untried    error  // why a child was not tried on what is kept of the last one, or, where it has no Version, not at all; nil when it was
}

// answerWithin is how long a Redis may take to answer.
const answerWithin = 5 * time.Second

// Check finds out whether Open would give a Redis that takes writes, and what it is. It leaves nothing behind: a child that no
// hub runs is tried on a copy of the files of dataDir. try is what else must go well there. With an error State has what
// was known until then.
func Check(ctx context.Context, how, dataDir string, try func(context.Context, redis.UniversalClient) error, log *slog.Logger) (state State, err error) {
	kind, what := resolve(how)
	state = State{Kind: kind, Where: what}
	starting := ctx // which is bounded by itself: there may be much to load
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	var client redis.UniversalClient
	stop := func() error { return nil }
	switch kind {
	case Embedded:
		return state, forsaken(how, dataDir)
	case External:
		state.Where = "" // it may hold a password
		e, err := openURL(ctx, what, slog.New(slog.DiscardHandler))
		if err != nil {
			return state, err
		}
		client, stop, state.Where = e.client, e.client.Close, e.where
	case Child:
		running, err := runningChild(ctx, dataDir)
		if err != nil {
			return state, err
		}
		if state.InUse = running != nil; state.InUse {
			client, stop = running, running.Close
			break
		}
		folder, err := os.MkdirTemp("", "seghub-redis-")
		if err != nil { // which says nothing of the server, for a hub needs no such folder
			state.Untried = err
			return state, nil
		}
		defer func() { _ = os.RemoveAll(folder) }() // it is in the system's folder for what does not last
		files := filepath.Join(folder, "redis")
		if err = copyFiles(filepath.Join(dataDir, "redis"), files); errors.Is(err, syscall.ENOSPC) {
			state.Untried = err
			err = os.RemoveAll(files)
		}
		if err != nil {
			return state, fmt.Errorf("redisserver: %w", err)
		}
		if client, stop, err = openChild(starting, what, folder, 0, log); err != nil {
			return state, err
		}
		ctx, cancel = context.WithTimeout(starting, answerWithin)
		defer cancel()
	}
	defer func() { err = errors.Join(err, stop()) }()
	if err := state.ask(ctx, client); err != nil {
		return state, fmt.Errorf("redisserver: %w", err)
	}
	if err := tryWriting(ctx, client); err != nil {
		return state, fmt.Errorf("redisserver: it takes no writes: %w", err)
	}
	return state, try(ctx, client)
}

// copyFiles copies what a child has written: one that loads files may mend their ends, and adds to them.
func copyFiles(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if path == from && errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		there := filepath.Join(to, strings.TrimPrefix(path, from))
		switch {
		case entry.IsDir():
			return os.Mkdir(there, 0o700)
		case !entry.Type().IsRegular() || entry.Name() == reserveName:
			return nil
		}
		return copyFile(path, there)
	})
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// runningChild is a client of the child that a hub runs on dataDir now; nil when there is none.
func runningChild(ctx context.Context, dataDir string) (*redis.Client, error) {
	folder, err := filepath.Abs(filepath.Join(dataDir, "redis"))
	if err != nil {
		return nil, fmt.Errorf("redisserver: %w", err)
	}
	socket, err := socketPath(folder)
	if err != nil {
		return nil, fmt.Errorf("redisserver: %w", err)
	}
	client := newClient(&redis.Options{Network: "unix", Addr: socket})
	if client.Ping(ctx).Err() != nil {
		return nil, client.Close()
	}
	return client, nil
}

// ask reads what the server says of itself. CONFIG would say it too, and is refused by many who run a Redis for others.
func (s *State) ask(ctx context.Context, client redis.UniversalClient) error {
	text, err := client.Info(ctx).Result()
	if err != nil {
		return fmt.Errorf("ask for its state: %w", err)
	}
	info := make(map[string]string)
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		info[name] = value
	}
	s.Version = info["redis_version"]
	s.Eviction = info["maxmemory_policy"]
	s.AppendOnly = info["aof_enabled"] == "1"
	return nil
}

// tryWriting writes a key that is gone soon after, whatever happens.
func tryWriting(ctx context.Context, client redis.UniversalClient) error {
	key := "{seghub}:check:" + rand.Text()
	if err := client.Set(ctx, key, "1", 10*time.Second).Err(); err != nil {
		return err
	}
	return client.Del(ctx, key).Err()
}
