package correct

import (
	"errors"
	"fmt"
	"image"
	"maps"
	"math"
	"slices"

	"seghub/models/mask"
)

// ErrInvalid is why an operation is refused, with nothing changed. The wrapped error is a sentence for the person who asked.
var ErrInvalid = errors.New("that cannot be done")

// Limits of one edit: what a hand can ask for, and no more.
const (
	MaxOperations = 200
	MaxPoints     = 10_000 // of a line, a polygon or a stroke
	maxRadius     = 1_000  // pixels
	maxRows       = 4 << 20
	crumb         = 2 // pixels: what a line cuts off at most without having split anything
)

// Map is the label map that is to change.
type Map interface {
	// Size of the picture, in pixels.
	Size() image.Point
	// Box is the bounds of an object; false when there is none of this id.
	Box(id int32) (image.Rectangle, bool)
	// Spans gives those of all objects in the rows of box, or some more, in reading order.
	Spans(box image.Rectangle) ([]mask.Span, error)
	// Next is an id that no object has or had.
	Next() int32
}

// Change is what an edit does to a label map.
type Change struct {
	Spans   []mask.Span       // of each object that is new or other than before, all of them; in reading order
	Removed []int32           // ascending
	Before  int               // pixels that the objects of Spans and Removed had, where they were there
	Next    int32             // as Map.Next, afterwards
	Of      map[int32][]int32 // the objects of before that one of Spans is made of, where it is nothing else
	Box     image.Rectangle   // of the pixels that may be others' than before
}

// Apply does the operations one after the other, all or none. Parts that an object falls into and that have fewer pixels than minArea
// are dropped. The error wraps ErrInvalid, or is m's. Operations to Revert are the caller's.
func Apply(m Map, operations []Operation, minArea int) (Change, error) {
	d := &draft{m: m, bounds: image.Rectangle{Max: m.Size()}, objects: map[int32]*region{}, next: m.Next(), minArea: max(1, minArea)}
	if len(operations) == 0 || len(operations) > MaxOperations {
		return Change{}, invalid("an edit has 1 to %d operations", MaxOperations)
	}
	for i, o := range operations {
		err := d.do(o)
		if err != nil && len(operations) > 1 {
			err = fmt.Errorf("operation %d: %w", i, err)
		}
		if err != nil {
			return Change{}, err
		}
	}
	return d.change(), nil
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}

// draft is a label map with what an edit has changed of it so far.
type draft struct {
	m       Map
	bounds  image.Rectangle
	objects map[int32]*region // that the edit has looked at; nil of one that is removed
	other   map[int32]bool    // that the edit has changed
	known   map[int32]int     // the pixels of those that were there before
	next    int32
	minArea int
	box     image.Rectangle
}

func (d *draft) do(o Operation) error {
	switch o.Kind {
	case Delete:
		return d.delete(o.IDs)
	case Merge:
		return d.merge(o.IDs)
	case Split:
		return d.split(o)
	case Paint:
		return d.paint(o)
	}
	return invalid("%q is no operation: delete, merge, split, paint and revert are", string(o.Kind))
}

// object reads an object; what it gives is the caller's to change, and to put back.
func (d *draft) object(id int) (*region, error) {
	if id > 0 && id <= math.MaxInt32 {
		if r, seen := d.objects[int32(id)]; seen && r != nil {
			return r, nil
		} else if box, is := d.m.Box(int32(id)); is && !seen {
			spans, err := d.m.Spans(box)
			if err != nil {
				return nil, err
			}
			r := newRegion(box)
			r.of = []int32{int32(id)}
			for _, s := range spans {
				if s.ID == int32(id) {
					r.draw(int(s.Y), int(s.X0), int(s.X1), 1)
				}
			}
			d.note(int32(id), r, false)
			return r, nil
		}
	}
	return nil, invalid("there is no object %d", id)
}

// note keeps what an object is now; changed tells whether it is another than before.
func (d *draft) note(id int32, r *region, changed bool) {
	d.objects[id] = r
	if !changed {
		if d.known == nil {
			d.known = map[int32]int{}
		}
		d.known[id] = r.area()
		return
	}
	if d.other == nil {
		d.other = map[int32]bool{}
	}
	d.other[id] = true
	if r != nil {
		d.box = d.box.Union(r.box)
	}
}

// add makes a new object.
func (d *draft) add(r *region) {
	d.note(d.next, r, true)
	d.next++
}

// remove takes an object away.
func (d *draft) remove(id int32) {
	if r := d.objects[id]; r != nil {
		d.box = d.box.Union(r.box)
	}
	d.note(id, nil, true)
}

func (d *draft) delete(ids []int) error {
	if len(ids) == 0 {
		return invalid("delete names no ids")
	}
	for _, id := range ids {
		if _, err := d.object(id); err != nil {
			return err
		}
		d.remove(int32(id))
	}
	return nil
}

func (d *draft) merge(ids []int) error {
	parts := make([]*region, 0, len(ids))
	var box image.Rectangle
	for i, id := range ids {
		r, err := d.object(id)
		if err != nil {
			return err
		}
		if slices.Contains(ids[:i], id) {
			return invalid("object %d is named twice", id)
		}
		parts = append(parts, r)
		box = box.Union(r.box)
	}
	if len(parts) < 2 {
		return invalid("merge names fewer than two ids")
	}
	if err := tooLarge(box); err != nil {
		return err
	}
	whole, drawn := newRegion(box), false
	for _, r := range parts {
		whole.copy(r, 1)
		whole.of = append(whole.of, r.of...)
		drawn = drawn || r.of == nil
	}
	if drawn {
		whole.of = nil
	}
	if len(whole.parts()) > 1 {
		return invalid("objects %v do not all touch: paint the gap first", ids)
	}
	for _, id := range ids[1:] {
		d.remove(int32(id))
	}
	d.note(int32(ids[0]), whole, true)
	return nil
}

func (d *draft) split(o Operation) error {
	if o.ID == nil {
		return invalid("split names no id")
	}
	if err := checkPoints("line", o.Line, 2); err != nil {
		return err
	}
	r, err := d.object(*o.ID)
	if err != nil {
		return err
	}
	cut := r.clone()
	for i := 1; i < len(o.Line); i++ {
		cut.line(o.Line[i-1], o.Line[i], onLine)
	}
	parts := cut.parts()
	kept := parts[:0]
	for _, p := range parts {
		if p.area > crumb {
			kept = append(kept, p)
		} else {
			cut.refill(p, onLine)
		}
	}
	if len(kept) < 2 {
		return invalid("the line does not cross object %d from side to side", *o.ID)
	}
	cut.grow(onLine) // the pixels under the line are their neighbours'
	d.keepParts(int32(*o.ID), cut, kept, 1)
	return nil
}

// keepParts makes the largest part the object id and each other of at least so many pixels a new object.
func (d *draft) keepParts(id int32, r *region, parts []part, least int) {
	largest := slices.MaxFunc(parts, func(a, b part) int { return a.area - b.area })
	d.note(id, r.only(largest), true)
	for _, p := range parts {
		if p.value != largest.value && p.area >= least {
			d.add(r.only(p))
		}
	}
}

func (d *draft) paint(o Operation) error {
	box, draw, err := d.shape(o)
	if err != nil {
		return err
	}
	switch {
	case o.Mode == Add && o.ID == nil:
		return d.paintNew(box, draw)
	case o.Mode == Add:
		return d.paintMore(*o.ID, box, draw)
	case o.Mode == Erase && o.ID == nil:
		return invalid("erase names no id")
	case o.Mode == Erase:
		return d.erase(*o.ID, draw)
	}
	return invalid("%q is no mode of paint: add and erase are", string(o.Mode))
}

// shape is what paint draws, and where. What lies beyond the picture is left out.
func (d *draft) shape(o Operation) (image.Rectangle, func(*region, uint8), error) {
	var box image.Rectangle
	var draw func(*region, uint8)
	var err error
	switch {
	case len(o.Polygon) > 0 && len(o.Stroke) > 0:
		err = invalid("paint has a polygon and a stroke: it takes one of them")
	case len(o.Polygon) > 0:
		err = checkPoints("polygon", o.Polygon, 3)
		box = around(o.Polygon, 0)
		draw = func(r *region, value uint8) { r.polygon(o.Polygon, value) }
	default:
		err = checkPoints("stroke", o.Stroke, 1)
		if err == nil && !(o.Radius > 0 && o.Radius <= maxRadius) {
			err = invalid("the radius of a stroke lies above 0 and at most at %d pixels", maxRadius)
		}
		box = around(o.Stroke, o.Radius)
		draw = func(r *region, value uint8) { r.stroke(o.Stroke, o.Radius, value) }
	}
	if err != nil {
		return box, nil, err
	}
	box = box.Intersect(d.bounds)
	if box.Empty() {
		return box, nil, invalid("what is painted lies outside the picture")
	}
	if rowsOf(o, box) > maxRows {
		return box, nil, invalid("what is painted is too intricate: paint it in parts")
	}
	return box, draw, tooLarge(box)
}

func checkPoints(name string, points []Vertex, least int) error {
	if len(points) < least || len(points) > MaxPoints {
		return invalid("a %s has %d to %d points, not %d", name, least, MaxPoints, len(points))
	}
	for _, p := range points {
		if math.Abs(p[0]) > math.MaxInt32/4 || math.Abs(p[1]) > math.MaxInt32/4 {
			return invalid("a point of the %s lies at %v", name, p)
		}
	}
	return nil
}

// tooLarge bounds the memory that one operation takes.
func tooLarge(box image.Rectangle) error {
	if int64(box.Dx())*int64(box.Dy()) > 1<<28 {
		return invalid("it covers %d x %d pixels: that is too much at once", box.Dx(), box.Dy())
	}
	return nil
}

// others draws what is taken by other objects than id.
func (d *draft) others(r *region, id int32) error {
	spans, err := d.m.Spans(r.box)
	if err != nil {
		return err
	}
	for _, s := range spans {
		if _, seen := d.objects[s.ID]; !seen && s.ID != id {
			r.draw(int(s.Y), int(s.X0), int(s.X1), taken)
		}
	}
	for other, o := range d.objects {
		if o != nil && other != id {
			r.copy(o, taken)
		}
	}
	return nil
}

func (d *draft) paintNew(box image.Rectangle, draw func(*region, uint8)) error {
	r := newRegion(box)
	draw(r, 1)
	if err := d.others(r, 0); err != nil {
		return err
	}
	r.clear(taken)
	parts := r.parts()
	if len(parts) == 0 {
		return invalid("nothing of what is painted is free: other objects keep their pixels")
	}
	// What others cut off is no object of its own.
	d.add(r.only(slices.MaxFunc(parts, func(a, b part) int { return a.area - b.area })))
	return nil
}

func (d *draft) paintMore(id int, box image.Rectangle, draw func(*region, uint8)) error {
	before, err := d.object(id)
	if err != nil {
		return err
	}
	box = box.Union(before.box)
	if err := tooLarge(box); err != nil {
		return err
	}
	r := newRegion(box)
	draw(r, 1)
	if err := d.others(r, int32(id)); err != nil {
		return err
	}
	r.clear(taken)
	r.copy(before, 1)
	parts := r.parts()
	mine := parts[slices.IndexFunc(parts, func(p part) bool { return r.holds(p, before) })]
	if mine.area == before.area() {
		return invalid("nothing of what is painted is free and touches object %d: other objects keep their pixels", id)
	}
	d.note(int32(id), r.only(mine), true)
	return nil
}

func (d *draft) erase(id int, draw func(*region, uint8)) error {
	before, err := d.object(id)
	if err != nil {
		return err
	}
	r := before.clone()
	draw(r, 0)
	if r.area() == before.area() {
		return invalid("what is erased lies outside object %d", id)
	}
	parts := r.parts()
	if len(parts) == 0 {
		d.remove(int32(id))
		return nil
	}
	d.box = d.box.Union(before.box)
	d.keepParts(int32(id), r, parts, d.minArea)
	return nil
}

// change is what came of it all. An object that was made and removed again was never there.
func (d *draft) change() Change {
	c := Change{Next: d.next, Box: d.box, Of: map[int32][]int32{}}
	for _, id := range slices.Sorted(maps.Keys(d.other)) {
		area, was := d.known[id]
		c.Before += area
		if r := d.objects[id]; r != nil {
			c.Spans = append(c.Spans, r.spans(id)...)
			if r.of != nil {
				c.Of[id] = r.of
			}
		} else if was {
			c.Removed = append(c.Removed, id)
		}
	}
	slices.SortFunc(c.Spans, mask.ReadingOrder)
	return c
}
