package redisserver

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// urlForms says how a Redis is named: one server, a cluster by some of its nodes, or whatever server a group of sentinels names
// as its master now. rediss and unix are other ways to reach one server; rediss+cluster and rediss+sentinel have TLS.
const urlForms = "redis://[user:password@]host[:port][/db], redis+cluster://[user:password@]host:port[?addr=host:port...], " +
	"or redis+sentinel://host:port[/db]?master_name=NAME[&username=...&password=...&addr=host:port...]; " +
	"in a password %25 stands for %, %2F for /, %3A for :, %3F for ?, %23 for # and %40 for @"

// ErrURL means that what names a Redis is no URL of one. It does not quote it: there may be a password in it.
var ErrURL = errors.New("the Redis URL is not valid: want " + urlForms)

// external is a Redis that runs by itself.
type external struct {
	client redis.UniversalClient
	where  string // without a password
	tls    bool
}

// dial makes a client of the Redis that a URL names. Nothing is asked yet.
func dial(url string) (*external, error) {
	malformed := fmt.Errorf("redisserver: %w", ErrURL)
	scheme, rest, whole := strings.Cut(url, "://")
	if !whole { // for the parser, redis:host is this machine
		return nil, malformed
	}
	plain, way, _ := strings.Cut(scheme, "+")
	url = plain + "://" + rest
	switch way {
	default:
		return nil, malformed
	case "cluster":
		options, err := redis.ParseClusterURL(url)
		if err != nil {
			return nil, malformed
		}
		hurry(&options.DialTimeout, &options.ReadTimeout, &options.WriteTimeout)
		options.DialerRetries, options.MaxRetries, options.ContextTimeoutEnabled, options.DisableIdentity = 1, 2, true, true
		options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
		return &external{redis.NewClusterClient(options), "cluster of " + strings.Join(options.Addrs, " "), options.TLSConfig != nil}, nil
	case "sentinel":
		options, err := redis.ParseFailoverURL(url)
		if err != nil || options.MasterName == "" {
			return nil, malformed
		}
		hurry(&options.DialTimeout, &options.ReadTimeout, &options.WriteTimeout)
		options.DialerRetries, options.MaxRetries, options.ContextTimeoutEnabled, options.DisableIdentity = 1, 2, true, true
		return &external{redis.NewFailoverClient(options), options.MasterName + " of " + strings.Join(options.SentinelAddrs, " "),
			options.TLSConfig != nil}, nil
	case "":
		options, err := redis.ParseURL(url)
		if err != nil {
			return nil, malformed
		}
		return &external{newClient(options), options.Addr, options.TLSConfig != nil}, nil
	}
}

// newClient makes a client of one server.
func newClient(options *redis.Options) *redis.Client {
	hurry(&options.DialTimeout, &options.ReadTimeout, &options.WriteTimeout)
	options.DialerRetries, options.MaxRetries, options.ContextTimeoutEnabled, options.DisableIdentity = 1, 2, true, true
	options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return redis.NewClient(options)
}

// hurry makes a client give up quickly, unless its URL says otherwise: callers know better than to wait when Redis is away.
func hurry(timeouts ...*time.Duration) {
	for _, timeout := range timeouts {
		if *timeout == 0 {
			*timeout = callTimeout
		}
	}
}
