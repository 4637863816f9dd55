package export

import (
	"slices"

	"seghub/models/mask"
)

// polygon is a shell and its holes: closed rings along pixel corners, of which the first point is not repeated.
type polygon [][]mask.Point

// polygonsOf gives o as polygons that are valid in the sense of the OGC (JTS, GEOS, shapely): no ring passes a point twice, and the
// inside of each hangs together. Most objects are one. Where pixels of an object meet at a corner alone, its outline passes there
// twice; it is cut there, and each part that hangs together by edges becomes a polygon of its own.
func polygonsOf(o *mask.Object) []polygon {
	if len(o.Polygon) == 0 {
		return nil
	}
	rings := append(polygon{o.Polygon}, o.Holes...)
	if !touch(rings) {
		return []polygon{rings}
	}
	return assemble(simpleRings(rings))
}

// touch tells whether a point is passed twice.
func touch(rings polygon) bool {
	n := 0
	for _, r := range rings {
		n += len(r)
	}
	seen := make(map[mask.Point]struct{}, n)
	for _, r := range rings {
		for _, p := range r {
			seen[p] = struct{}{}
		}
	}
	return len(seen) < n
}

// simpleRings takes rings apart at the points that are passed twice and joins the pieces so that each ring goes around what hangs
// together by edges: an outline that comes to such a point from one pixel leaves it along the same.
func simpleRings(rings polygon) polygon {
	type corner struct {
		point mask.Point
		next  int
		other int // the one at the same point, where it is passed twice
		place int // in the ring that is being made
	}
	var corners []corner
	at := map[mask.Point]int{}
	for _, r := range rings {
		first := len(corners)
		for i, p := range r {
			corners = append(corners, corner{point: p, next: first + (i+1)%len(r), other: first + i})
		}
		for i, p := range r {
			c := first + i
			other, twice := at[p]
			if twice && turnsLeft(r, i) { // and so does the other: with their ways on exchanged, both turn right
				corners[c].next, corners[other].next = corners[other].next, corners[c].next
			}
			if twice {
				corners[c].other, corners[other].other = other, c
			}
			at[p] = c
		}
	}
	var simple polygon
	walked := make([]bool, len(corners))
	for start := range corners {
		var ring []mask.Point
		for c := start; !walked[c]; c = corners[c].next {
			walked[c] = true
			// A ring that still passes a point twice closes a hole there.
			if i := corners[corners[c].other].place; i < len(ring) && ring[i] == corners[c].point {
				simple = append(simple, slices.Clone(ring[i:]))
				ring = ring[:i]
			}
			corners[c].place = len(ring)
			ring = append(ring, corners[c].point)
		}
		if len(ring) > 0 {
			simple = append(simple, ring)
		}
	}
	return simple
}

// turnsLeft tells whether a ring turns left at its point i, to who walks along it.
func turnsLeft(ring []mask.Point, i int) bool {
	before, p, behind := ring[(i+len(ring)-1)%len(ring)], ring[i], ring[(i+1)%len(ring)]
	return (p[0]-before[0])*(behind[1]-p[1]) < (p[1]-before[1])*(behind[0]-p[0])
}

// assemble gives each hole to the smallest shell around it.
func assemble(rings polygon) []polygon {
	var shells []polygon
	var holes polygon
	for _, r := range rings {
		if doubleArea(r) > 0 {
			shells = append(shells, polygon{r})
		} else {
			holes = append(holes, r)
		}
	}
	if len(shells) == 1 {
		return []polygon{append(shells[0], holes...)}
	}
	slices.SortStableFunc(shells, func(a, b polygon) int { return doubleArea(a[0]) - doubleArea(b[0]) })
	for _, hole := range holes {
		x, y := besides(hole)
		for i := range shells {
			if contains(shells[i][0], x, y) {
				shells[i] = append(shells[i], hole)
				break
			}
		}
	}
	return shells
}

// doubleArea is twice the area inside; below zero for a hole, which is walked the other way round.
func doubleArea(ring []mask.Point) (sum int) {
	for i, p := range ring {
		q := ring[(i+1)%len(ring)]
		sum += p[0]*q[1] - q[0]*p[1]
	}
	return sum
}

// besides is the centre of the object's pixel at the beginning of a ring: on its right hand.
func besides(ring []mask.Point) (x, y float64) {
	x0, y0, dx, dy, _ := edge(ring, 0)
	return float64(x0) + float64(dx-dy)/2, float64(y0) + float64(dy+dx)/2
}

// edge gives a piece of a ring: where it begins, its direction as a unit and its length.
func edge(ring []mask.Point, i int) (x, y, dx, dy, length int) {
	p, q := ring[i], ring[(i+1)%len(ring)]
	dx, dy = q[0]-p[0], q[1]-p[1]
	length = max(dx, -dx, dy, -dy)
	return p[0], p[1], dx / length, dy / length, length
}

// contains tells whether a pixel's centre lies inside a ring.
func contains(ring []mask.Point, x, y float64) (inside bool) {
	for i := range ring {
		p, q := ring[i], ring[(i+1)%len(ring)]
		if p[0] == q[0] && float64(p[0]) > x && (float64(p[1]) > y) != (float64(q[1]) > y) {
			inside = !inside
		}
	}
	return inside
}
