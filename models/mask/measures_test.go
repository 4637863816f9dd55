package mask_test

import (
	"context"
	"encoding/json"
	"image/png"
	"math"
	"os"
	"testing"

	"pgregory.net/rapid"

	"seghub/models/mask"
)

// golden is what scikit-image and OpenCV measure of a mask; testdata/measures/make.py writes them.
type golden struct {
	Area                int        `json:"area"`
	BBox                [4]int     `json:"bbox"`
	Centroid            [2]float64 `json:"centroid"`
	EquivalentDiameter  float64    `json:"equivalent_diameter"`
	Extent              float64    `json:"extent"`
	PerimeterCrofton    float64    `json:"perimeter_crofton"` // holes filled
	MeetsAtCorners      bool       `json:"meets_at_corners"`
	Solidity            float64    `json:"solidity"`
	FeretMax            float64    `json:"feret_max"`
	SquareSolidity      float64    `json:"square_solidity"` // by scikit-image, each pixel drawn as 8 x 8
	SquareFeretMax      float64    `json:"square_feret_max"`
	AxisMajor           float64    `json:"axis_major"`
	AxisMinor           float64    `json:"axis_minor"`
	HullArea            float64    `json:"hull_area"` // of the polygon of pixel corners, by OpenCV
	HullFeretMax        float64    `json:"hull_feret_max"`
	HullFeretMin        float64    `json:"hull_feret_min"`
	MeanIntensity       []float64  `json:"mean_intensity"`
	SDIntensity         []float64  `json:"sd_intensity"`
	IntegratedIntensity []float64  `json:"integrated_intensity"`
}

// formula is the samples that the goldens are of: two channels.
type formula struct{ width int }

func (formula) Channels() int { return 2 }

func (f formula) Row(_ context.Context, y int) ([]float64, error) {
	row := make([]float64, 0, 2*f.width)
	for x := range f.width {
		row = append(row, float64((7*x+13*y)%251*257), float64(x*y%4093))
	}
	return row, nil
}

func TestMeasuresAreThoseOfScikitImageAndOpenCV(t *testing.T) {
	data, err := os.ReadFile("testdata/measures/goldens.json")
	if err != nil {
		t.Fatal(err)
	}
	var goldens []golden
	if err := json.Unmarshal(data, &goldens); err != nil {
		t.Fatal(err)
	}
	p := maskOf(t, "testdata/measures/masks.png")
	s := mask.Segment(p, mask.Options{Threshold: 0.5, DetectHoles: true})
	if err := mask.Intensities(t.Context(), s.Objects, s.Spans, formula{p.Width}); err != nil {
		t.Fatal(err)
	}
	if len(s.Objects) != len(goldens) {
		t.Fatalf("%d objects, want %d", len(s.Objects), len(goldens))
	}
	const cell, across = 96, 20
	byCell := map[int]mask.Object{}
	for _, o := range s.Objects {
		byCell[o.BBox[1]/cell*across+o.BBox[0]/cell] = o
	}
	exact := 0
	for i, want := range goldens {
		got := byCell[i]
		if got.Area != want.Area || got.BBox != want.BBox || !same(got.Centroid[0], want.Centroid[0]) || !same(got.Centroid[1], want.Centroid[1]) {
			t.Errorf("mask %d: area %d, box %v, centroid %v; want %d, %v, %v", i, got.Area, got.BBox, got.Centroid, want.Area, want.BBox, want.Centroid)
		}
		for name, pair := range map[string][2]float64{
			"equivalent diameter":         {got.EquivalentDiameter, want.EquivalentDiameter},
			"extent":                      {got.Extent, want.Extent},
			"solidity by OpenCV's hull":   {got.Solidity, float64(want.Area) / want.HullArea},
			"largest Feret of that hull":  {got.FeretMax, want.HullFeretMax},
			"least Feret of that hull":    {got.FeretMin, want.HullFeretMin},
			"circularity":                 {got.Circularity, min(1, 4*math.Pi*float64(got.Area)/(got.Perimeter*got.Perimeter))},
			"mean intensity":              {got.MeanIntensity[0], want.MeanIntensity[0]},
			"another mean intensity":      {got.MeanIntensity[1], want.MeanIntensity[1]},
			"deviation of intensity":      {got.SDIntensity[0], want.SDIntensity[0]},
			"another deviation":           {got.SDIntensity[1], want.SDIntensity[1]},
			"integrated intensity":        {got.IntegratedIntensity[0], want.IntegratedIntensity[0]},
			"another integrated one":      {got.IntegratedIntensity[1], want.IntegratedIntensity[1]},
			"sphericity of a circularity": {got.Sphericity * got.Sphericity, got.Circularity},
		} {
			if !same(pair[0], pair[1]) {
				t.Errorf("mask %d: %s is %v, want %v", i, name, pair[0], pair[1])
			}
		}
		if !want.MeetsAtCorners {
			exact++
			if !same(got.Perimeter, want.PerimeterCrofton) {
				t.Errorf("mask %d: perimeter %v, want %v", i, got.Perimeter, want.PerimeterCrofton)
			}
		}
		if want.Area < 100 {
			continue
		}
		for name, pair := range map[string][2]float64{
			"solidity":      {got.Solidity, want.SquareSolidity},
			"largest Feret": {got.FeretMax, want.SquareFeretMax},
		} {
			if math.Abs(pair[0]/pair[1]-1) > 0.01 {
				t.Errorf("mask %d of %d pixels: %s is %v, of squares by scikit-image %v", i, want.Area, name, pair[0], pair[1])
			}
		}
		// Of pixels as they are, scikit-image's own hull goes through the middles of pixels' sides and counts pixels, its Feret diameter is that of a contour
		// half a pixel inside, and its ellipse takes pixels for points: as near as such definitions are.
		ours, theirs := float64(got.Area)/got.Solidity, float64(want.Area)/want.Solidity
		if math.Abs(ours-theirs) > math.Pi/2*got.FeretMax {
			t.Errorf("mask %d of %d pixels: its hull has %v pixels, by scikit-image %v", i, want.Area, ours, theirs)
		}
		if math.Abs(got.FeretMax-want.FeretMax) > 0.75 {
			t.Errorf("mask %d of %d pixels: largest Feret %v, by scikit-image %v", i, want.Area, got.FeretMax, want.FeretMax)
		}
		if ratio := want.AxisMajor / want.AxisMinor; math.Abs(got.AspectRatio/ratio-1) > 0.02 {
			t.Errorf("mask %d of %d pixels: aspect ratio %v, by scikit-image %v", i, want.Area, got.AspectRatio, ratio)
		}
	}
	if exact < 150 {
		t.Errorf("only %d masks have a perimeter to compare", exact)
	}
}

// same allows for sums that were made in another order.
func same(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(1, math.Abs(a), math.Abs(b)) }

// maskOf is a map that is certain where a picture is white.
func maskOf(t *testing.T, path string) mask.Probability {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	img, err := png.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	p := mask.Probability{Width: img.Bounds().Dx(), Height: img.Bounds().Dy()}
	for y := range p.Height {
		for x := range p.Width {
			white, _, _, _ := img.At(x, y).RGBA()
			p.Pix = append(p.Pix, uint8(white>>8))
		}
	}
	return p
}

// TestRatiosStayInTheirRange holds for any object what docs/measures.md says of its ratios.
func TestRatiosStayInTheirRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for _, o := range mask.Segment(anyMap(t), anyOptions(t)).Objects {
			for name, v := range map[string]float64{"circularity": o.Circularity, "solidity": o.Solidity, "convexity": o.Convexity, "extent": o.Extent,
				"sphericity": o.Sphericity, "1/compactness": 1 / o.Compactness, "1/aspect ratio": 1 / o.AspectRatio, "least Feret/largest": o.FeretMin / o.FeretMax} {
				if !(v > 0 && v <= 1) {
					t.Errorf("object %+v: %s is %v", o, name, v)
				}
			}
		}
	})
}

// values are those of a picture of one row.
type values []float64

func (values) Channels() int { return 1 }

func (v values) Row(context.Context, int) ([]float64, error) { return v, nil }

// TestIntensitiesOfWhatIsNoNumber leaves out what is not one, and stays within what a text can hold.
func TestIntensitiesOfWhatIsNoNumber(t *testing.T) {
	nan, inf, largest := math.NaN(), math.Inf(1), math.MaxFloat64
	for name, c := range map[string]struct {
		row           values
		mean, sd, sum float64
	}{
		"some are not":      {values{nan, 1, inf, 3, -inf}, 2, 1, 4},
		"none is":           {values{nan, inf, nan}, 0, 0, 0},
		"squares too large": {values{1e300, 3e300}, 2e300, largest, 4e300},
	} {
		spans := []mask.Span{{X1: int32(len(c.row)), ID: 1}}
		objects := []mask.Object{{ID: 1, Area: len(c.row)}}
		if err := mask.Intensities(t.Context(), objects, spans, c.row); err != nil {
			t.Fatal(err)
		}
		body := mask.Body{Object: mask.Object{ID: 1, Area: len(c.row)}, Spans: spans}
		body.SetIntensities(1, func(mask.Span) []float64 { return c.row })
		for _, got := range []mask.Object{objects[0], body.Object} {
			if mean, sd, sum := got.MeanIntensity[0], got.SDIntensity[0], got.IntegratedIntensity[0]; mean != c.mean || sd != c.sd || sum != c.sum {
				t.Errorf("%s: %v, %v and %v; want %v, %v and %v", name, mean, sd, sum, c.mean, c.sd, c.sum)
			}
		}
	}
}
