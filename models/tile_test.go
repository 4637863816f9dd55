package models_test

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"seghub/models"
	"seghub/models/imageio"
)

func tiled(height, width, channels int) models.Input {
	return models.Input{Height: height, Width: width, Channels: channels, Scaling: models.ScalingNative}
}

// Tiles that are given back as they are make the image again, whatever its size.
func TestTilesCoverTheImageOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		img := imageio.Image{
			Width:    rapid.IntRange(1, 400).Draw(t, "width"),
			Height:   rapid.IntRange(1, 400).Draw(t, "height"),
			Channels: rapid.SampledFrom([]int{1, 3}).Draw(t, "channels"),
		}
		img.Pix = make([]uint8, img.Width*img.Height*img.Channels)
		for i := range img.Pix {
			pixel := i / img.Channels // grey, so that one channel tells all
			img.Pix[i] = uint8(pixel*pixel/7 + pixel)
		}
		in := tiled(64+rapid.IntRange(0, 90).Draw(t, "tile height"), 64+rapid.IntRange(0, 90).Draw(t, "tile width"), 1)
		in.Halo = rapid.OneOf(rapid.Just(0), rapid.IntRange(0, min(in.Height, in.Width)/6)).Draw(t, "halo")

		tensor, p := models.Fit(img, in)

		if tensor.N != p.Rows() || len(tensor.Pix) != tensor.N*in.Height*in.Width {
			t.Fatalf("%d rows of %d samples, %d were promised", tensor.N, len(tensor.Pix), p.Rows())
		}
		before := models.Tensor{N: 2, H: in.Height, W: in.Width, C: 1, Pix: make([]uint8, 2*in.Height*in.Width)}
		out, err := models.Concat([]models.Tensor{before, tensor})
		if err != nil {
			t.Fatal(err)
		}
		whole := in
		whole.Height, whole.Width, whole.Halo = img.Height, img.Width, 0 // one tile: the stretched image itself
		want, _ := models.Fit(img, whole)
		if m := p.Unfit(out, 2); m.Width != img.Width || m.Height != img.Height || !bytes.Equal(m.Pix, want.Pix) || m.Border != nil {
			t.Errorf("%d tiles did not make the image again", tensor.N)
		}
	})
}

func TestTilesAreStretchedAlike(t *testing.T) {
	// The left half is dim, the right bright: a tile by itself would not know.
	img := grey(200, 80, make([]uint8, 200*80)...)
	for i := range img.Pix {
		img.Pix[i] = uint8(20 + 10*(i%2))
		if i%200 >= 100 {
			img.Pix[i] = uint8(60 + 10*(i%2))
		}
	}
	tensor, _ := models.Fit(img, tiled(80, 100, 3))
	first, last := tensor.Rows(0, 1), tensor.Rows(tensor.N-1, tensor.N)
	if slices.Min(first.Pix) != 0 || slices.Max(first.Pix) > 70 {
		t.Errorf("the dim tile is of %d..%d", slices.Min(first.Pix), slices.Max(first.Pix))
	}
	if slices.Max(last.Pix) != 255 {
		t.Errorf("the brightest is %d", slices.Max(last.Pix))
	}
}

func TestStretchLeavesNoiseQuiet(t *testing.T) {
	for name, pix := range map[string][]uint8{
		"one level":  bytes.Repeat([]uint8{7}, 64*64),
		"two levels": bytes.Repeat([]uint8{100, 101}, 64*32),
	} {
		tensor, _ := models.Fit(grey(64, 64, pix...), tiled(64, 64, 1))
		if d := slices.Max(tensor.Pix) - slices.Min(tensor.Pix); d > 32 {
			t.Errorf("%s: stretched over %d", name, d)
		}
	}
}

func TestUnfitPartsTheOutputs(t *testing.T) {
	for _, in := range []models.Input{tiled(64, 64, 1), input(64, 64, 1)} {
		_, p := models.Fit(grey(150, 150, make([]uint8, 150*150)...), in)
		out := models.Tensor{N: p.Rows(), H: 64, W: 64, C: 2, Pix: bytes.Repeat([]uint8{200, 30}, p.Rows()*64*64)}
		m := p.Unfit(out, 0)
		if len(m.Pix) != 150*150 || len(m.Border) != 150*150 || slices.Min(m.Pix) != 200 || slices.Max(m.Pix) != 200 ||
			slices.Min(m.Border) != 30 || slices.Max(m.Border) != 30 {
			t.Errorf("%s: probability %d..%d, border %d..%d", in.Scaling, slices.Min(m.Pix), slices.Max(m.Pix), slices.Min(m.Border), slices.Max(m.Border))
		}
		out = models.Tensor{N: p.Rows(), H: 64, W: 64, C: 3, Pix: bytes.Repeat([]uint8{200, 30, 140}, p.Rows()*64*64)}
		if m := p.Unfit(out, 0); m.Border != nil || slices.Max(m.Pix) != 200 || !bytes.Equal(m.Down, bytes.Repeat([]uint8{30}, 150*150)) || !bytes.Equal(m.Right, bytes.Repeat([]uint8{140}, 150*150)) {
			t.Errorf("%s: a flow of %d and %d values", in.Scaling, len(m.Down), len(m.Right))
		}
	}
}

// What a network says within the halo of its tiles is gone by nowhere but at the edges of the image, where nothing else says anything.
func TestTheHaloOfTilesIsLeftOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := tiled(rapid.IntRange(64, 100).Draw(t, "tile height"), rapid.IntRange(64, 100).Draw(t, "tile width"), 1)
		in.Halo = rapid.IntRange(1, min(in.Height, in.Width)/6).Draw(t, "halo")
		img := imageio.Image{Width: rapid.IntRange(1, 400).Draw(t, "width"), Height: rapid.IntRange(1, 400).Draw(t, "height"), Channels: 1}
		img.Pix = make([]uint8, img.Width*img.Height)

		tensor, p := models.Fit(img, in)
		for i := range tensor.Pix {
			x, y := i%in.Width, i/in.Width%in.Height
			if min(x, y, in.Width-1-x, in.Height-1-y) < in.Halo {
				tensor.Pix[i] = 255
			}
		}

		probability := p.Unfit(tensor, 0)
		for i, v := range probability.Pix {
			x, y := i%img.Width, i/img.Width
			inside := min(x, y, img.Width-1-x, img.Height-1-y) >= in.Halo
			if inside && v != 0 {
				t.Fatalf("%d at %d, %d", v, x, y)
			}
		}
	})
}
