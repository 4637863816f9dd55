package sample

import (
	"math"
	"math/rand/v2"

	"seghub/models/imageio"
)

// nuclei draws stained nuclei in fluorescence: bright, oval, grainy, some touching, on a dark ground.
func nuclei(seed int64, w, h int) imageio.Image {
	rng := rand.New(rand.NewPCG(uint64(seed), 0x0dac))
	between := func(low, high float64) float64 { return low + (high-low)*rng.Float64() }
	ground, chromatin := noise(rng.Uint64()), noise(rng.Uint64())
	pix := make([]float64, w*h)
	for i := range pix {
		pix[i] = 0.045 + 0.02*ground.cloud(float64(i%w), float64(i/w), 200, 2)
	}
	type nucleus struct{ x, y, long, short, angle, bright float64 }
	var placed []nucleus
	for len(placed) < w*h/4200 {
		n := nucleus{between(0, float64(w)), between(0, float64(h)), between(13, 20), 0, between(0, math.Pi), between(0.3, 0.85)}
		n.short = n.long * between(0.65, 0.95)
		// Nuclei touch now and then but do not lie on each other.
		free := true
		for _, other := range placed {
			free = free && math.Hypot(n.x-other.x, n.y-other.y) > 0.9*(n.short+other.short)
		}
		if free {
			placed = append(placed, n)
		}
	}
	for _, n := range placed {
		sin, cos := math.Sincos(n.angle)
		reach := n.long * 2.2
		for y := max(0, int(n.y-reach)); y <= min(h-1, int(n.y+reach)); y++ {
			for x := max(0, int(n.x-reach)); x <= min(w-1, int(n.x+reach)); x++ {
				dx, dy := float64(x)+0.5-n.x, float64(y)+0.5-n.y
				depth := math.Hypot((dx*cos+dy*sin)/n.long, (dy*cos-dx*sin)/n.short)
				inside := 1 / (1 + math.Exp((depth-1)*n.short/0.9))
				grain := 1 + 0.5*chromatin.cloud(float64(x), float64(y), 9, 3)
				glow := 0.05 * math.Exp(-2.5*math.Max(0, depth-1))
				pix[y*w+x] += n.bright * (inside*grain*(0.85+0.15*(1-depth)) + glow)
			}
		}
	}
	img := imageio.Image{Width: w, Height: h, Channels: 1, Pix: make([]uint8, w*h)}
	for i, v := range pix {
		v = 255*v + rng.NormFloat64()*(1.2+3*math.Sqrt(math.Max(0, v)))
		img.Pix[i] = uint8(math.Round(math.Min(255, math.Max(0, v))))
	}
	return img
}
