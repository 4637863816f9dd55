package server

import (
	"math"
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"
)

// TestHeapLimit takes of a budget and gives back, and looks at the limit that the process has.
func TestHeapLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const budget = 1 << 30
		own := debug.SetMemoryLimit(-1)
		h := newHeapLimit(budget)
		limit := func() int64 { return debug.SetMemoryLimit(-1) }

		h.taken(budget / 2)
		if got := limit(); got != own {
			t.Errorf("limit %d while half of the budget is taken, want the process' own", got)
		}
		h.taken(budget/2 + 1)
		first := limit()
		if spare := first - h.before; spare < budget*3/4 || spare > budget {
			t.Errorf("limit %d, %d above what Go took before, of a budget of %d", first, spare, budget)
		}
		h.mu.Lock()
		h.before += 1 << 20 // what is adjusted is seen
		h.mu.Unlock()
		<-time.After(adjustEvery)
		synctest.Wait()
		if got := limit(); got != first+1<<20 {
			t.Errorf("limit %d after a second, want %d", got, first+1<<20)
		}
		h.taken(0)
		if got := limit(); got != own {
			t.Errorf("limit %d when all is given back, want the process' own", got)
		}
		<-time.After(2 * adjustEvery)
		synctest.Wait()
		if got := limit(); got != own {
			t.Errorf("limit %d later, want the process' own", got)
		}
	})
}

// TestHeapLimitKeepsToGOMEMLIMIT has the process keep to the stricter of two limits.
func TestHeapLimitKeepsToGOMEMLIMIT(t *testing.T) {
	const strict = math.MaxInt64 / 2
	own := debug.SetMemoryLimit(strict)
	defer debug.SetMemoryLimit(own)
	h := newHeapLimit(math.MaxInt64 / 4 * 3)
	h.taken(math.MaxInt64 / 4 * 3)
	if got := debug.SetMemoryLimit(-1); got != strict {
		t.Errorf("limit %d, want %d", got, int64(strict))
	}
	h.lift()
	if got := debug.SetMemoryLimit(-1); got != strict {
		t.Errorf("limit %d afterwards, want %d", got, int64(strict))
	}
}

func TestLimitFor(t *testing.T) {
	const MB = 1 << 20
	for _, test := range []struct{ budget, before, now, want int64 }{
		{1600 * MB, 50 * MB, 60 * MB, 1522 * MB},
		{80 * MB, 50 * MB, 60 * MB, 110 * MB},
		{1600 * MB, 50 * MB, 1600 * MB, 1800 * MB}, // more lives than should
	} {
		if got := limitFor(test.budget, test.before, test.now); got != test.want {
			t.Errorf("limitFor(%d, %d, %d) = %d, want %d", test.budget, test.before, test.now, got, test.want)
		}
	}
}
