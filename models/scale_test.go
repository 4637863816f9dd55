package models_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"seghub/models"
	"seghub/models/imageio"
	"seghub/models/resample"
)

// sized is a model of tiles of 128 pixels whose objects are best 20 pixels wide.
func sized() models.Spec {
	return models.Spec{Input: tiled(128, 128, 1), Threshold: 0.5, Diameter: &models.Diameter{Best: 20, Least: 10, Most: 40}}
}

// bright is a Run that takes what is bright for object, and counts the tiles that it saw.
func bright(seen *int) models.Run {
	return func(_ context.Context, in models.Tensor) (models.Tensor, error) {
		*seen += in.N
		return in, nil
	}
}

// Tiles of a scaled image that are given back as they are make the image that was scaled there and back.
func TestScaledTilesCoverTheImageOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width, height := rapid.IntRange(1, 300).Draw(t, "width"), rapid.IntRange(1, 300).Draw(t, "height")
		img := grey(width, height, make([]uint8, width*height)...)
		for i := range img.Pix {
			img.Pix[i] = uint8(i*i/7 + i)
		}
		img.Pix[0], img.Pix[len(img.Pix)-1] = 0, 255
		model := sized()
		factor := rapid.Float64Range(0.1, 3).Draw(t, "factor")
		model.Diameter = &models.Diameter{Best: 100 * factor, Least: 100 * factor, Most: 100 * factor}

		tensor, p, err := models.FitScaled(t.Context(), img, model, 100, nil)
		if err != nil {
			t.Fatal(err)
		}

		w, h := max(1, int(math.Round(float64(width)*factor))), max(1, int(math.Round(float64(height)*factor)))
		if p.Width != w || p.Height != h || tensor.N != p.Rows() {
			t.Fatalf("%d tiles of %dx%d, want %dx%d", tensor.N, p.Width, p.Height, w, h)
		}
		whole := tiled(max(128, height), max(128, width), 1) // one tile: the stretched image itself, in its corner
		stretched, _ := models.Fit(img, whole)
		small, want := make([]uint8, w*h), make([]uint8, width*height)
		resample.New(w, h, width, height, 1).Rows(small, 0, h, stretched.Pix, 0, whole.Width)
		resample.New(width, height, w, h, 1).Rows(want, 0, height, small, 0, w)
		if m := p.Unfit(tensor, 0); m.Width != width || m.Height != height || !bytes.Equal(m.Pix, want) {
			t.Errorf("%d tiles at %g did not make the image again", tensor.N, factor)
		}
	})
}

// Of the factors that bring objects from near to the best diameter, the largest of those that make fewest tiles.
func TestAPictureFillsItsTiles(t *testing.T) {
	const side, stride, steps = 32, 29, 400
	model := models.Spec{Input: tiled(side, side, 1), Threshold: 0.5, Diameter: &models.Diameter{Best: 10, Least: 7, Most: 20}}
	const near, best = 8, 10
	along := func(length int) int { return 1 + max(0, length-side+stride-1)/stride }
	scaled := func(length int, factor float64) int { return max(1, int(math.Round(float64(length)*factor))) }
	rapid.Check(t, func(t *rapid.T) {
		width, height := rapid.IntRange(1, 120).Draw(t, "width"), rapid.IntRange(1, 120).Draw(t, "height")
		diameter := rapid.OneOf(rapid.Float64Range(3, 6.9), rapid.Float64Range(21, 60)).Draw(t, "diameter")

		_, p, err := models.FitScaled(t.Context(), grey(width, height, make([]uint8, width*height)...), model, diameter, nil)
		if err != nil {
			t.Fatal(err)
		}

		fewest, step, at := math.MaxInt, (best-near)/diameter/steps, 0.
		for i := steps; i >= 0; i-- {
			factor := near/diameter + float64(i)*step
			if tiles := along(scaled(width, factor)) * along(scaled(height, factor)); tiles < fewest {
				fewest, at = tiles, factor
			}
		}
		if p.Rows() != fewest {
			t.Errorf("%d tiles, where %d are enough", p.Rows(), fewest)
		}
		half := 0.5 / float64(min(width, height)) // a pixel, to which sides are rounded
		if least, most := scaled(width, at-half), scaled(width, min(at+step, best/diameter)); p.Width < least || p.Width > most {
			t.Errorf("%d pixels wide, want %d to %d", p.Width, least, most)
		}
	})
}

// discs is a dark picture with bright discs of one diameter on a grid.
func discs(side int, diameter float64) imageio.Image {
	img := grey(side, side, make([]uint8, side*side)...)
	pitch := 1.8 * diameter
	for i := range img.Pix {
		x, y := math.Mod(float64(i%side)+0.5, pitch)-pitch/2, math.Mod(float64(i/side)+0.5, pitch)-pitch/2
		if math.Hypot(x, y) < diameter/2 {
			img.Pix[i] = 200
		}
	}
	return img
}

func TestADiameterIsFound(t *testing.T) {
	for _, c := range []struct {
		diameter, factor float64 // 0: it is left as it is
	}{{5, 3.35}, {8, 2.07}, {12, 0}, {25, 0}, {36, 0}, {60, 1. / 3}, {120, 1. / 6}} {
		t.Run(fmt.Sprint(c.diameter), func(t *testing.T) {
			seen := 0
			cutter, tiles := cut(t, discs(700, c.diameter))
			scale, err := cutter.ScaleTo(t.Context(), sized(), 0, bright(&seen))
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(scale.Diameter/c.diameter-1) > 0.12 {
				t.Errorf("found %g", scale.Diameter)
			}
			want := 1.
			if c.factor != 0 {
				want = c.factor
			}
			if math.Abs(scale.Factor/want-1) > 0.12 || seen > 4 {
				t.Errorf("scaled by %g after %d looks, want %g", scale.Factor, seen, want)
			}
			// What was looked at is cut all the same.
			if got := tiles(); got != cutter.Placement.Rows() {
				t.Errorf("%d tiles of %d", got, cutter.Placement.Rows())
			}
		})
	}
}

// cut is a cutter of a picture, and what cuts it to the end and counts the tiles.
func cut(t *testing.T, img imageio.Image) (*models.Cutter, func() int) {
	t.Helper()
	var file bytes.Buffer
	if err := imageio.EncodePNG(&file, img); err != nil {
		t.Fatal(err)
	}
	opened, err := imageio.Open(t.Context(), bytes.NewReader(file.Bytes()), int64(file.Len()), imageio.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	reader, err := opened.Reader(t.Context(), imageio.Plane{}, imageio.NewBudget(1<<30))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = reader.Close() })
	cutter, err := models.NewCutter(t.Context(), reader, opened.Pages[0], sized().Input)
	if err != nil {
		t.Fatal(err)
	}
	return cutter, func() (n int) {
		for {
			strip, err := cutter.Next(t.Context(), 3)
			if err != nil {
				return n
			}
			n += strip.Tiles.N
		}
	}
}

func TestScaleGoesByWhatIsSaidAndByNothingElse(t *testing.T) {
	looks := 0
	for name, c := range map[string]struct {
		model models.Spec
		img   imageio.Image
		asked float64
		want  models.Scale
		looks int
	}{
		"no diameter in the model":    {models.Spec{Input: tiled(64, 64, 1)}, discs(200, 80), 0, models.Scale{}, 0},
		"said":                        {sized(), discs(200, 80), 50, models.Scale{Diameter: 50, Factor: 0.4}, 0},
		"said, and as the model":      {sized(), discs(200, 80), 39, models.Scale{Diameter: 39, Factor: 1}, 0},
		"said, and absurd":            {sized(), discs(200, 80), 9999, models.Scale{Diameter: 9999, Factor: 1. / 16}, 0},
		"nothing to find":             {sized(), discs(200, 2000), 0, models.Scale{Factor: 1}, 2},
		"one object and nothing else": {sized(), discs(40, 30), 0, models.Scale{Factor: 1}, 2},
	} {
		looks = 0
		cutter, _ := cut(t, c.img)
		got, err := cutter.ScaleTo(t.Context(), c.model, c.asked, bright(&looks))
		if err != nil || got != c.want || looks != c.looks {
			t.Errorf("%s: %+v after %d looks, %v; want %+v after %d", name, got, looks, err, c.want, c.looks)
		}
	}

	fails := errors.New("no run")
	cutter, _ := cut(t, discs(100, 10))
	if _, err := cutter.ScaleTo(t.Context(), sized(), 0, func(context.Context, models.Tensor) (models.Tensor, error) {
		return models.Tensor{}, fails
	}); !errors.Is(err, fails) {
		t.Error(err)
	}
}
