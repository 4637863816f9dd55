package hub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"seghub/api/pipetest"
	"seghub/sessions/problem"
)

func TestMain(m *testing.M) {
	if url := os.Getenv(crowdURL); url != "" {
		if err := beCrowd(url); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// world is a hub that serves on real or piped connections.
type world struct {
	*scripted
	hub    *Hub
	dialer websocket.Dialer
	url    string // ws://HOST
}

func testConfig(f *scripted) Config {
	return Config{
		Sessions: f,
		Masks:    f,
		Stats: func(context.Context) (func(string) any, error) {
			return func(session string) any { return map[string]string{"you": session} }, nil
		},
		Problem: func(err error) *problem.Problem {
			var p *problem.Problem
			if errors.As(err, &p) {
				return p
			}
			return problem.New(problem.Internal, "hidden")
		},
		Origins: []string{"https://lab.example"},
		Log:     slog.New(slog.DiscardHandler),
	}
}

// newWorld starts a hub on listener. The session of a socket is its path.
func newWorld(t testing.TB, listener net.Listener, dial func(network, address string) (net.Conn, error), change func(*Hub)) *world {
	t.Helper()
	f := newScripted()
	h := New(testConfig(f))
	if change != nil {
		change(h)
	}
	if err := h.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	server := &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.Serve(w, r, r.URL.Path[1:], addressOf(r)) }),
		ReadHeaderTimeout: time.Minute,
	}
	var served sync.WaitGroup
	served.Go(func() { _ = server.Serve(listener) })
	t.Cleanup(func() {
		h.Stop()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		served.Wait()
	})
	return &world{
		scripted: f,
		hub:      h,
		dialer:   websocket.Dialer{NetDial: dial, Subprotocols: []string{Subprotocol}, HandshakeTimeout: 10 * time.Second},
		url:      "ws://" + listener.Addr().String(),
	}
}

// loopback is a world on real sockets.
func loopback(t testing.TB, change func(*Hub)) *world {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return newWorld(t, listener, nil, change)
}

// piped is a world on pipes, for tests in a synctest bubble.
func piped(t testing.TB) *world {
	t.Helper()
	pipes := pipetest.Listen()
	return newWorld(t, pipes, pipes.Dial, nil)
}

// addressOf is where a test has its request come from, by ?from=.
func addressOf(r *http.Request) netip.Addr {
	address, _ := netip.ParseAddr(r.URL.Query().Get("from"))
	return address
}
