package mask

import (
	"testing"

	"pgregory.net/rapid"
)

func TestDistancesAgreeWithLookingEverywhere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Probability{
			Width:  rapid.IntRange(1, 20).Draw(t, "width"),
			Height: rapid.IntRange(1, 20).Draw(t, "height"),
		}
		p.Pix = rapid.SliceOfN(rapid.SampledFrom([]uint8{0, 1, 1, 1, 1, 1, 1, 1}), p.Width*p.Height, p.Width*p.Height).Draw(t, "pix")
		got := distances(scan(p, 1))
		for i := range p.Pix {
			if want := nearestOutside(p, i%p.Width, i/p.Width); got[i] != want {
				t.Fatalf("pixel %d,%d: squared distance %d, want %d", i%p.Width, i/p.Width, got[i], want)
			}
		}
	})
}

// scan cuts a whole map into runs of value 1, where a sample is at least level, and background.
func scan(p Probability, level uint8) runs {
	r := newRuns(p.Width, p.Height)
	for y := range p.Height {
		scanRow(p.Pix[y*p.Width:(y+1)*p.Width], level, func(x0, x1 int, body bool) {
			value := int32(background)
			if body {
				value = 1
			}
			r.add(x0, x1, value)
		})
		r.endRow()
	}
	return r
}

// nearestOutside is the least squared distance from (x,y) to any pixel that is 0 or beyond the picture.
func nearestOutside(p Probability, x, y int) int32 {
	least := int32(1 << 30)
	for v := -1; v <= p.Height; v++ {
		for u := -1; u <= p.Width; u++ {
			beyond := u < 0 || v < 0 || u == p.Width || v == p.Height
			if beyond || p.Pix[v*p.Width+u] == 0 {
				least = min(least, int32((u-x)*(u-x)+(v-y)*(v-y)))
			}
		}
	}
	return least
}
