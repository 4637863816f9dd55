package mask

import "math"

// ring is a closed walk along the cracks between an object's pixels and the others, the object on its
// right hand: clockwise on the screen around the object, counter-clockwise around a hole.
type ring struct {
	corners         []Point // where it turns; the last is joined to the first
	straight, turns int     // pixel corners that it passes, and at which it turns
}

// kulpa makes the mean error of length zero over all directions of an edge: pi*(1+sqrt 2)/8.
const kulpa = math.Pi * (1 + math.Sqrt2) / 8

// length estimates the length of the smooth outline that the ring was sampled from. It joins the middles
// of successive cracks, which lie 1 apart on a straight piece and sqrt(1/2) apart at a turn, and takes
// Kulpa's factor (Z. Kulpa, Area and perimeter measurement of blobs in discrete binary pictures, Computer
// Graphics and Image Processing 6, 1977). Discs come out within 2 % from a radius of 5 pixels up; edges along
// the pixel rows 5 % short.
func (r ring) length() float64 {
	return kulpa * (float64(r.straight) + float64(r.turns)*math.Sqrt2/2)
}
