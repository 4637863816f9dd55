package imageio

import (
	"fmt"
	"image"
	"image/png"
	"io"
)

// rgbEncoder is for pictures that somebody waits to see.
var rgbEncoder = png.Encoder{CompressionLevel: png.BestSpeed}

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
