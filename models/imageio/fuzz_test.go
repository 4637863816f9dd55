package imageio_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"testing"

	"golang.org/x/image/tiff"

	"seghub/models/imageio"
)

// FuzzDecode wants one of the package's errors or a whole picture that agrees with its header, of any bytes.
func FuzzDecode(f *testing.F) {
	grey, colour := gradient(9, 5), colourful(9, 5)
	f.Add(pngFile(f, grey))
	f.Add(pngFile(f, drawnOn(image.NewGray16(grey.Rect), grey)))
	f.Add(jpegFile(f, colour))
	f.Add(tiffFile(f, grey, tiff.Deflate))
	f.Add(tiffFile(f, drawnOn(image.NewGray16(grey.Rect), grey), tiff.Uncompressed))
	f.Add(tiffOfSize(60000, 60000, 5))
	f.Add(bmpFile(f, colour))
	f.Add(bmpFile(f, grey))
	for _, c := range damaged(f) {
		f.Add(c.file)
	}
	const maxPixels = 1 << 14
	f.Fuzz(func(t *testing.T, file []byte) {
		header, headerErr := imageio.ReadHeader(bytes.NewReader(file))
		img, err := imageio.Decode(context.Background(), bytes.NewReader(file), maxPixels, nil)
		for _, err := range []error{headerErr, err} {
			if err != nil && !errors.Is(err, imageio.ErrUnsupported) && !errors.Is(err, imageio.ErrCorrupt) && !errors.Is(err, imageio.ErrTooLarge) {
				t.Errorf("an error of no kind: %v", err)
			}
		}
		if err != nil {
			return
		}
		if headerErr != nil || header.Width != img.Width || header.Height != img.Height {
			t.Errorf("the header is %+v, %v, the picture %dx%d", header, headerErr, img.Width, img.Height)
		}
		if img.Width*img.Height > maxPixels || len(img.Pix) != img.Width*img.Height*img.Channels {
			t.Errorf("%dx%d pixels of %d channels in %d samples", img.Width, img.Height, img.Channels, len(img.Pix))
		}
	})
}
