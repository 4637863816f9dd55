package mask

import (
	"errors"
	"fmt"
	"math"
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
	s := Segmentation{
		Width: p.Width, Height: p.Height,
		Objects: []Object{},
	}
	if len(p.Pix) == 0 {
		return s
	}
	runs := scan(p, level(o.Threshold))
	if !o.DetectHoles {
		runs = runs.filled()
	}
	switch {
	case o.SplitTouching && p.Down != nil:
		runs = runs.follow(interleaved(p.Down, p.Right))
	case o.SplitTouching:
		runs = runs.split(p.Border)
	}
	runs.connect()
	s.Objects, s.Spans = measure(p, runs, o)
	for _, object := range s.Objects {
		s.Summary.TotalArea += object.Area
	}
	s.Summary.Count = len(s.Objects)
	s.Summary.Coverage = float64(s.Summary.TotalArea) / float64(len(p.Pix))
	return s
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
