package imageio

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"io"

	"seghub/models/resample"
)

// rgbEncoder is for pictures that somebody waits to see.
var rgbEncoder = png.Encoder{CompressionLevel: png.BestSpeed}

// Preview returns the picture in r as a PNG that every browser shows, 8-bit grey or RGB as Decode gives
// it, its longer side at most maxSide pixels. The errors are those of Decode.
func Preview(ctx context.Context, r io.Reader, maxPixels int64, maxSide int) ([]byte, error) {
	img, err := Decode(ctx, r, maxPixels, nil)
	if err != nil {
		return nil, err
	}
	if longer := max(img.Width, img.Height); longer > maxSide {
		img = img.shrunk(
			max(1, (img.Width*maxSide+longer/2)/longer),
			max(1, (img.Height*maxSide+longer/2)/longer))
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := EncodePNG(&out, img); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// Standard is img as the image package has it.
func (img Image) Standard() image.Image {
	bounds := image.Rect(0, 0, img.Width, img.Height)
	if img.Channels == 1 {
		return &image.Gray{Pix: img.Pix, Stride: img.Width, Rect: bounds}
	}
	rgba := image.NewRGBA(bounds)
	for i := range img.Width * img.Height {
		copy(rgba.Pix[4*i:], img.Pix[3*i:3*i+3])
		rgba.Pix[4*i+3] = 255
	}
	return rgba
}

// EncodePNG writes img as an 8-bit PNG, grey or RGB.
func EncodePNG(w io.Writer, img Image) error {
	if img.Channels == 1 {
		return EncodeGray(w, img.Width, img.Height, img.Pix)
	}
	if err := rgbEncoder.Encode(w, img.Standard()); err != nil {
		return fmt.Errorf("encode a PNG: %w", err)
	}
	return nil
}

func (img Image) shrunk(width, height int) Image {
	small := Image{Width: width, Height: height, Channels: img.Channels, Pix: make([]uint8, width*height*img.Channels)}
	resample.Resize(small.Pix, width, height, img.Pix, img.Width, img.Height, img.Width*img.Channels, img.Channels)
	return small
}
