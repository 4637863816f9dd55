package sessions

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// listen hears what Redis publishes until ctx ends. One connection serves the whole node: hints of all sessions
// come over it, and those that nobody here listens to are dropped.
func (s *Service) listen(ctx context.Context) {
	pubsub := s.redis.Subscribe(ctx, eventsChannel, workChannel+s.config.Node, lineChannel, cancelChannel, progressChannel, pieceChannel)
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
				s.mirror.forget()
				s.work.ring()
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
	case workChannel + s.config.Node:
		s.work.ring()
	case lineChannel:
		poke(s.mirror.poked)
	case cancelChannel:
		s.hand.cancel(m.Payload)
	case pieceChannel:
		s.hearPiece(m.Payload)
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
	// The jobs that are over as far as listeners know, and whether the pieces of their masks stand; two generations, the older one forgotten
	// at each heal. What was on its way meanwhile must not follow: neither progress nor pieces that the whole has replaced.
	over, before := make(map[string]bool), make(map[string]bool)
	isOver := func(job string) bool {
		_, now := over[job]
		_, earlier := before[job]
		return now || earlier
	}
	replaced := func(p heardPiece) bool { return isOver(p.job) && !over[p.job] && !before[p.job] }
	for {
		select {
		case <-ctx.Done():
			return
		case <-heal.C:
			over, before = make(map[string]bool), over
			if err := s.heal(ctx); err != nil {
				s.log.Debug("events are not read while Redis is away", "error", err)
			}
		case <-s.audience.poked:
		}
		dirty, progress, pieces := s.audience.takeNews()
		pieces = s.deliverPieces(slices.DeleteFunc(pieces, replaced)) // before the end of their job, which may be among the news
		for _, p := range pieces {
			dirty[p.session] = struct{}{}
		}
		for _, p := range progress {
			for _, l := range s.audience.of(p.session) {
				if at, ok := l.heard(); ok && at.Seq < p.seq {
					dirty[p.session] = struct{}{} // what came before the progress goes first
				}
			}
		}
		if err := s.drain(ctx, dirty, over); err != nil {
			s.log.Debug("events are read again later", "error", err)
		}
		s.deliverPieces(slices.DeleteFunc(pieces, replaced))
		for job, p := range progress {
			if isOver(job) {
				continue
			}
			for _, l := range s.audience.of(p.session) {
				l.hear(Message{Type: "progress", Key: "progress/" + job, After: p.seq, Data: p.data})
			}
		}
	}
}

// logsAtOnce is how many sessions' logs one script reads.
const logsAtOnce = 50

// drain reads and delivers what the listeners of the dirty sessions have not heard, and adds the jobs that
// finished to over. A session with more than a chunk is marked again.
func (s *Service) drain(ctx context.Context, dirty map[string]struct{}, over map[string]bool) error {
	for ids := range slices.Chunk(slices.Collect(maps.Keys(dirty)), logsAtOnce) {
		args, at := []any{readChunk}, make([]int64, 0, len(ids))
		ids = slices.DeleteFunc(ids, func(id string) bool {
			after, ok := s.audience.behind(id)
			if ok {
				args, at = append(args, id, after), append(at, after)
			}
			return !ok
		})
		if len(ids) == 0 {
			continue
		}
		reply, err := s.ask(ctx, eventsScript, args...)
		if err != nil {
			return err // the next heal marks them again
		}
		for i, id := range ids {
			s.tell(ctx, id, Mark{at[i], text(reply[0])}, reply[i+1], over)
		}
	}
	return nil
}

// tell delivers the log of a session from a mark on.
func (s *Service) tell(ctx context.Context, id string, after Mark, log any, over map[string]bool) {
	if text(log) == "gone" {
		s.lose(id)
		return
	}
	entries := list(log)
	events, err := newEvents(id, after.Seq, entries)
	if err != nil && !errors.Is(err, ErrGap) {
		s.log.Error("an event cannot be read", "session", id, "error", err)
	}
	for _, l := range s.audience.of(id) {
		at, listens := l.heard()
		if listens && (err != nil || at.Epoch != after.Epoch) {
			s.beginAnew(ctx, id, l)
			continue
		}
		for _, e := range events {
			l.hearEvent(e)
		}
	}
	for _, e := range events {
		if e.Type == "mask" {
			over[e.JobID] = e.Bare
		}
		if _, known := over[e.finished]; e.finished != "" && !known {
			over[e.finished] = false
		}
		if e.state == Waiting { // the line may have told everybody else before
			s.audience.owed.Store(true)
			poke(s.mirror.poked)
		}
	}
	if len(entries) == readChunk {
		s.audience.mark(id)
	}
}

// behind gives the newest event that every listener of a session has heard; ok is false when none listens.
func (a *audience) behind(id string) (after int64, ok bool) {
	for _, l := range a.of(id) {
		if at, listens := l.heard(); listens && (!ok || at.Seq < after) {
			after, ok = at.Seq, true
		}
	}
	return after, ok
}

// beginAnew gives a listener the session as it is now: what it knows may have been lost, or what it should hear is.
func (s *Service) beginAnew(ctx context.Context, session string, l *listener) {
	s.log.Info("the event log is another; a listener begins anew", "session", session)
	opening, err := s.open(ctx, session, nil)
	switch {
	case errors.Is(err, ErrUnavailable) || ctx.Err() != nil:
		s.audience.mark(session)
	case err != nil:
		l.hear(Message{Type: "lost", Lost: true})
	default:
		l.begin(opening)
		s.audience.owed.Store(true)
	}
}

// lose tells the listeners of a session that it is not there any more.
func (s *Service) lose(session string) {
	s.log.Warn("a session is gone from Redis", "session", session)
	for _, l := range s.audience.of(session) {
		l.hear(Message{Type: "lost", Lost: true})
	}
}

// heal marks the sessions whose hints were lost, whose log began anew, or that Redis has forgotten.
func (s *Service) heal(ctx context.Context) error {
	ids := s.audience.ids()
	if len(ids) == 0 {
		return nil
	}
	now, err := s.ask(ctx, eventsScript, readChunk)
	if err != nil {
		return err
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
		seq, err := seqs[i].Int64()
		for _, l := range s.audience.of(id) {
			if at, listens := l.heard(); listens && (err != nil || at != Mark{seq, text(now[0])}) {
				s.audience.mark(id)
			}
		}
	}
	return nil
}
