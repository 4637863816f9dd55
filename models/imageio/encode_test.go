package imageio_test

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"io"
	"testing"

	"pgregory.net/rapid"

	"seghub/models/imageio"
)

// disc is a mask of one filled circle.
func disc(size int) []uint8 {
	pix := make([]uint8, size*size)
	for y := range size {
		for x := range size {
			dx, dy := x-size/2, y-size/2
			if dx*dx+dy*dy < size*size/9 {
				pix[y*size+x] = 255
			}
		}
	}
	return pix
}

func BenchmarkEncodeGrayMask1024(b *testing.B) {
	pix := disc(1024)
	for b.Loop() {
		if err := imageio.EncodeGray(io.Discard, 1024, 1024, pix); err != nil {
			b.Fatal(err)
		}
	}
}

func TestEncodeGrayIsOneChannelOf8Bits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width, height := rapid.IntRange(1, 40).Draw(t, "width"), rapid.IntRange(1, 10).Draw(t, "height")
		pix := rapid.SliceOfN(rapid.Byte(), width*height, width*height).Draw(t, "pix")
		var out bytes.Buffer
		if err := imageio.EncodeGray(&out, width, height, pix); err != nil {
			t.Fatal(err)
		}
		decoded, err := png.Decode(&out)
		if err != nil {
			t.Fatal(err)
		}
		grey, ok := decoded.(*image.Gray)
		if !ok || grey.Rect != image.Rect(0, 0, width, height) || !bytes.Equal(grey.Pix, pix) {
			t.Errorf("got %T %v, want the grey pixels %v back", decoded, decoded, pix)
		}
	})
}

func TestEncodeGrayTellsTheWritersError(t *testing.T) {
	full := errors.New("the disk is full")
	for room := range 60 {
		if err := imageio.EncodeGray(&lossyWriter{room, full}, 3, 2, make([]uint8, 6)); !errors.Is(err, full) {
			t.Errorf("room for %d bytes: %v", room, err)
		}
	}
}

// lossyWriter takes so many bytes and no more.
type lossyWriter struct {
	room int
	err  error
}

func (w *lossyWriter) Write(p []byte) (int, error) {
	if len(p) > w.room {
		return 0, w.err
	}
	w.room -= len(p)
	return len(p), nil
}

func TestEncodeGrayRefusesAWrongSize(t *testing.T) {
	for _, size := range [][2]int{{0, 0}, {-1, -6}, {2, 2}, {7, 1}} {
		if err := imageio.EncodeGray(io.Discard, size[0], size[1], make([]uint8, 6)); err == nil {
			t.Errorf("6 samples were taken for %dx%d pixels", size[0], size[1])
		}
	}
}
