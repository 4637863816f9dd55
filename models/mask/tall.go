package mask

import (
	"cmp"
	"math"
	"slices"
)

// A component may span more rows than are kept: cells that touch from one side of the picture to the other, or one body that is as large as it.
// Every so many rows it is parted as far as it has come. What lies wholly above a cut, some rows above the last, leaves: no row to
// come can change it. What reaches over the cut and is tall already is set aside above it, and its rows go. When the component is parted
// again, what is below the cut tells which of the parts goes on what was set aside.
//
// Where holes are filled and nothing is parted, all above the cut is set aside, holes that may be as well, and only what is complete is taken apart.

// summed is a span and the sum of its probabilities.
type summed struct {
	Span
	sum int64
}

// aside is the upper part of a body that goes on.
type aside struct {
	spans []summed
	link  []Span // of the body, in the row below; none when it does not go on
}

// group is what is known to be of one body.
type group struct {
	spans []Span // in the rows that are kept
	aside []aside
	into  *group // another that it is part of; nil for none
}

func (g *group) root() *group {
	for g.into != nil {
		g = g.into
	}
	return g
}

// first and last are the rows that the group's spans in hand begin and end with.
func (g *group) first() int32 { return g.spans[0].Y }
func (g *group) last() int32  { return g.spans[len(g.spans)-1].Y }

// relieve lets go of rows where more are kept than there may be.
func (s *Segmenter) relieve() {
	if _, needed := s.joiner.top(s.next); s.next-needed <= s.tall*3/4 {
		return
	}
	short := int32(s.next - s.tall/2)
	var tall []*component
	for c := range s.joiner.incomplete {
		if c.needed < short && !slices.Contains(tall, c) {
			tall = append(tall, c)
		}
	}
	cut := s.next - s.tall/4
	for _, c := range tall {
		s.bodies = append(s.bodies, s.gather(c, cut)...)
	}
	// A hole is as high as what encloses it, whose rows may go.
	holes := map[*component]bool{}
	for _, p := range s.joiner.below {
		if s.joiner.tall && !p.body && !holes[p.of.root()] {
			holes[p.of.root()] = true
			s.letGo(p.of.root(), int32(cut))
		}
	}
}

// letGo sets aside what a component has above row cut, whatever parts that has.
func (s *Segmenter) letGo(c *component, cut int32) {
	var above aside
	c.spans = slices.DeleteFunc(c.spans, func(span Span) bool {
		if span.Y >= cut {
			return false
		}
		above.spans = append(above.spans, s.summed(span))
		return true
	})
	if len(above.spans) > 0 {
		c.aside = append(c.aside, above)
	}
}

// gather parts a component and returns the bodies that lie above row cut. The rest stays with it, or is set aside.
func (s *Segmenter) gather(c *component, cut int) []Body {
	complete := cut == s.next
	switch {
	case s.joiner.tall && complete:
		return s.bodiesOf(s.connected(c))
	case s.joiner.tall: // a hole of it may be filled yet, so that nothing leaves
		s.letGo(c, int32(cut))
		c.cut, c.needed = int32(cut), math.MaxInt32
		for _, span := range c.spans {
			c.needed = min(c.needed, span.Y)
		}
		return nil
	}
	groups := s.groups(c)
	short, below := int32(s.next-s.tall/2), int32(cut)
	c.spans, c.aside, c.cut = nil, nil, below
	c.open, c.needed = math.MaxInt32, math.MaxInt32
	var done []*group
	for _, g := range groups {
		switch {
		case complete, !c.closed && len(g.spans) > 0 && g.last() < below:
			done = append(done, g)
			continue
		case c.closed: // it is in what may be a hole, and waits to hear
			s.setAside(g, math.MaxInt32)
		case len(g.aside) > 0 || g.first() < short:
			s.setAside(g, below)
		}
		c.spans = append(c.spans, g.spans...)
		c.aside = append(c.aside, g.aside...)
		if len(g.spans) > 0 {
			c.open, c.needed = min(c.open, g.first()), min(c.needed, g.first())
		}
		for _, a := range g.aside {
			c.open = min(c.open, a.spans[0].Y)
		}
	}
	return s.bodiesOf(done)
}

// setAside takes the spans of a group above row cut out of hand.
func (s *Segmenter) setAside(g *group, cut int32) {
	n, _ := slices.BinarySearchFunc(g.spans, cut, func(s Span, y int32) int { return cmp.Compare(s.Y, y) })
	one := aside{spans: make([]summed, n)}
	for i, span := range g.spans[:n] {
		one.spans[i] = s.summed(span)
	}
	g.spans = g.spans[n:]
	for _, span := range g.spans {
		if span.Y > cut {
			break
		}
		one.link = append(one.link, span)
	}
	for _, earlier := range g.aside {
		one.spans = append(one.spans, earlier.spans...)
	}
	slices.SortFunc(one.spans, func(a, b summed) int { return ReadingOrder(a.Span, b.Span) })
	g.aside = []aside{one}
}

// groups are what a component consists of: its parts, each with what was set aside of it.
func (s *Segmenter) groups(c *component) []*group {
	var groups []*group
	var parts runs
	of := map[int32]*group{} // by the root of the part
	if len(c.spans) > 0 {
		parts = s.parts(inOrder(c.spans))
		parts.eachSpan(func(root int32, span Span) {
			g := of[root]
			if g == nil {
				g = &group{}
				of[root], groups = g, append(groups, g)
			}
			g.spans = append(g.spans, span)
		})
	}
	for _, a := range c.aside {
		var mine *group
		for _, link := range a.link {
			for root := range parts.touching(link) {
				switch g := of[root].root(); {
				case mine == nil:
					mine = g
				case g != mine:
					mine.spans, mine.aside = append(mine.spans, g.spans...), append(mine.aside, g.aside...)
					*g = group{into: mine}
				}
			}
		}
		if mine == nil {
			mine = &group{}
			groups = append(groups, mine)
		}
		mine.aside = append(mine.aside, a)
	}
	groups = slices.DeleteFunc(groups, func(g *group) bool { return g.into != nil })
	for _, g := range groups {
		if !slices.IsSortedFunc(g.spans, ReadingOrder) {
			slices.SortFunc(g.spans, ReadingOrder)
		}
	}
	return groups
}

// connected are the parts of a component that hang together at edges, of what is in hand and of what was set aside.
func (s *Segmenter) connected(c *component) []*group {
	all := s.whole(c.spans, c.aside)
	parent := make([]int, len(all)) // a forest; a root is its own
	root := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	above := 0 // the first span of the row above that may touch
	for i, span := range all {
		parent[i] = i
		for all[above].Y < span.Y-1 || all[above].Y == span.Y-1 && all[above].X1 <= span.X0 {
			above++
		}
		for k := above; all[k].Y == span.Y-1 && all[k].X0 < span.X1; k++ {
			parent[root(k)] = root(i)
		}
	}
	var groups []*group
	of := map[int]*group{} // by their roots
	for i, span := range all {
		g := of[root(i)]
		if g == nil {
			g = &group{aside: []aside{{}}}
			of[root(i)], groups = g, append(groups, g)
		}
		g.aside[0].spans = append(g.aside[0].spans, span)
	}
	return groups
}

// bodiesOf measures those of the groups that the options keep.
func (s *Segmenter) bodiesOf(groups []*group) []Body {
	var all []summed
	var each []int
	for _, g := range groups {
		spans := s.whole(g.spans, g.aside)
		if !s.wanted(spans) {
			continue
		}
		each = append(each, len(spans))
		for i := range spans {
			spans[i].ID = int32(len(each))
		}
		all = append(all, spans...)
	}
	slices.SortFunc(all, func(a, b summed) int { return ReadingOrder(a.Span, b.Span) })
	spans := make([]Span, len(all))
	for i := range all {
		spans[i] = all[i].Span
	}
	return bodiesOf(s.shaper.shapes(s.width, s.height, spans, len(each), func(i int, _ Span) int64 { return all[i].sum }), spans, each)
}

// whole is what is in hand of a body and what was set aside of it, as joined gives it.
func (s *Segmenter) whole(spans []Span, above []aside) []summed {
	all := make([]summed, 0, len(spans))
	for _, span := range spans {
		all = append(all, s.summed(span))
	}
	for _, a := range above {
		all = append(all, a.spans...)
	}
	return joined(all)
}

// summed adds up a span whose row is kept.
func (s *Segmenter) summed(span Span) summed {
	return summed{span, total(s.probability(span.Y)[span.X0:span.X1])}
}

// joined puts the spans of a body in order and makes one of those that touch within a row, as they do where parts turned out to be of one body. Who
// walks along outlines counts on it, and would walk for ever.
func joined(spans []summed) []summed {
	slices.SortFunc(spans, func(a, b summed) int { return ReadingOrder(a.Span, b.Span) })
	whole := spans[:0]
	for _, span := range spans {
		if last := len(whole) - 1; last >= 0 && whole[last].Y == span.Y && whole[last].X1 == span.X0 {
			whole[last].X1, whole[last].sum = span.X1, whole[last].sum+span.sum
		} else {
			whole = append(whole, span)
		}
	}
	return whole
}

// wanted tells whether the options keep a body of these spans.
func (s *Segmenter) wanted(spans []summed) bool {
	area, border := 0, false
	for _, span := range spans {
		area += int(span.X1 - span.X0)
		border = border || span.Y == 0 || int(span.Y) == s.height-1 || span.X0 == 0 || int(span.X1) == s.width
	}
	return area >= s.options.MinArea && !(border && s.options.ExcludeBorder)
}

// eachSpan calls visit for each run of a body as a span of the picture, in reading order, with its root. r is connected.
func (r *runs) eachSpan(visit func(root int32, span Span)) {
	for y := range r.height {
		for _, run := range r.list[r.row[y]:r.row[y+1]] {
			if run.value != background {
				visit(run.parent, Span{Y: int32(r.top + y), X0: int32(r.left) + run.x0, X1: int32(r.left) + run.x1})
			}
		}
	}
}

// touching yields the roots of the bodies' runs that have a pixel of a span of the picture. r is connected.
func (r *runs) touching(span Span) func(yield func(int32) bool) {
	return func(yield func(int32) bool) {
		y := int(span.Y) - r.top
		if y < 0 || y >= r.height {
			return
		}
		x0, x1 := span.X0-int32(r.left), span.X1-int32(r.left)
		for _, run := range r.list[r.row[y]:r.row[y+1]] {
			if run.value != background && run.x0 < x1 && x0 < run.x1 && !yield(run.parent) {
				return
			}
		}
	}
}
