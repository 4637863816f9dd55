package sessions

import (
	"context"
	"encoding/json"
	"math"
	"runtime"
	"time"
)

const (
	// togetherWithin is the least time between two tellings of what has moved: what comes in between is told together.
	togetherWithin = positionEvery / 10
	// estimateEvery is how often all estimates are worked out while nobody moves: no client is told of one that has moved by less.
	estimateEvery = endMoves
	// toldAtOnce is how many are told before those who work get their turn of the processor.
	toldAtOnce = 256
)

// followLine keeps the mirror up to date and tells the waiting sessions on this node their place in line, until ctx ends.
func (s *Service) followLine(ctx context.Context) {
	look := time.NewTicker(positionEvery)
	defer look.Stop()
	heal := time.NewTicker(healEvery)
	defer heal.Stop()
	var told time.Time
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
			pause(ctx, togetherWithin-time.Since(told))
			if err := s.catchUp(ctx); err != nil {
				s.log.Debug("the line is read later", "error", err)
			}
			s.tellModels()
		}
		// Who joins or leaves is told of at once; what only changes estimates can wait.
		moved, owed := s.mirror.hasMoved(), s.audience.owed.Swap(false)
		if moved || owed || !behind && time.Since(told) >= estimateEvery {
			told = time.Now()
			s.tellPlaces(told)
		}
	}
}

// tellPlaces tells who listens here the places that they do not know yet.
func (s *Service) tellPlaces(now time.Time) {
	if s.audience.isEmpty() {
		return
	}
	line := s.mirror.places(s.now(), s.config.Turn, s.config.ReserveGrace)
	for i, p := range line {
		for _, l := range s.audience.of(p.session) {
			if !l.hearPlace(p.place, len(line), now) {
				s.audience.owed.Store(true)
			}
		}
		if i%toldAtOnce == toldAtOnce-1 {
			runtime.Gosched()
		}
	}
}

// seconds is an estimate as clients get it.
func (p place) seconds() *float64 {
	if !p.estimated {
		return nil
	}
	whole := math.Ceil(p.eta.Seconds())
	return &whole
}

// addETA fills in a waiting session's estimate.
func (s *Service) addETA(ctx context.Context, session *Session) {
	if session.State != Waiting {
		return
	}
	look := func() place {
		return s.mirror.look(s.now(), estimateEvery+positionEvery, s.config.Turn, s.config.ReserveGrace, session.ID)
	}
	p := look()
	if p.position == 0 || !s.mirror.follows(s.now()) {
		if err := s.catchUp(ctx); err != nil {
			s.log.Debug("the line is not read", "error", err)
			return
		}
		p = look()
	}
	session.ETASeconds = p.seconds()
}

// told is what a listener knows of its place.
type told struct {
	place
	waiting int
	end     time.Time    // to which the estimate led
	at      [2]time.Time // when it was told last, and before that
}

// A client counts down itself: it is told of its estimate again when that has moved by so much.
const (
	endMoves      = 2 * time.Second // at least
	endMovesShare = 0.15            // of what is left
	perSecond     = 2               // positions told; len(told.at)
)

// knows reports whether a place of so many who wait is no news for who was told t.
func (t *told) knows(p place, waiting int, now time.Time) bool {
	if t.position != p.position || t.estimated != p.estimated {
		return false
	}
	// The tenth behind one is news of the line, the ten-thousandth is not.
	if d := waiting - t.waiting; d != 0 && 10*max(d, -d) >= t.waiting {
		return false
	}
	return !p.estimated || now.Add(p.eta).Sub(t.end).Abs() <= max(endMoves, time.Duration(endMovesShare*float64(p.eta)))
}

// hearPlace delivers a place in line, unless l knows it or does not know that it waits. It is false where l has heard two within the
// last second and must hear of this one later.
func (l *listener) hearPlace(p place, waiting int, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over || !l.ready || !l.waits || l.told.knows(p, waiting, now) {
		return true
	}
	if now.Sub(l.told.at[perSecond-1]) < time.Second {
		return false
	}
	data, err := json.Marshal(positionFrame{Type: "position", Position: p.position, Waiting: waiting, ETASeconds: p.seconds()})
	if err != nil {
		panic(err) // it holds numbers
	}
	l.told = told{p, waiting, now.Add(p.eta), [perSecond]time.Time{now, l.told.at[0]}}
	l.deliver(Message{Type: "position", Key: "position", Data: data})
	return true
}
