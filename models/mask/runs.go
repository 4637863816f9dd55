package mask

import (
	"encoding/binary"
	"math/bits"
)

// background is the value of runs that belong to no body.
const background = 0

// run is a piece of a row, pixels x0 up to but not including x1, in which all pixels have one value.
type run struct {
	x0, x1 int32
	value  int32 // background; 1 for bodies; after a split, one number for each body
	parent int32 // the run that this one is united with; itself for the first of a component
}

// runs is the part of a picture around one body, as the runs of its rows: those of row y are list[row[y]:row[y+1]]. To be connected,
// split or followed they have to cover every pixel; neighbours among them differ in value. The work is thereby that of outlines, not
// of pixels.
//
// The components are a union-find forest over the runs. A root is always the first of its component in
// reading order.
type runs struct {
	left, top     int // where the part begins in the picture; all else counts from there
	width, height int
	list          []run
	row           []int32
}

// scanRow tells the runs of a row from left to right: of samples that are at least level, which are body, and of those that are not. Most
// are like their neighbours: eight are looked at together.
func scanRow(pix []uint8, level uint8, found func(x0, x1 int, body bool)) {
	x0, body := 0, pix[0] >= level
	least := newLevels(level)
	same := uint64(0) // eight pixels like the one before them
	if body {
		same = high
	}
	change := func(x int) {
		found(x0, x, body)
		x0, body = x, !body
	}
	x := 0
	for ; x+8 <= len(pix); x += 8 {
		bodies := least.among(binary.LittleEndian.Uint64(pix[x:]))
		if bodies == same {
			continue
		}
		for changed := bodies ^ (bodies<<8 | same>>56); changed != 0; changed &= changed - 1 {
			change(x + bits.TrailingZeros64(changed)/8)
		}
		same = -(bodies >> 63) & high
	}
	for ; x < len(pix); x++ {
		if (pix[x] >= level) != body {
			change(x)
		}
	}
	found(x0, len(pix), body)
}

// levels is a level in each byte of a word, and its lower seven bits.
type levels struct{ all, lower uint64 }

const high = 0x8080808080808080

func newLevels(level uint8) levels {
	all := uint64(level) * 0x0101010101010101
	return levels{all, all &^ high}
}

// among has the highest bit of each byte of word set where that is at least the level.
func (l levels) among(word uint64) uint64 {
	// The lower seven bits compare by a subtraction that borrows nothing from the next byte.
	lower := (word | high) - l.lower
	return (word&^l.all | ^(word^l.all)&lower) & high
}

func newRuns(width, height int) runs {
	r := runs{width: width, height: height}
	r.list = make([]run, 0, 4*height)
	r.row = append(make([]int32, 0, height+1), 0)
	return r
}

func (r *runs) add(x0, x1 int, value int32) {
	r.list = append(r.list, run{x0: int32(x0), x1: int32(x1), value: value})
}

func (r *runs) endRow() { r.row = append(r.row, int32(len(r.list))) }

// connect unites the runs of one value that touch at edges.
func (r *runs) connect() { r.unify(false) }

// connectAtCorners unites the bodies' runs of one value that touch at edges or corners, and those of background that touch at edges.
func (r *runs) connectAtCorners() { r.unify(true) }

func (r *runs) unify(corners bool) {
	for i := range r.list {
		r.list[i].parent = int32(i)
	}
	for y := range r.height {
		begin, end := r.row[y], r.row[y+1]
		if y > 0 {
			r.connectRows(r.row[y-1], begin, end, corners)
		}
	}
	// A root comes before the rest of its component, so that one pass in order flattens the forest.
	for i := range r.list {
		r.list[i].parent = r.list[r.list[i].parent].parent
	}
}

// connectRows unites the runs from upper up to lower with those of the row below, from lower up to end.
func (r *runs) connectRows(upper, lower, end int32, corners bool) {
	// Both rows are covered from side to side, so that the two runs in hand always overlap.
	for above, below := upper, lower; above < lower && below < end; {
		r.uniteAlike(above, below)
		switch a, b := r.list[above].x1, r.list[below].x1; {
		case a < b:
			above++
		case a > b:
			below++
		default:
			// Where two runs end together, each touches the other's right neighbour at a corner.
			if corners && above+1 < lower {
				r.uniteBodies(above, below+1)
				r.uniteBodies(above+1, below)
			}
			above++
			below++
		}
	}
}

// uniteAlike joins the components of runs i and j if they have one value.
func (r *runs) uniteAlike(i, j int32) {
	if r.list[i].value == r.list[j].value {
		r.unite(i, j)
	}
}

// uniteBodies is uniteAlike for runs that touch at a corner, which does not connect background.
func (r *runs) uniteBodies(i, j int32) {
	if r.list[i].value != background {
		r.uniteAlike(i, j)
	}
}

// unite joins the components of runs i and j.
func (r *runs) unite(i, j int32) {
	i, j = r.root(i), r.root(j)
	// The earlier run stays root.
	if i < j {
		r.list[j].parent = i
	} else {
		r.list[i].parent = j
	}
}

func (r *runs) root(i int32) int32 {
	for r.list[i].parent != i {
		r.list[i].parent = r.list[r.list[i].parent].parent
		i = r.list[i].parent
	}
	return i
}

// valued returns r with the values of its bodies' pixels, its runs cut where they change.
func (r *runs) valued(value func(y, x int) int32) runs {
	v := newRuns(r.width, r.height)
	v.left, v.top = r.left, r.top
	for y := range r.height {
		for _, run := range r.list[r.row[y]:r.row[y+1]] {
			if run.value == background {
				v.add(int(run.x0), int(run.x1), background)
				continue
			}
			x0, current := run.x0, value(y, int(run.x0))
			for x := run.x0 + 1; x < run.x1; x++ {
				if next := value(y, int(x)); next != current {
					v.add(int(x0), int(x), current)
					x0, current = x, next
				}
			}
			v.add(int(x0), int(run.x1), current)
		}
		v.endRow()
	}
	return v
}
