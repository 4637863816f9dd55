package imageio

import "errors"

// The reasons why a file cannot be read. Wrapped errors say more.
var (
	ErrUnsupported = errors.New("unsupported image format")
	ErrCorrupt     = errors.New("damaged image")
	ErrTooLarge    = errors.New("too many pixels")
)

// Header is what a file says of itself before any pixel is decoded.
type Header struct {
	Format   string // "png", "jpeg", "tiff", "bmp"
	MIME     string // "image/png", ...
	Width    int
	Height   int
	BitDepth int // bits a sample: 8 or 16
	Pages    int // 1 until multi-page files come
}

// Image is a decoded picture: 8 bits a sample, 1 (grey) or 3 (RGB) channels, rows top to bottom:
// Pix[(y*Width+x)*Channels+c]. Samples of 16 bits are stretched on decoding so that the darkest and
// brightest 0.1 % of the pixels saturate. Who has no more use for it may give Pix back to package pixels.
type Image struct {
	Width, Height, Channels int
	Pix                     []uint8
}
