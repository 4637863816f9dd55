package sample

import (
	"math"
	"math/rand/v2"

	"seghub/models/imageio"
)

// scene is a brightfield picture before it is drawn: what dims the light on its way to the camera.
type scene struct {
	rng           *rand.Rand
	width, height int
	unit          float64 // pixels for 1/1024 of the shorter side, in which all sizes are given
	bodies        []body
	halo          int     // loose cells around the bodies
	haloReach     float64 // how far they lie from the outline
	loners        int     // loose cells anywhere
	motes         int     // dust out of focus
	fibres        int
}

// body is one spheroid: nearly round, its outline waved.
type body struct {
	x, y, radius float64 // pixels
	waves        []wave
	bumps        noise   // cells that stand out of its surface
	bump         float64 // their size in pixels
	density      float64 // of its middle: how many times e the light is dimmed
}

type wave struct{ count, height, phase float64 }

func newScene(seed int64, w, h int) *scene {
	return &scene{
		rng:   rand.New(rand.NewPCG(uint64(seed), 0x5e6b)),
		width: w, height: h,
		unit: float64(min(w, h)) / 1024,
	}
}

// spheroid is one compact body, a few strays beside it.
func spheroid(seed int64, w, h int) *scene {
	s := newScene(seed, w, h)
	s.add(0.5+s.between(-0.06, 0.06), 0.48+s.between(-0.06, 0.06), s.between(130, 190), s.between(2, 2.6))
	s.halo, s.haloReach = 260, 70
	s.loners, s.motes, s.fibres = 150, 9, 2
	return s
}

// touching is a body with one or two lobes and a halo of dead cells.
func touching(seed int64, w, h int) *scene {
	s := newScene(seed, w, h)
	angle := s.between(0, 2*math.Pi)
	x, y := 0.47, 0.5
	radius := s.between(115, 150)
	first := s.add(x, y, radius, s.between(1.9, 2.4))
	for i := range 1 + s.rng.IntN(2) {
		lobe := radius * s.between(0.6, 0.85)
		reach := (radius + lobe) * s.between(0.84, 0.92) * s.unit
		a := angle + float64(i)*s.between(1.9, 2.8)
		s.add((first.x+reach*math.Cos(a))/float64(w), (first.y+reach*math.Sin(a))/float64(h), lobe, s.between(1.2, 2))
	}
	s.halo, s.haloReach = 1500, 190
	s.loners, s.motes, s.fibres = 90, 6, 1
	return s
}

func (s *scene) between(low, high float64) float64 { return low + (high-low)*s.rng.Float64() }

// add puts a body at a share of the width and height; radius is in units.
func (s *scene) add(x, y, radius, density float64) body {
	b := body{x: x * float64(s.width), y: y * float64(s.height), radius: radius * s.unit, density: density}
	b.bumps, b.bump = noise(s.rng.Uint64()), 13*s.unit
	for count := 2.0; count <= 9; count++ {
		b.waves = append(b.waves, wave{count, s.between(0, 0.09) / count, s.between(0, 2*math.Pi)})
	}
	s.bodies = append(s.bodies, b)
	return b
}

// depth is how far (x,y) lies from b's middle as a share of the way to its outline: 1 on the outline.
func (b body) depth(x, y float64) float64 {
	dx, dy := x-b.x, y-b.y
	angle := math.Atan2(dy, dx)
	radius := 1.0
	for _, w := range b.waves {
		radius += w.height * math.Cos(w.count*angle+w.phase)
	}
	radius += 0.35 * b.bump / b.radius * b.bumps.at(x/b.bump, y/b.bump)
	return math.Hypot(dx, dy) / (b.radius * radius)
}

// draw returns the picture and its mask.
func (s *scene) draw() (imageio.Image, []uint8) {
	light := s.background()
	mask := make([]uint8, s.width*s.height)
	for range s.fibres {
		s.drawFibre(light)
	}
	s.drawHalo(light)
	for _, b := range s.bodies {
		s.drawBody(light, mask, b)
	}
	for _, b := range s.bodies {
		s.drawRim(light, b)
	}
	for range s.motes {
		s.drawMote(light)
	}
	return s.expose(light), mask
}
