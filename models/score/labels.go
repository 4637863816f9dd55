package score

import (
	"fmt"

	"seghub/models/mask"
)

// Labels says which object each pixel belongs to: IDs[y*Width+x] is 0 for background and the object's
// number, from 1, elsewhere. Numbers may be left out; an object need not be connected.
type Labels struct {
	Width, Height int
	IDs           []int32
}

// LabelsOf draws the objects of s, each with its ID.
func LabelsOf(s mask.Segmentation) Labels {
	l := Labels{Width: s.Width, Height: s.Height, IDs: make([]int32, s.Width*s.Height)}
	var p painter
	for _, object := range s.Objects {
		p.paint(l, object)
	}
	return l
}

// painter fills the rings of one object after the other.
type painter struct {
	crossings []bool // of the box's pixels: a ring runs along the left edge
}

// paint fills object by the even-odd rule: going right, each upright edge leads into the object or out of it.
func (p *painter) paint(l Labels, object mask.Object) {
	left, top, width, height := object.BBox[0], object.BBox[1], object.BBox[2], object.BBox[3]
	stride := width + 1 // the box's right side has edges too
	p.crossings = append(p.crossings[:0], make([]bool, stride*height)...)
	p.cross(object.Polygon, left, top, stride)
	for _, hole := range object.Holes {
		p.cross(hole, left, top, stride)
	}
	for y := range height {
		inside := false
		for x := range width {
			inside = inside != p.crossings[y*stride+x]
			if inside {
				l.IDs[(top+y)*l.Width+left+x] = int32(object.ID)
			}
		}
	}
}

// cross marks the upright edges of ring.
func (p *painter) cross(ring []mask.Point, left, top, stride int) {
	for i, a := range ring {
		b := ring[(i+1)%len(ring)]
		if a[0] != b[0] {
			continue
		}
		for y := min(a[1], b[1]); y < max(a[1], b[1]); y++ {
			p.crossings[(y-top)*stride+a[0]-left] = true
		}
	}
}

// mustAgree panics unless the two pictures are of one size, and whole.
func mustAgree(found, truth Labels) {
	if found.Width != truth.Width || found.Height != truth.Height {
		panic(fmt.Sprintf("score: %dx%d pixels against %dx%d", found.Width, found.Height, truth.Width, truth.Height))
	}
	if n := found.Width * found.Height; len(found.IDs) != n || len(truth.IDs) != n {
		panic(fmt.Sprintf("score: %d and %d labels for %dx%d pixels", len(found.IDs), len(truth.IDs), found.Width, found.Height))
	}
}
