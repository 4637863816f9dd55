package mask_test

import (
	"bytes"
	"math"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"seghub/models/mask"
	"seghub/models/mask/masktest"
)

// few is a Segmenter that keeps so many rows at most.
func few(p mask.Probability, o mask.Options, rows int) *mask.Segmenter {
	s := mask.NewSegmenter(p.Width, p.Height, o)
	s.KeepRows(rows)
	return s
}

// Where nothing is parted, the objects are the same however few rows are kept.
func TestFewRowsMakeTheSameObjects(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, o := anyMap(t), anyOptions(t)
		o.SplitTouching = false
		s := few(p, o, 4*rapid.IntRange(1, 3).Draw(t, "kept"))
		got := inPartsOf(t, s, p, func(left int) int { return rapid.IntRange(1, left).Draw(t, "rows") })
		if want := mask.Segment(p, o); !reflect.DeepEqual(got, want) {
			t.Errorf("with few rows\n%+v\nwith all\n%+v", got, want)
		}
	})
}

// Holes are filled however high they are, with what lies in them: frames within frames, open ones, and crumbs that touch at corners.
func TestHighHolesAreFilledWithFewRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := mask.Probability{Width: rapid.IntRange(1, 16).Draw(t, "width"), Height: rapid.IntRange(1, 40).Draw(t, "height")}
		p.Pix = make([]uint8, p.Width*p.Height)
		set := func(x, y int, v uint8) {
			if x < p.Width && y < p.Height {
				p.Pix[y*p.Width+x] = v
			}
		}
		for range rapid.IntRange(1, 5).Draw(t, "frames") {
			x0, y0 := rapid.IntRange(0, 12).Draw(t, "left"), rapid.IntRange(0, 36).Draw(t, "top")
			width, height := rapid.IntRange(0, 15).Draw(t, "across"), rapid.IntRange(0, 39).Draw(t, "down")
			for x := x0; x <= x0+width; x++ {
				set(x, y0, 200)
				set(x, y0+height, 201)
			}
			for y := y0; y <= y0+height; y++ {
				set(x0, y, 202)
				set(x0+width, y, 203)
			}
		}
		for range rapid.IntRange(0, 20).Draw(t, "specks") {
			set(rapid.IntRange(0, 15).Draw(t, "x"), rapid.IntRange(0, 39).Draw(t, "y"), rapid.SampledFrom([]uint8{0, 255}).Draw(t, "speck"))
		}
		o := mask.Options{Threshold: 0.5, ExcludeBorder: rapid.Bool().Draw(t, "exclude_border")}
		got := inPartsOf(t, few(p, o, 4*rapid.IntRange(1, 3).Draw(t, "kept")), p, func(left int) int { return rapid.IntRange(1, left).Draw(t, "rows") })
		if want := mask.Segment(p, o); !reflect.DeepEqual(got, want) {
			t.Errorf("with few rows\n%+v\nwith all\n%+v", got, want)
		}
	})
}

// Whatever is parted and filled with few rows, it does not depend on the bands, and no pixel is lost or in two objects.
func TestFewRowsLoseNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, o := anyMap(t), anyOptions(t)
		o.MinArea, o.ExcludeBorder = 0, false
		kept := 4 * rapid.IntRange(1, 3).Draw(t, "kept")
		got := inPartsOf(t, few(p, o, kept), p, func(left int) int { return rapid.IntRange(1, left).Draw(t, "rows") })
		if want := inPartsOf(t, few(p, o, kept), p, func(left int) int { return left }); !reflect.DeepEqual(got, want) {
			t.Errorf("in bands\n%+v\nat once\n%+v", got, want)
		}
		pixels := 0
		for _, span := range got.Spans {
			pixels += int(span.X1 - span.X0)
		}
		drawn := masktest.Binary(got)
		for i, v := range drawn {
			if v > 0 {
				pixels--
			} else if float64(p.Pix[i])/255 >= o.Threshold {
				t.Errorf("pixel %d is in no object", i)
			}
		}
		if pixels != 0 {
			t.Errorf("%d pixels are in two objects", pixels)
		}
	})
}

// Two parts that turn out to be of one body touch in a row, and in few rows they were set aside apart: their outline was walked for ever.
func TestPartsOfOneBodyMayTouch(t *testing.T) {
	p := drawn(
		".........###",
		"......###..#",
		"......#..#.#",
		"......###.#.",
		".........#..",
		"............",
		"............",
		"............",
	)
	o := mask.Options{Threshold: 0.5, SplitTouching: true}
	got := inPartsOf(t, few(p, o, 4), p, func(left int) int { return min(left, 2) })
	pixels := 0
	for i, span := range got.Spans {
		pixels += int(span.X1 - span.X0)
		if i > 0 && span.ID == got.Spans[i-1].ID && span.Y == got.Spans[i-1].Y && span.X0 == got.Spans[i-1].X1 {
			t.Errorf("spans of one object touch: %+v", got.Spans[i-1:i+1])
		}
	}
	area, certain := 0, 0.
	for _, object := range got.Objects {
		area += object.Area
		certain += object.MeanProbability * float64(object.Area)
	}
	if pixels != area || pixels < 17 {
		t.Errorf("%d pixels in spans, %d in objects", pixels, area)
	}
	if want := bytes.Count(p.Pix, []byte{255}); math.Round(certain) != float64(want) {
		t.Errorf("%v pixels count as certain, want %d", certain, want)
	}
}

// Cells that touch from one end of the picture to the other are parted while they come, and become what they are when all is there.
func TestATouchingCrowdIsPartedWithFewRows(t *testing.T) {
	flow := nuclei(600, 18)
	border := mask.Probability{Width: flow.Width, Height: flow.Height, Pix: flow.Pix, Border: make([]uint8, len(flow.Pix))}
	const pitch = 600. / 18
	for i := range border.Border {
		x, y := float64(i%600)+0.5, float64(i/600)+0.5
		away := math.Hypot((math.Floor(x/pitch)+0.5)*pitch-x, (math.Floor(y/pitch)+0.5)*pitch-y)
		if away > pitch/2-3 {
			border.Border[i] = 255
		}
	}
	for name, p := range map[string]mask.Probability{"flow": flow, "border": border} {
		o := mask.Options{Threshold: 0.5, MinArea: 20, SplitTouching: true, DetectHoles: true}
		want := mask.Segment(p, o)
		s := few(p, o, 128)
		got := inPartsOf(t, s, p, func(left int) int { return min(left, 50) })
		if got.Summary.Count != 18*18 || want.Summary.Count != 18*18 {
			t.Errorf("%s: %d objects, %d with all rows, want %d", name, got.Summary.Count, want.Summary.Count, 18*18)
			continue
		}
		for i, object := range got.Objects {
			if away := math.Hypot(object.Centroid[0]-want.Objects[i].Centroid[0], object.Centroid[1]-want.Objects[i].Centroid[1]); away > 1 {
				t.Errorf("%s: object %d lies %.1f pixels from where it is with all rows", name, i+1, away)
			}
		}
	}
}

// One body may be as large as the picture: a plain, a comb, a spiral. It stays one, and the rows go.
func TestATallBodyIsNotKept(t *testing.T) {
	const side, kept = 1024, 64
	for name, white := range map[string]func(x, y int) bool{
		"plain": func(int, int) bool { return true },
		"comb":  func(x, y int) bool { return y < 10 || x%16 < 8 },
		"rings": func(x, y int) bool { // cut through, so that they are one
			away := math.Hypot(float64(x-side/2), float64(y-side/2))
			return int(away)%32 < 16 || x == y
		},
	} {
		p := mask.Probability{Width: side, Height: 1}
		o := mask.Options{Threshold: 0.5, DetectHoles: true}
		s := mask.NewSegmenter(side, side, o)
		s.KeepRows(kept)
		var bodies []mask.Body
		area := 0
		for y := range side {
			p.Pix = make([]uint8, side)
			for x := range p.Pix {
				if white(x, y) {
					p.Pix[x] = 200
					area++
				}
			}
			bodies = append(bodies, s.Add(p)...)
			if s.Kept() > kept+1 {
				t.Fatalf("%s: %d rows are kept at row %d", name, s.Kept(), y)
			}
		}
		found := mask.Gather(side, side, bodies)
		if found.Summary.TotalArea != area || name != "rings" && found.Summary.Count != 1 {
			t.Errorf("%s: %d objects of %d pixels, want one of %d", name, found.Summary.Count, found.Summary.TotalArea, area)
		}
		for _, object := range found.Objects {
			if math.Abs(object.MeanProbability-200./255) > 1e-9 {
				t.Errorf("%s: a mean probability of %v", name, object.MeanProbability)
			}
		}
	}
}
