package client

import (
	"context"
	"math/rand/v2"
	"time"
)

// backoff says how long to wait before the next try: full jitter, so that the clients of a hub that comes back do not all return
// at the same moment.
type backoff struct {
	base time.Duration // the ceiling of the first wait
	most time.Duration // the ceiling of any wait
}

var (
	usual   = backoff{base: 500 * time.Millisecond, most: 15 * time.Second}
	patient = backoff{base: 10 * time.Second, most: time.Minute} // where the hub asks for patience
)

// delay before try number attempt, from 0: uniform in 0..min(most, base*2^attempt).
func (b backoff) delay(attempt int) time.Duration {
	ceiling := b.most
	if attempt < 30 { // beyond, the shift could overflow
		ceiling = min(b.most, b.base<<attempt)
	}
	return rand.N(ceiling + 1)
}

// pause waits, or gives the reason why ctx ended.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
