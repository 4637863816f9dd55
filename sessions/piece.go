package sessions

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"seghub/gpuexec"
)

// heardPiece is the frame of a piece of a mask, and the newest event when it was sent.
type heardPiece struct {
	session, job string
	seq          int64
	row          int // the first
	data         []byte
}

// Piece implements gpuexec.Sink: it stores a piece of a mask and says that it is there. One that cannot be stored or told of is
// left out: the mask is there when the job is done.
func (s *Service) Piece(ctx context.Context, p gpuexec.Piece) {
	c := s.hand.get(claimKey{p.JobID, p.Attempt})
	if c == nil {
		return // it was cancelled
	}
	frame, err := json.Marshal(maskFrame{
		Type: "mask", JobID: p.JobID, ImageID: c.job.ImageID, X: p.X, Y: p.Y, Width: p.Width, Height: p.Height,
	})
	if err == nil {
		err = s.config.Files.PutPiece(ctx, c.session, p.JobID, p.Y, p.PNG)
	}
	if err == nil {
		_, err = s.run(ctx, pieceScript, c.session, p.JobID, p.Attempt, frame)
	}
	if err != nil {
		s.log.Warn("a piece of a mask was not sent", "job", p.JobID, "row", p.Y, "error", err)
	}
}

// hearPiece notes what was published of a piece: "session job seq frame".
func (s *Service) hearPiece(payload string) {
	f := strings.SplitN(payload, " ", 4)
	if len(f) != 4 {
		return
	}
	var frame maskFrame
	if err := json.Unmarshal([]byte(f[3]), &frame); err != nil {
		s.log.Error("a piece of a mask cannot be read", "job", f[1], "error", err)
		return
	}
	s.audience.notePiece(heardPiece{session: f[0], job: f[1], seq: number(f[2]), row: frame.Y, data: []byte(f[3])})
}

// message is the piece as listeners get it.
func (p heardPiece) message() Message {
	return Message{Type: "mask", Key: fmt.Sprintf("mask/%s/%d", p.job, p.row), After: p.seq, JobID: p.job, Row: p.row, Data: p.data}
}

// deliverPieces gives the listeners that have heard what came before them their pieces, and returns those of the others.
func (s *Service) deliverPieces(pieces []heardPiece) (early []heardPiece) {
	for _, p := range pieces {
		isEarly := false
		for _, l := range s.audience.of(p.session) {
			if at, ok := l.heard(); ok && at.Seq < p.seq {
				isEarly = true
			}
		}
		if isEarly {
			early = append(early, p)
			continue
		}
		for _, l := range s.audience.of(p.session) {
			l.hear(p.message())
		}
	}
	return early
}

// notePiece keeps a piece for delivery.
func (a *audience) notePiece(p heardPiece) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.sessions[p.session] != nil {
		a.pieces = append(a.pieces, p)
		poke(a.poked)
	}
}
