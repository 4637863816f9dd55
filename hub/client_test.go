package hub

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"seghub/sessions"
	"seghub/sessions/problem"
)

// client is the other end of a socket.
type client struct {
	*websocket.Conn
	t        testing.TB
	patience time.Duration // for what must come
}

// dial opens a socket; target is a session and perhaps a query.
func (w *world) dial(t testing.TB, target string) *client {
	t.Helper()
	conn, _, err := w.handshake(target, nil)
	if err != nil {
		t.Fatalf("dial %s: %v", target, err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &client{Conn: conn, t: t, patience: patience}
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

// patience is how long a test waits for what must come: far beyond what a slow machine needs.
const patience = 2 * time.Minute

func (c *client) receive() (frame, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.patience)); err != nil {
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
