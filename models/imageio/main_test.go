package imageio_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// gradient is a grey picture that is dark at its left edge and bright at its right.
func gradient(w, h int) *image.Gray {
	img := image.NewGray(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = uint8((i % w) * 255 / max(1, w-1))
	}
	return img
}

// colourful is a picture in which no pixel is grey.
func colourful(w, h int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.SetNRGBA(x, y, color.NRGBA{uint8(40 + 5*x), uint8(200 - 3*y), uint8(x + 2*y), 255})
		}
	}
	return img
}

func pngFile(t testing.TB, img image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func jpegFile(t testing.TB, img image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func tiffFile(t testing.TB, img image.Image, compression tiff.CompressionType) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := tiff.Encode(&out, img, &tiff.Options{Compression: compression}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func bmpFile(t testing.TB, img image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := bmp.Encode(&out, img); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// pngOfSize is a whole PNG file that says it has w x h pixels of 8-bit grey, and holds none.
func pngOfSize(w, h uint32) []byte {
	file := []byte("\x89PNG\r\n\x1a\n")
	chunk := func(name string, data []byte) {
		file = binary.BigEndian.AppendUint32(file, uint32(len(data)))
		begin := len(file)
		file = append(append(file, name...), data...)
		file = binary.BigEndian.AppendUint32(file, crc32.ChecksumIEEE(file[begin:]))
	}
	header := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)
	chunk("IHDR", append(header, 8, 0, 0, 0, 0))
	chunk("IDAT", []byte{0x78, 0x9c})
	chunk("IEND", nil)
	return file
}

// tiffOfSize is a TIFF file that says it has w x h pixels in one strip of the given compression, of a few bytes.
func tiffOfSize(w, h, compression uint32) []byte {
	entries := [][2]uint32{
		{256, w}, {257, h}, {258, 8}, {259, compression}, {262, 1},
		{273, 0}, {278, h}, {279, 16},
	}
	file := []byte("II*\x00\x08\x00\x00\x00")
	file = binary.LittleEndian.AppendUint16(file, uint16(len(entries)))
	for _, e := range entries {
		file = binary.LittleEndian.AppendUint16(file, uint16(e[0]))
		file = binary.LittleEndian.AppendUint16(file, 4) // LONG
		file = binary.LittleEndian.AppendUint32(file, 1)
		file = binary.LittleEndian.AppendUint32(file, e[1])
	}
	return append(file, 0, 0, 0, 0)
}
