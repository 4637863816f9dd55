package score_test

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"seghub/models/score"
)

func TestOtsuLevel(t *testing.T) {
	cases := []struct {
		name string
		grey []uint8
		want uint8
	}{
		{"no pixel", nil, 255},
		{"one value", []uint8{90, 90, 90}, 255},
		{"black alone", []uint8{0, 0}, 255},
		{"two values", []uint8{10, 200, 200}, 10},
		{"black and white", []uint8{0, 255}, 0},
		{"two heaps", []uint8{10, 11, 12, 12, 200, 201, 202}, 12},
		{"symmetric: the lower of two", []uint8{0, 100, 200}, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := score.OtsuLevel(c.grey); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}

// TestOtsuLevelLeavesTheLeastWithin takes the other way to the same level: the variance between the classes
// is greatest where that within them is least.
func TestOtsuLevelLeavesTheLeastWithin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		grey := rapid.SliceOfN(rapid.Uint8(), 2, 60).Draw(t, "grey")
		got := within(grey, score.OtsuLevel(grey))
		for level := range 256 {
			if best := within(grey, uint8(level)); best < got-1e-6*(1+got) {
				t.Fatalf("level %d leaves %g within the classes, %d leaves %g", score.OtsuLevel(grey), got, level, best)
			}
		}
	})
}

// within is the sum of the squared differences to the mean of the class.
func within(grey []uint8, level uint8) float64 {
	sum, n := [2]float64{}, [2]float64{}
	class := func(v uint8) int {
		if v > level {
			return 1
		}
		return 0
	}
	for _, v := range grey {
		sum[class(v)] += float64(v)
		n[class(v)]++
	}
	total := 0.0
	for _, v := range grey {
		d := float64(v) - sum[class(v)]/n[class(v)]
		total += d * d
	}
	return total
}

func TestOtsuTakesTheSideThatKeepsFromTheBorder(t *testing.T) {
	cases := []struct {
		name       string
		width      int
		grey, want []uint8
	}{
		{"a bright object", 3, []uint8{9, 9, 9, 9, 80, 9, 9, 9, 9}, []uint8{0, 0, 0, 0, 255, 0, 0, 0, 0}},
		{"a dark object", 3, []uint8{80, 80, 80, 80, 9, 80, 80, 80, 80}, []uint8{0, 0, 0, 0, 255, 0, 0, 0, 0}},
		{"a large dark object, cut off by the border", 4, []uint8{
			80, 80, 80, 80,
			80, 9, 9, 9,
			80, 9, 9, 9,
			80, 9, 9, 9,
			80, 80, 80, 80,
		}, []uint8{
			0, 0, 0, 0,
			0, 255, 255, 255,
			0, 255, 255, 255,
			0, 255, 255, 255,
			0, 0, 0, 0,
		}},
		{"as many at the border: the fewer at all", 3, []uint8{
			9, 80, 80,
			9, 9, 80,
			9, 9, 80,
		}, []uint8{
			0, 255, 255,
			0, 0, 255,
			0, 0, 255,
		}},
		{"nothing to be seen", 2, []uint8{50, 50, 50, 50}, []uint8{0, 0, 0, 0}},
		{"no pixel", 0, nil, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			height := 0
			if c.width > 0 {
				height = len(c.grey) / c.width
			}
			p := score.Otsu(c.width, height, c.grey)
			if p.Width != c.width || p.Height != height || !bytes.Equal(p.Pix, c.want) {
				t.Errorf("got %dx%d %v, want %v", p.Width, p.Height, p.Pix, c.want)
			}
		})
	}
}

func TestOtsuDoesNotCareWhichSideIsBright(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const width, height = 9, 9
		from := func(x, y int) int { return (x-width/2)*(x-width/2) + (y-height/2)*(y-height/2) }
		radius := rapid.IntRange(0, 9).Draw(t, "squared radius") // never reaches the border
		ground, object := rapid.Uint8().Draw(t, "ground"), rapid.Uint8().Draw(t, "object")
		if ground == object {
			t.Skip("nothing to be seen")
		}
		grey, want := make([]uint8, width*height), make([]uint8, width*height)
		for i := range grey {
			grey[i] = ground
			if from(i%width, i/width) <= radius {
				grey[i], want[i] = object, 255
			}
		}
		if got := score.Otsu(width, height, grey).Pix; !bytes.Equal(got, want) {
			t.Errorf("an object of %d on %d: got %v, want %v", object, ground, got, want)
		}
	})
}
