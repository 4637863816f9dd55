package models_test

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"seghub/models"
	"seghub/models/imageio"
	"seghub/models/mask"
	"seghub/models/mask/masktest"
)

func grey(width, height int, pix ...uint8) imageio.Image {
	return imageio.Image{Width: width, Height: height, Channels: 1, Pix: pix}
}

func input(height, width, channels int) models.Input {
	return models.Input{Height: height, Width: width, Channels: channels, Scaling: models.ScalingFit}
}

func TestFit(t *testing.T) {
	cases := []struct {
		name  string
		img   imageio.Image
		in    models.Input
		want  []uint8
		place [2]int // width and height of the part that is the image
	}{
		{"the same size", grey(3, 2, 1, 2, 3, 4, 5, 6), input(2, 3, 1), []uint8{1, 2, 3, 4, 5, 6}, [2]int{3, 2}},
		{"halved: the mean", grey(4, 2, 10, 20, 0, 0, 30, 40, 0, 100), input(1, 2, 1), []uint8{25, 25}, [2]int{2, 1}},
		{"thirds: parts of pixels", grey(3, 1, 0, 90, 180), input(1, 2, 1), []uint8{30, 150}, [2]int{2, 1}},
		{"grown: between the centres", grey(2, 1, 0, 100), input(2, 4, 1), []uint8{0, 25, 75, 100, 0, 25, 75, 100}, [2]int{4, 2}},
		{"wide: the last row goes on", grey(2, 1, 7, 9), input(3, 2, 1), []uint8{7, 9, 7, 9, 7, 9}, [2]int{2, 1}},
		{"tall: the last column goes on", grey(1, 2, 7, 9), input(2, 3, 1), []uint8{7, 7, 7, 9, 9, 9}, [2]int{1, 2}},
		{"grey to RGB", grey(2, 1, 7, 9), input(1, 2, 3), []uint8{7, 7, 7, 9, 9, 9}, [2]int{2, 1}},
		{"RGB to grey by luma", imageio.Image{Width: 4, Height: 1, Channels: 3, Pix: []uint8{255, 0, 0, 0, 255, 0, 0, 0, 255, 50, 50, 50}}, input(1, 4, 1), []uint8{76, 150, 29, 50}, [2]int{4, 1}},
		{"RGB, tall", imageio.Image{Width: 1, Height: 2, Channels: 3, Pix: []uint8{1, 2, 3, 4, 5, 6}}, input(2, 2, 3), []uint8{1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6}, [2]int{1, 2}},
		{"one pixel", grey(1, 1, 9), input(2, 2, 1), []uint8{9, 9, 9, 9}, [2]int{2, 2}},
		{"a thread keeps a pixel", grey(1, 5, 1, 1, 1, 1, 1), input(2, 2, 1), []uint8{1, 1, 1, 1}, [2]int{1, 2}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			tensor, p := models.Fit(c.img, c.in)
			if tensor.N != 1 || tensor.H != c.in.Height || tensor.W != c.in.Width || tensor.C != c.in.Channels {
				t.Errorf("the tensor is [%d,%d,%d,%d]", tensor.N, tensor.H, tensor.W, tensor.C)
			}
			if !bytes.Equal(tensor.Pix, c.want) {
				t.Errorf("got %v, want %v", tensor.Pix, c.want)
			}
			if want := (models.Placement{ImageWidth: c.img.Width, ImageHeight: c.img.Height, Width: c.place[0], Height: c.place[1]}); !reflect.DeepEqual(p, want) {
				t.Errorf("placed %+v, want %+v", p, want)
			}
		})
	}
}

func TestFitStaysWithinTheImagesRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		channels := rapid.SampledFrom([]int{1, 3}).Draw(t, "channels")
		img := imageio.Image{
			Width:    rapid.IntRange(1, 70).Draw(t, "width"),
			Height:   rapid.IntRange(1, 70).Draw(t, "height"),
			Channels: channels,
		}
		n := img.Width * img.Height * channels
		img.Pix = rapid.SliceOfN(rapid.Uint8Range(40, 200), n, n).Draw(t, "pix")
		in := input(rapid.IntRange(1, 50).Draw(t, "in height"), rapid.IntRange(1, 50).Draw(t, "in width"), channels)

		tensor, p := models.Fit(img, in)

		if p.Width != in.Width && p.Height != in.Height || p.Width > in.Width || p.Height > in.Height || p.Width < 1 || p.Height < 1 {
			t.Errorf("placed %+v in %dx%d", p, in.Width, in.Height)
		}
		if slices.Min(tensor.Pix) < slices.Min(img.Pix) || slices.Max(tensor.Pix) > slices.Max(img.Pix) {
			t.Errorf("%d..%d became %d..%d", slices.Min(img.Pix), slices.Max(img.Pix), slices.Min(tensor.Pix), slices.Max(tensor.Pix))
		}

		out := models.Tensor{N: 2, H: in.Height, W: in.Width, C: 1, Pix: make([]uint8, 2*in.Height*in.Width)}
		for y := range p.Height {
			for x := range p.Width {
				out.Pix[(in.Height+y)*in.Width+x] = 77 // in output 1, where the image is
			}
		}
		m := p.Unfit(out, 1)
		if m.Width != img.Width || m.Height != img.Height || slices.Min(m.Pix) != 77 || slices.Max(m.Pix) != 77 {
			t.Errorf("what lies beside the image leaked into it: %dx%d of %d..%d", m.Width, m.Height, slices.Min(m.Pix), slices.Max(m.Pix))
		}
	})
}

// TestFitAndUnfitMoveNothing sends smooth pictures there and back.
func TestFitAndUnfitMoveNothing(t *testing.T) {
	for _, size := range [][2]int{{200, 200}, {200, 150}, {150, 200}, {97, 61}, {64, 64}, {40, 23}} {
		w, h := size[0], size[1]
		img := grey(w, h, make([]uint8, w*h)...)
		for i := range img.Pix {
			img.Pix[i] = uint8(20 + 110*(i%w)/w + 110*(i/w)/h)
		}
		tensor, p := models.Fit(img, input(64, 64, 1))
		back := p.Unfit(tensor, 0)
		for i, v := range back.Pix {
			// A pixel of the input is up to 7 wide here; half of one is lost at the borders.
			if d := int(v) - int(img.Pix[i]); d < -4 || d > 4 {
				t.Errorf("%dx%d: pixel %d,%d was %d, is %d", w, h, i%w, i/w, img.Pix[i], v)
				break
			}
		}
	}
}

// TestAReducedMapComesBackAsItWasCut stores what a model saw of an image that is larger, and reads it at the image's size: the same samples
// as those that its objects were cut from.
func TestAReducedMapComesBackAsItWasCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := input(rapid.IntRange(1, 12).Draw(t, "height"), rapid.IntRange(1, 12).Draw(t, "width"), 1)
		width, height := rapid.IntRange(1, 24).Draw(t, "image width"), rapid.IntRange(1, 150).Draw(t, "image height")
		_, p := models.Fit(imageio.Image{Width: width, Height: height, Channels: 1, Pix: make([]uint8, width*height)}, in)
		if !p.Reduced() {
			if p.Width <= width && p.Height <= height && p.Width*p.Height < width*height {
				t.Errorf("%+v is not taken for reduced", p)
			}
			return
		}
		channels := rapid.IntRange(1, 3).Draw(t, "channels")
		size := in.Height * in.Width * channels
		out := models.Tensor{N: 1, H: in.Height, W: in.Width, C: channels, Pix: rapid.SliceOfN(rapid.Byte(), size, size).Draw(t, "out")}
		seen := p.Seen(out)
		var file bytes.Buffer
		w, err := mask.NewReducedBandWriter(&file, width, height, seen.Width, seen.Height, channels)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(w.Write(seen.Channels()...), w.Close()); err != nil {
			t.Fatal(err)
		}
		bands, err := mask.ReadBands(bytes.NewReader(file.Bytes()), int64(width)*int64(height))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := masktest.Probability(bands); err != nil || !reflect.DeepEqual(got, p.Unfit(out, 0)) {
			t.Errorf("%+v: got %v, %v, want %v", p, got, err, p.Unfit(out, 0))
		}
	})
}

func TestConcat(t *testing.T) {
	a := models.Tensor{N: 1, H: 1, W: 2, C: 1, Pix: []uint8{1, 2}}
	b := models.Tensor{N: 2, H: 1, W: 2, C: 1, Pix: []uint8{3, 4, 5, 6}}
	joined, err := models.Concat([]models.Tensor{a, b})
	if err != nil || joined.N != 3 || joined.H != 1 || joined.W != 2 || joined.C != 1 || !bytes.Equal(joined.Pix, []uint8{1, 2, 3, 4, 5, 6}) {
		t.Errorf("got %+v, %v", joined, err)
	}
	for _, tensors := range [][]models.Tensor{nil, {a, {N: 1, H: 2, W: 1, C: 1, Pix: []uint8{1, 2}}}} {
		if _, err := models.Concat(tensors); !errors.Is(err, models.ErrShapes) {
			t.Errorf("%v: %v", tensors, err)
		}
	}
}

func benchmarkImage(channels int) imageio.Image {
	img := imageio.Image{Width: 1024, Height: 1024, Channels: channels, Pix: make([]uint8, 1024*1024*channels)}
	for i := range img.Pix {
		img.Pix[i] = uint8(i * 7)
	}
	return img
}

func BenchmarkFit1024To512(b *testing.B) {
	for name, channels := range map[string]int{"grey": 1, "RGB": 3} {
		b.Run(name, func(b *testing.B) {
			img, in := benchmarkImage(channels), input(512, 512, channels)
			for b.Loop() {
				models.Fit(img, in)
			}
		})
	}
}

func BenchmarkUnfit512To1024(b *testing.B) {
	_, p := models.Fit(benchmarkImage(1), input(512, 512, 1))
	out := models.Tensor{N: 1, H: 512, W: 512, C: 1, Pix: make([]uint8, 512*512)}
	for b.Loop() {
		p.Unfit(out, 0)
	}
}
