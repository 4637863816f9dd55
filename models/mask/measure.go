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

// measure makes the objects of the connected runs r that have at least minArea pixels, and says where they are.
func measure(p Probability, r runs, minArea int) ([]Object, []Span) {
	ids, count := number(r, minArea)
	kept := 0
	for _, run := range r.list {
		if ids[run.parent] > 0 {
			kept++
		}
	}
	spans := make([]Span, 0, kept)
	o := outlines{list: make([]body, 0, kept), row: make([]int32, 1, r.height+1)}
	tallies := make([]tally, count+1) // by id; 0 is not used
	for y := range r.height {
		for _, run := range r.list[r.row[y]:r.row[y+1]] {
			id := ids[run.parent]
			if id == 0 {
				continue
			}
			spans = append(spans, Span{Y: int32(y), X0: run.x0, X1: run.x1})
			o.list = append(o.list, body{x0: run.x0, x1: run.x1, id: id})
			tallies[id].add(run, y, p.Pix[y*r.width+int(run.x0):y*r.width+int(run.x1)])
		}
		o.row = append(o.row, int32(len(o.list)))
	}
	objects := make([]Object, count)
	for i := range objects {
		objects[i] = tallies[i+1].object(i + 1)
	}
	o.trace(func(id int32, ring *ring) {
		object := &objects[id-1]
		if corners := slices.Clone(ring.corners); object.Polygon == nil {
			object.Polygon, object.Perimeter = corners, ring.length()
		} else {
			object.Holes = append(object.Holes, corners)
		}
	})
	return objects, spans
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

func (t *tally) add(r run, y int, samples []uint8) {
	x0, x1, n := int(r.x0), int(r.x1), int64(r.x1-r.x0)
	if t.area == 0 {
		t.x0, t.y0, t.x1 = x0, y, x1
	}
	t.x0, t.x1, t.y1 = min(t.x0, x0), max(t.x1, x1), y+1
	t.area += n
	t.sumX += int64(x0+x1-1) * n / 2
	t.sumY += int64(y) * n
	t.probability += sum(samples)
}

// object is what t tells of one; its rings are missing.
func (t *tally) object(id int) Object {
	area := float64(t.area)
	return Object{
		ID:    id,
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
