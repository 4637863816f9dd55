package hub

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"seghub/sessions"
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

// scripted is a Sessions and a Masks whose sessions exist when a test first names them.
type scripted struct {
	mu       sync.Mutex
	sessions map[string]*scriptedSession
	refusal  error                                               // of Subscribe
	cancel   func(ctx context.Context, job string) error         // of Cancel
	picture  func(ctx context.Context, j string) ([]byte, error) // of MaskPNG
	parted   chan string                                         // hears each Subscription.Close
}

type scriptedSession struct {
	log       []sessions.Message // log[i] has seq i+1
	forgotten int64              // events up to this seq are no longer kept
	jobs      []sessions.Job
	listeners map[int]func(sessions.Message)
	next      int
	failure   error // of Backlog
}

func newScripted() *scripted {
	return &scripted{
		sessions: make(map[string]*scriptedSession),
		cancel:   func(context.Context, string) error { return nil },
		picture:  func(_ context.Context, job string) ([]byte, error) { return []byte("PNG of " + job), nil },
		parted:   make(chan string, 10_000),
	}
}

func (f *scripted) sessionLocked(id string) *scriptedSession {
	s := f.sessions[id]
	if s == nil {
		s = &scriptedSession{listeners: make(map[int]func(sessions.Message))}
		f.sessions[id] = s
	}
	return s
}

func (f *scripted) Subscribe(ctx context.Context, id string, since *int64, deliver func(sessions.Message)) (*sessions.Subscription, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refusal != nil {
		return nil, f.refusal
	}
	s := f.sessionLocked(id)
	opening := sessions.Opening{Session: sessions.Session{ID: id, State: sessions.Idle, Seq: int64(len(s.log))}}
	switch {
	case since == nil:
		opening.Jobs = s.jobs
	case *since > int64(len(s.log)) || *since < s.forgotten:
		opening.Gap, opening.Jobs = true, s.jobs
	default:
		opening.Resumed = true
	}
	n := s.next
	s.next++
	s.listeners[n] = deliver
	return &sessions.Subscription{
		Opening: opening,
		Backlog: func(ctx context.Context, after int64, limit int) ([]sessions.Message, error) {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			f.mu.Lock()
			defer f.mu.Unlock()
			if s.failure != nil {
				return nil, s.failure
			}
			if after < s.forgotten {
				return nil, sessions.ErrGap
			}
			end := min(int(after)+limit, len(s.log))
			return s.log[after:end], nil
		},
		Close: func() {
			f.mu.Lock()
			defer f.mu.Unlock()
			if s.listeners[n] != nil {
				delete(s.listeners, n)
				f.parted <- id
			}
		},
	}, nil
}

func (f *scripted) Cancel(ctx context.Context, _, job string) error { return f.cancel(ctx, job) }

func (f *scripted) MaskPNG(ctx context.Context, _, job string) ([]byte, error) {
	return f.picture(ctx, job)
}

// happen appends an event to session's log and delivers it.
func (f *scripted) happen(session string, m sessions.Message) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.sessionLocked(session)
	m.Seq = int64(len(s.log)) + 1
	if m.Data == nil {
		m.Data = fmt.Appendf(nil, `{"type":%q,"seq":%d}`, m.Type, m.Seq)
	}
	s.log = append(s.log, m)
	for _, deliver := range s.listeners {
		deliver(m)
	}
	return m.Seq
}

func (f *scripted) happenTimes(session string, n int) {
	for range n {
		f.happen(session, sessions.Message{Type: "job"})
	}
}

// say delivers what is not kept.
func (f *scripted) say(session, key, data string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, deliver := range f.sessionLocked(session).listeners {
		deliver(sessions.Message{Key: key, Data: []byte(data)})
	}
}

func (f *scripted) set(session string, change func(*scriptedSession)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f.sessionLocked(session))
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
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.Serve(w, r, r.URL.Path[1:]) }),
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

// piped is a world on net.Pipe, for tests in a synctest bubble. A pipe has no buffer: a peer that does not
// read stops the other's writer at once.
func piped(t testing.TB) *world {
	t.Helper()
	p := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	return newWorld(t, p, p.dial, nil)
}

type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipeListener) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipeListener) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "hub.example" }

func (p *pipeListener) dial(string, string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// client is the other end of a socket.
type client struct {
	*websocket.Conn
	t testing.TB
}

// dial opens a socket; target is a session and perhaps a query.
func (w *world) dial(t testing.TB, target string) *client {
	t.Helper()
	conn, _, err := w.handshake(target, nil)
	if err != nil {
		t.Fatalf("dial %s: %v", target, err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &client{Conn: conn, t: t}
}

// answer is how the server answered a handshake.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// handshake asks for a socket; it fails with websocket.ErrBadHandshake when the answer is not an upgrade.
func (w *world) handshake(target string, header http.Header) (*websocket.Conn, answer, error) {
	conn, response, err := w.dialer.Dial(w.url+"/"+target, header)
	if response == nil {
		return nil, answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	a := answer{status: response.StatusCode, header: response.Header}
	if err != nil {
		a.body, _ = io.ReadAll(response.Body) // gorilla has it in memory
	}
	return conn, a, err
}

// frame is what tests look at in a frame.
type frame struct {
	Type    string
	Seq     int64
	Resumed bool
	Gap     bool
	Session sessions.Session
	Jobs    []sessions.Job
	ID      json.RawMessage
	Re      reference
	Code    problem.Code
	After   int64 `json:"reconnect_after_ms"`
	You     string
	Percent int

	picture []byte // of a binary frame
	text    string
}

// pass lets time go by on the clock of a synctest bubble.
func pass(d time.Duration) { <-time.After(d) }

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

func (c *client) receive() (frame, error) {
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return frame{}, err
	}
	kind, data, err := c.ReadMessage()
	if err != nil {
		return frame{}, err
	}
	var f frame
	if kind == websocket.BinaryMessage {
		n := binary.BigEndian.Uint32(data)
		data, f.picture = data[4:4+n], data[4+n:]
	}
	f.text = string(data)
	return f, json.Unmarshal(data, &f)
}

func (c *client) next() frame {
	c.t.Helper()
	f, err := c.receive()
	if err != nil {
		c.t.Fatalf("receive: %v", err)
	}
	return f
}

func (c *client) expect(kind string) frame {
	c.t.Helper()
	f := c.next()
	if f.Type != kind {
		c.t.Fatalf("got %s, want a %s frame", f.text, kind)
	}
	return f
}

// greet reads what a first connect begins with.
func (c *client) greet() {
	c.t.Helper()
	c.expect(typeWelcome)
	c.expect(typeSnapshot)
}

// expectSeqs reads the events from..to and nothing else.
func (c *client) expectSeqs(from, to int64) {
	c.t.Helper()
	for seq := from; seq <= to; seq++ {
		if f := c.next(); f.Seq != seq {
			c.t.Fatalf("got %s, want seq %d", f.text, seq)
		}
	}
}

// expectClose skips frames up to the close frame.
func (c *client) expectClose(code CloseCode) (reason string) {
	c.t.Helper()
	for {
		_, err := c.receive()
		var closed *websocket.CloseError
		switch {
		case err == nil:
		case errors.As(err, &closed) && closed.Code == int(code):
			return closed.Text
		default:
			c.t.Fatalf("got %v, want close code %d", err, code)
		}
	}
}

func (c *client) send(text string) {
	c.t.Helper()
	if err := c.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		c.t.Fatal(err)
	}
}

// earlyBird delivers before Subscribe returns.
type earlyBird struct {
	*scripted
	early *bool
}

func (e earlyBird) Subscribe(ctx context.Context, id string, since *int64, deliver func(sessions.Message)) (*sessions.Subscription, error) {
	sub, err := e.scripted.Subscribe(ctx, id, since, deliver)
	e.happenTimes(id, 2)
	e.say(id, "progress/j", `{"type":"progress","percent":7}`)
	*e.early = true
	return sub, err
}
