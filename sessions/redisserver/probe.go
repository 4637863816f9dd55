package redisserver

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// hashTag begins the keys and channels of a hub: what a user of Redis must be allowed to touch.
const hashTag = "{seghub}"

// passing begins those answers of a server that waiting mends.
var passing = []string{"LOADING", "BUSY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "READONLY", "MISCONF", "OOM", "NOREPLICAS",
	"ERR max number of clients reached"}

// refused reports whether the server answered that it does not want this client, or is not what the client takes it for: neither
// is mended by waiting.
func refused(err error) bool {
	var (
		answer    redis.Error
		notTLS    tls.RecordHeaderError
		untrusted *tls.CertificateVerificationError
	)
	if errors.As(err, &notTLS) || errors.As(err, &untrusted) {
		return true
	}
	return errors.As(err, &answer) && !passes(answer.Error())
}

func passes(answer string) bool {
	return slices.ContainsFunc(passing, func(prefix string) bool { return strings.HasPrefix(answer, prefix) })
}

// farewell is what a server says to whom it hangs up on before it has heard anything, as one in protected mode does to other machines; empty where
// it says nothing. The client has no ear for it.
func farewell(ctx context.Context, server *redis.Options) string {
	conn, err := server.Dialer(ctx, server.Network, server.Addr)
	if err != nil {
		return ""
	}
	defer func() { _ = conn.Close() }() // nothing was written
	if conn.SetReadDeadline(time.Now().Add(callTimeout)) != nil {
		return ""
	}
	line, _ := bufio.NewReader(conn).ReadString('\n') // what came of it
	answer, said := strings.CutPrefix(line, "-")
	if !said {
		return ""
	}
	return strings.TrimSpace(answer)
}

// hungUp reports whether the connection ended while it was spoken with.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
}

// mute reports whether nothing came in time from whoever took the call; a machine that is not there takes none.
func mute(err error) bool {
	var (
		network net.Error
		call    *net.OpError
	)
	return errors.As(err, &network) && network.Timeout() && !(errors.As(err, &call) && call.Op == "dial")
}

// probe does one of each thing that a hub does with Redis, so that a right that its user lacks is told at the start. What only
// cannot be done now is no error.
func probe(ctx context.Context, client redis.UniversalClient) error {
	key := hashTag + ":probe"
	write := redis.NewScript("redis.call('SET', KEYS[1], '1') redis.call('DEL', KEYS[1]) return redis.call('PUBLISH', KEYS[1], '')")
	err := write.Run(ctx, client, []string{key}).Err()
	if redis.HasErrorPrefix(err, "MOVED") {
		return errors.New("it is one of a Redis Cluster: the URL of a cluster begins with redis+cluster://")
	}
	if err != nil && refused(err) {
		return fmt.Errorf("its user must be allowed scripts, keys and channels that begin with %s: %w", hashTag, err)
	}
	heard := client.Subscribe(ctx, key)
	defer heard.Close()
	if _, err := heard.Receive(ctx); err != nil && refused(err) {
		return fmt.Errorf("its user must be allowed to subscribe to channels that begin with %s: %w", hashTag, err)
	}
	return nil
}

// warnOfEviction says so when the server may throw sessions and jobs away to make room.
func warnOfEviction(ctx context.Context, client redis.UniversalClient, log *slog.Logger) {
	info, err := client.Info(ctx, "memory").Result()
	_, rest, told := strings.Cut(info, "maxmemory_policy:")
	if err != nil || !told {
		return
	}
	if policy, _, _ := strings.Cut(rest, "\r\n"); policy != "noeviction" {
		log.Warn("Redis evicts keys when its memory is full: sessions, jobs and results will be lost; set maxmemory-policy to noeviction",
			"policy", policy)
	}
}
