package models

import (
	"errors"
	"fmt"
	"math"
)

// Diameter is how large the objects are that a model knows, in pixels of its input: the median of a picture's, each the diameter of the
// circle of its area. A picture whose objects lie within the range is left at its own size; any other is scaled to the best, or nearly,
// where that makes fewer tiles.
type Diameter struct {
	Best  float64 `json:"best"`
	Least float64 `json:"least"`
	Most  float64 `json:"most"`
}

// The utmost that a picture is scaled by: what is smaller still has too few pixels to tell anything, and each pixel more is one that the
// model has to look at.
const (
	leastFactor = 1. / 16
	mostFactor  = 4.
)

// nearBest is how much of the best diameter is as good to a model. Its time goes by its tiles, and at the very best many a picture needs one
// more along an axis for a few pixels.
const nearBest = 0.8

// Scale is how a picture is brought to a model's range; zero of a model that has none.
type Scale struct {
	Diameter float64 // of the picture's objects, in its own pixels, said or found; 0 where too few were found
	Factor   float64 // of the picture's sides as the model sees them; 1 for not at all
}

// factor is what a picture of a size, with objects of a diameter, is scaled by; 1 where that is not known.
func (d Diameter) factor(diameter float64, width, height int, in Input) float64 {
	if diameter <= 0 || diameter >= d.Least && diameter <= d.Most {
		return 1
	}
	best, least := bounded(d.Best/diameter), bounded(max(nearBest*d.Best, d.Least)/diameter)
	return max(least, min(best, in.across().filling(width, least), in.down().filling(height, least)))
}

func bounded(factor float64) float64 { return min(max(factor, leastFactor), mostFactor) }

// filling is the largest factor that needs no more tiles along an axis than that does.
func (s tileSide) filling(axis int, factor float64) float64 {
	return float64(s.longest(s.tiles(scaledSide(axis, factor)))) / float64(axis)
}

func (d *Diameter) check(in Input) error {
	switch {
	case !(d.Least > 0 && d.Least <= d.Best && d.Best <= d.Most && d.Most <= maxSide):
		return fmt.Errorf("diameters of %g to %g, best %g, are not in order", d.Least, d.Most, d.Best)
	case in.Scaling != ScalingNative:
		return errors.New("a diameter is of a model that sees pictures at their own resolution, not of one that fits them to its input")
	}
	return nil
}

// scaledSide is a side of a picture, in whole pixels.
func scaledSide(side int, factor float64) int { return max(1, int(math.Round(float64(side)*factor))) }
