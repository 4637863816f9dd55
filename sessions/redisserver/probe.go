package redisserver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"

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
	if !errors.As(err, &answer) {
		return false
	}
	for _, prefix := range passing {
		if strings.HasPrefix(answer.Error(), prefix) {
			return false
		}
	}
	return true
}

// mute reports whether nothing came in time from whoever was called.
func mute(err error) bool {
	var network net.Error
	return errors.As(err, &network) && network.Timeout()
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
