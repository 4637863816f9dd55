package sessions

import (
	"slices"
	"time"
)

// holding is what keeps one open slot from the next in line.
type holding struct {
	owned bool
	work  time.Duration // that its owner still has
	held  time.Duration // by its owner until now
	idle  time.Duration // without work until now; 0 while there is some
}

// estimate gives, for each place in the line, how long until it gets a slot; nil where there is none. waiting is how long a worker
// takes for all that each asks for, next first.
//
// A slot is free when its owner's turn is over, or a grace after its work is; one without work what is left of the grace from now.
// The line is then played out: each takes the slot that is free first. Who is not done in one turn goes behind all that wait
// now, and so is in nobody's way.
func estimate(turn, grace time.Duration, slots []holding, waiting []time.Duration) []time.Duration {
	if len(slots) == 0 {
		return nil
	}
	at := make(moments, len(slots))
	for i, slot := range slots {
		switch {
		case !slot.owned:
		case slot.work == 0:
			at[i] = max(0, grace-slot.idle)
		default:
			at[i] = keeps(slot.work, max(0, turn-slot.held), grace)
		}
	}
	slices.Sort(at)
	out := make([]time.Duration, len(waiting))
	for i, work := range waiting {
		out[i] = at[0]
		at.push(at[0] + keeps(work, turn, grace))
	}
	return out
}

// keeps is how long an owner with so much work keeps its slot, of whose turn so much is left.
func keeps(work, turn, grace time.Duration) time.Duration {
	if work >= turn {
		return turn
	}
	return work + grace
}

// moments is a heap of times from now: none is before that at (i-1)/2, and a sorted list is one.
type moments []time.Duration

// push puts t in the place of the first.
func (m moments) push(t time.Duration) {
	at := 0
	for {
		next := 2*at + 1
		if next >= len(m) {
			break
		}
		if next+1 < len(m) && m[next+1] < m[next] {
			next++
		}
		if m[next] >= t {
			break
		}
		m[at], at = m[next], next
	}
	m[at] = t
}
