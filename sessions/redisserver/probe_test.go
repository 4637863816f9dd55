package redisserver

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
)

// TestAUserWithoutRights is refused at once, with Redis's own reason.
func TestAUserWithoutRights(t *testing.T) {
	needRedis(t)
	server, _, _ := open(t, "auto", t.TempDir(), discard)
	socket := server.(*redis.Client).Options().Addr
	for _, c := range []struct{ name, rules, says string }{
		{"everything", "~* &* +@all", ""},
		{"its own keys and channels", "~{seghub}* &{seghub}* +@all", ""},
		{"no channels", "~* +@all", "channel"},
		{"no scripts", "~* &* +@all -@scripting", "NOPERM"},
		{"other keys", "~x:* &* +@all", "NOPERM"},
		{"no subscribing", "~* &* +@all -subscribe", "NOPERM"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, rule := range []string{"reset", "on >pw " + c.rules} {
				args := []any{"ACL", "SETUSER", "someone"}
				for _, word := range strings.Fields(rule) {
					args = append(args, word)
				}
				if err := server.Do(t.Context(), args...).Err(); err != nil {
					t.Fatal(err)
				}
			}
			began := time.Now()
			_, _, stop, err := Open(t.Context(), "unix://someone:pw@"+socket, t.TempDir(), 0, discard)
			if c.says == "" {
				if err != nil {
					t.Fatal(err)
				}
				if err := stop(); err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "deadline") {
				t.Errorf("after %v: %v; want one that says %q", time.Since(began), err, c.says)
			}
		})
	}
}

func TestAServerThatEvictsIsWarnedOf(t *testing.T) {
	needRedis(t)
	server, _, _ := open(t, "auto", t.TempDir(), discard)
	for policy, warned := range map[string]bool{"noeviction": false, "allkeys-lru": true, "volatile-ttl": true} {
		if err := server.ConfigSet(t.Context(), "maxmemory-policy", policy).Err(); err != nil {
			t.Fatal(err)
		}
		var lines strings.Builder
		open(t, "unix://"+server.(*redis.Client).Options().Addr, t.TempDir(), slog.New(slog.NewTextHandler(&lines, nil)))
		if strings.Contains(lines.String(), "noeviction") != warned {
			t.Errorf("%s: logged %s", policy, lines.String())
		}
	}
}

// TestAServerInProtectedMode hangs up on other machines before it has heard them, and says why: that is told at once.
func TestAServerInProtectedMode(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "-DENIED Redis is running in protected mode because it is.\r\n")
			_ = conn.Close()
		}
	})
	defer accepting.Wait()
	defer listener.Close()
	_, _, _, err = Open(t.Context(), "redis://"+listener.Addr().String(), t.TempDir(), 0, discard)
	if err == nil || !strings.HasSuffix(err.Error(), ": DENIED Redis is running in protected mode because it is.") {
		t.Errorf("it is told as %v", err)
	}
}

// TestWhyNobodyTakesTheCall is told once the minute is over: what became of the calls, not that time is up, and nothing of TLS, for no connection was taken.
func TestWhyNobodyTakesTheCall(t *testing.T) {
	for _, why := range []error{syscall.ECONNREFUSED, os.ErrDeadlineExceeded} {
		synctest.Test(t, func(t *testing.T) {
			client := newClient(&redis.Options{Dialer: func(_ context.Context, network, _ string) (net.Conn, error) {
				return nil, &net.OpError{Op: "dial", Net: network, Err: why}
			}})
			if err := awaitReady(t.Context(), client, false, nil); !errors.Is(err, why) || strings.Contains(err.Error(), "takes connections") {
				t.Errorf("%v is told as %v", why, err)
			}
			client.Close()
			<-time.After(2 * time.Second) // by the bubble's clock: its pool looks once a second whether it was closed
		})
	}
}
