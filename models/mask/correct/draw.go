package correct

import (
	"image"
	"math"
	"slices"
)

// around is the box of pixels that points, or discs around them, may reach.
func around(points []Vertex, radius float64) image.Rectangle {
	low, high := points[0], points[0]
	for _, p := range points {
		for axis := range p {
			low[axis], high[axis] = min(low[axis], p[axis]), max(high[axis], p[axis])
		}
	}
	return image.Rect(int(math.Floor(low[0]-radius)), int(math.Floor(low[1]-radius)), int(math.Ceil(high[0]+radius)), int(math.Ceil(high[1]+radius)))
}

// rowsOf bounds how many pieces of rows drawing o looks at within box.
func rowsOf(o Operation, box image.Rectangle) (rows int) {
	points := append(slices.Clone(o.Polygon), o.Stroke...)
	for i, p := range points {
		before := points[max(0, i-1)]
		if i == 0 && len(o.Polygon) > 0 {
			before = points[len(points)-1]
		}
		top, bottom := min(p[1], before[1])-o.Radius, max(p[1], before[1])+o.Radius
		rows += int(max(0, min(bottom, float64(box.Max.Y))-max(top, float64(box.Min.Y)))) + 1
	}
	return rows
}

// polygon draws the pixels whose centres it goes round, once or several times: who crosses his own line by hand means what lies
// inside.
func (r *region) polygon(points []Vertex, value uint8) {
	type crossing struct {
		x    float64
		turn int
	}
	rows := make([][]crossing, r.box.Dy())
	for i, a := range points {
		b := points[(i+1)%len(points)]
		turn := 1
		if a[1] > b[1] {
			a, b, turn = b, a, -1
		}
		for y := r.firstCentre(a[1]); y < r.firstCentre(b[1]); y++ {
			x := a[0] + (float64(y)+0.5-a[1])*(b[0]-a[0])/(b[1]-a[1])
			rows[y-r.box.Min.Y] = append(rows[y-r.box.Min.Y], crossing{x, turn})
		}
	}
	for i, row := range rows {
		slices.SortFunc(row, func(a, b crossing) int {
			switch {
			case a.x < b.x:
				return -1
			case a.x > b.x:
				return 1
			}
			return 0
		})
		winding := 0
		for k, c := range row {
			if winding != 0 {
				r.draw(r.box.Min.Y+i, centreFrom(row[k-1].x), centreFrom(c.x), value)
			}
			winding += c.turn
		}
	}
}

// firstCentre is the first row of the region whose pixels' centres lie at or below y.
func (r *region) firstCentre(y float64) int {
	return min(max(centreFrom(y), r.box.Min.Y), r.box.Max.Y)
}

// centreFrom is the first pixel whose centre lies at or behind a place.
func centreFrom(place float64) int { return int(math.Ceil(place - 0.5)) }

// stroke draws the pixels whose centres lie within radius of the line through points.
func (r *region) stroke(points []Vertex, radius float64, value uint8) {
	if len(points) == 1 {
		points = []Vertex{points[0], points[0]}
	}
	rows := make([][][2]int, r.box.Dy())
	for i := 1; i < len(points); i++ {
		a, b := points[i-1], points[i]
		top, bottom := min(a[1], b[1])-radius, max(a[1], b[1])+radius
		for y := r.firstCentre(top); y < r.firstCentre(bottom); y++ {
			if x0, x1, hits := capsule(a, b, radius, float64(y)+0.5); hits {
				rows[y-r.box.Min.Y] = append(rows[y-r.box.Min.Y], [2]int{centreFrom(x0), int(math.Floor(x1-0.5)) + 1})
			}
		}
	}
	for i, row := range rows {
		// Sorted and joined, so that a line that goes to and fro costs no more than the pixels that it covers.
		slices.SortFunc(row, func(a, b [2]int) int { return a[0] - b[0] })
		for k := 0; k < len(row); {
			x0, x1 := row[k][0], row[k][1]
			for k++; k < len(row) && row[k][0] <= x1; k++ {
				x1 = max(x1, row[k][1])
			}
			r.draw(r.box.Min.Y+i, x0, x1, value)
		}
	}
}

// capsule is where the row y cuts the points within radius of the line from a to b.
func capsule(a, b Vertex, radius, y float64) (x0, x1 float64, hits bool) {
	x0, x1 = math.Inf(1), math.Inf(-1)
	take := func(x float64) { x0, x1, hits = min(x0, x), max(x1, x), true }
	for _, c := range []Vertex{a, b} {
		if h := radius*radius - (y-c[1])*(y-c[1]); h >= 0 {
			take(c[0] - math.Sqrt(h))
			take(c[0] + math.Sqrt(h))
		}
	}
	length := math.Hypot(b[0]-a[0], b[1]-a[1])
	if length == 0 {
		return x0, x1, hits
	}
	nx, ny := -(b[1]-a[1])/length*radius, (b[0]-a[0])/length*radius
	for _, side := range []float64{1, -1} { // the straight flanks
		p, q := Vertex{a[0] + side*nx, a[1] + side*ny}, Vertex{b[0] + side*nx, b[1] + side*ny}
		if low, high := min(p[1], q[1]), max(p[1], q[1]); p[1] != q[1] && y >= low && y <= high {
			take(p[0] + (y-p[1])*(q[0]-p[0])/(q[1]-p[1]))
		}
	}
	return x0, x1, hits
}

// line sets the object's pixels that lie on the way from a to b: one at least in each row or column that it passes, which parts what
// is connected at edges (J. E. Bresenham, Algorithm for computer control of a digital plotter, IBM Systems Journal 4, 1965).
func (r *region) line(a, b Vertex, value uint8) {
	a, b, hits := clipped(a, b, r.box)
	if !hits {
		return
	}
	x, y := int(math.Floor(a[0])), int(math.Floor(a[1]))
	toX, toY := int(math.Floor(b[0])), int(math.Floor(b[1]))
	dx, dy := absolute(toX-x), -absolute(toY-y)
	stepX, stepY := 1, 1
	if x > toX {
		stepX = -1
	}
	if y > toY {
		stepY = -1
	}
	for off := dx + dy; ; {
		if image.Pt(x, y).In(r.box) {
			if at := &r.row(y)[x-r.box.Min.X]; *at == 1 {
				*at = value
			}
		}
		if x == toX && y == toY {
			return
		}
		twice := 2 * off
		if twice >= dy {
			off += dy
			x += stepX
		}
		if twice <= dx {
			off += dx
			y += stepY
		}
	}
}

// clipped is the piece of the line from a to b that lies within a pixel of box, if any: Y. Liang and B. Barsky, A new concept and method for
// line clipping, ACM Transactions on Graphics 3, 1984.
func clipped(a, b Vertex, box image.Rectangle) (Vertex, Vertex, bool) {
	from, to := 0., 1.
	low, high := Vertex{float64(box.Min.X - 1), float64(box.Min.Y - 1)}, Vertex{float64(box.Max.X + 1), float64(box.Max.Y + 1)}
	for axis := range a {
		d := b[axis] - a[axis]
		if d == 0 {
			if a[axis] < low[axis] || a[axis] > high[axis] {
				return a, b, false
			}
			continue
		}
		enter, leave := (low[axis]-a[axis])/d, (high[axis]-a[axis])/d
		from, to = max(from, min(enter, leave)), min(to, max(enter, leave))
	}
	at := func(t float64) Vertex { return Vertex{a[0] + t*(b[0]-a[0]), a[1] + t*(b[1]-a[1])} }
	return at(from), at(to), from <= to
}

func absolute(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
