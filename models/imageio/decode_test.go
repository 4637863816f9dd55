package imageio_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"io"
	"runtime"
	"slices"
	"testing"
	"testing/iotest"

	"golang.org/x/image/tiff"

	"seghub/models/imageio"
)

// plain hides all methods of a reader but Read.
func plain(file []byte) io.Reader { return struct{ io.Reader }{bytes.NewReader(file)} }

// drawnOn copies img into another kind of image.
func drawnOn(dst draw.Image, img image.Image) image.Image {
	draw.Draw(dst, dst.Bounds(), img, img.Bounds().Min, draw.Src)
	return dst
}

func TestDecode(t *testing.T) {
	grey, colour := gradient(37, 21), colourful(37, 21)
	rect := grey.Rect
	rgb := func(img image.Image) []uint8 {
		var pix []uint8
		for y := range rect.Dy() {
			for x := range rect.Dx() {
				c := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
				pix = append(pix, c.R, c.G, c.B)
			}
		}
		return pix
	}
	palette := color.Palette{color.Black, color.NRGBA{255, 0, 0, 255}, color.NRGBA{0, 90, 200, 255}, color.White}
	paletted := drawnOn(image.NewPaletted(rect, palette), colour)
	seeThrough := colourful(37, 21)
	for i := 3; i < len(seeThrough.Pix); i += 8 {
		seeThrough.Pix[i] = 100
	}
	cases := []struct {
		name     string
		file     []byte
		channels int
		want     []uint8
		within   int
	}{
		{"grey PNG", pngFile(t, grey), 1, grey.Pix, 0},
		{"grey PNG saved in colour", pngFile(t, drawnOn(image.NewNRGBA(rect), grey)), 1, grey.Pix, 0},
		{"colour PNG", pngFile(t, colour), 3, rgb(colour), 0},
		{"PNG with alpha keeps the stored colours", pngFile(t, seeThrough), 3, rgb(colour), 0},
		{"PNG with a palette", pngFile(t, paletted), 3, rgb(paletted), 0},
		{"grey JPEG", jpegFile(t, grey), 1, grey.Pix, 6},
		{"colour JPEG", jpegFile(t, colour), 3, rgb(colour), 12},
		{"grey TIFF", tiffFile(t, grey, tiff.Uncompressed), 1, grey.Pix, 0},
		{"grey TIFF, deflated", tiffFile(t, grey, tiff.Deflate), 1, grey.Pix, 0},
		{"colour TIFF", tiffFile(t, colour, tiff.Deflate), 3, rgb(colour), 0},
		{"grey BMP", bmpFile(t, grey), 1, grey.Pix, 0},
		{"colour BMP", bmpFile(t, colour), 3, rgb(colour), 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for kind, r := range map[string]io.Reader{
				"file":      bytes.NewReader(c.file),
				"stream":    plain(c.file),
				"slow pipe": iotest.OneByteReader(bytes.NewReader(c.file)),
			} {
				img, err := imageio.Decode(context.Background(), r, 37*21, nil)
				if err != nil {
					t.Fatalf("%s: %v", kind, err)
				}
				if img.Width != 37 || img.Height != 21 || img.Channels != c.channels || len(img.Pix) != len(c.want) {
					t.Fatalf("%s: %dx%dx%d, %d samples", kind, img.Width, img.Height, img.Channels, len(img.Pix))
				}
				for i, want := range c.want {
					if d := int(img.Pix[i]) - int(want); d < -c.within || d > c.within {
						t.Fatalf("%s: sample %d is %d, want %d", kind, i, img.Pix[i], want)
					}
				}
			}
		})
	}
}

func TestDecodeStretches16Bits(t *testing.T) {
	// 100,000 values from 1000 to 3000, as a camera of 12 bits would give them, with a few dead pixels.
	deep := image.NewGray16(image.Rect(0, 0, 400, 250))
	for i := range 400 * 250 {
		deep.SetGray16(i%400, i/400, color.Gray16{uint16(1000 + i*2000/100000)})
	}
	for i := range 20 {
		deep.SetGray16(i, 0, color.Gray16{0})
		deep.SetGray16(399-i, 249, color.Gray16{65535})
	}
	for name, file := range map[string][]byte{"png": pngFile(t, deep), "tiff": tiffFile(t, deep, tiff.Deflate)} {
		img, err := imageio.Decode(context.Background(), bytes.NewReader(file), 1e6, nil)
		if err != nil {
			t.Fatal(err)
		}
		count := map[uint8]int{}
		for _, v := range img.Pix {
			count[v]++
		}
		// 0.1 % saturate at each end, beside the half step that rounds to the same.
		for _, v := range []uint8{0, 255} {
			if count[v] < 100 || count[v] > 400 {
				t.Errorf("%s: %d pixels are %d", name, count[v], v)
			}
		}
		if middle := img.Pix[125*400]; middle < 126 || middle > 129 {
			t.Errorf("%s: the middle is %d", name, middle)
		}
		if !slices.IsSorted(img.Pix[400 : 249*400]) {
			t.Errorf("%s: the order of the samples is lost", name)
		}
	}
}

func TestDecodeStretchesChannelsAlike(t *testing.T) {
	deep := image.NewNRGBA64(image.Rect(0, 0, 100, 100))
	for i := range 100 * 100 {
		v := uint16(i)
		deep.SetNRGBA64(i%100, i/100, color.NRGBA64{2 * v, v, 0, 0xffff})
	}
	img, err := imageio.Decode(context.Background(), bytes.NewReader(pngFile(t, deep)), 1e6, nil)
	if err != nil || img.Channels != 3 {
		t.Fatal(img.Channels, err)
	}
	r, g, b := img.Pix[5000*3], img.Pix[5000*3+1], img.Pix[5000*3+2]
	if r < 125 || r > 131 || g < 62 || g > 66 || b != 0 {
		t.Errorf("the middle is %d %d %d, want 128 64 0", r, g, b)
	}
}

func TestDecode16BitsOfFewValues(t *testing.T) {
	flat := image.NewGray16(image.Rect(0, 0, 100, 100))
	for i := range flat.Pix {
		flat.Pix[i] = 0x40
	}
	img, err := imageio.Decode(context.Background(), bytes.NewReader(pngFile(t, flat)), 1e6, nil)
	if err != nil || img.Pix[0] != 0x40 || img.Pix[9999] != 0x40 {
		t.Errorf("one value throughout becomes %d, %v", img.Pix[0], err)
	}
	// A single bright pixel is less than 0.1 %, and all there is to see.
	flat.SetGray16(50, 50, color.Gray16{0x8000})
	img, err = imageio.Decode(context.Background(), bytes.NewReader(pngFile(t, flat)), 1e6, nil)
	if err != nil || img.Pix[0] != 0 || img.Pix[50*100+50] != 255 {
		t.Errorf("the ground becomes %d, the pixel %d, %v", img.Pix[0], img.Pix[50*100+50], err)
	}
}

func TestDecodeOfDamagedFiles(t *testing.T) {
	for name, c := range damaged(t) {
		t.Run(name, func(t *testing.T) {
			_, err := imageio.Decode(context.Background(), plain(c.file), 1e6, nil)
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
	cut := tiffFile(t, noisy(100, 100), tiff.Uncompressed)
	copy(cut[4:8], []byte{0xff, 0xff, 0xff, 0})
	if _, err := imageio.Decode(context.Background(), plain(cut), 1e6, nil); !errors.Is(err, imageio.ErrCorrupt) {
		t.Errorf("a TIFF without its list: %v", err)
	}
}

func TestDecodeRefusesTooManyPixelsBeforeMakingRoom(t *testing.T) {
	for name, file := range map[string][]byte{
		"png":  pngOfSize(60000, 60000),
		"tiff": tiffOfSize(60000, 60000, 5),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := imageio.Decode(context.Background(), plain(file), 400e6, nil)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, imageio.ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
			t.Errorf("%s: %d bytes were allocated", name, grown)
		}
	}
	if _, err := imageio.Decode(context.Background(), plain(pngFile(t, gradient(10, 10))), 99, nil); !errors.Is(err, imageio.ErrTooLarge) {
		t.Errorf("100 pixels of 99: %v", err)
	}
}

func TestDecodeEndsWithItsContext(t *testing.T) {
	for name, file := range map[string][]byte{
		"png":  pngFile(t, noisy(600, 600)),
		"jpeg": jpegFile(t, noisy(600, 600)),
		"tiff": tiffFile(t, noisy(600, 600), tiff.Uncompressed),
		"bmp":  bmpFile(t, noisy(600, 600)),
	} {
		ctx, cancel := context.WithCancel(context.Background())
		_, err := imageio.Decode(ctx, bytes.NewReader(file), 1e6, func(fraction float64) {
			if fraction > 0.3 {
				cancel()
			}
		})
		if !errors.Is(err, context.Canceled) || errors.Is(err, imageio.ErrCorrupt) {
			t.Errorf("%s: cancelled in the middle: %v", name, err)
		}
		if _, err := imageio.Decode(ctx, plain(file), 1e6, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: cancelled before: %v", name, err)
		}
	}
}

func TestDecodeTellsTheReadersErrorFromTheFiles(t *testing.T) {
	lost := errors.New("connection lost")
	for name, file := range map[string][]byte{
		"png":  pngFile(t, noisy(300, 300)),
		"jpeg": jpegFile(t, noisy(300, 300)),
		"tiff": tiffFile(t, noisy(300, 300), tiff.Deflate),
	} {
		for _, after := range []int{0, 5, 100, len(file) / 2} {
			r := io.MultiReader(bytes.NewReader(file[:after]), iotest.ErrReader(lost))
			if _, err := imageio.Decode(context.Background(), r, 1e6, nil); !errors.Is(err, lost) || errors.Is(err, imageio.ErrCorrupt) {
				t.Errorf("%s, lost after %d bytes: %v", name, after, err)
			}
		}
	}
}

func TestDecodeProgressRisesToOne(t *testing.T) {
	deep := drawnOn(image.NewGray16(image.Rect(0, 0, 500, 400)), noisy(500, 400))
	for name, file := range map[string][]byte{
		"grey":   pngFile(t, noisy(500, 400)),
		"colour": jpegFile(t, colourful(500, 400)),
		"deep":   pngFile(t, deep),
	} {
		for kind, r := range map[string]io.Reader{"file": bytes.NewReader(file), "stream": plain(file)} {
			var heard []float64
			if _, err := imageio.Decode(context.Background(), r, 1e6, func(f float64) { heard = append(heard, f) }); err != nil {
				t.Fatal(err)
			}
			if len(heard) == 0 || len(heard) > 110 || heard[0] < 0 || heard[len(heard)-1] != 1 || !slices.IsSorted(heard) {
				t.Errorf("%s, %s: %v", name, kind, heard)
			}
		}
	}
}

// TestDecodeRefusesEndlessScans repeats the last scan of a JPEG file, which is legal and makes the decoder
// walk all blocks each time.
func TestDecodeRefusesEndlessScans(t *testing.T) {
	file := jpegFile(t, gradient(64, 64))
	scan := file[bytes.LastIndex(file, []byte{0xff, 0xda}) : len(file)-2]
	bomb := bytes.Clone(file[:len(file)-2])
	for range 1000 {
		bomb = append(bomb, scan...)
	}
	bomb = append(bomb, 0xff, 0xd9)
	if _, err := imageio.Decode(context.Background(), plain(bomb), 1e6, nil); !errors.Is(err, imageio.ErrCorrupt) {
		t.Errorf("a JPEG of 1001 scans: %v", err)
	}
}
