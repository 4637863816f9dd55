package server

import (
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

// heapLimit keeps what Go takes of memory within what it took before the first image, and the images' budget, while more than half of that is
// taken. Go's collector alone would let garbage grow to a part (GOGC) of all that lives, decoded images included, and keep what a large one has
// left.
type heapLimit struct {
	budget  int64
	without int64 // bytes: the limit that holds without this one (GOMEMLIMIT)

	mu     sync.Mutex
	before int64       // guarded by mu; what Go took before the first image; 0 until then
	held   int64       // guarded by mu; of the budget
	lifted bool        // guarded by mu
	again  *time.Timer // guarded by mu; adjusts the limit while there is one, else nil
}

// adjustEvery is how often a limit is adjusted to what lives.
const adjustEvery = time.Second

func newHeapLimit(budget int64) *heapLimit {
	return &heapLimit{budget: budget, without: debug.SetMemoryLimit(-1)}
}

// taken hears how many bytes of the budget are.
func (h *heapLimit) taken(bytes int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.lifted {
		return
	}
	if h.before == 0 {
		h.before = goMemory()
	}
	h.held = bytes
	h.adjustLocked()
}

// adjustLocked sets the limit, or takes it away.
func (h *heapLimit) adjustLocked() {
	if h.held > h.budget/2 {
		debug.SetMemoryLimit(min(h.without, limitFor(h.budget, h.before, goMemory())))
		if h.again == nil {
			h.again = time.AfterFunc(adjustEvery, h.tick)
		}
	} else if h.again != nil {
		h.again.Stop()
		h.again = nil
		debug.SetMemoryLimit(h.without)
	}
}

func (h *heapLimit) tick() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.again != nil {
		h.adjustLocked()
		h.again.Reset(adjustEvery)
	}
}

// notGo is what of the budget is left to what is not Go's and comes with images, such as what runs of models hold: at most this, and at most a
// quarter.
const notGo = 128 << 20

// limitFor is the limit of what Go takes, which took before without images what it did, and takes now what it does. It leaves Go an eighth more
// than what lives now, so that it does not collect all the time where that is more than it should be.
func limitFor(budget, before, now int64) int64 {
	return max(before+budget-min(budget/4, notGo), now+now/8)
}

// lift takes the limit away for good.
func (h *heapLimit) lift() {
	h.taken(0)
	h.mu.Lock()
	h.lifted = true
	h.mu.Unlock()
}

// goMemory is what Go needs, in bytes: what lived in the heap when that was last collected, and what is not the heap's, such as stacks.
func goMemory() int64 {
	samples := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
	}
	metrics.Read(samples)
	needed := int64(samples[0].Value.Uint64()) + int64(samples[1].Value.Uint64())
	for _, heap := range samples[2:] {
		needed -= int64(heap.Value.Uint64())
	}
	return needed
}
