package hub

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	"github.com/gorilla/websocket"

	"seghub/sessions"
	"seghub/sessions/problem"
)

const (
	// maxCommand bounds what a client may say at once, in bytes.
	maxCommand = 16 << 10

	// commandsPerSecond is how often a client may speak in the long run, and how often at once.
	commandsPerSecond = 50
)

// read is the socket's reader: it alone reads from the connection, and leaves when nothing more will come
// that is worth reading.
func (s *socket) read(ctx context.Context) {
	s.conn.SetPingHandler(func(payload string) error {
		s.hear()
		s.queue.wantPong(payload)
		return nil
	})
	s.conn.SetPongHandler(func(string) error {
		s.hear()
		return nil
	})
	s.conn.SetCloseHandler(func(int, string) error {
		s.queue.drop(CloseBye, "")
		return nil
	})
	for {
		c, err := s.readCommand()
		if err != nil {
			s.stopReading(err)
			return
		}
		s.obey(ctx, c)
	}
}

// readCommand waits for the next text frame. gorilla's own read limit is not used: it would close with 1009.
func (s *socket) readCommand() (command, error) {
	kind, r, err := s.conn.NextReader()
	if err != nil {
		return command{}, err
	}
	s.hear()
	if kind != websocket.TextMessage {
		return command{}, violation("A client has no binary frames to send.")
	}
	data, err := io.ReadAll(io.LimitReader(r, maxCommand+1))
	if err != nil {
		return command{}, err
	}
	if len(data) > maxCommand {
		return command{}, violation("A client's frame may have 16 KiB at most.")
	}
	return parseCommand(data)
}

// stopReading does what err asks for. A peer that must hear a close frame is read on until it leaves or the
// keeper cuts it: closing a connection with unread bytes would reset it, and the close frame could be lost.
func (s *socket) stopReading(err error) {
	var (
		wrong   violation
		closed  *websocket.CloseError
		network net.Error
	)
	switch {
	case errors.As(err, &wrong):
		s.queue.drop(CloseProtocol, wrong.Error())
		drain(s.conn)
	case errors.As(err, &closed) && closed.Code != websocket.CloseAbnormalClosure:
		// The peer said good-bye; the writer answers.
	case errors.As(err, &closed), errors.As(err, &network):
		s.cut()
	default: // broken framing, and gorilla has answered 1002
		s.queue.drop(CloseProtocol, "")
		_, _ = io.Copy(io.Discard, s.conn.NetConn())
	}
}

// drain reads until the peer closes or the connection fails.
func drain(conn *websocket.Conn) {
	for {
		if _, _, err := conn.NextReader(); err != nil {
			return
		}
	}
}

func (s *socket) hear() { s.heard.Store(true) }

func (s *socket) obey(ctx context.Context, c command) {
	if !s.allowed.take(time.Now()) {
		p := problem.Newf(problem.RateLimited, "At most %d messages a second: this one was ignored.", commandsPerSecond)
		s.queue.deliver(sessions.Message{Type: typeError, Key: typeError + "/" + string(p.Code), Data: errorFrame(c.reference(), p)})
		return
	}
	switch c.Type {
	case commandCancel:
		ctx, cancel := context.WithTimeout(ctx, s.hub.pace.call)
		defer cancel()
		if err := s.hub.Sessions.Cancel(ctx, s.session, c.JobID); err != nil {
			s.queue.deliver(sessions.Message{Type: typeError, Data: errorFrame(c.reference(), s.hub.Problem(err))})
		}
	case commandWatch:
		s.watching.Store(*c.Stats)
		s.hub.noticeWatcher()
	case commandPing:
		s.queue.deliver(sessions.Message{Type: typePong, Data: pongFrame(c.ID)})
	}
}

// bucket holds what a client may still say: it fills with time.
type bucket struct {
	used float64
	last time.Time
}

func (b *bucket) take(now time.Time) bool {
	b.used = max(0, b.used-now.Sub(b.last).Seconds()*commandsPerSecond)
	b.last = now
	if b.used+1 > commandsPerSecond {
		return false
	}
	b.used++
	return true
}
