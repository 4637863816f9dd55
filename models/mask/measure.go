package mask

import (
	"encoding/binary"
	"slices"
)

// tally adds up one object's pixels, run by run.
type tally struct {
	area, sumX, sumY    int64 // in pixel indices
	sumXX, sumXY, sumYY int64 // relative to the first pixel, which keeps them small
	fromX, fromY        int64 // that pixel
	probability         int64 // sum of the samples
	x0, y0, x1, y1      int   // bounds, the ends not included
	// Bounds of x+y and x-y over the pixels' centres.
	falling0, falling1, rising0, rising1 int
}

// shaper measures objects. Its memory is used again for the next. One goroutine at a time.
type shaper struct {
	outlines outlines
	hull     hull
}

// measure makes the objects of the connected runs r, a part of a picture of width x height pixels, that o keeps. row gives the
// probabilities of a row of the picture.
func (m *shaper) measure(width, height int, r runs, o Options, row func(y int32) []uint8) []Body {
	ids, count := number(width, height, r, o)
	kept := 0
	for _, run := range r.list {
		if ids[run.parent] > 0 {
			kept++
		}
	}
	spans, each := make([]Span, 0, kept), make([]int, count)
	for y := range r.height {
		for _, run := range r.list[r.row[y]:r.row[y+1]] {
			if id := ids[run.parent]; id > 0 {
				spans = append(spans, Span{Y: int32(r.top + y), X0: int32(r.left) + run.x0, X1: int32(r.left) + run.x1, ID: id})
				each[id-1]++
			}
		}
	}
	return bodiesOf(m.shapes(width, height, spans, count, sums(row)), spans, each)
}

// measureOne makes the object that all of the spans are, which touch at edges, unless o leaves it out.
func (m *shaper) measureOne(width, height int, spans []Span, o Options, row func(y int32) []uint8) []Body {
	own := make([]Span, len(spans)) // without the room that they grew into
	for i, s := range spans {
		own[i] = Span{Y: s.Y, X0: s.X0, X1: s.X1, ID: 1}
	}
	objects := m.shapes(width, height, own, 1, sums(row))
	if o.ExcludeBorder && objects[0].TouchesBorder {
		return nil
	}
	return []Body{{Object: objects[0], Spans: own}}
}

// bodiesOf gives objects, whose ids count from 1, their spans, of which each has so many.
func bodiesOf(objects []Object, spans []Span, each []int) []Body {
	bodies := make([]Body, len(objects))
	for i, object := range objects {
		bodies[i] = Body{Object: object, Spans: make([]Span, 0, each[i])}
	}
	for _, span := range spans {
		bodies[span.ID-1].Spans = append(bodies[span.ID-1].Spans, span)
	}
	return bodies
}

// sums adds up the samples of a span, of which row gives those of a row.
func sums(row func(y int32) []uint8) func(i int, s Span) int64 {
	return func(_ int, s Span) int64 { return total(row(s.Y)[s.X0:s.X1]) }
}

// Measure gives the objects of a picture whose pixels spans are, in the order of their ids, each edge-connected; row gives the
// probabilities of a row that has one. spans are in reading order. Intensities and calibration are left to Intensities and Calibrate.
func Measure(width, height int, spans []Span, row func(y int32) []uint8) []Object {
	var ids []int32
	for _, s := range spans {
		ids = append(ids, s.ID)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	dense := slices.Clone(spans)
	for i, s := range dense {
		place, _ := slices.BinarySearch(ids, s.ID)
		dense[i].ID = int32(place + 1)
	}
	objects := new(shaper).shapes(width, height, dense, len(ids), sums(row))
	for i := range objects {
		objects[i].ID = int(ids[i])
	}
	return objects
}

// shapes measures the objects 1 to count of a picture; probability gives the sum of the samples of the i-th span.
func (m *shaper) shapes(width, height int, spans []Span, count int, probability func(i int, s Span) int64) []Object {
	tallies := make([]tally, count+1) // by id; 0 is not used
	for i, s := range spans {
		tallies[s.ID].add(s, probability(i, s))
	}
	objects := make([]Object, count)
	for i := range objects {
		objects[i] = tallies[i+1].object(i+1, width, height)
	}
	m.outlines.begin(spans)
	m.outlines.trace(func(id int32, ring *ring) {
		object := &objects[id-1]
		corners := slices.Clone(ring.corners)
		if object.Polygon != nil {
			object.Holes = append(object.Holes, corners)
			return
		}
		object.Polygon = corners
		m.hull.wrap(corners)
		object.setOutline(ring, &m.hull, &tallies[id])
	})
	return objects
}

// number gives each component of bodies that o keeps an id from 1 to count, in reading order; ids has it at the index of the
// component's root, and 0 elsewhere. r is a part of a picture of width x height pixels.
func number(width, height int, r runs, o Options) (ids []int32, count int) {
	area := make([]int32, len(r.list))
	for _, run := range r.list {
		area[run.parent] += run.x1 - run.x0
	}
	if o.ExcludeBorder {
		for y := range r.height {
			for _, run := range r.list[r.row[y]:r.row[y+1]] {
				if r.top+y == 0 || r.top+y == height-1 || r.left+int(run.x0) == 0 || r.left+int(run.x1) == width {
					area[run.parent] = -1
				}
			}
		}
	}
	for i, run := range r.list {
		isRoot := run.parent == int32(i)
		if isRoot && run.value != background && int(area[i]) >= max(0, o.MinArea) {
			count++
			area[i] = int32(count)
		} else {
			area[i] = 0
		}
	}
	return area, count
}

func (t *tally) add(s Span, probability int64) {
	x0, x1, y, n := int(s.X0), int(s.X1), int(s.Y), int64(s.X1-s.X0)
	if t.area == 0 {
		t.x0, t.y0, t.x1 = x0, y, x1
		t.fromX, t.fromY = int64(x0), int64(y)
		t.falling0, t.falling1 = x0+y, x0+y
		t.rising0, t.rising1 = x0-y, x0-y
	}
	t.x0, t.x1, t.y1 = min(t.x0, x0), max(t.x1, x1), y+1
	t.falling0, t.falling1 = min(t.falling0, x0+y), max(t.falling1, x1-1+y)
	t.rising0, t.rising1 = min(t.rising0, x0-y), max(t.rising1, x1-1-y)
	t.area += n
	sum := int64(x0+x1-1) * n / 2
	t.sumX += sum
	t.sumY += int64(y) * n
	u, v, w := int64(x0)-t.fromX, int64(x1)-t.fromX, int64(y)-t.fromY
	t.sumXX += squares(v) - squares(u)
	t.sumXY += (sum - t.fromX*n) * w
	t.sumYY += w * w * n
	t.probability += probability
}

// squares is the sum of i*i for all whole i from 0 up to but not including n, continued to n below 0 so that a difference of two
// is the sum between them.
func squares(n int64) int64 { return (n - 1) * n * (2*n - 1) / 6 }

// object is what t tells of one; what its rings tell is missing.
func (t *tally) object(id, width, height int) Object {
	area := float64(t.area)
	o := Object{
		ID:    id,
		Holes: [][]Point{},
		BBox:  [4]int{t.x0, t.y0, t.x1 - t.x0, t.y1 - t.y0},
		Area:  int(t.area),
		// A pixel's centre lies half a pixel from its corner.
		Centroid:            [2]float64{float64(t.sumX)/area + 0.5, float64(t.sumY)/area + 0.5},
		MeanProbability:     float64(t.probability) / area / 255,
		MeanIntensity:       []float64{},
		SDIntensity:         []float64{},
		IntegratedIntensity: []float64{},
		TouchesBorder:       t.x0 == 0 || t.y0 == 0 || t.x1 == width || t.y1 == height,
	}
	o.setArea()
	o.AspectRatio = t.aspectRatio()
	return o
}

// total adds up samples: eight at a time, in lanes of 16 bits.
func total(samples []uint8) (sum int64) {
	const (
		lanes = 0x00ff00ff00ff00ff
		words = 128 // as many as a lane holds
	)
	for len(samples) >= 8 {
		part := samples[:min(len(samples)&^7, 8*words)]
		samples = samples[len(part):]
		var lane uint64
		for ; len(part) >= 8; part = part[8:] {
			word := binary.LittleEndian.Uint64(part)
			lane += word&lanes + word>>8&lanes
		}
		sum += int64(lane&0xffff + lane>>16&0xffff + lane>>32&0xffff + lane>>48)
	}
	for _, v := range samples {
		sum += int64(v)
	}
	return sum
}
