package imageio_test

import (
	"bytes"
	"image"
	"image/png"
	"io"
	"testing"

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
	pix := []uint8{0, 255, 7, 0, 1, 255}
	var out bytes.Buffer
	if err := imageio.EncodeGray(&out, 3, 2, pix); err != nil {
		t.Fatal(err)
	}
	decoded, err := png.Decode(&out)
	if err != nil {
		t.Fatal(err)
	}
	grey, ok := decoded.(*image.Gray)
	if !ok || grey.Rect != image.Rect(0, 0, 3, 2) || !bytes.Equal(grey.Pix, pix) {
		t.Errorf("got %T %v, want the grey pixels %v back", decoded, decoded, pix)
	}
}

func TestEncodeGrayRefusesAWrongSize(t *testing.T) {
	for _, size := range [][2]int{{0, 0}, {-1, -6}, {2, 2}, {7, 1}} {
		if err := imageio.EncodeGray(io.Discard, size[0], size[1], make([]uint8, 6)); err == nil {
			t.Errorf("6 samples were taken for %dx%d pixels", size[0], size[1])
		}
	}
}
