package mask

import "math"

// setArea sets what follows from area and box alone.
func (o *Object) setArea() {
	area := float64(o.Area)
	o.EquivalentDiameter = math.Sqrt(4 * area / math.Pi)
	o.Extent = area / float64(o.BBox[2]*o.BBox[3])
}

// setOutline sets what follows from the outer ring and the hull around it. docs/measures.md has the formulas.
func (o *Object) setOutline(r *ring, h *hull, t *tally) {
	o.Perimeter = r.length()
	round := 4 * math.Pi * float64(o.Area) / (o.Perimeter * o.Perimeter)
	// Small objects have estimates of the perimeter that are too short for their area: nothing is rounder than a disc.
	o.Circularity = min(1, round)
	o.Sphericity = math.Sqrt(o.Circularity)
	o.Compactness = max(1, 1/round)
	o.Solidity = min(1, float64(o.Area)/h.area())
	o.Convexity = min(1, t.convexPerimeter()/o.Perimeter)
	o.FeretMax, o.FeretMin = h.calipers()
}

// convexPerimeter is the Crofton estimate, in the four directions of ring.length, for the hull: each line that hits a convex body
// cuts its outline twice, so that counting the lines that hit is enough. An edge-connected body is hit by all that lie between
// its first and its last, which keeps the hull's estimate from being longer than the body's own.
func (t *tally) convexPerimeter() float64 {
	level, upright := t.y1-t.y0, t.x1-t.x0
	oblique := t.falling1 - t.falling0 + t.rising1 - t.rising0 + 2
	return math.Pi / 4 * (float64(level+upright) + float64(oblique)/math.Sqrt2)
}

// aspectRatio is that of the ellipse with the object's second moments, those of a pixel's square included: a line of single
// pixels has a width.
func (t *tally) aspectRatio() float64 {
	area := float64(t.area)
	x, y := float64(t.sumX)/area-float64(t.fromX), float64(t.sumY)/area-float64(t.fromY)
	xx := float64(t.sumXX)/area - x*x + 1./12
	yy := float64(t.sumYY)/area - y*y + 1./12
	xy := float64(t.sumXY)/area - x*y
	middle, spread := (xx+yy)/2, math.Hypot((xx-yy)/2, xy)
	return math.Sqrt((middle + spread) / (middle - spread))
}

// Calibrate gives the objects their measures in micrometres, of pixels that are size wide and high.
func Calibrate(objects []Object, size float64) {
	for i := range objects {
		o := &objects[i]
		o.Calibrated = &Calibrated{
			Area:               float64(o.Area) * size * size,
			Perimeter:          o.Perimeter * size,
			EquivalentDiameter: o.EquivalentDiameter * size,
			FeretMax:           o.FeretMax * size,
			FeretMin:           o.FeretMin * size,
			Centroid:           [2]float64{o.Centroid[0] * size, o.Centroid[1] * size},
		}
	}
}
