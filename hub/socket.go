package hub

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"seghub/sessions"
)

// socket is one connection of a session.
type socket struct {
	hub     *Hub
	session string
	conn    *websocket.Conn
	queue   *queue
	sub     *sessions.Subscription

	heard    atomic.Bool   // since the keeper looked last the peer was heard
	silent   time.Duration // owned by the keeper: how many beats it has lived through without hearing the peer
	pinged   time.Time     // owned by the keeper
	watching atomic.Bool   // the client wants statistics
	allowed  bucket        // owned by the reader
	opened   bool          // owned by the writer: the client has been told where it stands
}

func newSocket(h *Hub, session string, conn *websocket.Conn, queue *queue, sub *sessions.Subscription) *socket {
	now := time.Now()
	return &socket{hub: h, session: session, conn: conn, queue: queue, sub: sub, pinged: now, allowed: bucket{last: now}}
}

// serve runs the socket until its peer is gone.
func (s *socket) serve(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	written := make(chan struct{})
	s.queue.start(func() { s.write(ctx, written) })
	s.read(ctx)
	cancel() // nobody waits for what the writer may be asking for
	<-written
	s.sub.Close()
	s.cut()
	s.hub.Log.Debug("socket closed", logSession, s.session)
}

// tellDraining may be called twice.
func (s *socket) tellDraining(frame []byte) {
	s.queue.deliver(sessions.Message{Type: typeDraining, Key: typeDraining, Data: frame})
}

// cut ends the connection without a word. Reader and writer leave.
func (s *socket) cut() {
	s.queue.abandon()
	// It is being thrown away: how its closing went changes nothing.
	_ = s.conn.Close()
}

// look is what the keeper does with a socket at each beat.
func (s *socket) look(now time.Time) {
	p := s.hub.pace
	if end := s.queue.end(); end != nil {
		if now.Sub(end.since) > p.leave {
			s.cut()
		}
		return
	}
	if s.silent += p.beat; s.heard.Swap(false) {
		s.silent = 0
	}
	if s.silent > p.silence { // whatever a clock says that has stepped, or gone on while this process was stopped
		s.hub.Log.Debug("socket silent", logSession, s.session)
		s.cut()
		return
	}
	if now.Sub(s.pinged) >= p.ping {
		s.pinged = now
		s.queue.wantPing()
	}
}

// keep looks at all sockets at each beat: one timer for all of them.
func (h *Hub) keep(ctx context.Context) {
	beat := time.NewTicker(h.pace.beat)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-beat.C:
			for _, s := range h.list() {
				s.look(now)
			}
		}
	}
}
