package hub

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"slices"
	"time"

	"github.com/gorilla/websocket"

	"seghub/sessions"
)

// logPage is how many events are read from the log at once. While they are sent they are in memory.
const logPage = 200

// headway is how many bytes of a frame its peer must take within one pace.write: a slow line gets large ones, too.
const headway = 32 << 10

// typeMask is the type of the message whose frame is a picture.
const typeMask = "mask"

// write is the socket's writer: it alone writes to the connection, for as long as there is something to send. After the close
// frame, or when the connection is cut, it closes written.
func (s *socket) write(ctx context.Context, written chan<- struct{}) {
	var err error
	if !s.opened {
		s.opened = true
		err = s.sendOpening()
	}
	for left := false; err == nil && !left; {
		t := s.queue.next()
		if t.kind == rest {
			return
		}
		left, err = s.do(ctx, t)
	}
	defer close(written)
	if err == nil {
		return
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		s.tooSlow()
	}
	s.cut()
}

// do does one task; left says that it was the last.
func (s *socket) do(ctx context.Context, t task) (left bool, err error) {
	switch t.kind {
	case sendMessage:
		return false, s.sendMessage(ctx, t.message)
	case readLog:
		return false, s.readLog(ctx, t.after)
	case sendPing:
		return false, s.sendControl(websocket.PingMessage, nil)
	case sendPong:
		return false, s.sendControl(websocket.PongMessage, t.payload)
	case sendClose:
		return true, s.sendClose(t.ending)
	default:
		return true, nil
	}
}

// sendOpening tells the client where it stands. What it gets here is not in the queue: a snapshot may be
// larger than that may be.
func (s *socket) sendOpening() error {
	opening := s.sub.Opening
	if err := s.sendText(welcomeFrame(opening)); err != nil || opening.Resumed {
		return err
	}
	s.sub.Opening.Jobs = nil // thousands, perhaps, and not needed again
	return s.sendText(snapshotFrame(opening))
}

func (s *socket) sendMessage(ctx context.Context, m sessions.Message) error {
	if m.Opening != nil {
		return s.sendText(snapshotFrame(*m.Opening))
	}
	if m.Type == typeMask {
		return s.sendMask(ctx, m)
	}
	return s.sendText(m.Data)
}

func (s *socket) sendText(data []byte) error {
	if len(data) > headway {
		return s.sendPieces(websocket.TextMessage, data)
	}
	s.extend()
	return s.conn.WriteMessage(websocket.TextMessage, data)
}

// sendPieces sends a message that the parts make up, a headway at a time. A peer that takes one is not silent, though it cannot answer a
// ping before it has the rest.
func (s *socket) sendPieces(kind int, parts ...[]byte) error {
	w, err := s.conn.NextWriter(kind)
	if err != nil {
		return err
	}
	for _, part := range parts {
		for piece := range slices.Chunk(part, headway) {
			s.extend()
			if _, err := w.Write(piece); err == nil { // the writer remembers a failure until Close, which also gives its buffer back
				s.hear()
			}
		}
	}
	return w.Close()
}

// sendMask reads the picture only now that it is its turn, so that what waits holds no pictures.
func (s *socket) sendMask(ctx context.Context, m sessions.Message) error {
	call, cancel := context.WithTimeout(ctx, s.hub.pace.call)
	defer cancel()
	png, err := s.readMask(call, m)
	if ctx.Err() != nil {
		return nil // the reader has left, and the queue knows how to end
	}
	if err != nil {
		s.hub.Log.Warn("mask not sent", logSession, s.session, logJob, m.JobID, logError, err)
		if m.Seq == 0 {
			return nil // the whole follows
		}
		png = nil // the header alone: its seq must be accounted for
	}
	size := binary.BigEndian.AppendUint32(nil, uint32(len(m.Data)))
	return s.sendPieces(websocket.BinaryMessage, size, m.Data, png)
}

func (s *socket) readMask(ctx context.Context, m sessions.Message) ([]byte, error) {
	switch {
	case m.Bare:
		return nil, nil
	case m.Seq == 0:
		return s.hub.Masks.PiecePNG(ctx, s.session, m.JobID, m.Row)
	}
	return s.hub.Masks.MaskPNG(ctx, s.session, m.JobID)
}

// readLog gives the queue a page of the events that it does not hold.
func (s *socket) readLog(ctx context.Context, after int64) error {
	call, cancel := context.WithTimeout(ctx, s.hub.pace.call)
	defer cancel()
	page, err := s.sub.Backlog(call, after, logPage)
	if err == nil {
		s.queue.refill(after, page)
		return nil
	}
	if ctx.Err() != nil {
		return nil // the reader has left, and the queue knows how to end
	}
	code, known := closeCodeOf(err)
	if !known {
		code = CloseInternal
		s.hub.Log.Error("read the event log", logSession, s.session, logError, err)
	}
	s.queue.drop(code, "")
	return nil
}

func (s *socket) sendControl(kind int, payload []byte) error {
	return s.conn.WriteControl(kind, payload, time.Now().Add(s.hub.pace.write))
}

func (s *socket) sendClose(e ending) error {
	if e.code == CloseTooSlow {
		s.tooSlow()
	}
	err := s.sendControl(websocket.CloseMessage, websocket.FormatCloseMessage(int(e.code), e.reason))
	if errors.Is(err, websocket.ErrCloseSent) {
		return nil // the peer broke the framing, and gorilla has told it so
	}
	return err
}

// extend gives the peer its time for a frame, or the next headway of one. It only stores the time; it cannot fail.
func (s *socket) extend() { _ = s.conn.SetWriteDeadline(time.Now().Add(s.hub.pace.write)) }

func (s *socket) tooSlow() {
	s.hub.Log.Warn("socket too slow", logSession, s.session)
}
