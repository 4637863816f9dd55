package mask

import "slices"

// body is a run of an object that is kept.
type body struct {
	x0, x1 int32
	id     int32
	// A level piece of a ring, with the object below it, has been walked: the one that begins at x0 above this run, and the one
	// that begins at x1 below it, above a run of the next row.
	above, below bool
}

// outlines finds the rings of objects that are given as runs: those of row y are list[row[y]:row[y+1]], from left to right. Runs of
// one object never touch within a row. A ring is walked from run to run, not from pixel to pixel: down the right ends of runs, up
// their left ends, and level between two of these.
type outlines struct {
	list []body
	row  []int32
	top  int  // the row of the picture that row 0 is
	ring ring // the one in hand
}

// begin takes the rows that spans, which are in reading order, lie in, in place of those before.
func (o *outlines) begin(spans []Span) {
	o.list, o.row = slices.Grow(o.list[:0], len(spans)), append(o.row[:0], 0)
	if len(spans) == 0 {
		return
	}
	o.top = int(spans[0].Y)
	for _, s := range spans {
		for len(o.row) <= int(s.Y)-o.top {
			o.row = append(o.row, int32(len(o.list)))
		}
		o.list = append(o.list, body{x0: s.X0, x1: s.X1, id: s.ID})
	}
	o.row = append(o.row, int32(len(o.list)))
}

// trace calls found with each ring: for each object its outer ring first, then its holes, in reading order of their first level
// pieces that have the object below them. Every ring has such a piece, and the first of an object is on its outer ring. What found
// is given is good until it returns.
func (o *outlines) trace(found func(id int32, r *ring)) {
	for y := range len(o.row) - 1 {
		for i := o.row[y]; i < o.row[y+1]; i++ {
			o.traceFrom(y, i, found)
		}
	}
}

// traceFrom walks what has not been walked of the rings that pass above run i of row y.
func (o *outlines) traceFrom(y int, i int32, found func(id int32, r *ring)) {
	s := o.list[i]
	upper, end := o.firstEndingBehind(y-1, s.x0)
	if !s.above && !o.holds(upper, end, s.x0, s.id) {
		o.follow(y, i, s.x0)
		found(s.id, &o.ring)
	}
	for ; upper < end && o.list[upper].x1 < s.x1; upper++ {
		if u := o.list[upper]; u.id == s.id && !u.below {
			o.list[upper].below = true
			o.follow(y, i, u.x1)
			found(s.id, &o.ring)
		}
	}
}

// follow walks the ring of which a level piece begins at x above run i of row y, and leaves it in o.ring. Where two pixels of the
// object meet at a corner only, it turns left, towards the other one: of an object that is connected at edges elsewhere, no ring then passes
// a corner twice.
func (o *outlines) follow(y int, i, x int32) {
	o.ring = ring{corners: o.ring.corners[:0]}
	startY, startX := y, x
	for going := right; ; {
		run := o.list[i]
		switch going {
		case right: // from x, above the run, until a run above begins or this one ends
			if x == run.x0 {
				o.list[i].above = true
			}
			if upper, is := o.nextAbove(y, run, x); is {
				o.turn(o.list[upper].x0, y, o.list[upper].x0-x)
				i, y, going = upper, y-1, up
			} else {
				o.turn(run.x1, y, run.x1-x)
				going = down
			}
		case down: // along the right end of the run
			switch next, level := o.under(y, run); {
			case next < 0:
				x, going = run.x1, left
				o.turn(x, y+1, 1)
			case level:
				o.list[i].below = run.x1 != o.list[next].x0
				i, y, x, going = next, y+1, run.x1, right
				o.turn(x, y, 1)
			default:
				i, y = next, y+1
				o.ring.straight++
			}
		case left: // from x, below the run, until a run below ends or this one begins
			if lower, is := o.nextBelow(y, run, x); is {
				o.turn(o.list[lower].x1, y+1, x-o.list[lower].x1)
				i, y, going = lower, y+1, down
			} else {
				o.turn(run.x0, y+1, x-run.x0)
				going = up
			}
		case up: // along the left end of the run
			switch next, level := o.over(y, run); {
			case next < 0:
				x, going = run.x0, right
				o.turn(x, y, 1)
			case level:
				x, going = run.x0, left
				o.turn(x, y, 1)
				i, y = next, y-1
			default:
				i, y = next, y-1
				o.ring.straight++
			}
		}
		if going == right && y == startY && x == startX {
			return
		}
	}
}

// heading is the direction of a walk.
type heading int

const (
	right heading = iota
	down
	left
	up
)

// turn ends a piece of the ring, of so many cracks, at the corner (x,y).
func (o *outlines) turn(x int32, y int, cracks int32) {
	o.ring.straight += int(cracks) - 1
	o.ring.turns++
	o.ring.corners = append(o.ring.corners, Point{int(x), y + o.top})
}

// under tells how a walk down the right end of a run of row y goes on: level to the right above the next run, or straight down along its
// end; next is -1 when there is none.
func (o *outlines) under(y int, run body) (next int32, level bool) {
	i, end := o.firstEndingBehind(y+1, run.x1-1)
	k := i
	if k < end && o.list[k].x1 == run.x1 {
		k++
	}
	switch {
	case o.holds(k, end, run.x1, run.id):
		return k, true
	case o.holds(i, end, run.x1-1, run.id):
		return i, false
	}
	return -1, false
}

// over is under for a walk up the left end of a run.
func (o *outlines) over(y int, run body) (next int32, level bool) {
	i, end := o.firstEndingBehind(y-1, run.x0-1)
	k := i
	if k < end && o.list[k].x1 == run.x0 {
		k++
	}
	switch {
	case o.holds(i, end, run.x0-1, run.id):
		return i, true
	case o.holds(k, end, run.x0, run.id):
		return k, false
	}
	return -1, false
}

// nextAbove finds the run of the same object above a run of row y that begins next to the right of x, at the run's end at most.
func (o *outlines) nextAbove(y int, run body, x int32) (int32, bool) {
	for i, end := o.firstEndingBehind(y-1, x); i < end && o.list[i].x0 <= run.x1; i++ {
		if o.list[i].id == run.id && o.list[i].x0 > x {
			return i, true
		}
	}
	return -1, false
}

// nextBelow finds the run of the same object below a run of row y that ends next to the left of x, at the run's beginning at least.
func (o *outlines) nextBelow(y int, run body, x int32) (int32, bool) {
	i, _ := o.firstEndingBehind(y+1, x-1)
	for i--; y+1 < len(o.row)-1 && i >= o.row[y+1] && o.list[i].x1 >= run.x0; i-- {
		if o.list[i].id == run.id {
			return i, true
		}
	}
	return -1, false
}

// holds says whether i is a run before end that has pixel x, of the object id.
func (o *outlines) holds(i, end, x, id int32) bool {
	return i < end && o.list[i].x0 <= x && x < o.list[i].x1 && o.list[i].id == id
}

// firstEndingBehind finds the first run of row y whose end lies behind x, and the end of the row. There is none in a row outside the
// picture.
func (o *outlines) firstEndingBehind(y int, x int32) (i, end int32) {
	if y < 0 || y >= len(o.row)-1 {
		return 0, 0
	}
	i, end = o.row[y], o.row[y+1]
	for last := end; i < last; {
		if middle := (i + last) / 2; o.list[middle].x1 > x {
			last = middle
		} else {
			i = middle + 1
		}
	}
	return i, end
}
