package mask

import "math"

// ring is a closed walk along the cracks between an object's pixels and the others, the object on its
// right hand: clockwise on the screen around the object, counter-clockwise around a hole.
type ring struct {
	corners         []Point // where it turns; the last is joined to the first
	straight, turns int     // pixel corners that it passes, and at which it turns
}

// kulpa makes the mean error of length zero over all directions of an edge: pi*(1+sqrt 2)/8.
const kulpa = math.Pi * (1 + math.Sqrt2) / 8

// length estimates the length of the smooth outline that the ring was sampled from. It joins the middles
// of successive cracks, which lie 1 apart on a straight piece and sqrt(1/2) apart at a turn, and takes
// Kulpa's factor (Z. Kulpa, Area and perimeter measurement of blobs in discrete binary pictures, Computer
// Graphics and Image Processing 6, 1977). Discs come out within 2 % from a radius of 5 pixels up; edges along
// the pixel rows 5 % short.
func (r ring) length() float64 {
	return kulpa * (float64(r.straight) + float64(r.turns)*math.Sqrt2/2)
}

// heading is the direction of a crack.
type heading int

const (
	right heading = iota
	down
	left
	up
)

// step is where a crack ends, seen from where it begins.
var step = [4]Point{right: {1, 0}, down: {0, 1}, left: {-1, 0}, up: {0, -1}}

// The pixels ahead of a crack's end, on the left and on the right hand, seen from that end.
var (
	aheadLeft  = [4]Point{right: {0, -1}, down: {0, 0}, left: {-1, 0}, up: {-1, -1}}
	aheadRight = [4]Point{right: {0, 0}, down: {-1, 0}, left: {-1, -1}, up: {0, -1}}
)

// tracer follows the rings of the objects in a label map.
type tracer struct {
	width, height int
	labels        []int32
	walked        []uint64 // bit y*width+x: the upper crack of pixel (x,y) has been walked
}

func newTracer(width, height int, labels []int32) *tracer {
	return &tracer{width: width, height: height, labels: labels, walked: make([]uint64, (width*height+63)/64)}
}

// rings returns the outer ring and the holes of the object id, which lies within t's bounds. Every ring
// has a crack that heads right, above a pixel of the object. The first in reading order is on the outer ring.
func (tr *tracer) rings(id int32, t tally) (outer ring, holes [][]Point) {
	outer = tr.follow(id, t.first)
	holes = [][]Point{}
	for y := t.y0; y < t.y1; y++ {
		for i := y*tr.width + t.x0; i < y*tr.width+t.x1; i++ {
			if tr.labels[i] != id || y > 0 && tr.labels[i-tr.width] == id || tr.walked[i/64]>>(i%64)&1 == 1 {
				continue
			}
			holes = append(holes, tr.follow(id, Point{i % tr.width, y}).corners)
		}
	}
	return outer, holes
}

// follow walks the ring that passes above the pixel at start, whose upper left corner must be a corner of
// the ring: it is for the first crack in reading order.
func (tr *tracer) follow(id int32, start Point) ring {
	var r ring
	at, going := start, right
	for {
		if going == right {
			i := at[1]*tr.width + at[0]
			tr.walked[i/64] |= 1 << (i % 64)
		}
		at[0] += step[going][0]
		at[1] += step[going][1]
		next := tr.turn(id, at, going)
		if next == going {
			r.straight++
		} else {
			r.turns++
			r.corners = append(r.corners, at)
		}
		going = next
		if at == start && going == right {
			return r
		}
	}
}

// turn returns where the ring goes on from the end of a crack. Where two pixels of the object meet at a
// corner only, it turns left and keeps them together, as Segment's 8-connected objects are.
func (tr *tracer) turn(id int32, at Point, going heading) heading {
	switch {
	case tr.is(id, at, aheadLeft[going]):
		return (going + 3) % 4
	case tr.is(id, at, aheadRight[going]):
		return going
	}
	return (going + 1) % 4
}

// is says whether the pixel at offset from the corner at belongs to the object id.
func (tr *tracer) is(id int32, at, offset Point) bool {
	x, y := at[0]+offset[0], at[1]+offset[1]
	return x >= 0 && y >= 0 && x < tr.width && y < tr.height && tr.labels[y*tr.width+x] == id
}
