package imageio_test

import (
	"bytes"
	"errors"
	"image"
	"io"
	"reflect"
	"runtime"
	"testing"

	"golang.org/x/image/tiff"

	"seghub/models/imageio"
)

func TestReadHeader(t *testing.T) {
	grey := gradient(37, 21)
	deep := image.NewGray16(image.Rect(0, 0, 37, 21))
	cases := []struct {
		name string
		file []byte
		want imageio.Header
	}{
		{"grey PNG", pngFile(t, grey), imageio.Header{Format: "png", MIME: "image/png", Width: 37, Height: 21, BitDepth: 8, Pages: 1}},
		{"deep PNG", pngFile(t, deep), imageio.Header{Format: "png", MIME: "image/png", Width: 37, Height: 21, BitDepth: 16, Pages: 1}},
		{"one pixel", pngFile(t, gradient(1, 1)), imageio.Header{Format: "png", MIME: "image/png", Width: 1, Height: 1, BitDepth: 8, Pages: 1}},
		{"PNG with a note behind it", append(pngFile(t, grey), "\n<note>"...), imageio.Header{Format: "png", MIME: "image/png", Width: 37, Height: 21, BitDepth: 8, Pages: 1}},
		{"huge PNG", pngOfSize(60000, 60000), imageio.Header{Format: "png", MIME: "image/png", Width: 60000, Height: 60000, BitDepth: 8, Pages: 1}},
		{"JPEG", jpegFile(t, colourful(37, 21)), imageio.Header{Format: "jpeg", MIME: "image/jpeg", Width: 37, Height: 21, BitDepth: 8, Pages: 1}},
		{"padded JPEG", append(jpegFile(t, grey), make([]byte, 500)...), imageio.Header{Format: "jpeg", MIME: "image/jpeg", Width: 37, Height: 21, BitDepth: 8, Pages: 1}},
		{"JPEG with a film behind it", append(jpegFile(t, grey), make([]byte, 100<<10)...), imageio.Header{Format: "jpeg", MIME: "image/jpeg", Width: 37, Height: 21, BitDepth: 8, Pages: 1}},
		{"TIFF", tiffFile(t, grey, tiff.Deflate), imageio.Header{Format: "tiff", MIME: "image/tiff", Width: 37, Height: 21, BitDepth: 8, Pages: 1}},
		{"deep TIFF", tiffFile(t, deep, tiff.Uncompressed), imageio.Header{Format: "tiff", MIME: "image/tiff", Width: 37, Height: 21, BitDepth: 16, Pages: 1}},
		{"huge TIFF", tiffOfSize(60000, 60000, 5), imageio.Header{Format: "tiff", MIME: "image/tiff", Width: 60000, Height: 60000, BitDepth: 8, Pages: 1}},
		{"BMP", bmpFile(t, grey), imageio.Header{Format: "bmp", MIME: "image/bmp", Width: 37, Height: 21, BitDepth: 8, Pages: 1}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := imageio.ReadHeader(bytes.NewReader(c.file))
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v, %v, want %+v", got, err, c.want)
			}
		})
	}
}

func TestReadHeaderBeginsWhereTheReaderStands(t *testing.T) {
	for _, file := range [][]byte{pngFile(t, gradient(9, 7)), tiffFile(t, gradient(9, 7), tiff.Uncompressed)} {
		r := bytes.NewReader(append([]byte("before"), file...))
		if _, err := r.Seek(int64(len("before")), io.SeekStart); err != nil {
			t.Fatal(err)
		}
		header, err := imageio.ReadHeader(r)
		if err != nil || header.Width != 9 || header.Height != 7 {
			t.Errorf("got %+v, %v", header, err)
		}
	}
}

// damaged are files that nobody can read, and the reason.
func damaged(t testing.TB) map[string]struct {
	file []byte
	want error
} {
	whole := pngFile(t, colourful(64, 64))
	photo := jpegFile(t, colourful(64, 64))
	long := jpegFile(t, noisy(400, 400))
	wrongSum := bytes.Clone(whole)
	wrongSum[20] ^= 1
	return map[string]struct {
		file []byte
		want error
	}{
		"no bytes":                    {nil, imageio.ErrCorrupt},
		"a text":                      {[]byte("well;area\nA1;103\n"), imageio.ErrUnsupported},
		"a text that begins with BM":  {[]byte("BMI of the patients\n"), imageio.ErrUnsupported},
		"one byte":                    {[]byte("x"), imageio.ErrUnsupported},
		"a GIF of width 0":            {[]byte("GIF89a\x00\x00\x01\x00\x00\x00\x00;"), imageio.ErrCorrupt},
		"a PNG of 4 bytes":            {whole[:4], imageio.ErrCorrupt},
		"a PNG of 20 bytes":           {whole[:20], imageio.ErrCorrupt},
		"a PNG cut in half":           {whole[:len(whole)/2], imageio.ErrCorrupt},
		"a PNG without its last byte": {whole[:len(whole)-1], imageio.ErrCorrupt},
		"a PNG with a wrong checksum": {wrongSum, imageio.ErrCorrupt},
		"a PNG of width 0":            {pngOfSize(0, 5), imageio.ErrCorrupt},
		"a PNG of height 0":           {pngOfSize(5, 0), imageio.ErrCorrupt},
		"a PNG of negative width":     {pngOfSize(1<<31, 5), imageio.ErrCorrupt},
		"a JPEG cut in half":          {photo[:len(photo)/2], imageio.ErrCorrupt},
		"a long JPEG cut in half":     {long[:len(long)/2], imageio.ErrCorrupt},
		"a JPEG of 3 bytes":           {photo[:3], imageio.ErrCorrupt},
		"a TIFF of 6 bytes":           {[]byte("II*\x00\x08\x00"), imageio.ErrCorrupt},
		"a TIFF with its list gone":   {[]byte("II*\x00\xff\xff\xff\x7f"), imageio.ErrCorrupt},
		"a TIFF of width 0":           {tiffOfSize(0, 5, 1), imageio.ErrCorrupt},
		"a BMP of 20 bytes":           {bmpFile(t, gradient(5, 5))[:20], imageio.ErrCorrupt},
	}
}

func noisy(w, h int) *image.Gray {
	img := image.NewGray(image.Rect(0, 0, w, h))
	state := uint32(1)
	for i := range img.Pix {
		state = state*1664525 + 1013904223
		img.Pix[i] = uint8(state >> 24)
	}
	return img
}

func TestReadHeaderOfDamagedFiles(t *testing.T) {
	for name, c := range damaged(t) {
		t.Run(name, func(t *testing.T) {
			header, err := imageio.ReadHeader(bytes.NewReader(c.file))
			if !errors.Is(err, c.want) {
				t.Errorf("got %+v, %v, want %v", header, err, c.want)
			}
		})
	}
}

// lossy is a file of which no byte from after on can be read.
type lossy struct {
	*bytes.Reader
	after int
	err   error
}

func (l *lossy) Read(p []byte) (int, error) {
	at, _ := l.Seek(0, io.SeekCurrent) // never fails
	left := l.after - int(at)
	if left <= 0 {
		return 0, l.err
	}
	return l.Reader.Read(p[:min(len(p), left)])
}

func TestReadHeaderTellsTheReadersErrorFromTheFiles(t *testing.T) {
	lost := errors.New("connection lost")
	for name, file := range map[string][]byte{
		"png":  pngFile(t, gradient(300, 300)),
		"jpeg": jpegFile(t, gradient(300, 300)),
		"tiff": tiffFile(t, gradient(300, 300), tiff.Deflate),
	} {
		for _, after := range []int{0, 5, 20, 200} {
			r := &lossy{bytes.NewReader(file), after, lost}
			_, err := imageio.ReadHeader(r)
			if !errors.Is(err, lost) || errors.Is(err, imageio.ErrCorrupt) {
				t.Errorf("%s, lost after %d bytes: %v", name, after, err)
			}
		}
	}
}

func TestReadHeaderOfAHugeImageAllocatesLittle(t *testing.T) {
	for name, file := range map[string][]byte{"png": pngOfSize(60000, 60000), "tiff": tiffOfSize(60000, 60000, 5)} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := imageio.ReadHeader(bytes.NewReader(file))
		runtime.ReadMemStats(&after)
		size := after.TotalAlloc - before.TotalAlloc
		if err != nil || size > 1<<20 {
			t.Errorf("%s: %d bytes allocated, %v", name, size, err)
		}
	}
}
