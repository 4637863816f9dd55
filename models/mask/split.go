package mask

import "math"

// A neck parts two bodies when its half width is at most neckRatio of that of the slimmer body, and at
// least minNeck pixels less. Rough outlines and long bodies have lesser narrows everywhere.
const (
	neckRatio = 0.85
	minNeck   = 1.0
)

// borderLevel is the least sample of a border map that parts bodies. What it leaves of a body must have a pixel whose squared
// distance to it is minCore, or it is a flake of the border and no body of its own.
const (
	borderLevel = 128
	minCore     = 5
)

// split gives the bodies of r that touch values of their own, by a watershed on the distance to the
// outside, holes included: basins grow from the innermost pixels outwards and meet at the necks. Where border, which may be
// nil, says that a body ends counts as outside, until the basins have grown; then they take it from both sides.
func (r *runs) split(border []uint8) runs {
	bodies := *r
	if border != nil {
		bodies = r.valued(func(pixel int) int32 {
			if border[pixel] >= borderLevel {
				return background
			}
			return 1
		})
	}
	w := watershed{
		width: r.width, height: r.height,
		squared: distances(bodies),
		basin:   make([]int32, r.width*r.height),
		// Basin 0 stands for what is dry.
		parent: []int32{0}, inmost: []int32{0},
	}
	for _, pixel := range w.inmostFirst() {
		w.flood(pixel)
	}
	if border != nil {
		w.spill(r)
	}
	return r.valued(func(pixel int) int32 { return w.root(w.basin[pixel]) })
}

// watershed floods the bodies of a picture. Basins are numbered from 1; 0 is dry.
type watershed struct {
	width, height int
	squared       []int32 // distance to the outside, see distances
	basin         []int32 // of each pixel
	parent        []int32 // union-find forest over the basins
	inmost        []int32 // the greatest squared distance in each basin that is a root
}

// inmostFirst returns the indices of the pixels of bodies by falling distance.
func (w *watershed) inmostFirst() []int32 {
	// The squares are whole numbers no greater than the pixels in the largest inscribed square, so that
	// sorting by counting takes time in proportion to the picture.
	farthest := int32(0)
	for _, d := range w.squared {
		farthest = max(farthest, d)
	}
	place := make([]int32, farthest+1) // where the pixels of each distance begin
	for _, d := range w.squared {
		place[d]++
	}
	place[0] = 0
	total := int32(0)
	for d := farthest; d > 0; d-- {
		place[d], total = total, total+place[d]
	}
	pixels := make([]int32, total)
	for i, d := range w.squared {
		if d > 0 {
			pixels[place[d]] = int32(i)
			place[d]++
		}
	}
	return pixels
}

// flood gives a pixel to the basin of its inmost neighbour, or to a new basin when all around it is dry.
// Where it is the first to join two basins, its distance is the half width of the neck between them.
func (w *watershed) flood(pixel int32) {
	mine, best := int32(0), int32(-1)
	w.around(pixel, func(neighbour int) {
		if w.basin[neighbour] == 0 {
			return
		}
		theirs := w.root(w.basin[neighbour])
		if mine != 0 && mine != theirs && !w.isNeck(w.squared[pixel], mine, theirs) {
			mine = w.unite(mine, theirs)
			theirs = mine
		}
		if d := w.squared[neighbour]; d > best {
			mine, best = theirs, d
		}
	})
	if mine == 0 {
		mine = w.spring(w.squared[pixel])
	}
	w.basin[pixel] = mine
}

// spill gives each pixel of r's bodies that is dry yet, or of a basin that is too slim to be a body, to the basin that is the
// fewest steps away within them. What no basin reaches, because all of a body is border, becomes a basin itself.
func (w *watershed) spill(r *runs) {
	dry := make([]bool, len(w.basin))
	var edge []int32
	for y := range r.height {
		for _, run := range r.list[r.row[y]:r.row[y+1]] {
			if run.value == background {
				continue
			}
			for pixel := int32(y*r.width) + run.x0; pixel < int32(y*r.width)+run.x1; pixel++ {
				dry[pixel] = w.basin[pixel] == 0 || w.inmost[w.root(w.basin[pixel])] < minCore
				if !dry[pixel] {
					edge = append(edge, pixel)
				}
			}
		}
	}
	w.spread(dry, edge)
	for pixel := range dry {
		if dry[pixel] {
			dry[pixel] = false
			w.basin[pixel] = w.spring(0)
			w.spread(dry, []int32{int32(pixel)})
		}
	}
}

// spread has the basins of the pixels in edge grow into what is dry around them, all at the same pace.
func (w *watershed) spread(dry []bool, edge []int32) {
	for len(edge) > 0 {
		var next []int32
		for _, pixel := range edge {
			w.around(pixel, func(neighbour int) {
				if dry[neighbour] {
					dry[neighbour] = false
					w.basin[neighbour] = w.basin[pixel]
					next = append(next, int32(neighbour))
				}
			})
		}
		edge = next
	}
}

// around calls visit for the pixel and each of its eight neighbours.
func (w *watershed) around(pixel int32, visit func(pixel int)) {
	x, y := int(pixel)%w.width, int(pixel)/w.width
	for ny := max(0, y-1); ny <= min(w.height-1, y+1); ny++ {
		for nx := max(0, x-1); nx <= min(w.width-1, x+1); nx++ {
			visit(ny*w.width + nx)
		}
	}
}

// isNeck says whether a place of this squared half width parts basins a and b.
func (w *watershed) isNeck(squared, a, b int32) bool {
	slimmer := math.Sqrt(float64(min(w.inmost[a], w.inmost[b])))
	neck := math.Sqrt(float64(squared))
	return neck <= neckRatio*slimmer && slimmer-neck >= minNeck
}

// spring makes a new basin.
func (w *watershed) spring(squared int32) int32 {
	basin := int32(len(w.parent))
	w.parent = append(w.parent, basin)
	w.inmost = append(w.inmost, squared)
	return basin
}

func (w *watershed) unite(a, b int32) int32 {
	if w.inmost[a] < w.inmost[b] {
		a, b = b, a
	}
	w.parent[b] = a
	return a
}

func (w *watershed) root(basin int32) int32 {
	for w.parent[basin] != basin {
		w.parent[basin] = w.parent[w.parent[basin]]
		basin = w.parent[basin]
	}
	return basin
}
