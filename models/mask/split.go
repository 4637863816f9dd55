package mask

import (
	"math"
	"slices"
)

// A neck parts two bodies when its half width is at most neckRatio of that of the slimmer body, and at
// least minNeck pixels less. Rough outlines and long bodies have lesser narrows everywhere.
const (
	neckRatio = 0.85
	minNeck   = 1.0
)

// borderLevel is the least sample of a border map that parts cores. A core has a pixel whose squared distance to what is
// beside it is minCore; else it is a crumb that the border has left over. Chosen on the images that the first unet_nuclei,
// which had borders, learnt from.
const (
	borderLevel = 128
	minCore     = 3
)

// split gives the bodies of r that touch values of their own, by a watershed on the distance to the
// outside, holes included: basins grow from the innermost pixels outwards and meet at the necks. No basin takes two cores,
// which are what border, unless it is nil, leaves of the bodies.
func (r *runs) split(border []uint8) runs {
	w := watershed{
		width: r.width, height: r.height,
		squared: distances(*r),
		basin:   make([]int32, r.width*r.height),
		// Basin 0 stands for what is dry.
		parent: []int32{0}, inmost: []int32{0}, core: []int32{0},
	}
	if border != nil {
		w.cores = r.cores(border)
	}
	for _, pixel := range w.inmostFirst() {
		w.flood(pixel)
	}
	return r.valued(func(y, x int) int32 { return w.root(w.basin[y*r.width+x]) })
}

// cores numbers, from 1, what border leaves of r's bodies; 0 is elsewhere.
func (r *runs) cores(border []uint8) []int32 {
	left := r.valued(func(y, x int) int32 {
		if border[y*r.width+x] >= borderLevel {
			return background
		}
		return 1
	})
	left.connectAtCorners()
	squared := distances(left)
	inmost := make([]int32, len(left.list)) // by root
	left.eachBody(func(root int32, begin, end int) {
		inmost[root] = max(inmost[root], slices.Max(squared[begin:end]))
	})
	cores := make([]int32, len(squared))
	left.eachBody(func(root int32, begin, end int) {
		if inmost[root] < minCore {
			return
		}
		for pixel := begin; pixel < end; pixel++ {
			cores[pixel] = root + 1
		}
	})
	return cores
}

// eachBody calls visit for each run of a body, with its root and its first pixel and the one after its last. r is connected.
func (r *runs) eachBody(visit func(root int32, begin, end int)) {
	for y := range r.height {
		for _, run := range r.list[r.row[y]:r.row[y+1]] {
			if run.value != background {
				visit(run.parent, y*r.width+int(run.x0), y*r.width+int(run.x1))
			}
		}
	}
}

// watershed floods the bodies of a picture. Basins are numbered from 1; 0 is dry.
type watershed struct {
	width, height int
	squared       []int32 // distance to the outside, see distances
	cores         []int32 // which core each pixel belongs to, 0 for none; nil without borders
	basin         []int32 // of each pixel
	parent        []int32 // union-find forest over the basins
	inmost        []int32 // the greatest squared distance in each basin that is a root
	core          []int32 // the core in each basin that is a root, 0 for none
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

// flood gives a pixel to the basin of its inmost neighbour that has no other core, or to a new basin when there is none.
// Where it is the first to join two basins, its distance is the half width of the neck between them.
func (w *watershed) flood(pixel int32) {
	core := int32(0)
	if w.cores != nil {
		core = w.cores[pixel]
	}
	x, y := int(pixel)%w.width, int(pixel)/w.width
	mine, best := int32(0), int32(-1)
	for _, step := range [...][2]int{{0, -1}, {-1, 0}, {1, 0}, {0, 1}} {
		nx, ny := x+step[0], y+step[1]
		if nx < 0 || ny < 0 || nx >= w.width || ny >= w.height {
			continue
		}
		neighbour := ny*w.width + nx
		if w.basin[neighbour] == 0 {
			continue
		}
		theirs := w.root(w.basin[neighbour])
		if twoCores(core, w.core[theirs]) {
			continue
		}
		if mine != 0 && mine != theirs && !twoCores(w.core[mine], w.core[theirs]) && !w.isNeck(w.squared[pixel], mine, theirs) {
			mine = w.unite(mine, theirs)
			theirs = mine
		}
		if d := w.squared[neighbour]; d > best {
			mine, best = theirs, d
		}
	}
	if mine == 0 {
		mine = w.spring(w.squared[pixel])
	}
	w.basin[pixel] = mine
	if core != 0 {
		w.core[mine] = core
	}
}

func twoCores(a, b int32) bool { return a != 0 && b != 0 && a != b }

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
	w.core = append(w.core, 0)
	return basin
}

func (w *watershed) unite(a, b int32) int32 {
	if w.inmost[a] < w.inmost[b] {
		a, b = b, a
	}
	w.parent[b] = a
	w.core[a] = max(w.core[a], w.core[b]) // one of them is 0, or they are the same
	return a
}

func (w *watershed) root(basin int32) int32 {
	for w.parent[basin] != basin {
		w.parent[basin] = w.parent[w.parent[basin]]
		basin = w.parent[basin]
	}
	return basin
}
