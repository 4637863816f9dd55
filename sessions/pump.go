package sessions

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// listen hears what Redis publishes until ctx ends. One connection serves the whole node: hints of all sessions
// come over it, and those that nobody here listens to are dropped.
func (s *Service) listen(ctx context.Context) {
	pubsub := s.redis.Subscribe(ctx, eventsChannel, workChannel, cancelChannel, progressChannel)
	defer pubsub.Close()
	heard := pubsub.ChannelWithSubscriptions(redis.WithChannelSize(1000))
	for {
		select {
		case <-ctx.Done():
			return
		case m, ok := <-heard:
			if !ok {
				return
			}
			switch m := m.(type) {
			case *redis.Subscription: // connected, or connected again: hints were missed meanwhile
				s.audience.mark(s.audience.ids()...)
				s.work.broadcast()
			case *redis.Message:
				s.hear(m)
			}
		}
	}
}

func (s *Service) hear(m *redis.Message) {
	switch m.Channel {
	case eventsChannel:
		s.audience.mark(m.Payload)
	case workChannel:
		s.work.broadcast()
	case cancelChannel:
		s.hand.cancel(m.Payload)
	case progressChannel:
		if f := strings.SplitN(m.Payload, " ", 4); len(f) == 4 {
			s.audience.note(f[1], heardProgress{session: f[0], seq: number(f[2]), data: []byte(f[3])})
		}
	}
}

// readChunk is how many events the pump reads of one session at once.
const readChunk = 200

// pump reads the events that hints tell of and delivers them, until ctx ends. It is the only goroutine that
// delivers events and progress, so that each listener hears them in order.
func (s *Service) pump(ctx context.Context) {
	heal := time.NewTicker(healEvery)
	defer heal.Stop()
	// The jobs that are over as far as listeners know; two generations, the older one forgotten at each heal.
	// A frame of progress that was on its way meanwhile must not follow.
	over, before := make(map[string]struct{}), make(map[string]struct{})
	for {
		select {
		case <-ctx.Done():
			return
		case <-heal.C:
			over, before = make(map[string]struct{}), over
			if err := s.heal(ctx); err != nil {
				s.log.Debug("events are not read while Redis is away", "error", err)
			}
		case <-s.audience.signal:
		}
		dirty, progress := s.audience.takeNews()
		for _, p := range progress {
			for _, l := range s.audience.of(p.session) {
				if after, ok := l.heard(); ok && after < p.seq {
					dirty[p.session] = struct{}{} // what came before the progress goes first
				}
			}
		}
		if err := s.drain(ctx, dirty, over); err != nil {
			s.log.Debug("events are read again later", "error", err)
		}
		for job, p := range progress {
			_, isOver := over[job]
			_, wasOver := before[job]
			if isOver || wasOver {
				continue
			}
			for _, l := range s.audience.of(p.session) {
				l.hear(Message{Type: "progress", Key: "progress/" + job, Data: p.data})
			}
		}
	}
}

// drain reads and delivers what the listeners of the dirty sessions have not heard, and adds the jobs that
// finished to over. All sessions are read in one round trip; one with more than a chunk is marked again.
func (s *Service) drain(ctx context.Context, dirty, over map[string]struct{}) error {
	type reading struct {
		session string
		after   int64
		entries *redis.XMessageSliceCmd
	}
	var readings []reading
	pipe := s.redis.Pipeline()
	for id := range dirty {
		if after, ok := s.audience.behind(id); ok {
			readings = append(readings,
				reading{id, after, pipe.XRangeN(ctx, logKey(id), seqID(after+1), "+", readChunk)})
		}
	}
	if len(readings) == 0 {
		return nil
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return unavailable(ctx, "read logs", err) // the next heal marks them again
	}
	for _, r := range readings {
		entries := r.entries.Val()
		events, err := newEvents(r.session, r.after, entries)
		switch {
		case errors.Is(err, ErrGap):
			s.lose(r.session)
			continue
		case err != nil:
			s.log.Error("an event cannot be read", "session", r.session, "error", err)
			s.lose(r.session)
			continue
		}
		for _, l := range s.audience.of(r.session) {
			for _, e := range events {
				l.hear(e.Message)
			}
		}
		for _, e := range events {
			if e.finished != "" {
				over[e.finished] = struct{}{}
			}
		}
		if len(entries) == readChunk {
			s.audience.mark(r.session)
		}
	}
	return nil
}

// behind gives the newest event that every listener of a session has heard; ok is false when none listens.
func (a *audience) behind(id string) (after int64, ok bool) {
	for _, l := range a.of(id) {
		if at, listens := l.heard(); listens && (!ok || at < after) {
			after, ok = at, true
		}
	}
	return after, ok
}

// lose tells the listeners of a session that events are missing, and that they must begin anew.
func (s *Service) lose(session string) {
	s.log.Warn("events were lost; listeners begin anew", "session", session)
	for _, l := range s.audience.of(session) {
		l.hear(Message{Type: "lost", Lost: true})
	}
}

// heal compares what listeners have heard with what there is. It marks sessions whose hints were lost, and finds
// those that Redis has forgotten.
func (s *Service) heal(ctx context.Context) error {
	ids := s.audience.ids()
	if len(ids) == 0 {
		return nil
	}
	pipe := s.redis.Pipeline()
	seqs := make([]*redis.StringCmd, len(ids))
	for i, id := range ids {
		seqs[i] = pipe.HGet(ctx, sessionKey(id), "seq")
	}
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return unavailable(ctx, "heal", err)
	}
	for i, id := range ids {
		after, ok := s.audience.behind(id)
		if !ok {
			continue
		}
		seq, err := seqs[i].Int64()
		switch {
		case errors.Is(err, redis.Nil), err == nil && seq < after:
			s.lose(id)
		case err == nil && seq > after:
			s.audience.mark(id)
		}
	}
	return nil
}
