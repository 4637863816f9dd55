package mask

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// ErrOptions is why Options are refused; wrapped errors say which and why.
var ErrOptions = errors.New("invalid options")

// The range of Options.Threshold.
const (
	minThreshold = 0.05
	maxThreshold = 0.95
)

// Validate returns an error that wraps ErrOptions and says in a sentence what is out of range.
func (o Options) Validate() error {
	if !(o.Threshold >= minThreshold && o.Threshold <= maxThreshold) { // NaN fails both
		return fmt.Errorf("%w: threshold must lie between %g and %g", ErrOptions, minThreshold, maxThreshold)
	}
	if o.MinArea < 0 {
		return fmt.Errorf("%w: min_area must not be negative", ErrOptions)
	}
	return nil
}

// Segment cuts p into objects: it thresholds, fills holes or keeps them, parts touching bodies when asked
// to, and drops what is smaller than MinArea, or touches the border if asked to. Pixels that touch at an edge belong to one object
// (4-connected): one that hangs together at a corner alone would have an outline that touches itself, which is no polygon to the
// programs that results go to. Holes are what background that touches at edges (4-connected) an object shuts off from the
// border. Objects are numbered in reading order of their first pixel.
//
// o must be valid, and each of p's channels have p.Width*p.Height samples; Segment panics otherwise.
func Segment(p Probability, o Options) Segmentation {
	if err := o.Validate(); err != nil {
		panic(err)
	}
	if err := p.check(); err != nil {
		panic("mask: " + err.Error())
	}
	var bodies []Body
	if len(p.Pix) > 0 {
		bodies = NewSegmenter(p.Width, p.Height, o).Add(p)
	}
	return Gather(p.Width, p.Height, bodies)
}

// Gather numbers the objects of a picture of width x height pixels, in reading order of their first pixel, and brings all their
// pixels in that order. The bodies' spans get the numbers too.
func Gather(width, height int, bands ...[]Body) Segmentation {
	var bodies []*Body // large, and not to be there twice
	for _, band := range bands {
		for i := range band {
			bodies = append(bodies, &band[i])
		}
	}
	s := Segmentation{Width: width, Height: height, Objects: make([]Object, len(bodies))}
	slices.SortFunc(bodies, func(a, b *Body) int { return ReadingOrder(a.Spans[0], b.Spans[0]) })
	for i, body := range bodies {
		s.Objects[i] = body.Object
		s.Objects[i].ID = i + 1
		for k := range body.Spans {
			body.Spans[k].ID = int32(i + 1)
		}
		s.Summary.TotalArea += body.Area
	}
	s.Spans = merged(bodies, height)
	s.Summary.Count = len(bodies)
	if width*height > 0 {
		s.Summary.Coverage = float64(s.Summary.TotalArea) / float64(width*height)
	}
	return s
}

// merged are the spans of all bodies in reading order: sorted by counting those of each row.
func merged(bodies []*Body, height int) []Span {
	next := make([]int, height+1) // where the spans of each row begin, and, once they are placed, end
	for _, body := range bodies {
		for _, span := range body.Spans {
			next[span.Y+1]++
		}
	}
	for y := range height {
		next[y+1] += next[y]
	}
	spans := make([]Span, next[height])
	for _, body := range bodies {
		for _, span := range body.Spans {
			spans[next[span.Y]] = span
			next[span.Y]++
		}
	}
	begin := 0
	for _, end := range next[:height] {
		slices.SortFunc(spans[begin:end], func(a, b Span) int { return int(a.X0 - b.X0) })
		begin = end
	}
	return spans
}

// ReadingOrder compares spans by their rows, and within a row by where they begin.
func ReadingOrder(a, b Span) int {
	if a.Y != b.Y {
		return int(a.Y) - int(b.Y)
	}
	return int(a.X0) - int(b.X0)
}

// level is the least sample v with v/255 >= threshold.
func level(threshold float64) uint8 {
	v := int(math.Ceil(threshold * 255))
	// threshold*255 is rounded and may lie beside the integer that it stands for.
	for v > 0 && float64(v-1)/255 >= threshold {
		v--
	}
	for float64(v)/255 < threshold {
		v++
	}
	return uint8(v)
}
