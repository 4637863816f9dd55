package models

import (
	"context"
	"slices"

	"seghub/models/mask"
	"seghub/models/pixels"
)

// Run runs a model on the rows of in, and returns the outputs of each.
type Run func(ctx context.Context, in Tensor) (Tensor, error)

// ScaleTo has what comes of Next at the scale that brings the page's objects to a diameter that the model knows; before the first Next.
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
	s.Factor = model.Diameter.factor(s.Diameter, c.page.Width, c.page.Height, c.in)
	c.place(s.Factor)
	return s, nil
}

// A page is looked at through one tile at a time: first at half its size, then coarser as long as the tile shows too little of it or a finer
// look may have taken parts of large objects for objects; and at its own size where all were too small to be told apart.
const (
	firstLook  = 1. / 2
	leastLook  = leastFactor
	toldApart  = 1. / 3 // of the best diameter: what is smaller than that may be several in one
	inParts    = 1. / 2 // of the greatest diameter: what is larger than that may be one of several in a larger one
	few        = 3      // objects at least tell a diameter
	leastFound = 12     // square pixels of an object in a look
	lookAlong  = 3      // tiles along an axis that are compared for one look, at most
)

// find looks at the page until it knows the median diameter of its objects, in its own pixels; 0 where there are few or none.
func (c *Cutter) find(ctx context.Context, model Spec, run Run) (diameter float64, err error) {
	for factor := firstLook; factor >= leastLook; factor /= 2 {
		seen, err := c.look(ctx, factor, model, run)
		if err != nil {
			return 0, err
		}
		apart := seen >= toldApart*model.Diameter.Best
		if !apart && diameter > 0 {
			return diameter, nil // the look before was fine enough
		}
		if apart {
			diameter = seen / factor
		}
		if more := seen == 0 && c.Placement.Rows() > 1; !more && seen <= inParts*model.Diameter.Most {
			break
		}
	}
	if diameter > 0 {
		return diameter, nil
	}
	return c.look(ctx, 1, model, run)
}

// look is the median diameter of the objects that the model finds whole in a tile of the page scaled by a factor, in pixels of that; 0 of
// few.
func (c *Cutter) look(ctx context.Context, factor float64, model Spec, run Run) (float64, error) {
	c.place(factor)
	tile, err := c.busiest(ctx)
	if err != nil {
		return 0, err
	}
	out, err := run(ctx, tile)
	if err != nil {
		return 0, err
	}
	objects := c.objects(out, model)
	whole := slices.DeleteFunc(slices.Clone(objects), func(o mask.Object) bool { return o.TouchesBorder })
	if len(whole) < few && c.Placement.Rows() == 1 {
		whole = objects // there are no others
	}
	return medianDiameter(whole), nil
}

// busiest is the tile of the page as it is placed that shows the most, of some spread evenly over it.
func (c *Cutter) busiest(ctx context.Context) (best Tensor, err error) {
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
	return mask.Segment(seen.Unfit(out, 0), mask.Options{Threshold: model.Threshold, MinArea: leastFound, SplitTouching: true}).Objects
}

// medianDiameter is 0 of few.
func medianDiameter(objects []mask.Object) float64 {
	if len(objects) < few {
		return 0
	}
	diameters := make([]float64, len(objects))
	for i, o := range objects {
		diameters[i] = o.EquivalentDiameter
	}
	slices.Sort(diameters)
	return diameters[len(diameters)/2]
}
