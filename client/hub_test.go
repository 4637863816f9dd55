package client

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"testing"

	"github.com/gorilla/websocket"
)

// scripted is a hub that does as it is told, over connections in memory, so that its tests need not wait for the clock.
type scripted struct {
	t        testing.TB
	mux      *http.ServeMux
	server   http.Server
	conns    chan net.Conn
	done     chan struct{}
	upgrader websocket.Upgrader

	mu    sync.Mutex
	jobs  map[string][]Job // by Idempotency-Key, guarded by mu
	files int              // that came in whole, guarded by mu
}

func newScripted(t testing.TB) *scripted {
	s := &scripted{t: t, mux: http.NewServeMux(), conns: make(chan net.Conn), done: make(chan struct{}), jobs: map[string][]Job{}}
	s.upgrader.Subprotocols = []string{subprotocol}
	s.server.Handler = s.mux
	s.mux.HandleFunc("POST /api/v1/sessions", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusCreated, map[string]any{"session": Session{ID: "s1"}, "token": "secret"})
	})
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = s.server.Serve(s)
	}()
	t.Cleanup(func() {
		close(s.done)
		_ = s.server.Close()
		<-served
	})
	return s
}

// Accept, Close and Addr make it a net.Listener.
func (s *scripted) Accept() (net.Conn, error) {
	select {
	case conn := <-s.conns:
		return conn, nil
	case <-s.done:
		return nil, net.ErrClosed
	}
}
func (s *scripted) Close() error   { return nil }
func (s *scripted) Addr() net.Addr { return &net.IPAddr{} }

func (s *scripted) open() *Client {
	s.t.Helper()
	c, err := Open(s.t.Context(), s.config())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(c.Disconnect)
	return c
}

func (s *scripted) config() Config {
	return Config{URL: "http://hub", Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			mine, yours := net.Pipe()
			select {
			case s.conns <- yours:
				return mine, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-s.done:
				return nil, net.ErrClosed
			}
		},
	}}
}

// takeUpload makes one job of each file, as the hub does: a key that has made jobs is answered with those.
func (s *scripted) takeUpload(r *http.Request) (status int, body any) {
	key := r.Header.Get("Idempotency-Key")
	s.mu.Lock()
	known := s.jobs[key]
	s.mu.Unlock()
	if known != nil {
		return http.StatusAccepted, Sent{Accepted: known}
	}
	parts, err := r.MultipartReader()
	if err != nil {
		s.t.Error(err)
	}
	var made []Job
	for {
		part, err := parts.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			return http.StatusBadRequest, Problem{Code: CodeBadRequest, Detail: "The request ended before it was complete."}
		}
		if part.FormName() == "files" {
			if _, err := io.Copy(io.Discard, part); err == nil {
				made = append(made, Job{ID: "j" + strconv.Itoa(len(made)), Filename: part.FileName(), State: Queued})
			}
		}
	}
	if made == nil {
		return http.StatusBadRequest, Problem{Code: CodeBadRequest, Detail: "The request holds no file."}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files += len(made)
	s.jobs[key] = made
	return http.StatusAccepted, Sent{Accepted: made}
}

func answer(w http.ResponseWriter, status int, body any) {
	kind := "application/json"
	if status >= 400 {
		kind = "application/problem+json"
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// cut ends the connection of a request without an answer.
func cut(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		conn.Close()
	}
}
