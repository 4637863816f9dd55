package export

import (
	"cmp"
	"math"
	"slices"

	"seghub/models/mask"
)

// leastPoints is how many points a polygon must have to be read as one.
const leastPoints = 3

// closedPath is an object as one closed path through the centres of the pixels along its rings, on its side: what a program that fills polygons
// between pixel centres, and their rims with them, wants to draw exactly the object. Such polygons know no holes: each is reached by a bridge,
// which is walked forth and back.
func closedPath(o *mask.Object) []mask.Point {
	w := walk{rings: append(polygon{o.Polygon}, o.Holes...)}
	w.bridges = bridgesOf(w.rings, o.BBox)
	w.around(0, 0)
	if last := len(w.path) - 1; last > 0 && w.path[0] == w.path[last] {
		w.path = w.path[:last]
	}
	points := straightened(w.path)
	for len(points) < leastPoints { // a single pixel, or a line of them
		points = append(points, points[0])
	}
	return points
}

// bridge leads to a hole along a row of pixels, from the ring that is next to the left. So none leaves the object or meets another, and all
// together come from the outer ring, as each begins further to the left than its hole.
type bridge struct {
	ring, edge int // where it begins
	hole       int // the ring that it leads to,
	start      int // and the edge of that: its leftmost one
	y          int // the row
}

// leftEdge is where a row of an object begins: the object lies to the right of its ring's edge, which is walked upwards.
type leftEdge struct{ x, ring, edge int }

// bridgesOf gives a bridge to each of the rings but the first, by the rings and the edges that they begin at, as these are walked.
func bridgesOf(rings polygon, box [4]int) []bridge {
	if len(rings) == 1 {
		return nil
	}
	top := box[1]
	bridges := make([]bridge, 0, len(rings)-1)
	wanted := make([]bool, box[3]) // rows with bridges
	for hole := 1; hole < len(rings); hole++ {
		start := leftmost(rings[hole])
		b := bridge{hole: hole, start: start, y: rings[hole][start][1]}
		bridges = append(bridges, b)
		wanted[b.y-top] = true
	}
	lefts := make([][]leftEdge, box[3])
	for r, ring := range rings {
		for i := range ring {
			x, bottom, _, dy, length := edge(ring, i)
			for y := bottom - 1; dy < 0 && y >= bottom-length; y-- {
				if wanted[y-top] {
					lefts[y-top] = append(lefts[y-top], leftEdge{x, r, i})
				}
			}
		}
	}
	byX := func(a, b leftEdge) int { return a.x - b.x }
	for _, row := range lefts {
		slices.SortFunc(row, byX)
	}
	for k := range bridges {
		b := &bridges[k]
		row := lefts[b.y-top]
		next, _ := slices.BinarySearchFunc(row, leftEdge{x: rings[b.hole][b.start][0]}, byX)
		b.ring, b.edge = row[next-1].ring, row[next-1].edge
	}
	slices.SortFunc(bridges, func(a, b bridge) int { return cmp.Or(a.at(b.ring, b.edge), b.y-a.y) })
	return bridges
}

// at compares where the bridge begins with an edge.
func (b bridge) at(ring, edge int) int { return cmp.Or(b.ring-ring, b.edge-edge) }

// leftmost is the edge of a hole that reaches furthest to the left. It is walked downwards: the object lies to the left of it.
func leftmost(hole []mask.Point) (start int) {
	least := math.MaxInt
	for i := range hole {
		if x, _, _, dy, _ := edge(hole, i); dy > 0 && x < least {
			start, least = i, x
		}
	}
	return start
}

// walk goes along the rings of an object, through the centres of its pixels.
type walk struct {
	rings   polygon
	bridges []bridge
	path    []mask.Point
}

func (w *walk) to(x, y int) {
	if p := (mask.Point{x, y}); len(w.path) == 0 || w.path[len(w.path)-1] != p {
		w.path = append(w.path, p)
	}
}

// around goes around a ring, beginning with an edge of it, and over the bridges on its way.
func (w *walk) around(r, start int) {
	ring := w.rings[r]
	for k := range ring {
		i := (start + k) % len(ring)
		x, y, dx, dy, length := edge(ring, i)
		// The pixel to the right of the first crack of the edge, and that of the last.
		x += (dx - dy - 1) / 2
		y += (dy + dx - 1) / 2
		w.to(x, y)
		next, _ := slices.BinarySearchFunc(w.bridges, i, func(b bridge, edge int) int { return b.at(r, edge) })
		for ; next < len(w.bridges) && w.bridges[next].at(r, i) == 0; next++ {
			b := w.bridges[next]
			w.to(x, b.y)
			w.around(b.hole, b.start)
			w.to(w.rings[b.hole][b.start][0]-1, b.y)
			w.to(x, b.y)
		}
		w.to(x+dx*(length-1), y+dy*(length-1))
	}
}

// straightened drops the points of a closed path at which it does not turn.
func straightened(path []mask.Point) []mask.Point {
	n := len(path)
	if n < 3 {
		return path
	}
	turns := make([]mask.Point, 0, n)
	for i, p := range path {
		before, behind := path[(i+n-1)%n], path[(i+1)%n]
		ax, ay, bx, by := p[0]-before[0], p[1]-before[1], behind[0]-p[0], behind[1]-p[1]
		if ax*by != ay*bx || ax*bx+ay*by < 0 { // a turn, or a way back
			turns = append(turns, p)
		}
	}
	return turns
}

// columnRun is a piece of column x: pixels y0 up to but not including y1.
type columnRun struct{ x, y0, y1 int }

// columnRuns gives the pixels of an object, from left to right and from top to bottom.
func columnRuns(o *mask.Object) []columnRun {
	left, width := o.BBox[0], o.BBox[2]
	crossings := make([][]int, width) // the rows at which a column goes in or out
	for _, ring := range append(polygon{o.Polygon}, o.Holes...) {
		for i := range ring {
			p, q := ring[i], ring[(i+1)%len(ring)]
			for x := min(p[0], q[0]); x < max(p[0], q[0]); x++ {
				crossings[x-left] = append(crossings[x-left], p[1])
			}
		}
	}
	var list []columnRun
	for i, rows := range crossings {
		slices.Sort(rows)
		for k := 0; k+1 < len(rows); k += 2 {
			list = append(list, columnRun{x: left + i, y0: rows[k], y1: rows[k+1]})
		}
	}
	return list
}
