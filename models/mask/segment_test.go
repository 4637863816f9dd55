package mask_test

import (
	"errors"
	"math"
	"reflect"
	"testing"

	"seghub/models/mask"
)

// drawn makes a probability map of rows in which # is certainly object, + is half, and all else is not.
func drawn(rows ...string) mask.Probability {
	p := mask.Probability{Width: len(rows[0]), Height: len(rows)}
	for _, row := range rows {
		for _, c := range row {
			p.Pix = append(p.Pix, map[rune]uint8{'#': 255, '+': 128}[c])
		}
	}
	return p
}

// areas returns the areas of the objects in order.
func areas(s mask.Segmentation) []int {
	var a []int
	for _, o := range s.Objects {
		a = append(a, o.Area)
	}
	return a
}

func TestSegment(t *testing.T) {
	ring := drawn(
		"......",
		".####.",
		".#..#.",
		".#.##.",
		".####.",
	)
	cases := []struct {
		name    string
		p       mask.Probability
		options mask.Options
		want    []int // areas
	}{
		{"nothing", drawn("...", "..."), mask.Options{Threshold: 0.5}, nil},
		{"everything", drawn("###", "###"), mask.Options{Threshold: 0.5}, []int{6}},
		{"one pixel", drawn("#"), mask.Options{Threshold: 0.5}, []int{1}},
		{"corners connect nothing", drawn("#..", ".#.", "..#"), mask.Options{Threshold: 0.5}, []int{1, 1, 1}},
		{"other corners neither", drawn("..#", ".#.", "#.."), mask.Options{Threshold: 0.5}, []int{1, 1, 1}},
		{"objects in reading order", drawn("..#", "#.#", "#.."), mask.Options{Threshold: 0.5}, []int{2, 2}},
		{"the border excludes", drawn("#....", "..##.", "....#"), mask.Options{Threshold: 0.5, ExcludeBorder: true}, []int{2}},
		{"a hole is kept", ring, mask.Options{Threshold: 0.5, DetectHoles: true}, []int{13}},
		{"a hole is filled", ring, mask.Options{Threshold: 0.5}, []int{16}},
		{"a corner does not open a hole", drawn("###", "#.#", "##."), mask.Options{Threshold: 0.5}, []int{8}},
		{"an island in a filled hole", drawn("#####", "#...#", "#.#.#", "#...#", "#####"), mask.Options{Threshold: 0.5}, []int{25}},
		{"an island in a kept hole", drawn("#####", "#...#", "#.#.#", "#...#", "#####"), mask.Options{Threshold: 0.5, DetectHoles: true}, []int{16, 1}},
		{"an island of more runs than what is around it", drawn(
			"###############", "#.............#", "#.#.#.#.#.#.#.#", "#.#.#.#.#.#.#.#", "#.###########.#", "#.............#", "###############",
		), mask.Options{Threshold: 0.5}, []int{15 * 7}},
		{"islands of two bays that meet and are open", drawn(
			"###########", "#....#....#", "#.##.#.##.#", "#....#....#", "#.........#", "#.........#",
		), mask.Options{Threshold: 0.5}, []int{24, 2, 2}},
		{"the border shuts no hole", drawn("###", "#.#"), mask.Options{Threshold: 0.5}, []int{5}},
		{"the threshold is met", drawn("#+."), mask.Options{Threshold: 128. / 255}, []int{2}},
		{"the threshold is missed", drawn("#+."), mask.Options{Threshold: 128.01 / 255}, []int{1}},
		{"small ones are dropped", drawn("##.#", "##.#"), mask.Options{Threshold: 0.5, MinArea: 3}, []int{4}},
		{"the least area is kept", drawn("##.#", "##.#"), mask.Options{Threshold: 0.5, MinArea: 2}, []int{4, 2}},
		{"no pixels", mask.Probability{}, mask.Options{Threshold: 0.5}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := mask.Segment(c.p, c.options)
			if got := areas(s); !reflect.DeepEqual(got, c.want) {
				t.Errorf("areas are %v, want %v", got, c.want)
			}
			if s.Objects == nil {
				t.Error("Objects is nil")
			}
			check(t, c.p, c.options, s)
		})
	}
}

func TestSegmentMeasuresAnObject(t *testing.T) {
	s := mask.Segment(drawn(
		".....",
		".###.",
		".#.#.",
		".#+#.",
		".....",
		"....#",
	), mask.Options{Threshold: 0.4, DetectHoles: true})
	want := mask.Object{
		ID:      1,
		Polygon: []mask.Point{{4, 1}, {4, 4}, {1, 4}, {1, 1}},
		// The hole runs the other way round.
		Holes:    [][]mask.Point{{{3, 3}, {3, 2}, {2, 2}, {2, 3}}},
		BBox:     [4]int{1, 1, 3, 3},
		Area:     8,
		Centroid: [2]float64{2.5, 2.5},
		// Eight straight cracks and four turns, by Kulpa.
		Perimeter:       math.Pi * (1 + math.Sqrt2) / 8 * (8 + 4*math.Sqrt2/2),
		MeanProbability: (7*255 + 128) / 8. / 255,
	}
	got := s.Objects[0]
	round := 4 * math.Pi * 8 / (want.Perimeter * want.Perimeter)
	for name, pair := range map[string][2]float64{
		"perimeter":           {got.Perimeter, want.Perimeter},
		"equivalent diameter": {got.EquivalentDiameter, math.Sqrt(32 / math.Pi)},
		"circularity":         {got.Circularity, round},
		"sphericity":          {got.Sphericity, math.Sqrt(round)},
		"compactness":         {got.Compactness, 1 / round},
		"solidity":            {got.Solidity, 8. / 9},
		"extent":              {got.Extent, 8. / 9},
		"convexity":           {got.Convexity, 1},
		"aspect ratio":        {got.AspectRatio, 1},
		"largest Feret":       {got.FeretMax, 3 * math.Sqrt2},
		"least Feret":         {got.FeretMin, 3},
	} {
		if math.Abs(pair[0]-pair[1]) > 1e-9 {
			t.Errorf("%s is %v, want %v", name, pair[0], pair[1])
		}
	}
	if got.ID != want.ID || !reflect.DeepEqual(got.Polygon, want.Polygon) || !reflect.DeepEqual(got.Holes, want.Holes) || got.BBox != want.BBox ||
		got.Area != want.Area || got.Centroid != want.Centroid || got.MeanProbability != want.MeanProbability || got.TouchesBorder {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if !s.Objects[1].TouchesBorder {
		t.Error("the pixel in the corner does not touch the border")
	}
	if want := (mask.Summary{Count: 2, TotalArea: 9, Coverage: 9. / 30}); s.Summary != want {
		t.Errorf("summary %+v, want %+v", s.Summary, want)
	}
}

func TestPerimeterOfADisc(t *testing.T) {
	for _, radius := range []float64{5, 8, 13, 21, 34, 55, 150} {
		size := int(2*radius) + 6
		p := mask.Probability{Width: size, Height: size, Pix: make([]uint8, size*size)}
		for i := range p.Pix {
			// Off the grid, as real bodies are.
			if math.Hypot(float64(i%size)-radius-2.3, float64(i/size)-radius-2.6) < radius {
				p.Pix[i] = 255
			}
		}
		got := mask.Segment(p, mask.Options{Threshold: 0.5}).Objects[0].Perimeter
		if want := 2 * math.Pi * radius; math.Abs(got-want) > 0.02*want {
			t.Errorf("radius %v: perimeter %.2f, want %.2f within 2 %%", radius, got, want)
		}
	}
}

func TestPerimeterOfABarAtAnyAngle(t *testing.T) {
	const length, width = 160, 60
	for degrees := 0; degrees < 180; degrees += 5 {
		sin, cos := math.Sincos(float64(degrees) * math.Pi / 180)
		p := mask.Probability{Width: 200, Height: 200, Pix: make([]uint8, 200*200)}
		for i := range p.Pix {
			dx, dy := float64(i%200)-99.7, float64(i/200)-100.2
			if math.Abs(dx*cos+dy*sin) < length/2 && math.Abs(dy*cos-dx*sin) < width/2 {
				p.Pix[i] = 255
			}
		}
		got := mask.Segment(p, mask.Options{Threshold: 0.5}).Objects[0].Perimeter
		// 5 % short along the pixel rows, 3 % long between them and the diagonals.
		if want := 2. * (length + width); math.Abs(got-want) > 0.06*want {
			t.Errorf("%d degrees: perimeter %.1f, want %.1f within 6 %%", degrees, got, want)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, o := range []mask.Options{{Threshold: 0.05}, {Threshold: 0.95}, {Threshold: 0.5, MinArea: 1 << 30}} {
		if err := o.Validate(); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
	for _, o := range []mask.Options{
		{}, {Threshold: 0.0499}, {Threshold: 0.951}, {Threshold: 7}, {Threshold: -0.5},
		{Threshold: math.NaN()}, {Threshold: math.Inf(1)}, {Threshold: 0.5, MinArea: -1},
	} {
		if err := o.Validate(); !errors.Is(err, mask.ErrOptions) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
