package redisserver

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// embeddedTimeout is how long a call waits for what it asked: the server is never away, but thousands of jobs at once keep it busy for seconds.
const embeddedTimeout = time.Minute

// openEmbedded runs miniredis in this process. It listens on loopback, where other users of the machine could
// reach it: a password that nobody else knows keeps them out.
func openEmbedded(log *slog.Logger) (redis.UniversalClient, func() error, error) {
	server := miniredis.NewMiniRedis()
	password := rand.Text()
	server.RequireAuth(password)
	if err := server.StartAddr("127.0.0.1:0"); err != nil {
		return nil, nil, fmt.Errorf("redisserver: embedded: %w", err)
	}
	client := newClient(&redis.Options{Addr: server.Addr(), Password: password, ReadTimeout: embeddedTimeout})
	log.Warn("Redis is embedded: sessions and queues do not survive a restart of the hub; install redis-server or set REDIS_URL")

	// miniredis expires keys only when it is told that time has passed.
	stopping := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-stopping:
				return
			case <-ticker.C:
				server.FastForward(time.Second)
			}
		}
	})
	return client, closeOnce(func() error {
		err := client.Close()
		close(stopping)
		done.Wait()
		server.Close()
		return err
	}), nil
}

// closeOnce makes a closing function idempotent; later calls wait for the first and give its error.
func closeOnce(f func() error) func() error { return sync.OnceValue(f) }
