package models

import (
	"context"
	"slices"

	"seghub/models/mask"
	"seghub/models/pixels"
)

// Run runs a model on the rows of in, and returns the outputs of each.
type Run func(ctx context.Context, in Tensor) (Tensor, error)

// ScaleTo has what comes of Next at the scale that brings the page's objects to the diameter that the model knows; before the first Next.
// asked is the diameter that somebody has said, in pixels of the page; where that is 0, looks at it find one. A model that knows no
// diameter takes any page as it is. The error is run's or the reader's.
func (c *Cutter) ScaleTo(ctx context.Context, model Spec, asked float64, run Run) (Scale, error) {
	if model.Diameter == nil {
		return Scale{}, nil
	}
	s := Scale{Diameter: asked}
	if asked == 0 {
		var err error
		if s.Diameter, err = c.find(ctx, model, run); err != nil {
			return s, err
		}
	}
	s.Factor = model.Diameter.factor(s.Diameter)
	c.place(s.Factor)
	return s, nil
}

// The scales at which a page is looked at, one tile each: from the coarsest on, as long as the objects are too small to be told apart.
// Where they are, a finer look would take parts of them for objects.
var looks = []float64{1. / 4, 1. / 2, 1, 2}

const (
	toldApart = 1. / 3 // of the best diameter: what is smaller than that may be several in one
	few       = 3      // objects at least tell a diameter
	leastLook = 12     // square pixels of an object in a look
	lookAlong = 3      // tiles along an axis that are compared for one look, at most
)

// find looks at the page until it knows the median diameter of its objects, in its own pixels; 0 where there are few or none.
func (c *Cutter) find(ctx context.Context, model Spec, run Run) (diameter float64, err error) {
	for _, factor := range looks {
		c.place(factor)
		tile, err := c.look(ctx)
		if err != nil {
			return 0, err
		}
		out, err := run(ctx, tile)
		if err != nil {
			return 0, err
		}
		found := c.objects(out, model)
		if len(found) < few {
			continue
		}
		diameter = medianDiameter(found)
		if diameter >= toldApart*model.Diameter.Best {
			return diameter / factor, nil
		}
		diameter /= factor
	}
	return diameter, nil
}

// look is the tile of the page as it is placed that shows the most, of some spread evenly over it.
func (c *Cutter) look(ctx context.Context) (best Tensor, err error) {
	most := -1
	for _, row := range spread(c.Placement.down) {
		strip, err := c.show(ctx, row.start, min(row.start+c.in.Height, c.Placement.Height))
		if err != nil {
			return Tensor{}, err
		}
		pixels.GiveBack(strip.Samples)
		tiles := c.cut(spread(c.Placement.across))
		for i := range tiles.N {
			if contrast := contrast(tiles.Rows(i, i+1)); contrast > most {
				best, most = tiles.Rows(i, i+1), contrast
			}
		}
	}
	pixels.GiveBack(c.band.release())
	pixels.GiveBack(c.scaled.release())
	c.band, c.scaled = band{}, band{}
	return best, nil
}

// spread are up to lookAlong of the tiles along an axis.
func spread(tiles []span) []span {
	n := min(lookAlong, len(tiles))
	some := make([]span, n)
	for i := range some {
		some[i] = tiles[(2*i+1)*len(tiles)/(2*n)]
	}
	return some
}

// contrast is how much the samples beside each other differ.
func contrast(tile Tensor) int {
	sum := 0
	for i, v := range tile.Pix[tile.C:] {
		sum += max(int(v), int(tile.Pix[i])) - min(int(v), int(tile.Pix[i]))
	}
	return sum
}

// objects are those of the output of a look.
func (c *Cutter) objects(out Tensor, model Spec) []mask.Object {
	width, height := min(c.in.Width, c.Placement.Width), min(c.in.Height, c.Placement.Height)
	seen := Placement{ImageWidth: width, ImageHeight: height, Width: width, Height: height, across: []span{{}}, down: []span{{}}}
	return mask.Segment(seen.Unfit(out, 0), mask.Options{Threshold: model.Threshold, MinArea: leastLook, SplitTouching: true}).Objects
}

// medianDiameter is that of the objects that the edge does not cut, where there are some.
func medianDiameter(objects []mask.Object) float64 {
	whole := slices.DeleteFunc(slices.Clone(objects), func(o mask.Object) bool { return o.TouchesBorder })
	if len(whole) < few {
		whole = objects
	}
	diameters := make([]float64, len(whole))
	for i, o := range whole {
		diameters[i] = o.EquivalentDiameter
	}
	slices.Sort(diameters)
	return diameters[len(diameters)/2]
}
