package sessions

import (
	"context"
	"encoding/json"
	"math"
	"time"
)

// followLine keeps the mirror up to date and tells the waiting sessions on this node their place in line, until ctx ends.
func (s *Service) followLine(ctx context.Context) {
	look := time.NewTicker(positionEvery) // an estimate changes while time passes, and work is done
	defer look.Stop()
	heal := time.NewTicker(healEvery)
	defer heal.Stop()
	for ctx.Err() == nil {
		behind := true
		select {
		case <-ctx.Done():
			return
		case <-s.mirror.poked:
		case <-heal.C:
		case <-look.C:
			behind = false
		}
		if behind {
			if err := s.catchUp(ctx); err != nil {
				s.log.Debug("the line is read later", "error", err)
			}
			pause(ctx, positionEvery/10) // what comes in a moment is read together
		}
		// Who joins or leaves is told of at once; what only changes estimates can wait for the next look.
		if moved := s.mirror.hasMoved(); moved || !behind {
			s.tellPlaces(time.Now(), moved)
		}
	}
}

// tellPlaces tells who listens here the places that they do not know yet. moved says that those of a moment ago are wrong.
func (s *Service) tellPlaces(now time.Time, moved bool) {
	waiting := s.mirror.waiting()
	if waiting == 0 {
		return
	}
	ids := s.audience.ids()
	if len(ids) == 0 {
		return
	}
	most := positionEvery / 2
	if moved {
		most = 0
	}
	places := s.mirror.look(s.now(), most, s.config.Turn, s.config.ReserveGrace, ids...)
	for i, id := range ids {
		p := places[i]
		if p.position == 0 {
			continue
		}
		frame := positionFrame{Type: "position", Position: p.position, Waiting: waiting, ETASeconds: seconds(p.eta)}
		for _, l := range s.audience.of(id) {
			l.hearPlace(frame, now)
		}
	}
}

// seconds is an estimate as clients get it.
func seconds(eta *time.Duration) *float64 {
	if eta == nil {
		return nil
	}
	whole := math.Ceil(eta.Seconds())
	return &whole
}

// addETA fills in a waiting session's estimate.
func (s *Service) addETA(ctx context.Context, session *Session) {
	if session.State != Waiting {
		return
	}
	look := func() place {
		return s.mirror.look(s.now(), tickEvery, s.config.Turn, s.config.ReserveGrace, session.ID)[0]
	}
	p := look()
	if p.position == 0 || !s.mirror.follows(s.now()) {
		if err := s.catchUp(ctx); err != nil {
			s.log.Debug("the line is not read", "error", err)
			return
		}
		p = look()
	}
	session.ETASeconds = seconds(p.eta)
}

// told is what a listener knows of its place.
type told struct {
	frame positionFrame
	end   time.Time    // to which the estimate led
	at    [2]time.Time // when it was told last, and before that
}

// A client counts down itself: it is told of its estimate again when that has moved by so much.
const (
	endMoves      = 2 * time.Second // at least
	endMovesShare = 0.15            // of what is left
	perSecond     = 2               // positions told; len(told.at)
)

// knows reports whether frame is no news for who was told t.
func (t *told) knows(frame positionFrame, now time.Time) bool {
	if t.frame.Position != frame.Position || (t.frame.ETASeconds == nil) != (frame.ETASeconds == nil) {
		return false
	}
	// The tenth behind one is news of the line, the ten-thousandth is not.
	if d := frame.Waiting - t.frame.Waiting; d != 0 && 10*max(d, -d) >= t.frame.Waiting {
		return false
	}
	if frame.ETASeconds == nil {
		return true
	}
	left := time.Duration(*frame.ETASeconds * float64(time.Second))
	moved := now.Add(left).Sub(t.end).Abs()
	return moved <= max(endMoves, time.Duration(endMovesShare*float64(left)))
}

// note notes that frame is told now.
func (t *told) note(frame positionFrame, now time.Time) {
	t.frame, t.at = frame, [perSecond]time.Time{now, t.at[0]}
	if frame.ETASeconds != nil {
		t.end = now.Add(time.Duration(*frame.ETASeconds * float64(time.Second)))
	}
}

// hearPlace delivers a place in line, unless l knows it, has heard two within the last second, or does not know that it waits.
func (l *listener) hearPlace(frame positionFrame, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over || !l.ready || !l.waits || l.told.knows(frame, now) || now.Sub(l.told.at[perSecond-1]) < time.Second {
		return
	}
	data, err := json.Marshal(frame)
	if err != nil {
		panic(err) // it holds numbers
	}
	l.told.note(frame, now)
	l.deliver(Message{Type: "position", Key: "position", Data: data})
}
