package evaluate

import (
	"testing"

	"seghub/models/imageio"
	"seghub/models/score"
)

func TestTraits(t *testing.T) {
	truth := score.Labels{Width: 4, Height: 2, IDs: []int32{1, 1, 1, 1, 0, 2, 3, 3}}
	grey := imageio.Image{Width: 4, Height: 2, Channels: 1, Pix: make([]uint8, 8)}
	pink := imageio.Image{Width: 4, Height: 2, Channels: 3, Pix: make([]uint8, 24)}
	pink.Pix[21] = colourful + 1
	dull := imageio.Image{Width: 4, Height: 2, Channels: 3, Pix: make([]uint8, 24)}
	dull.Pix[21] = colourful
	for name, c := range map[string]struct {
		img  imageio.Image
		want bool
	}{"grey": {grey, false}, "pink": {pink, true}, "dull": {dull, false}} {
		got := traitsOf(c.img, truth)
		if got.stained != c.want || got.diameter < 1.59 || got.diameter > 1.6 { // 2*sqrt(2/pi)
			t.Errorf("%s: %+v", name, got)
		}
	}
	if d := medianDiameter(score.Labels{}); d != 0 {
		t.Errorf("nothing has a diameter of %g", d)
	}
}

func TestPartsTakeEveryImageOnceByInstrumentAndBySize(t *testing.T) {
	for _, stained := range []bool{false, true} {
		for _, diameter := range []float64{0, 15.9, 16, 31.9, 32, 500} {
			n := 0
			for _, p := range parts {
				if p.holds(traits{stained, diameter}) {
					n++
				}
			}
			if n != 2 {
				t.Errorf("stained %v of %g px: in %d parts", stained, diameter, n)
			}
		}
	}
}
