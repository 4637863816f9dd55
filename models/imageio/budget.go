package imageio

import (
	"context"
	"sync"

	"golang.org/x/sync/semaphore"

	"seghub/models/imageio/refusal"
)

// Budget is the decoded bytes that all who read pictures may hold together. Safe for concurrent use.
type Budget struct {
	bytes int64
	free  *semaphore.Weighted // first come, first served
	watch func(taken int64)

	mu    sync.Mutex
	taken int64 // guarded by mu
}

// NewBudget is a budget of so many bytes.
func NewBudget(bytes int64) *Budget { return NewWatchedBudget(bytes, func(int64) {}) }

// NewWatchedBudget is a budget of so many bytes. watch hears how many are taken whenever that changes, one call at a time; it must not block.
func NewWatchedBudget(bytes int64, watch func(taken int64)) *Budget {
	return &Budget{bytes: bytes, free: semaphore.NewWeighted(bytes), watch: watch}
}

// Bytes is the whole of it.
func (b *Budget) Bytes() int64 { return b.bytes }

// Take waits until needed bytes are free and beside more, or as many of those as the whole budget has beside needed: what is only beside an
// image refuses none. More needed than there is at all is refused at once, with both numbers. The other error is ctx's.
//
// Who holds a share takes no other one: two who did would wait for each other.
func (b *Budget) Take(ctx context.Context, needed, beside int64) (*Share, error) {
	if needed > b.bytes {
		return nil, tooMuchMemory(needed, b.bytes)
	}
	s := b.share(needed, beside)
	if err := b.free.Acquire(ctx, s.bytes); err != nil {
		return nil, err
	}
	b.change(s.bytes)
	return s, nil
}

// TryTake is Take where that does not have to wait; nil where it does, or refuses.
func (b *Budget) TryTake(needed, beside int64) *Share {
	s := b.share(needed, beside)
	if needed > b.bytes || !b.free.TryAcquire(s.bytes) {
		return nil
	}
	b.change(s.bytes)
	return s
}

func (b *Budget) share(needed, beside int64) *Share {
	return &Share{budget: b, bytes: min(needed+beside, b.bytes)}
}

func (b *Budget) change(by int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.taken += by
	b.watch(b.taken)
}

// Share is a part of a Budget that is taken. One goroutine at a time.
type Share struct {
	budget *Budget
	bytes  int64
}

// Keep gives back what is more than n bytes.
func (s *Share) Keep(n int64) {
	if over := s.bytes - n; over > 0 {
		s.bytes = n
		s.budget.change(-over)
		s.budget.free.Release(over)
	}
}

// GiveBack gives all of it back.
func (s *Share) GiveBack() { s.Keep(0) }

func tooMuchMemory(needed, limit int64) error {
	return refusal.TooLarge("This image takes %d MB to decode and the server has %d MB for that: save it as a TIFF with tiles or "+
		"strips, which is read piece by piece.", ceilMB(needed), limit/1e6)
}

func ceilMB(n int64) int64 { return (n + 1e6 - 1) / 1e6 }
