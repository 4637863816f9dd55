package redisserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
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
	pollEvery   = 20 * time.Millisecond
	muteWithin  = 10 * time.Second // it takes connections and says nothing: it is no Redis, or not spoken to as it wants
)

// Open gives a client of the Redis that how names: "auto", "embedded", or a URL as redis://user:password@host:6379/0.
// A child keeps its files in the folder redis of dataDir, and with them a reserve of so many bytes, MostReserve at most, which it
// may use up when the disk is full. Open returns when the server answers. stop closes the
// client and ends a server that this process runs; it is idempotent and blocks until that is done.
func Open(ctx context.Context, how, dataDir string, reserved int64, log *slog.Logger) (
	client redis.UniversalClient, kind string, stop func() error, err error) {
	log = log.With("part", "redisserver")
	kind, what := resolve(how)
	switch kind {
	case External:
		client, stop, err = openURL(ctx, what, log)
	case Child:
		client, stop, err = openChild(ctx, what, dataDir, reserved, log)
	default:
		client, stop, err = openEmbedded(log)
	}
	return client, kind, stop, err
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

func openURL(ctx context.Context, url string, log *slog.Logger) (redis.UniversalClient, func() error, error) {
	options, err := redis.ParseURL(url)
	if err != nil {
		// The error may quote the URL, which may hold a password.
		return nil, nil, errors.New("redisserver: the Redis URL is not valid: want redis://[user:password@]host[:port][/db]")
	}
	client := newClient(options)
	if err := awaitReady(ctx, client, nil); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("redisserver: %s: %w", options.Addr, err), client.Close())
	}
	if err := probe(ctx, client); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("redisserver: %s: %w", options.Addr, err), client.Close())
	}
	warnOfEviction(ctx, client, log)
	log.Info("Redis is an external server", "address", options.Addr)
	return client, closeOnce(client.Close), nil
}

// newClient makes a client that gives up quickly: callers know better than to wait when Redis is away.
func newClient(options *redis.Options) *redis.Client {
	if options.DialTimeout == 0 {
		options.DialTimeout = callTimeout
	}
	if options.ReadTimeout == 0 {
		options.ReadTimeout = callTimeout
	}
	if options.WriteTimeout == 0 {
		options.WriteTimeout = callTimeout
	}
	options.DialerRetries = 1
	options.MaxRetries = 2
	options.ContextTimeoutEnabled = true
	options.DisableIdentity = true
	options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return redis.NewClient(options)
}

// awaitReady returns when the server answers. It goes on while the server cannot be reached or is loading, until
// ctx ends, it took too long, or gone is closed.
func awaitReady(ctx context.Context, client *redis.Client, gone <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	began := time.Now()
	for {
		err := client.Ping(ctx).Err()
		if err == nil {
			return nil
		}
		if refused(err) {
			return err
		}
		if mute(err) && time.Since(began) > muteWithin {
			if client.Options().TLSConfig != nil {
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
