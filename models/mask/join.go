package mask

// component is a connected piece of the rows that have come: of bodies, or of the background around and within them. Those of one
// piece are a union-find forest; what nobody refers to any more is free.
type component struct {
	parent *component // whose part this one has become; nil of a root
	body   bool
	closed bool // a row has come that has nothing of it
	spans  []Span
	last   int32 // the lowest row that has something of it

	// Of a body.
	corners   bool       // some of it hangs together at corners only, as far as is known
	top, left int32      // its first pixel in reading order
	around    *component // the background to the left of that, which lies around it; nil where nothing can fill that
	open      int32      // the first row of what has not left
	needed    int32      // the first row of spans
	cut       int32      // the row above which everything that was complete has left, and the rest may be aside; 0 before that
	aside     []aside

	// Of background.
	outside bool         // it is no hole, as it reaches the picture's edge, and keeps nothing of what follows
	within  []*component // the bodies that touch it
	waiting []*component // those of them that are closed, and of which it is around: it may yet be a hole, and they its islands
}

func (c *component) root() *component {
	for c.parent != nil {
		if c.parent.parent != nil {
			c.parent = c.parent.parent
		}
		c = c.parent
	}
	return c
}

// joiner connects the runs of a picture while its rows come, from the top: those of bodies at edges and corners, across which a flow may
// lead, those of background at edges. A body is complete when no row to come can change it.
type joiner struct {
	height       int
	fill         bool // make background that does not reach the picture's edge body
	tall         bool // also where that is higher than the rows that are kept
	above, below []piece
	complete     []*component // roots, for the caller to take
}

// piece is a run of the row in hand or of the one above it. They cover the row, and alternate.
type piece struct {
	x0, x1 int32
	body   bool
	of     *component // nil of background that nothing fills
}

// add takes row y.
func (j *joiner) add(y int32, pix []uint8, level uint8) {
	j.above, j.below = j.below, j.above[:0]
	scanRow(pix, level, func(x0, x1 int, body bool) {
		j.below = append(j.below, piece{x0: int32(x0), x1: int32(x1), body: body})
	})
	j.connect()
	for i := range j.below {
		j.enter(y, i)
	}
	j.close(y)
	if int(y) == j.height-1 {
		j.above, j.below = j.below, j.above[:0]
		j.close(y + 1)
		j.above = j.above[:0]
	}
}

// connect unites the pieces of both rows that touch.
func (j *joiner) connect() {
	// Both rows are covered from side to side, so that the two pieces in hand always overlap.
	for a, b := 0, 0; a < len(j.above) && b < len(j.below); {
		if j.above[a].body == j.below[b].body {
			j.meet(a, b)
		}
		switch end := j.above[a].x1; {
		case end < j.below[b].x1:
			a++
		case end > j.below[b].x1:
			b++
		default:
			// Where two end together, each touches the other's right neighbour at a corner, which does not connect background.
			if a+1 < len(j.above) {
				switch {
				case j.above[a].body && j.below[b+1].body:
					j.meetAtCorner(a, b+1)
				case j.above[a+1].body && j.below[b].body:
					j.meetAtCorner(a+1, b)
				}
			}
			a++
			b++
		}
	}
}

// meet makes piece a of the row above and piece b of the row below parts of one component.
func (j *joiner) meet(a, b int) {
	switch c := j.above[a].of; {
	case c == nil:
	case j.below[b].of == nil:
		j.below[b].of = c.root()
	default:
		j.unite(c.root(), j.below[b].of.root())
	}
}

// meetAtCorner is meet of two pieces of bodies that do not touch at an edge.
func (j *joiner) meetAtCorner(a, b int) {
	j.meet(a, b)
	j.below[b].of.root().corners = true
}

// enter adds piece i of row y to its component, or begins one.
func (j *joiner) enter(y int32, i int) {
	p := &j.below[i]
	if !p.body && !j.fill {
		return
	}
	if p.of == nil {
		p.of = &component{body: p.body, top: y, left: p.x0, open: y, needed: y}
		if i > 0 {
			p.of.around = j.below[i-1].of
		}
	}
	c := p.of.root()
	c.last = y
	isEdge := y == 0 || int(y) == j.height-1 || i == 0 || i == len(j.below)-1
	if !p.body && isEdge {
		j.reachesEdge(c)
	}
	if !c.outside {
		c.spans = append(c.spans, Span{Y: y, X0: p.x0, X1: p.x1})
	}
	if i > 0 && j.fill {
		touch(j.below[i-1].of.root(), c)
	}
}

// touch notes that a body and background lie beside each other.
func touch(a, b *component) {
	if a.body {
		a, b = b, a
	}
	if !a.outside && (len(a.within) == 0 || a.within[len(a.within)-1] != b) {
		a.within = append(a.within, b)
	}
}

// reachesEdge notes that background is no hole: what waited to know that is complete.
func (j *joiner) reachesEdge(c *component) {
	if !c.outside {
		j.complete = append(j.complete, c.waiting...)
		c.outside, c.spans, c.aside, c.within, c.waiting = true, nil, nil, nil, nil
	}
}

// unite makes one component of two roots of a kind, and returns its root.
func (j *joiner) unite(a, b *component) *component {
	if a == b {
		return a
	}
	if len(a.spans) < len(b.spans) {
		a, b = b, a
	}
	if b.top < a.top || b.top == a.top && b.left < a.left {
		a.top, a.left, a.around = b.top, b.left, b.around
	}
	if a.outside || b.outside {
		j.reachesEdge(a)
		j.reachesEdge(b)
	}
	a.spans = append(a.spans, b.spans...)
	a.aside = append(a.aside, b.aside...)
	a.open, a.needed, a.cut = min(a.open, b.open), min(a.needed, b.needed), max(a.cut, b.cut)
	a.within = append(a.within, b.within...)
	a.waiting = append(a.waiting, b.waiting...)
	a.last = max(a.last, b.last)
	a.closed = a.closed && b.closed
	a.corners = a.corners || b.corners
	*b = component{parent: a}
	return a
}

// close ends the components of the row above of which row y has nothing.
func (j *joiner) close(y int32) {
	ends := func(c *component) bool {
		if c.last == y || c.closed {
			return false
		}
		c.closed = true
		return true
	}
	// Holes first: what encloses one goes on below it.
	for i := range j.above {
		if p := &j.above[i]; !p.body && p.of != nil {
			if c := p.of.root(); !c.body && ends(c) && !c.outside {
				j.fillHole(c)
			}
		}
	}
	for i := range j.above {
		if p := &j.above[i]; p.body {
			if c := p.of.root(); ends(c) {
				j.closeBody(c)
			}
		}
	}
}

// fillHole makes a hole, what encloses it and its islands one body; where that may be parted, not one that is higher than the rows that are kept.
func (j *joiner) fillHole(hole *component) {
	for _, c := range hole.within {
		if !j.tall && hole.top < c.root().cut {
			j.reachesEdge(hole)
			return
		}
	}
	body := hole.within[0].root()
	for _, c := range hole.within[1:] {
		body = j.unite(body, c.root())
	}
	for _, span := range hole.spans {
		body.needed = min(body.needed, span.Y)
	}
	body.spans, body.aside = append(body.spans, hole.spans...), append(body.aside, hole.aside...)
	*hole = component{parent: body}
}

// closeBody completes a body, unless what lies around it may be a hole.
func (j *joiner) closeBody(c *component) {
	if c.around == nil {
		j.complete = append(j.complete, c)
		return
	}
	if around := c.around.root(); around.outside {
		j.complete = append(j.complete, c)
	} else {
		around.waiting = append(around.waiting, c)
	}
}

// incomplete yields the bodies that are not complete; some more than once.
func (j *joiner) incomplete(yield func(*component) bool) {
	for i := range j.below {
		if j.below[i].of == nil {
			continue
		}
		c := j.below[i].of.root()
		if c.body && !yield(c) {
			return
		}
		for _, waiting := range c.waiting {
			if !yield(waiting.root()) {
				return
			}
		}
	}
}

// top is the first row that has something of a body that is not complete, and needed the first of those whose samples are; end when there is
// none.
func (j *joiner) top(end int) (top, needed int) {
	top, needed = end, end
	for c := range j.incomplete {
		top, needed = min(top, int(c.open)), min(needed, int(c.needed))
	}
	return top, needed
}
