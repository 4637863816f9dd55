package export

import (
	"math"
	"slices"

	"seghub/models/mask"
)

// centres gives the pixels along a ring, on its object's side, where the path through their centres turns: what a program that
// fills polygons between pixel centres, and their rims with them, wants to draw exactly the object.
func centres(ring []mask.Point) []mask.Point {
	var path []mask.Point
	add := func(x, y int) {
		if p := (mask.Point{x, y}); len(path) == 0 || path[len(path)-1] != p {
			path = append(path, p)
		}
	}
	for i := range ring {
		x, y, dx, dy, length := edge(ring, i)
		// The pixel to the right of the first crack of the edge, and that of the last.
		x += (dx - dy - 1) / 2
		y += (dy + dx - 1) / 2
		add(x, y)
		add(x+dx*(length-1), y+dy*(length-1))
	}
	if len(path) > 1 && path[0] == path[len(path)-1] {
		path = path[:len(path)-1]
	}
	return straightened(path)
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

// joined makes one closed path of an outer one and its holes, for formats that know no holes: each is reached by the shortest bridge
// between corners, which is walked forth and back.
func joined(outer []mask.Point, holes [][]mask.Point) []mask.Point {
	for _, hole := range holes {
		best, from, to := math.MaxInt, 0, 0
		for i, p := range outer {
			for k, q := range hole {
				if d := (p[0]-q[0])*(p[0]-q[0]) + (p[1]-q[1])*(p[1]-q[1]); d < best {
					best, from, to = d, i, k
				}
			}
		}
		round := slices.Concat(hole[to:], hole[:to+1])
		outer = slices.Concat(outer[:from+1], round, outer[from:])
	}
	return outer
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
