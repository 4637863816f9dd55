package mask

import (
	"fmt"
	"slices"
)

// Body is an object and its pixels.
type Body struct {
	Object
	Spans []Span // in reading order
}

// Segmenter is Segment of a map that comes in bands, from the top, whose objects leave as soon as no row to come can change them. It
// keeps the rows that the others span. One goroutine at a time.
type Segmenter struct {
	width, height int
	options       Options
	joiner        joiner
	shaper        shaper
	level         uint8
	tall          int // how many rows are kept at most

	channels int    // of the map
	kept     []row  // from the first on that is still needed
	first    int    // of kept
	settled  int    // how many rows have all their objects out
	next     int    // the row that comes next
	bodies   []Body // that are complete and were not returned yet
}

// How many rows are kept is so that they have so many pixels, but some rows at least: what a component spans is parted at once.
const (
	keptPixels = 4 << 20
	leastTall  = 128
)

// partingBytes is what parting takes of a pixel, about.
const partingBytes = 25

// SegmenterMemory is what a Segmenter of a map of width x height samples in so many channels holds at most, about, in bytes, beside its objects.
func SegmenterMemory(width, height, channels int) int64 {
	return int64(min(tallest(width), height)) * int64(width) * int64(channels+partingBytes)
}

// tallest is how many rows are kept of a map of that width at most.
func tallest(width int) int { return max(leastTall, keptPixels/width) }

// row is the samples of a row, as Probability.Channels has them.
type row [maxChannels][]uint8

// NewSegmenter is for maps of width x height samples, both at least 1. o must be valid.
func NewSegmenter(width, height int, o Options) *Segmenter {
	return &Segmenter{
		width: width, height: height, options: o, level: level(o.Threshold),
		joiner: joiner{height: height, fill: !o.DetectHoles, tall: !o.DetectHoles && !o.SplitTouching},
		tall:   tallest(width),
	}
}

// Add takes the next rows, any number of them, as a map of their own, and returns the objects that they complete, which have no ID yet, in
// no order that matters. The rows stay the caller's.
func (s *Segmenter) Add(rows Probability) []Body {
	if rows.Width != s.width || s.next+rows.Height > s.height {
		panic(fmt.Sprintf("mask: %dx%d samples behind row %d of %dx%d", rows.Width, rows.Height, s.next, s.width, s.height))
	}
	channels := rows.Channels()
	s.channels = len(channels)
	for y := range rows.Height {
		var r row
		for i, samples := range channels {
			r[i] = samples[y*s.width : (y+1)*s.width]
		}
		s.kept = append(s.kept, r)
	}
	for y := range rows.Height {
		s.joiner.add(int32(s.next), rows.Pix[y*s.width:(y+1)*s.width], s.level)
		s.next++
		s.finish() // while its samples are in the processor's cache
		// At the same rows however these come, so that the same objects come of them.
		if s.next%(s.tall/4) == 0 {
			s.relieve()
		}
	}
	s.keep(s.next - rows.Height)
	bodies := slices.Clone(s.bodies) // without room for more: they may stay for long
	clear(s.bodies)
	s.bodies = s.bodies[:0]
	return bodies
}

// finish makes bodies of the components that are complete.
func (s *Segmenter) finish() {
	for _, c := range s.joiner.complete {
		if len(c.aside) > 0 {
			s.bodies = append(s.bodies, s.gather(c, s.next)...)
		} else {
			s.bodies = append(s.bodies, s.measure(c.spans, c.corners)...)
		}
	}
	clear(s.joiner.complete)
	s.joiner.complete = s.joiner.complete[:0]
}

// Settled is how many rows from the top have all their objects out.
func (s *Segmenter) Settled() int { return s.settled }

// Held is how many spans the objects have that are not complete, and what may be a hole in them.
func (s *Segmenter) Held() int {
	held, counted := 0, map[*component]bool{}
	count := func(c *component) {
		if !counted[c] {
			counted[c] = true
			held += len(c.spans)
			for _, a := range c.aside {
				held += len(a.spans)
			}
		}
	}
	for c := range s.joiner.incomplete {
		count(c)
	}
	for _, p := range s.joiner.below {
		if p.of != nil {
			count(p.of.root())
		}
	}
	return held
}

// keep lets go of the rows that nobody needs any more, and makes those from row borrowed on, which are the caller's, its own.
func (s *Segmenter) keep(borrowed int) {
	var needed int
	s.settled, needed = s.joiner.top(s.next)
	first := max(0, needed-1) // the flow of the next row lies between it and the one above
	if s.next == s.height {
		first = s.height
	}
	s.kept = slices.Delete(s.kept, 0, first-s.first)
	s.first = first
	mine := s.kept[max(first, borrowed)-first:]
	memory := make([]uint8, 0, len(mine)*s.channels*s.width)
	for y := range mine {
		for i, samples := range mine[y][:s.channels] {
			memory = append(memory, samples...)
			mine[y][i] = memory[len(memory)-s.width:]
		}
	}
}

// plane is one channel of the part of the picture that r is.
func (s *Segmenter) plane(r runs, channel int) []uint8 {
	plane := make([]uint8, 0, r.width*r.height)
	for _, row := range s.kept[r.top-s.first:][:r.height] {
		plane = append(plane, row[channel][r.left:r.left+r.width]...)
	}
	return plane
}

// flow is that of the part of the picture that r is.
func (s *Segmenter) flow(r runs) []flowSample {
	flow := make([]flowSample, 0, r.width*r.height)
	for _, row := range s.kept[r.top-s.first:][:r.height] {
		flow = interleaved(flow, row[1][r.left:r.left+r.width], row[2][r.left:r.left+r.width])
	}
	return flow
}

// probability is the samples of a row of the picture.
func (s *Segmenter) probability(y int32) []uint8 { return s.kept[int(y)-s.first][0] }

// measure makes the objects of a component: one, or more where it is parted, or hangs together at corners only.
func (s *Segmenter) measure(spans []Span, corners bool) []Body {
	spans = inOrder(spans)
	area := 0
	for _, span := range spans {
		area += int(span.X1 - span.X0)
	}
	if area < s.options.MinArea {
		return nil
	}
	if !corners && !s.options.SplitTouching {
		return s.shaper.measureOne(s.width, s.height, spans, s.options, s.probability)
	}
	return s.shaper.measure(s.width, s.height, s.parts(spans), s.options, s.probability)
}

// parts are the objects that a component consists of, connected.
func (s *Segmenter) parts(spans []Span) runs {
	parts := s.around(spans)
	if s.options.SplitTouching {
		parts = s.part(parts)
	}
	parts.connect()
	return parts
}

// inOrder sorts the spans of a component, which came as its parts met, and joins those that touch.
func inOrder(spans []Span) []Span {
	if !slices.IsSortedFunc(spans, ReadingOrder) {
		slices.SortFunc(spans, ReadingOrder)
	}
	return closed(spans)
}

// closed joins the spans that touch each other within a row, where a hole was filled.
func closed(spans []Span) []Span {
	joined := spans[:1]
	for _, span := range spans[1:] {
		if last := &joined[len(joined)-1]; last.Y == span.Y && last.X1 == span.X0 {
			last.X1 = span.X1
		} else {
			joined = append(joined, span)
		}
	}
	return joined
}

// part cuts a component where bodies touch.
func (s *Segmenter) part(component runs) runs {
	switch s.channels {
	case 3:
		parts := component.follow(s.flow(component))
		parts.connect()
		return parts.withoutCrumbs()
	case 2:
		return component.split(s.plane(component, 1))
	}
	return component.split(nil)
}

// around is the part of the picture that holds a component and, where the picture that has come goes on, one pixel more: what a flow between
// pixels is made of. All else in it is background.
func (s *Segmenter) around(spans []Span) runs {
	x0, x1 := spans[0].X0, spans[0].X1
	for _, span := range spans {
		x0, x1 = min(x0, span.X0), max(x1, span.X1)
	}
	left, right := max(0, int(x0)-1), min(s.width, int(x1)+1)
	top, bottom := max(0, int(spans[0].Y)-1), min(s.next, int(spans[len(spans)-1].Y)+2)
	r := newRuns(right-left, bottom-top)
	r.left, r.top = left, top
	for y := top; y < bottom; y++ {
		x := left
		for ; len(spans) > 0 && int(spans[0].Y) == y; spans = spans[1:] {
			if begin := int(spans[0].X0); begin > x {
				r.add(x-left, begin-left, background)
			}
			x = int(spans[0].X1)
			r.add(int(spans[0].X0)-left, x-left, 1)
		}
		if x < right {
			r.add(x-left, right-left, background)
		}
		r.endRow()
	}
	return r
}
