package mask_test

import (
	"bytes"
	"testing"

	"seghub/models/mask"
)

// towards is a bar whose pixels lead to the columns in which the signs change: < and > for left and right.
func towards(signs string, height int) mask.Probability {
	p := mask.Probability{Width: len(signs), Height: height, Pix: bytes.Repeat([]uint8{255}, len(signs)*height), Down: bytes.Repeat([]uint8{128}, len(signs)*height)}
	for range height {
		for _, sign := range signs {
			p.Right = append(p.Right, map[rune]uint8{'<': 1, '>': 255}[sign])
		}
	}
	return p
}

func TestCrumbsGoToWhatTheyTouch(t *testing.T) {
	for name, c := range map[string]struct {
		signs string
		want  int
	}{
		"two bodies":               {">>>>>>><<<<<<<>>>>>>><<<<<<<", 2},
		"one a fourth":             {">>>>>>>>><<<<<<<>><<", 2},
		"one a fifth":              {">>>>><<<<<><", 1},
		"one a sixth":              {">>>>>>>>>>>>><<<<<<<<<<<>><<", 1},
		"a sixth between two such": {">>>>>>>>>>>>><<<<<<<<<<<>><<>>>>>>>>>>>>><<<<<<<<<<<", 2},
	} {
		o := mask.Options{Threshold: 0.5, SplitTouching: true}
		if s := mask.Segment(towards(c.signs, 12), o); s.Summary.Count != c.want || s.Summary.Coverage != 1 {
			t.Errorf("%s: %+v, want %d", name, s.Summary, c.want)
		}
	}
}
