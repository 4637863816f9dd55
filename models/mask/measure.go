package mask

// tally adds up one component's pixels, run by run.
type tally struct {
	area, sumX, sumY int64 // in pixel indices
	probability      int64 // sum of the samples
	x0, y0, x1, y1   int   // bounds, the ends not included
	first            Point // the first pixel in reading order
}

// measure makes the objects of the connected runs r that have at least minArea pixels, and draws them
// into binary.
func measure(p Probability, r runs, minArea int, binary []uint8) []Object {
	ids, count := number(r, minArea)
	labels := make([]int32, len(p.Pix))
	tallies := make([]tally, count+1) // by id; 0 is not used
	for y := range r.height {
		for _, run := range r.list[r.row[y]:r.row[y+1]] {
			id := ids[run.parent]
			if id == 0 {
				continue
			}
			begin, end := y*r.width+int(run.x0), y*r.width+int(run.x1)
			for i := begin; i < end; i++ {
				labels[i] = id
				binary[i] = 255
			}
			tallies[id].add(run, y, p.Pix[begin:end])
		}
	}
	t := newTracer(r.width, r.height, labels)
	objects := make([]Object, count)
	for i := range objects {
		objects[i] = tallies[i+1].object(i+1, t)
	}
	return objects
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
		t.first = Point{x0, y}
		t.x0, t.y0, t.x1 = x0, y, x1
	}
	t.x0, t.x1, t.y1 = min(t.x0, x0), max(t.x1, x1), y+1
	t.area += n
	t.sumX += int64(x0+x1-1) * n / 2
	t.sumY += int64(y) * n
	for _, v := range samples {
		t.probability += int64(v)
	}
}

func (t *tally) object(id int, tracer *tracer) Object {
	outer, holes := tracer.rings(int32(id), *t)
	area := float64(t.area)
	return Object{
		ID:        id,
		Polygon:   outer.corners,
		Holes:     holes,
		BBox:      [4]int{t.x0, t.y0, t.x1 - t.x0, t.y1 - t.y0},
		Area:      int(t.area),
		Perimeter: outer.length(),
		// A pixel's centre lies half a pixel from its corner.
		Centroid:        [2]float64{float64(t.sumX)/area + 0.5, float64(t.sumY)/area + 0.5},
		MeanProbability: float64(t.probability) / area / 255,
	}
}
