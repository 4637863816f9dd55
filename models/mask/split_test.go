package mask_test

import (
	"bytes"
	"math"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"seghub/models/mask"
)

// ball is a filled ellipse.
type ball struct{ x, y, rx, ry float64 }

func painted(width, height int, balls ...ball) mask.Probability {
	p := mask.Probability{Width: width, Height: height, Pix: make([]uint8, width*height)}
	for i := range p.Pix {
		for _, b := range balls {
			if math.Hypot((float64(i%width)+0.5-b.x)/b.rx, (float64(i/width)+0.5-b.y)/b.ry) < 1 {
				p.Pix[i] = 200
			}
		}
	}
	return p
}

func TestSplitTouching(t *testing.T) {
	split := mask.Options{Threshold: 0.5, SplitTouching: true, DetectHoles: true}
	withHole := painted(120, 120, ball{60, 60, 50, 50})
	for i := range withHole.Pix {
		if math.Hypot(float64(i%120)-80, float64(i/120)-60) < 20 {
			withHole.Pix[i] = 0
		}
	}
	rough := painted(160, 160, ball{80, 80, 60, 60})
	for i := range rough.Pix {
		angle := math.Atan2(float64(i/160)-80, float64(i%160)-80)
		if math.Hypot(float64(i%160)-80, float64(i/160)-80) > 55+5*math.Sin(23*angle) {
			rough.Pix[i] = 0
		}
	}
	cases := []struct {
		name string
		p    mask.Probability
		want int
	}{
		{"nothing", painted(30, 30), 0},
		{"one pixel", painted(3, 3, ball{1.5, 1.5, 1, 1}), 1},
		{"everything", painted(40, 30, ball{20, 15, 99, 99}), 1},
		{"one disc", painted(100, 100, ball{50, 50, 30, 30}), 1},
		{"two discs that touch", painted(200, 100, ball{60, 50, 35, 35}, ball{127, 50, 35, 35}), 2},
		{"a disc and a small one", painted(200, 100, ball{60, 50, 40, 40}, ball{111, 50, 15, 15}), 2},
		{"three in a row", painted(200, 100, ball{40, 50, 25, 25}, ball{85, 55, 25, 25}, ball{130, 50, 25, 25}), 3},
		{"four around a hole", painted(160, 160, ball{50, 50, 32, 32}, ball{110, 50, 32, 32}, ball{50, 110, 32, 32}, ball{110, 110, 32, 32}), 4},
		{"small nuclei that touch", painted(60, 40, ball{18, 20, 9, 9}, ball{34, 20, 9, 9}), 2},
		{"a long ellipse is one", painted(200, 100, ball{100, 50, 90, 20}), 1},
		{"two that are almost one", painted(200, 100, ball{85, 50, 40, 40}, ball{110, 50, 40, 40}), 1},
		{"a hole parts nothing", withHole, 1},
		{"a rough outline parts nothing", rough, 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := mask.Segment(c.p, split)
			if s.Summary.Count != c.want {
				t.Errorf("%d objects of areas %v, want %d", s.Summary.Count, areas(s), c.want)
			}
			check(t, c.p, split, s)
		})
	}
}

func TestSplitCutsAtTheNeck(t *testing.T) {
	s := mask.Segment(painted(200, 100, ball{60, 50, 35, 35}, ball{120, 50, 35, 35}), mask.Options{Threshold: 0.5, SplitTouching: true})
	for i, o := range s.Objects {
		// Two halves that mirror each other at x = 90.
		if outer := []int{o.BBox[0], o.BBox[0] + o.BBox[2]}; !reflect.DeepEqual(outer, [][]int{{25, 90}, {90, 155}}[i]) {
			t.Errorf("object %d reaches over x = %v", o.ID, outer)
		}
	}
}

func TestSplitHoldsItsPromisesOnBalls(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var balls []ball
		for range rapid.IntRange(1, 5).Draw(t, "balls") {
			at := func(name string, low, high float64) float64 { return rapid.Float64Range(low, high).Draw(t, name) }
			balls = append(balls, ball{at("x", 0, 60), at("y", 0, 50), at("rx", 1, 20), at("ry", 1, 20)})
		}
		p, o := painted(60, 50, balls...), anyOptions(t)
		o.SplitTouching = true
		check(t, p, o, mask.Segment(p, o))
	})
}

// TestBordersPartBodies wants a body without any neck to be parted where the model says, and every pixel of it kept.
func TestBordersPartBodies(t *testing.T) {
	box := func() mask.Probability {
		p := painted(60, 40, ball{30, 20, 99, 99})
		p.Border = make([]uint8, len(p.Pix))
		return p
	}
	line := box()
	for y := range 40 {
		line.Border[y*60+20], line.Border[y*60+21] = 255, 255
	}
	faint, broken, all := box(), box(), box()
	for i, v := range line.Border {
		faint.Border[i] = v / 4
		all.Border[i] = 255
		if i/60 < 15 || i/60 > 25 {
			broken.Border[i] = v
		}
	}
	flakes := box()
	for i := range flakes.Border {
		if i%7 < 2 && i/60%5 != 0 || i/60%5 == 1 && i%60 < 30 {
			flakes.Border[i] = 255 // a net in which no mesh holds a body
		}
	}
	specks := box()
	for i := range specks.Border {
		if i%60%10 > 1 || i/60%10 > 1 {
			specks.Border[i] = 255
		}
	}
	outside := painted(60, 40, ball{20, 20, 15, 15})
	outside.Border = bytes.Repeat([]uint8{255}, len(outside.Pix))
	for i, v := range outside.Pix {
		if v > 0 {
			outside.Border[i] = 0
		}
	}
	for name, c := range map[string]struct {
		p     mask.Probability
		areas []int
	}{
		"a line":                {line, []int{22 * 40, 38 * 40}}, // two columns of border, which one of the two takes
		"no border":             {box(), []int{60 * 40}},
		"a faint line":          {faint, []int{60 * 40}},
		"a net":                 {flakes, []int{60 * 40}},
		"specks":                {specks, []int{60 * 40}},
		"border alone":          {all, []int{60 * 40}},
		"border around a body":  {outside, []int{mask.Segment(outside, mask.Options{Threshold: 0.5}).Summary.TotalArea}},
		"a line with a gateway": {broken, []int{60 * 40}},
	} {
		s := mask.Segment(c.p, mask.Options{Threshold: 0.5, SplitTouching: true, DetectHoles: true})
		if got := areas(s); !slices.Equal(got, c.areas) {
			t.Errorf("%s: areas %v, want %v", name, got, c.areas)
		}
		if s := mask.Segment(c.p, mask.Options{Threshold: 0.5, DetectHoles: true}); s.Summary.Count != 1 {
			t.Errorf("%s: %d objects though nobody asked for them to be parted", name, s.Summary.Count)
		}
	}
}
