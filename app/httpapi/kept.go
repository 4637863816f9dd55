package httpapi

import (
	"container/list"
	"sync"
)

// kept is what was made last and may be asked for again, within a bound. Safe for concurrent use.
type kept[T any] struct {
	most int64

	mu      sync.Mutex
	size    int64                    // guarded by mu
	entries map[string]*list.Element // of keptEntry[T]; guarded by mu
	order   list.List                // what was asked for last is in front; guarded by mu
}

type keptEntry[T any] struct {
	name  string
	value T
	size  int64
}

// newKept keeps values of so much size together.
func newKept[T any](most int64) *kept[T] {
	return &kept[T]{most: most, entries: make(map[string]*list.Element)}
}

// Get is the value of that name; false when it is not kept, or no more.
func (k *kept[T]) Get(name string) (value T, known bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	element, known := k.entries[name]
	if !known {
		return value, false
	}
	k.order.MoveToFront(element)
	return element.Value.(keptEntry[T]).value, true
}

// Put keeps a value, and lets go of those that were not asked for longest. One that is larger than all may be is not kept.
func (k *kept[T]) Put(name string, value T, size int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, known := k.entries[name]; known || size > k.most {
		return
	}
	k.entries[name] = k.order.PushFront(keptEntry[T]{name, value, size})
	k.size += size
	for k.size > k.most {
		oldest := k.order.Back()
		entry := k.order.Remove(oldest).(keptEntry[T])
		delete(k.entries, entry.name)
		k.size -= entry.size
	}
}
