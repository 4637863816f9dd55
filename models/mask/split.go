package mask

import "math"

// A neck parts two bodies when its half width is at most neckRatio of that of the slimmer body, and at
// least minNeck pixels less. Rough outlines and long bodies have lesser narrows everywhere.
const (
	neckRatio = 0.85
	minNeck   = 1.0
)

// split gives the bodies of r that touch values of their own, by a watershed on the distance to the
// outside, holes included: basins grow from the innermost pixels outwards and meet at the necks.
func (r *runs) split() runs {
	w := watershed{
		width: r.width, height: r.height,
		squared: distances(*r),
		basin:   make([]int32, r.width*r.height),
		// Basin 0 stands for what is dry.
		parent: []int32{0}, inmost: []int32{0},
	}
	for _, pixel := range w.inmostFirst() {
		w.flood(pixel)
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
	x, y := int(pixel)%w.width, int(pixel)/w.width
	mine, best := int32(0), int32(-1)
	for ny := max(0, y-1); ny <= min(w.height-1, y+1); ny++ {
		for nx := max(0, x-1); nx <= min(w.width-1, x+1); nx++ {
			neighbour := ny*w.width + nx
			if w.basin[neighbour] == 0 {
				continue
			}
			theirs := w.root(w.basin[neighbour])
			if mine != 0 && mine != theirs && !w.isNeck(w.squared[pixel], mine, theirs) {
				mine = w.unite(mine, theirs)
				theirs = mine
			}
			if d := w.squared[neighbour]; d > best {
				mine, best = theirs, d
			}
		}
	}
	if mine == 0 {
		mine = w.spring(w.squared[pixel])
	}
	w.basin[pixel] = mine
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
