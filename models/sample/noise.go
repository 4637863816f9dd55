package sample

import "math"

// noise is a smooth random surface: values from -1 to 1 on a square grid, interpolated in between.
type noise uint64

// at returns the surface at (x,y), in grid steps.
func (n noise) at(x, y float64) float64 {
	x0, y0 := math.Floor(x), math.Floor(y)
	fx, fy := ease(x-x0), ease(y-y0)
	ix, iy := int64(x0), int64(y0)
	top := mix(n.node(ix, iy), n.node(ix+1, iy), fx)
	bottom := mix(n.node(ix, iy+1), n.node(ix+1, iy+1), fx)
	return mix(top, bottom, fy)
}

// node hashes a grid point to its value (the finaliser of SplitMix64).
func (n noise) node(x, y int64) float64 {
	h := uint64(n) ^ uint64(x)*0x9e3779b97f4a7c15 ^ uint64(y)*0xc2b2ae3d27d4eb4f
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return float64(int64(h^h>>31)) / (1 << 63)
}

func ease(t float64) float64 { return t * t * (3 - 2*t) }

func mix(a, b, t float64) float64 { return a + (b-a)*t }

// cloud is noise of several sizes, the largest step pixels wide, each half the size and strength of
// the one before.
func (n noise) cloud(x, y, step float64, sizes int) float64 {
	sum, strength := 0.0, 0.5
	for i := range sizes {
		sum += strength * noise(uint64(n)+uint64(i)).at(x/step, y/step)
		step, strength = step/2, strength/2
	}
	return sum
}
