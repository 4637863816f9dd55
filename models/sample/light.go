package sample

import (
	"math"

	"seghub/models/imageio"
)

// light is the brightness of each pixel, 0 to 1.
type light struct {
	width, height int
	pix           []float64
}

// each calls set for the pixels within reach of (x,y) and multiplies them by what it returns.
func (l light) each(x, y, reach float64, set func(dx, dy float64) float64) {
	for py := max(0, int(y-reach)); py <= min(l.height-1, int(y+reach)); py++ {
		for px := max(0, int(x-reach)); px <= min(l.width-1, int(x+reach)); px++ {
			l.pix[py*l.width+px] *= set(float64(px)+0.5-x, float64(py)+0.5-y)
		}
	}
}

// background is the lamp: brightest off the middle, falling off toward the well's edge, with the fine
// streaks of the well's floor.
func (s *scene) background() light {
	l := light{s.width, s.height, make([]float64, s.width*s.height)}
	clouds, streaks, floor := noise(s.rng.Uint64()), noise(s.rng.Uint64()), noise(s.rng.Uint64())
	level := s.between(0.62, 0.72)
	cx, cy := float64(s.width)*s.between(0.4, 0.6), float64(s.height)*s.between(0.4, 0.6)
	corner := math.Hypot(float64(s.width), float64(s.height)) / 2
	fall := s.between(0.08, 0.16)
	for y := range s.height {
		for x := range s.width {
			fx, fy := float64(x), float64(y)
			dx, dy := fx-cx, fy-cy
			far := math.Hypot(dx, dy) / corner
			v := level * (1 - fall*far*far)
			v += 0.02 * clouds.cloud(fx, fy, 300*s.unit, 2)
			// The floor is scratched outward from the well's middle.
			v += 0.035 * far * streaks.at(math.Atan2(dy, dx)*90, math.Hypot(dx, dy)/(26*s.unit))
			v += 0.018 * floor.cloud(fx, fy, 9*s.unit, 2)
			l.pix[y*s.width+x] = v
		}
	}
	return l
}

// drawBody dims the light by the thickness of a ball, grainy with its cells, and marks the mask.
func (s *scene) drawBody(l light, mask []uint8, b body) {
	grain := noise(s.rng.Uint64())
	reach := b.radius * 1.5
	for y := max(0, int(b.y-reach)); y <= min(s.height-1, int(b.y+reach)); y++ {
		for x := max(0, int(b.x-reach)); x <= min(s.width-1, int(b.x+reach)); x++ {
			fx, fy := float64(x)+0.5, float64(y)+0.5
			depth := b.depth(fx, fy)
			i := y*s.width + x
			if depth < 1 {
				mask[i] = 255
			}
			// A ball's thickness, its edge blurred by the depth of field; flattened, as cells absorb all
			// there is long before the middle.
			thickness := math.Sqrt(math.Max(0, 1.04-depth*depth))
			edge := 1 / (1 + math.Exp((depth-0.97)*b.radius/(3.2*s.unit)))
			texture := 1 + 0.55*grain.cloud(fx, fy, 22*s.unit, 3)
			dim := b.density * edge * (0.3 + 0.7*thickness) * texture
			// Light bent at the rim: a bright fringe outside.
			fringe := 0.07 * gauss((depth-1.035)*b.radius, 5*s.unit)
			l.pix[i] = l.pix[i]*math.Exp(-dim)*(1+fringe) + 0.03*edge
		}
	}
}

// drawRim puts the cells that bulge from a body's surface.
func (s *scene) drawRim(l light, b body) {
	for range int(b.radius / s.unit * 1.5) {
		angle := s.between(0, 2*math.Pi)
		sin, cos := math.Sincos(angle)
		// Where the outline is in this direction, then a little within it.
		away := b.radius / b.depth(b.x+b.radius*cos, b.y+b.radius*sin)
		away *= 1 - math.Abs(s.rng.NormFloat64())*0.06
		s.drawCell(l, b.x+away*cos, b.y+away*sin, s.between(4, 9)*s.unit, s.between(0.3, 0.8), s.between(-0.1, 1.1))
	}
}

// drawHalo scatters loose cells, dense at the outlines and thinner outward, and some anywhere.
func (s *scene) drawHalo(l light) {
	haze := noise(s.rng.Uint64())
	for range s.halo {
		b := s.bodies[s.rng.IntN(len(s.bodies))]
		angle := s.between(0, 2*math.Pi)
		away := b.radius + math.Abs(s.rng.NormFloat64())*s.haloReach*0.55*s.unit
		x, y := b.x+away*math.Cos(angle), b.y+away*math.Sin(angle)
		if haze.cloud(x, y, 120*s.unit, 2) < -0.12 {
			continue // loose cells lie in drifts
		}
		s.drawCell(l, x, y, s.between(2, 5.5)*s.unit, s.between(0.2, 0.8), s.between(-0.3, 0.45))
	}
	for range s.loners {
		x, y := s.between(0, float64(s.width)), s.between(0, float64(s.height))
		s.drawCell(l, x, y, s.between(1.5, 6)*s.unit, s.between(0.1, 0.6), s.between(-0.3, 0.45))
	}
}

// drawCell is a single cell or crumb: a lens, its edge dark, its middle as bright as said.
func (s *scene) drawCell(l light, x, y, radius, strength, bright float64) {
	radius = math.Max(radius, 0.7)
	tilt := s.between(-0.25, 0.25)
	l.each(x, y, radius*1.9, func(dx, dy float64) float64 {
		d := math.Hypot(dx, dy*(1+tilt)) / radius
		return 1 + strength*(bright*gauss(d, 0.45)-0.45*gauss(d-0.95, 0.22)+0.12*gauss(d-1.4, 0.2))
	})
}

// drawMote is dust far out of focus.
func (s *scene) drawMote(l light) {
	x, y := s.between(0, float64(s.width)), s.between(0, float64(s.height))
	radius, strength := s.between(5, 16)*s.unit, s.between(0.08, 0.4)
	l.each(x, y, radius*3, func(dx, dy float64) float64 {
		return 1 - strength*gauss(math.Hypot(dx, dy*0.9), radius)
	})
}

// drawFibre is a thread of lint with a bright flank.
func (s *scene) drawFibre(l light) {
	x, y := s.between(0, float64(s.width)), s.between(0, float64(s.height))
	angle, bend := s.between(0, 2*math.Pi), s.between(-0.012, 0.012)
	for range int(s.between(50, 130)) {
		l.each(x, y, 5*s.unit, func(dx, dy float64) float64 {
			across := dx*math.Sin(angle) - dy*math.Cos(angle)
			return 1 - 0.09*gauss(across, 1.2*s.unit) + 0.04*gauss(across-2.5*s.unit, 1.2*s.unit)
		})
		x, y = x+1.6*s.unit*math.Cos(angle), y+1.6*s.unit*math.Sin(angle)
		angle += bend
	}
}

// expose is the camera: noise of the light and of the sensor, 8 bits.
func (s *scene) expose(l light) imageio.Image {
	img := imageio.Image{Width: s.width, Height: s.height, Channels: 1, Pix: make([]uint8, len(l.pix))}
	for i, v := range l.pix {
		v = 255*v + s.rng.NormFloat64()*(0.8+1.6*math.Sqrt(math.Max(0, v)))
		img.Pix[i] = uint8(math.Round(math.Min(255, math.Max(0, v))))
	}
	return img
}

// gauss is a bell curve of height 1.
func gauss(x, width float64) float64 { return math.Exp(-x * x / (2 * width * width)) }
