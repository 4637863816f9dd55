package mask

import (
	"math"
	"slices"
)

// hull is the least convex polygon around a ring of pixel corners, clockwise on the screen from its topmost corners. Its memory is used
// again for the next.
type hull struct {
	corners []Point
	ends    []ends
}

// ends are the outermost corners of a ring at one height.
type ends struct{ left, right int }

// wrap makes the hull of a ring. Its corners can only be the outermost at their height, which are found in one pass and are in
// order already, so that nothing is sorted: A. M. Andrew, Another efficient algorithm for convex hulls in two dimensions,
// Information Processing Letters 9, 1979.
func (h *hull) wrap(ring []Point) {
	top, bottom := ring[0][1], ring[0][1]
	for _, p := range ring {
		top, bottom = min(top, p[1]), max(bottom, p[1])
	}
	rows := bottom - top + 1
	h.ends = slices.Grow(h.ends[:0], rows)[:rows]
	for y := range h.ends {
		h.ends[y] = ends{left: math.MaxInt, right: math.MinInt}
	}
	for _, p := range ring {
		at := &h.ends[p[1]-top]
		at.left, at.right = min(at.left, p[0]), max(at.right, p[0])
	}
	h.corners = h.corners[:0]
	for y, at := range h.ends {
		if at.left <= at.right {
			h.turn(Point{at.right, top + y}, 0)
		}
	}
	right := len(h.corners)
	for y := rows - 1; y >= 0; y-- {
		if at := h.ends[y]; at.left <= at.right {
			h.turn(Point{at.left, top + y}, right)
		}
	}
}

// turn adds a corner to the chain that begins at from, and drops those before it at which the chain does not turn right.
func (h *hull) turn(p Point, from int) {
	for n := len(h.corners); n >= from+2 && cross(h.corners[n-2], h.corners[n-1], p) <= 0; n-- {
		h.corners = h.corners[:n-1]
	}
	h.corners = append(h.corners, p)
}

// cross is twice the area of the triangle a, b, c; positive when it is clockwise on the screen.
func cross(a, b, c Point) int { return (b[0]-a[0])*(c[1]-a[1]) - (b[1]-a[1])*(c[0]-a[0]) }

// area of the hull, in square pixels.
func (h *hull) area() float64 {
	twice := 0
	for i, a := range h.corners {
		b := h.corners[(i+1)%len(h.corners)]
		twice += a[0]*b[1] - b[0]*a[1]
	}
	return float64(twice) / 2
}

// calipers gives the greatest and the least distance of two parallel lines that have the hull between them, the Feret diameters: M. I.
// Shamos, Computational geometry, thesis, Yale 1978. One line of the least pair lies along an edge, and goes round with it.
func (h *hull) calipers() (longest, shortest float64) {
	n, longestSquare := len(h.corners), 0
	shortest = math.Inf(1)
	far := 1
	for i, a := range h.corners {
		b := h.corners[(i+1)%n]
		for cross(a, b, h.corners[(far+1)%n]) > cross(a, b, h.corners[far]) {
			far = (far + 1) % n
		}
		c := h.corners[far]
		longestSquare = max(longestSquare, square(a, c), square(b, c))
		// Where an edge over there is parallel, its other end may be farther from this one's.
		if next := h.corners[(far+1)%n]; cross(a, b, next) == cross(a, b, c) {
			longestSquare = max(longestSquare, square(a, next), square(b, next))
		}
		if edge := square(a, b); edge > 0 {
			shortest = min(shortest, float64(cross(a, b, c))/math.Sqrt(float64(edge)))
		}
	}
	return math.Sqrt(float64(longestSquare)), shortest
}

// square is that of the distance between two corners.
func square(a, b Point) int { return (a[0]-b[0])*(a[0]-b[0]) + (a[1]-b[1])*(a[1]-b[1]) }
