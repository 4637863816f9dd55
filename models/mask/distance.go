package mask

// distances returns, for every pixel of a body in r, the squared Euclidean distance of its centre to the
// centre of the nearest pixel outside, and 0 for the others. What lies beyond the picture is outside. It takes
// time in proportion to the pixels of bodies: A. Meijster, J. Roerdink and W. Hesselink, A general algorithm
// for computing distance transforms in linear time, 2000.
func distances(r runs) []int32 {
	d := columnDistances(r)
	var e envelope
	for y := range r.height {
		for _, run := range r.list[r.row[y]:r.row[y+1]] {
			if run.value != background {
				// Both neighbours of the run are outside, so that nothing beyond them can be nearer.
				e.measure(d[y*r.width+int(run.x0) : y*r.width+int(run.x1)])
			}
		}
	}
	return d
}

// columnDistances returns how far each pixel of a body is from the nearest outside pixel in its column.
func columnDistances(r runs) []int32 {
	d := make([]int32, r.width*r.height)
	edge := make([]int32, r.width) // the rows above the first and below the last
	above := edge
	for y := range r.height {
		row := d[y*r.width : (y+1)*r.width]
		for _, run := range r.list[r.row[y]:r.row[y+1]] {
			if run.value == background {
				continue
			}
			for x := run.x0; x < run.x1; x++ {
				row[x] = above[x] + 1
			}
		}
		above = row
	}
	below := edge
	for y := r.height - 1; y >= 0; y-- {
		row := d[y*r.width : (y+1)*r.width]
		for _, run := range r.list[r.row[y]:r.row[y+1]] {
			if run.value == background {
				continue
			}
			for x := run.x0; x < run.x1; x++ {
				row[x] = min(row[x], below[x]+1)
			}
		}
		below = row
	}
	return d
}

// envelope turns the column distances of one run into squared distances: at each x the least
// (x-u)^2 + column[u]^2 over all u of the run and its two outside neighbours, found as the lower envelope of
// one parabola a column.
type envelope struct {
	heights []int // of the parabolas' vertices: 0, the squares of the run, 0
	sites   []int // the vertex u of each parabola in the envelope, ascending
	starts  []int // where each begins to be the lowest
}

func (e *envelope) measure(run []int32) {
	e.heights = append(e.heights[:0], 0)
	for _, v := range run {
		e.heights = append(e.heights, int(v)*int(v))
	}
	e.heights = append(e.heights, 0)
	e.sites = append(e.sites[:0], 0)
	e.starts = append(e.starts[:0], 0)
	for u := 1; u < len(e.heights); u++ {
		last := len(e.sites) - 1
		for last >= 0 && e.at(e.starts[last], e.sites[last]) > e.at(e.starts[last], u) {
			last--
		}
		start := 0
		if last >= 0 {
			// The first whole x at which the parabola of u is the lower one.
			i := e.sites[last]
			start = 1 + (u*u-i*i+e.heights[u]-e.heights[i])/(2*(u-i))
		}
		e.sites = append(e.sites[:last+1], u)
		e.starts = append(e.starts[:last+1], start)
	}
	last := len(e.sites) - 1
	for x := len(run); x >= 1; x-- {
		for e.starts[last] > x {
			last--
		}
		run[x-1] = int32(e.at(x, e.sites[last]))
	}
}

// at is the height of the parabola with its vertex at u.
func (e *envelope) at(x, u int) int { return (x-u)*(x-u) + e.heights[u] }
