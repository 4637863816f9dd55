package server

import (
	"context"
	"maps"
	"sync"
	"time"
)

// sizes are how many bytes sessions have in the storage. That is measured by going through all files of a session, which takes seconds where
// there are thousands of them or the disk is a network's: so a measurement counts for many times as long as it took, and what comes
// meanwhile is added. Whoever would have too much is measured anew.
type sizes struct {
	measure func(ctx context.Context, session string) (int64, error)
	mu      sync.Mutex
	known   map[string]size // guarded by mu
}

type size struct {
	bytes int64
	until time.Time // that it counts
}

// worth is how many times as long as it took a measurement counts.
const worth = 20

func newSizes(measure func(context.Context, string) (int64, error)) *sizes {
	return &sizes{measure: measure, known: map[string]size{}}
}

// with is how many bytes a session has with more of them. Above most it is measured just now.
func (s *sizes) with(ctx context.Context, session string, more, most int64) (int64, error) {
	began := time.Now()
	if bytes, known := s.add(session, more, most, began); known {
		return bytes, nil
	}
	bytes, err := s.measure(ctx, session)
	if err != nil {
		return 0, err
	}
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.known, func(_ string, of size) bool { return now.After(of.until) })
	of := size{bytes, now.Add(worth * now.Sub(began))}
	if bytes <= most-more { // else it does not come
		of.bytes += more
	}
	s.known[session] = of
	return bytes + more, nil
}

// add counts bytes to those that are known; known is false where they are not, or are too many with these.
func (s *sizes) add(session string, more, most int64, now time.Time) (bytes int64, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	of, known := s.known[session]
	if !known || now.After(of.until) || of.bytes > most-more {
		return 0, false
	}
	of.bytes += more
	s.known[session] = of
	return of.bytes, true
}
