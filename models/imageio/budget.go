package imageio

import (
	"context"

	"golang.org/x/sync/semaphore"

	"seghub/models/imageio/refusal"
)

// Budget is the decoded bytes that all who read pictures may hold together. Safe for concurrent use.
type Budget struct {
	bytes int64
	free  *semaphore.Weighted // first come, first served
}

// NewBudget is a budget of so many bytes.
func NewBudget(bytes int64) *Budget {
	return &Budget{bytes: bytes, free: semaphore.NewWeighted(bytes)}
}

// Bytes is the whole of it.
func (b *Budget) Bytes() int64 { return b.bytes }

// Take waits until n bytes are free. More than there are at all is refused at once, with both numbers. The other error is ctx's.
func (b *Budget) Take(ctx context.Context, n int64) error {
	if n > b.bytes {
		return tooMuchMemory(n, b.bytes)
	}
	return b.free.Acquire(ctx, n)
}

// GiveBack returns what was taken.
func (b *Budget) GiveBack(n int64) { b.free.Release(n) }

func tooMuchMemory(needed, limit int64) error {
	return refusal.TooLarge("This image takes %d MB to decode and the server has %d MB for that: save it as a TIFF with tiles or "+
		"strips, which is read piece by piece.", ceilMB(needed), limit/1e6)
}

func ceilMB(n int64) int64 { return (n + 1e6 - 1) / 1e6 }
