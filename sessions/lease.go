package sessions

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// errDied is why a job is given up that the process died under three times (MOST_DEATHS in lib_jobs.lua).
var errDied = errors.New("the process that ran it died three times, the last time with nothing else in hand")

// lease is this node's right to its slots: one for all of them, with a generation and an expiry, in Redis.
type lease struct {
	mu    sync.Mutex
	until time.Time     // by this process's clock; the lease holds until then at least
	why   error         // the last renewal failed; nil when it did not
	soon  chan struct{} // pokes the keeper; nil until started
}

// extend notes that a renewal that was sent at the moment sent has succeeded. Redis counts from when it got the
// call, which is later, so that this node stops before others may take over.
func (l *lease) extend(sent time.Time, ttl time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.until, l.why = sent.Add(ttl), nil
}

// fail notes why a renewal failed.
func (l *lease) fail(why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.why = why
}

// failure is why the last renewal failed; nil when it did not.
func (l *lease) failure() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.why
}

// held reports whether work may be taken at now.
func (l *lease) held(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return now.Before(l.until)
}

// tickSoon makes the keeper look now.
func (l *lease) tickSoon() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.soon != nil {
		poke(l.soon)
	}
}

// takeName takes the lease of a process that starts. Another of the same name that renews its lease is alive, and keeps it; one
// that does not is dead, and what it left behind is taken over. Only what Redis says counts: while it is away nobody can renew.
func (s *Service) takeName(ctx context.Context) error {
	err := s.patiently(ctx, func() error { return s.join(ctx, false) })
	if !errors.Is(err, ErrNameTaken) {
		return err
	}
	expires := func() (float64, error) { return s.redis.ZScore(ctx, hashTag+":nodes", s.config.Node).Result() }
	held, _ := expires()
	for looks := 0; looks < 12; { // quarters: three of its ticks
		pause(ctx, s.tickEvery()/4)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		now, failed := expires()
		if failed != nil && !errors.Is(failed, redis.Nil) {
			looks, held = 0, 0
			continue
		}
		if held != 0 && now != held && now != 0 {
			return err
		}
		looks, held = looks+1, now
	}
	s.log.Info("a process of the same name is dead; its work is taken over")
	return s.patiently(ctx, func() error { return s.join(ctx, true) })
}

// tickEvery is how often the lease is renewed.
func (s *Service) tickEvery() time.Duration { return min(tickEvery, s.config.LeaseTTL/3) }

// join takes the lease. takeOver takes it from another process of the same name.
func (s *Service) join(ctx context.Context, takeOver bool) error {
	sent := s.now()
	take := 0
	if takeOver {
		take = 1
	}
	reply, err := s.run(ctx, joinScript, s.openSlots(), take, s.problem(errDied), s.process, s.ownModels())
	if err != nil {
		return err
	}
	if text(reply) == "" {
		return fmt.Errorf("sessions: join: %w", ErrNameTaken)
	}
	s.generation.Store(number(reply))
	s.lease.extend(sent, s.config.LeaseTTL)
	s.log.Info("lease taken", "generation", number(reply), "slots", s.config.Slots)
	return nil
}

// leaseOf names a lease of this process to the scripts. Its number alone may be another process's, too: a Redis that was set back counts on from an
// earlier one.
func (s *Service) leaseOf(generation int64) string {
	return fmt.Sprintf("%d-%s", generation, s.process)
}

// rejoin takes a new lease after the old one expired. What this node had in hand has gone back to the queues, and
// others have taken the process for dead: they hear that it was not.
func (s *Service) rejoin(ctx context.Context) error {
	if err := s.agree(ctx); err != nil { // Redis may have lost everything, or be another
		return err
	}
	before := s.generation.Load()
	if err := s.join(ctx, false); err != nil {
		return err
	}
	args := []any{s.leaseOf(before)}
	for key, session := range s.hand.sessions() {
		args = append(args, session, key.job)
	}
	_, err := s.run(ctx, survivedScript, args...)
	if err != nil { // they hear it the next time: this lease is taken for another process's until then
		s.generation.Store(before)
	}
	return err
}

// leave gives the lease back. problem is empty, or what a client hears of a job that is given up because the process dies
// under it.
func (s *Service) leave(ctx context.Context, problem string) error {
	s.lease.extend(time.Time{}, 0)
	_, err := s.run(ctx, leaveScript, problem)
	return err
}

// renew renews the lease, and reports whether a worker of this node may find work. A lease that was lost is taken anew; what
// this node had claimed has gone back to its queues then.
func (s *Service) renew(ctx context.Context) (busy bool, err error) {
	sent := s.now()
	draining := 0
	if s.draining.Load() {
		draining = 1
	}
	reply, err := s.ask(ctx, renewScript, draining, s.openSlots(), s.ownModels())
	if err != nil {
		return false, err
	}
	switch text(reply[0]) {
	case "lost":
		if s.lease.failure() == nil { // else that has been said, and why there is no new one yet
			s.log.Warn("lease was lost; taking a new one")
		}
		s.mirror.forget()
		return true, s.rejoin(ctx)
	case "taken":
		// By another process, whose lease must expire before this one may have the name again; or by this one, which has not heard of it.
		return true, s.rejoin(ctx)
	}
	s.lease.extend(sent, s.config.LeaseTTL)
	return number(reply[1]) == 1, nil
}

// openSlots tells which slots are open, a letter each: "1" or "0".
func (s *Service) openSlots() string {
	letters := make([]byte, s.config.Slots)
	for slot := range letters {
		letters[slot] = '0'
		if s.config.Open(slot) {
			letters[slot] = '1'
		}
	}
	return string(letters)
}

// SlotsChanged tells Redis now which slots are open; without it, that is found out at the next renewal.
func (s *Service) SlotsChanged(ctx context.Context) error {
	_, err := s.renew(ctx)
	if err == nil {
		err = s.endTurnsNow(ctx)
	}
	s.work.ring()
	return err
}

// keepLease renews the lease until ctx ends.
func (s *Service) keepLease(ctx context.Context) {
	soon := make(chan struct{}, 1)
	s.lease.mu.Lock()
	s.lease.soon = soon
	s.lease.mu.Unlock()
	if s.draining.Load() {
		poke(soon)
	}

	interval := s.tickEvery()
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-soon:
		case <-ticker.C:
		}
		could := s.lease.held(s.now())
		busy, err := s.renew(ctx)
		if err != nil {
			s.lease.fail(err)
			if !failing && ctx.Err() == nil {
				s.log.Error("lease not renewed", "error", err)
				ticker.Reset(min(interval, failingTickEvery))
			}
			failing = true
			continue
		}
		if failing {
			s.log.Info("lease renewed again")
			ticker.Reset(interval)
		}
		if busy || !could || failing {
			s.work.ring()
		}
		failing = false
	}
}

// endTurns ends what time has ended on this node's slots, until ctx ends.
func (s *Service) endTurns(ctx context.Context) {
	every(ctx, s.tickEvery(), nil, func() {
		if err := s.endTurnsNow(ctx); err != nil {
			s.log.Debug("turns are ended later", "error", err)
		}
	})
}

func (s *Service) endTurnsNow(ctx context.Context) error {
	_, err := s.run(ctx, turnsScript, unwatchedAfter.Milliseconds())
	return err
}

// buryDead ends the leases of nodes that are dead, until ctx ends.
func (s *Service) buryDead(ctx context.Context) {
	every(ctx, s.tickEvery(), nil, func() {
		if err := s.bury(ctx); err != nil {
			s.log.Debug("dead nodes are looked for later", "error", err)
		}
	})
}

func (s *Service) bury(ctx context.Context) error {
	n, err := s.run(ctx, buryScript, s.problem(errDied))
	if number(n) > 0 {
		s.log.Warn("dead nodes: others take over their work", "nodes", number(n))
	}
	return err
}
