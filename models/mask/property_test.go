package mask_test

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"seghub/models/mask"
	"seghub/models/mask/masktest"
)

// anyMap draws small maps in which objects, holes and corners are all frequent.
func anyMap(t *rapid.T) mask.Probability {
	p := mask.Probability{
		Width:  rapid.IntRange(1, 12).Draw(t, "width"),
		Height: rapid.IntRange(1, 12).Draw(t, "height"),
	}
	p.Pix = rapid.SliceOfN(rapid.SampledFrom([]uint8{0, 0, 100, 200, 255}), p.Width*p.Height, p.Width*p.Height).Draw(t, "pix")
	switch rapid.SampledFrom([]string{"neither", "border", "flow"}).Draw(t, "has") {
	case "border":
		p.Border = rapid.SliceOfN(rapid.SampledFrom([]uint8{0, 0, 255}), len(p.Pix), len(p.Pix)).Draw(t, "border")
	case "flow":
		p.Down = rapid.SliceOfN(rapid.Byte(), len(p.Pix), len(p.Pix)).Draw(t, "down")
		p.Right = rapid.SliceOfN(rapid.Byte(), len(p.Pix), len(p.Pix)).Draw(t, "right")
	}
	return p
}

func anyOptions(t *rapid.T) mask.Options {
	return mask.Options{
		Threshold:     rapid.Float64Range(0.05, 0.95).Draw(t, "threshold"),
		MinArea:       rapid.IntRange(0, 6).Draw(t, "min_area"),
		DetectHoles:   rapid.Bool().Draw(t, "detect_holes"),
		ExcludeBorder: rapid.Bool().Draw(t, "exclude_border"),
		SplitTouching: rapid.Bool().Draw(t, "split_touching"),
	}
}

func TestSegmentHoldsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, o := anyMap(t), anyOptions(t)
		check(t, p, o, mask.Segment(p, o))
	})
}

func TestSegmentAgreesWithFlooding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, o := anyMap(t), anyOptions(t)
		o.SplitTouching, o.ExcludeBorder = false, false
		s := mask.Segment(p, o)
		binary, want := flooded(p, o)
		if !reflect.DeepEqual(masktest.Binary(s), binary) {
			t.Errorf("binary is\n%v want\n%v", masktest.Binary(s), binary)
		}
		if got := areas(s); !reflect.DeepEqual(got, want) {
			t.Errorf("areas are %v, want %v", got, want)
		}
	})
}

func TestSplittingKeepsEveryPixel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, o := anyMap(t), anyOptions(t)
		o.MinArea, o.ExcludeBorder = 0, false
		o.SplitTouching = true
		split := mask.Segment(p, o)
		o.SplitTouching = false
		whole := mask.Segment(p, o)
		if !reflect.DeepEqual(masktest.Binary(split), masktest.Binary(whole)) {
			t.Error("splitting changed the binary mask")
		}
		if split.Summary.Count < whole.Summary.Count {
			t.Errorf("splitting made %d objects of %d", split.Summary.Count, whole.Summary.Count)
		}
	})
}

// failer is what *testing.T and *rapid.T have in common.
type failer interface {
	Errorf(format string, args ...any)
}

// check holds s against everything that its contract says of any input.
func check(t failer, p mask.Probability, o mask.Options, s mask.Segmentation) {
	painted := make([]uint8, len(p.Pix))
	total := 0
	for i, object := range s.Objects {
		if object.ID != i+1 {
			t.Errorf("object %d has id %d", i+1, object.ID)
		}
		if object.Area < o.MinArea {
			t.Errorf("object %d of area %d is smaller than %d", object.ID, object.Area, o.MinArea)
		}
		if object.Holes == nil {
			t.Errorf("object %d: Holes is nil", object.ID)
		}
		rings := append([][]mask.Point{object.Polygon}, object.Holes...)
		checkValid(t, rings)
		shoelace := 0
		for k, ring := range rings {
			checkRing(t, ring)
			twice := doubleArea(ring)
			if (twice > 0) != (k == 0) {
				t.Errorf("object %d: ring %d of double area %d turns the wrong way", object.ID, k, twice)
			}
			shoelace += twice
		}
		if shoelace != 2*object.Area {
			t.Errorf("object %d: its rings enclose %d/2, its area is %d", object.ID, shoelace, object.Area)
		}
		inside := filled(p.Width, p.Height, rings)
		checkMeasures(t, p, object, inside)
		for i, in := range inside {
			if in && painted[i] != 0 {
				t.Errorf("pixel %d lies in two objects", i)
			}
			if in {
				painted[i] = 255
			}
		}
		total += object.Area
	}
	if !reflect.DeepEqual(painted, masktest.Binary(s)) {
		t.Errorf("the filled polygons are\n%v the binary mask is\n%v", painted, masktest.Binary(s))
	}
	if s.Summary.Count != len(s.Objects) || s.Summary.TotalArea != total {
		t.Errorf("summary %+v of %d objects with area %d", s.Summary, len(s.Objects), total)
	}
}

// checkRing wants at least four corners, edges along the axes by turns, the last joined to the first.
func checkRing(t failer, ring []mask.Point) {
	if len(ring) < 4 {
		t.Errorf("a ring of %d corners", len(ring))
	}
	wasLevel := false
	for i, a := range ring {
		b := ring[(i+1)%len(ring)]
		isLevel := a[1] == b[1]
		if a == b || !isLevel && a[0] != b[0] || i > 0 && isLevel == wasLevel {
			t.Errorf("ring %v: the edge from %v to %v", ring, a, b)
		}
		wasLevel = isLevel
	}
}

// checkValid wants rings that are valid for JTS and its like: none passes a corner twice.
func checkValid(t failer, rings [][]mask.Point) {
	for _, ring := range rings {
		seen := map[mask.Point]bool{}
		for i, a := range ring {
			b := ring[(i+1)%len(ring)]
			for p := a; p != b; p = toward(p, b) {
				if seen[p] {
					t.Errorf("ring %v passes %v twice", ring, p)
					return
				}
				seen[p] = true
			}
		}
	}
}

// toward is the pixel corner beside p in the direction of b, along an axis.
func toward(p, b mask.Point) mask.Point {
	for axis := range p {
		if p[axis] < b[axis] {
			p[axis]++
		} else if p[axis] > b[axis] {
			p[axis]--
		}
	}
	return p
}

// doubleArea is twice the area that a ring encloses (shoelace formula), positive when it runs clockwise on
// the screen, where y grows down.
func doubleArea(ring []mask.Point) int {
	sum := 0
	for i, a := range ring {
		b := ring[(i+1)%len(ring)]
		sum += a[0]*b[1] - b[0]*a[1]
	}
	return sum
}

// filled says which pixels' centres lie within the rings, by the even-odd rule.
func filled(width, height int, rings [][]mask.Point) []bool {
	inside := make([]bool, width*height)
	for _, ring := range rings {
		for i, a := range ring {
			b := ring[(i+1)%len(ring)]
			if a[0] != b[0] {
				continue
			}
			for y := min(a[1], b[1]); y < max(a[1], b[1]); y++ {
				for x := a[0]; x < width; x++ {
					inside[y*width+x] = !inside[y*width+x]
				}
			}
		}
	}
	return inside
}

// checkMeasures compares an object's measures with those counted pixel by pixel.
func checkMeasures(t failer, p mask.Probability, object mask.Object, inside []bool) {
	var area, sumX, sumY, sumP float64
	x0, y0, x1, y1 := p.Width, p.Height, 0, 0
	for i, in := range inside {
		if !in {
			continue
		}
		x, y := i%p.Width, i/p.Width
		area++
		sumX += float64(x) + 0.5
		sumY += float64(y) + 0.5
		sumP += float64(p.Pix[i]) / 255
		x0, y0, x1, y1 = min(x0, x), min(y0, y), max(x1, x+1), max(y1, y+1)
	}
	near := func(a, b float64) bool { return a-b < 1e-9 && b-a < 1e-9 }
	if want := [4]int{x0, y0, x1 - x0, y1 - y0}; object.BBox != want {
		t.Errorf("object %d: bbox %v, want %v", object.ID, object.BBox, want)
	}
	if !near(object.Centroid[0], sumX/area) || !near(object.Centroid[1], sumY/area) {
		t.Errorf("object %d: centroid %v, want %v %v", object.ID, object.Centroid, sumX/area, sumY/area)
	}
	if !near(object.MeanProbability, sumP/area) {
		t.Errorf("object %d: mean probability %v, want %v", object.ID, object.MeanProbability, sumP/area)
	}
}

// flooded is Segment without splitting, done the slow and obvious way.
func flooded(p mask.Probability, o mask.Options) (binary []uint8, areas []int) {
	w, h := p.Width, p.Height
	body := make([]bool, w*h)
	for i, v := range p.Pix {
		body[i] = float64(v)/255 >= o.Threshold
	}
	// region returns the pixels connected to start that are body or not, as start is.
	region := func(start int) (pixels []int, reachesBorder bool) {
		seen := map[int]bool{start: true}
		for todo := []int{start}; len(todo) > 0; {
			i := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			pixels = append(pixels, i)
			for dy := -1; dy <= 1; dy++ {
				for dx := -1; dx <= 1; dx++ {
					x, y := i%w+dx, i/w+dy
					if x < 0 || y < 0 || x >= w || y >= h {
						reachesBorder = true
						continue
					}
					n := y*w + x
					if !seen[n] && body[n] == body[start] && (dx == 0 || dy == 0) {
						seen[n] = true
						todo = append(todo, n)
					}
				}
			}
		}
		return pixels, reachesBorder
	}
	if !o.DetectHoles {
		var holes []int
		for i := range body {
			if !body[i] {
				if _, open := region(i); !open {
					holes = append(holes, i)
				}
			}
		}
		for _, i := range holes {
			body[i] = true
		}
	}
	binary = make([]uint8, w*h)
	done := make([]bool, w*h)
	for i := range body {
		if !body[i] || done[i] {
			continue
		}
		pixels, _ := region(i)
		for _, k := range pixels {
			done[k] = true
		}
		if len(pixels) < o.MinArea {
			continue
		}
		areas = append(areas, len(pixels))
		for _, k := range pixels {
			binary[k] = 255
		}
	}
	return binary, areas
}

// TestWholeNumbersAddUpToTheSame measures the light of a body in samples of 8 bits and in their values.
func TestWholeNumbersAddUpToTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		channels := rapid.IntRange(1, 3).Draw(t, "channels")
		const width = 300
		row := rapid.SliceOfN(rapid.Byte(), width*channels, width*channels).Draw(t, "row")
		var exact, rounded mask.Body
		for y := range rapid.IntRange(1, 4).Draw(t, "rows") {
			begin := rapid.IntRange(0, width-1).Draw(t, "begin")
			end := rapid.IntRange(begin+1, width).Draw(t, "end")
			exact.Spans = append(exact.Spans, mask.Span{Y: int32(y), X0: int32(begin), X1: int32(end)})
			exact.Area += end - begin
		}
		rounded = exact
		samples := func(s mask.Span) []uint8 { return row[int(s.X0)*channels : int(s.X1)*channels] }
		exact.SetIntensities8(channels, samples)
		rounded.SetIntensities(channels, func(s mask.Span) (values []float64) {
			for _, v := range samples(s) {
				values = append(values, float64(v))
			}
			return values
		})
		if !reflect.DeepEqual(exact, rounded) {
			t.Errorf("%+v, want %+v", exact.Object, rounded.Object)
		}
	})
}
