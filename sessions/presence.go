package sessions

import (
	"context"
	"maps"
	"slices"
	"sync"
)

// callers are the sessions that have made a call since their presence was told last. They are kept here until then, so that
// a call that only reads writes nothing.
type callers struct {
	mu  sync.Mutex
	ids map[string]struct{} // nil until somebody calls
}

func (c *callers) add(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ids == nil {
		c.ids = make(map[string]struct{})
	}
	c.ids[id] = struct{}{}
}

// takeAll empties it.
func (c *callers) takeAll() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	ids := slices.Collect(maps.Keys(c.ids))
	c.ids = nil
	return ids
}

// tellPresences says who is there until ctx ends.
func (s *Service) tellPresences(ctx context.Context) {
	every(ctx, min(presenceEvery, s.config.SessionTTL/3), nil, func() {
		if err := s.tellPresence(ctx); err != nil {
			s.log.Debug("presence is told later", "error", err)
		}
	})
}

// tellPresence notes in Redis which sessions have a socket on this node, or have called it since it was told last.
func (s *Service) tellPresence(ctx context.Context) error {
	const chunk = 500
	ids := append(s.audience.ids(), s.callers.takeAll()...)
	for len(ids) > 0 {
		n := min(chunk, len(ids))
		args := make([]any, n)
		for i := range args {
			args[i] = ids[i]
		}
		if _, err := s.run(ctx, seenScript, args...); err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}
