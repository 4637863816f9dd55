package bench

import (
	"fmt"
	"testing"

	"seghub/models"
)

func TestInputsHoldEveryImageOnce(t *testing.T) {
	l, err := newLoad(5)
	if err != nil {
		t.Fatal(err)
	}
	fit := models.Input{Height: 64, Width: 64, Channels: 3, Scaling: models.ScalingFit}
	native := models.Input{Height: side - 6, Width: side - 6, Channels: 1, Scaling: models.ScalingNative} // four tiles
	for _, c := range []struct {
		in   models.Input
		n    int
		runs int
		ends []int
	}{
		{fit, 1, 5, []int{0, 1, 2, 3, 4}},
		{fit, 2, 3, []int{0, 0, 1, 1, 2}},
		{fit, 8, 1, []int{0, 0, 0, 0, 0}},
		{native, 1, 20, []int{3, 7, 11, 15, 19}},
		{native, 3, 7, []int{1, 2, 3, 5, 6}},
	} {
		runs, ends := l.inputs(models.Spec{Input: c.in}, c.n)
		if len(runs) != c.runs || fmt.Sprint(ends) != fmt.Sprint(c.ends) {
			t.Errorf("%s, %d rows a run: %d runs, images end after %v; want %d, %v", c.in.Scaling, c.n, len(runs), ends, c.runs, c.ends)
		}
		for _, run := range runs {
			if run.N != c.n || len(run.Pix) != c.n*c.in.Height*c.in.Width*c.in.Channels {
				t.Errorf("%s: a run of %d rows with %d samples", c.in.Scaling, run.N, len(run.Pix))
			}
		}
	}
}
