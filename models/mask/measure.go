package mask

import (
	"encoding/binary"
	"slices"
)

// tally adds up one component's pixels, run by run.
type tally struct {
	area, sumX, sumY int64 // in pixel indices
	probability      int64 // sum of the samples
	x0, y0, x1, y1   int   // bounds, the ends not included
}

// measure makes the objects of the connected runs r that have at least minArea pixels. probability gives the samples of a run in a row
// of the picture.
func measure(probability func(y, x0, x1 int32) []uint8, r runs, minArea int) []Body {
	ids, count := number(r, minArea)
	spans := make([]int, count+1) // by id, how many there are; 0 is not used
	kept := 0
	for _, run := range r.list {
		if id := ids[run.parent]; id > 0 {
			spans[id]++
			kept++
		}
	}
	bodies := make([]Body, count)
	for i := range bodies {
		bodies[i].Spans = make([]Span, 0, spans[i+1])
	}
	o := outlines{top: r.top, list: make([]body, 0, kept), row: make([]int32, 1, r.height+1)}
	tallies := make([]tally, count)
	for y := range r.height {
		for _, run := range r.list[r.row[y]:r.row[y+1]] {
			id := ids[run.parent]
			if id == 0 {
				continue
			}
			span := Span{Y: int32(r.top + y), X0: int32(r.left) + run.x0, X1: int32(r.left) + run.x1}
			bodies[id-1].Spans = append(bodies[id-1].Spans, span)
			tallies[id-1].add(span, probability(span.Y, span.X0, span.X1))
			o.list = append(o.list, body{x0: span.X0, x1: span.X1, id: id})
		}
		o.row = append(o.row, int32(len(o.list)))
	}
	for i := range bodies {
		bodies[i].Object = tallies[i].object()
	}
	o.trace(func(id int32, ring *ring) {
		object := &bodies[id-1].Object
		if corners := slices.Clone(ring.corners); object.Polygon == nil {
			object.Polygon, object.Perimeter = corners, ring.length()
		} else {
			object.Holes = append(object.Holes, corners)
		}
	})
	return bodies
}

// number gives each component of bodies that has at least minArea pixels an id from 1 to count, in reading
// order; ids has it at the index of the component's root, and 0 elsewhere.
func number(r runs, minArea int) (ids []int32, count int) {
	area := make([]int32, len(r.list))
	for _, run := range r.list {
		area[run.parent] += run.x1 - run.x0
	}
	for i, run := range r.list {
		isRoot := run.parent == int32(i)
		if isRoot && run.value != background && int(area[i]) >= minArea {
			count++
			area[i] = int32(count)
		} else {
			area[i] = 0
		}
	}
	return area, count
}

func (t *tally) add(s Span, samples []uint8) {
	y, x0, x1, n := int(s.Y), int(s.X0), int(s.X1), int64(s.X1-s.X0)
	if t.area == 0 {
		t.x0, t.y0, t.x1 = x0, y, x1
	}
	t.x0, t.x1, t.y1 = min(t.x0, x0), max(t.x1, x1), y+1
	t.area += n
	t.sumX += int64(x0+x1-1) * n / 2
	t.sumY += int64(y) * n
	t.probability += sum(samples)
}

// object is what t tells of one; its number and rings are missing.
func (t *tally) object() Object {
	area := float64(t.area)
	return Object{
		Holes: [][]Point{},
		BBox:  [4]int{t.x0, t.y0, t.x1 - t.x0, t.y1 - t.y0},
		Area:  int(t.area),
		// A pixel's centre lies half a pixel from its corner.
		Centroid:        [2]float64{float64(t.sumX)/area + 0.5, float64(t.sumY)/area + 0.5},
		MeanProbability: float64(t.probability) / area / 255,
	}
}

// sum adds up samples: eight at a time, in lanes of 16 bits.
func sum(samples []uint8) (total int64) {
	const (
		lanes = 0x00ff00ff00ff00ff
		words = 128 // as many as a lane holds
	)
	for len(samples) >= 8 {
		var lane uint64
		for n := 0; n < words && len(samples) >= 8; n++ {
			word := binary.LittleEndian.Uint64(samples)
			lane += word&lanes + word>>8&lanes
			samples = samples[8:]
		}
		total += int64(lane&0xffff + lane>>16&0xffff + lane>>32&0xffff + lane>>48)
	}
	for _, v := range samples {
		total += int64(v)
	}
	return total
}
