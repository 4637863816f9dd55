package mask_test

import (
	"math"
	"testing"

	"seghub/models/mask"
)

// bodies is a probability map of six soft-edged round bodies, two of them touching, with wavy outlines.
func bodies(size int) mask.Probability {
	p := mask.Probability{Width: size, Height: size, Pix: make([]uint8, size*size)}
	s := float64(size)
	for _, c := range [][3]float64{{0.3, 0.3, 0.13}, {0.5, 0.35, 0.1}, {0.75, 0.2, 0.08}, {0.2, 0.7, 0.09}, {0.6, 0.7, 0.15}, {0.85, 0.85, 0.05}} {
		for y := range size {
			for x := range size {
				dx, dy := float64(x)-c[0]*s, float64(y)-c[1]*s
				radius := c[2] * s * (1 + 0.03*math.Sin(9*math.Atan2(dy, dx)))
				v := 255 / (1 + math.Exp((math.Hypot(dx, dy)-radius)/3))
				p.Pix[y*size+x] = max(p.Pix[y*size+x], uint8(v))
			}
		}
	}
	return p
}

func BenchmarkSegment1024(b *testing.B) {
	p := bodies(1024)
	for name, o := range map[string]mask.Options{
		"holes": {Threshold: 0.5, MinArea: 50, DetectHoles: true},
		"split": {Threshold: 0.5, MinArea: 50, DetectHoles: true, SplitTouching: true},
		"fill":  {Threshold: 0.5, MinArea: 50},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				mask.Segment(p, o)
			}
		})
	}
}

// BenchmarkFlow1024 parts 529 nuclei that touch; whole is the same map by its threshold alone.
func BenchmarkFlow1024(b *testing.B) {
	p := nuclei(1024, 23)
	for name, o := range map[string]mask.Options{
		"flow":  {Threshold: 0.5, MinArea: 20, SplitTouching: true},
		"whole": {Threshold: 0.5, MinArea: 20},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				mask.Segment(p, o)
			}
		})
	}
}

// thousand is a probability map of 4096x4096 samples with 1,024 soft-edged bodies of some 30 pixels' radius and wavy outlines. scripts/bench-objects
// makes the same one.
func thousand() mask.Probability {
	const side, across = 4096, 32
	const cell = side / across
	p := mask.Probability{Width: side, Height: side, Pix: make([]uint8, side*side)}
	for i := range p.Pix {
		x, y := i%side, i/side
		dx, dy := float64(x%cell-cell/2), float64(y%cell-cell/2)
		radius := 30 + float64((x/cell+y/cell)%20) + 3*math.Sin(5*math.Atan2(dy, dx))
		p.Pix[i] = uint8(255 / (1 + math.Exp((math.Hypot(dx, dy)-radius)/2)))
	}
	return p
}
