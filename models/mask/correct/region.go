package correct

import (
	"image"
	"slices"

	"seghub/models/mask"
)

// What a pixel of a region may be beside 0, nothing, and 1, the object's, or the number of a part of it.
const (
	taken  = 0xff // another object's
	onLine = 0xfe
)

// region is a piece of the picture around an object.
type region struct {
	box image.Rectangle
	pix []uint8
	// label is the part that each pixel belongs to, once parts has found them; 0 where none.
	label []int32
	// of are the objects before the edit that it is made of, where it is nothing else.
	of []int32
}

func newRegion(box image.Rectangle) *region {
	return &region{box: box, pix: make([]uint8, box.Dx()*box.Dy())}
}

func (r *region) clone() *region { return &region{box: r.box, pix: slices.Clone(r.pix)} }

// draw sets the pixels x0 up to but not including x1 of row y, as far as they lie in the region.
func (r *region) draw(y, x0, x1 int, value uint8) {
	x0, x1 = max(x0, r.box.Min.X), min(x1, r.box.Max.X)
	if y < r.box.Min.Y || y >= r.box.Max.Y || x0 >= x1 {
		return
	}
	row := r.row(y)[x0-r.box.Min.X : x1-r.box.Min.X]
	for i := range row {
		row[i] = value
	}
}

func (r *region) row(y int) []uint8 {
	begin := (y - r.box.Min.Y) * r.box.Dx()
	return r.pix[begin : begin+r.box.Dx()]
}

// copy draws what is the object's in another region.
func (r *region) copy(from *region, value uint8) {
	for y := from.box.Min.Y; y < from.box.Max.Y; y++ {
		from.runs(y, func(x0, x1 int) { r.draw(y, x0, x1, value) })
	}
}

// runs visits the pieces of row y that are the object's.
func (r *region) runs(y int, visit func(x0, x1 int)) {
	row := r.row(y)
	for x := 0; x < len(row); x++ {
		begin := x
		for x < len(row) && row[x] == 1 {
			x++
		}
		if x > begin {
			visit(r.box.Min.X+begin, r.box.Min.X+x)
		}
	}
}

// clear makes pixels of a value nothing.
func (r *region) clear(value uint8) {
	for i, v := range r.pix {
		if v == value {
			r.pix[i] = 0
		}
	}
}

// area is how many pixels are the object's.
func (r *region) area() (area int) {
	for _, v := range r.pix {
		if v == 1 {
			area++
		}
	}
	return area
}

// part is an edge-connected piece of a region.
type part struct {
	value int32 // in label
	area  int
	first int // index of one of its pixels
}

// parts labels the pieces that the object's pixels make.
func (r *region) parts() []part {
	r.label = make([]int32, len(r.pix))
	var parts []part
	var near []int
	for i, v := range r.pix {
		if v != 1 || r.label[i] != 0 {
			continue
		}
		p := part{value: int32(len(parts) + 1), first: i}
		r.label[i] = p.value
		for near = append(near[:0], i); len(near) > 0; {
			at := near[len(near)-1]
			near = near[:len(near)-1]
			p.area++
			r.beside(at, func(n int) {
				if r.pix[n] == 1 && r.label[n] == 0 {
					r.label[n] = p.value
					near = append(near, n)
				}
			})
		}
		parts = append(parts, p)
	}
	return parts
}

// beside visits the pixels that share an edge with one.
func (r *region) beside(i int, visit func(int)) {
	width := r.box.Dx()
	x := i % width
	if x > 0 {
		visit(i - 1)
	}
	if x < width-1 {
		visit(i + 1)
	}
	if i >= width {
		visit(i - width)
	}
	if i+width < len(r.pix) {
		visit(i + width)
	}
}

// refill makes the pixels of a part be of a value, and of no part.
func (r *region) refill(p part, value uint8) {
	for i, label := range r.label {
		if label == p.value {
			r.pix[i], r.label[i] = value, 0
		}
	}
}

// grow gives pixels of a value to the parts beside them, layer by layer.
func (r *region) grow(value uint8) {
	var front []int
	for i, label := range r.label {
		if label != 0 {
			front = append(front, i)
		}
	}
	for len(front) > 0 {
		var next []int
		for _, i := range front {
			r.beside(i, func(n int) {
				if r.pix[n] == value {
					r.pix[n], r.label[n] = 1, r.label[i]
					next = append(next, n)
				}
			})
		}
		front = next
	}
}

// holds says whether a part holds the object of another region.
func (r *region) holds(p part, other *region) bool {
	i := slices.Index(other.pix, 1)
	x, y := other.box.Min.X+i%other.box.Dx(), other.box.Min.Y+i/other.box.Dx()
	return r.label[(y-r.box.Min.Y)*r.box.Dx()+x-r.box.Min.X] == p.value
}

// only is a part by itself, in no more than its box.
func (r *region) only(p part) *region {
	width := r.box.Dx()
	var box image.Rectangle
	for i, label := range r.label {
		if label == p.value {
			x, y := r.box.Min.X+i%width, r.box.Min.Y+i/width
			box = box.Union(image.Rect(x, y, x+1, y+1))
		}
	}
	alone := newRegion(box)
	for y := box.Min.Y; y < box.Max.Y; y++ {
		labels := r.label[(y-r.box.Min.Y)*width:]
		row := alone.row(y)
		for i := range row {
			if labels[box.Min.X-r.box.Min.X+i] == p.value {
				row[i] = 1
			}
		}
	}
	return alone
}

// spans are the object's.
func (r *region) spans(id int32) (spans []mask.Span) {
	for y := r.box.Min.Y; y < r.box.Max.Y; y++ {
		r.runs(y, func(x0, x1 int) {
			spans = append(spans, mask.Span{Y: int32(y), X0: int32(x0), X1: int32(x1), ID: id})
		})
	}
	return spans
}
