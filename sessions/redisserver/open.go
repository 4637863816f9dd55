package redisserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/redis/go-redis/v9"
)

// The kinds of server that Open gives.
const (
	External = "external"
	Child    = "child"
	Embedded = "embedded"
)

const (
	callTimeout = 2 * time.Second  // to dial, to read, to write
	readyWithin = 60 * time.Second // a large append-only file takes a while to load
	sayAfter    = 2 * time.Second  // that an external one is waited for
	pollEvery   = 20 * time.Millisecond
	muteWithin  = 10 * time.Second // it takes connections and says nothing: it is no Redis, or not spoken to as it wants
)

// Open gives a client of the Redis that how names: "auto", "embedded", or a URL (urlForms).
// A child keeps its files in the folder redis of dataDir, and with them a reserve of so many bytes, MostReserve at most, which it
// may use up when the disk is full. Open returns when the server answers. stop closes the
// client and ends a server that this process runs; it is idempotent and blocks until that is done.
func Open(ctx context.Context, how, dataDir string, reserved int64, log *slog.Logger) (
	client redis.UniversalClient, kind string, stop func() error, err error) {
	log = log.With("part", "redisserver")
	kind, what := resolve(how)
	switch kind {
	case External:
		var e *external
		if e, err = openURL(ctx, what, log); err == nil {
			client, stop = e.client, closeOnce(e.client.Close)
		}
	case Child:
		client, stop, err = openChild(ctx, what, dataDir, reserved, log)
	default:
		if err = forsaken(how, dataDir); err == nil {
			client, stop, err = openEmbedded(log)
		}
	}
	return client, kind, stop, err
}

// forsaken is why a hub that is not told which Redis does not begin anew without what a redis-server has kept for it.
func forsaken(how, dataDir string) error {
	if how != "auto" {
		return nil
	}
	for _, name := range []string{"appendonlydir", "appendonly.aof"} { // of Redis 7, and before
		if kept := filepath.Join(dataDir, "redis", name); exists(kept) {
			return fmt.Errorf("redisserver: the sessions of this hub are in %s, where a redis-server kept them, and there is none on PATH "+
				"(SEGHUB_REDIS=embedded begins without them, and loses their files)", kept)
		}
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// resolve says which kind of server how means, and what it is: an external one's URL, a child's program.
func resolve(how string) (kind, what string) {
	switch how {
	case "embedded":
		return Embedded, ""
	case "auto":
	default:
		return External, how
	}
	if url := os.Getenv("REDIS_URL"); url != "" {
		return External, url
	}
	if binary, err := exec.LookPath("redis-server"); err == nil {
		return Child, binary
	}
	return Embedded, ""
}

func openURL(ctx context.Context, url string, log *slog.Logger) (*external, error) {
	e, err := dial(url)
	if err != nil {
		return nil, err
	}
	patience := time.AfterFunc(sayAfter, func() {
		log.Warn("Redis does not answer yet; it is waited for", "address", e.where, "at_most", readyWithin)
	})
	err = awaitReady(ctx, e.client, e.tls, nil)
	patience.Stop()
	if err == nil {
		err = probe(ctx, e.client)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("redisserver: %s: %w", e.where, err), e.client.Close())
	}
	warnOfEviction(ctx, e.client, log)
	log.Info("Redis is an external server", "address", e.where)
	return e, nil
}

// awaitReady returns when the server answers. It goes on while the server cannot be reached or is loading, until
// ctx ends, it took too long, or gone is closed.
func awaitReady(ctx context.Context, client redis.UniversalClient, tls bool, gone <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	began := time.Now()
	var before error
	for {
		err := client.Ping(ctx).Err()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil && before != nil {
			err = before // that time is up says nothing of the server
		}
		before = err
		if refused(err) {
			return err
		}
		if server, single := client.(*redis.Client); single && hungUp(err) {
			if said := farewell(ctx, server.Options()); said != "" && !passes(said) {
				return errors.New(said)
			}
		}
		if mute(err) && time.Since(began) > muteWithin {
			if tls {
				return errors.New("it takes connections but speaks no TLS: the URL of a server without TLS begins with redis://")
			}
			return errors.New("it takes connections but does not answer: the URL of a server with TLS begins with rediss://")
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("no answer in time: %w", err)
		case <-gone:
			return errors.New("it ended at once; see its log lines above")
		case <-ticker.C:
		}
	}
}
