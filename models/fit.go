package models

import (
	"errors"
	"fmt"

	"seghub/models/imageio"
	"seghub/models/mask"
	"seghub/models/resample"
)

// ErrShapes is why tensors cannot be joined.
var ErrShapes = errors.New("tensors of different shapes")

// Placement is where an image lies in a model's input: scaled to Width x Height in the top left corner.
type Placement struct {
	ImageWidth, ImageHeight int
	Width, Height           int
}

// Fit makes img the input of a model, [1,Height,Width,Channels], as in.Scaling says. Shrinking averages
// over areas, growing interpolates linearly; grey becomes three equal channels, and colour its luma.
func Fit(img imageio.Image, in Input) (Tensor, Placement) {
	p := place(img.Width, img.Height, in)
	pix := make([]uint8, p.Width*p.Height*img.Channels)
	resample.Resize(pix, p.Width, p.Height, img.Pix, img.Width, img.Height, img.Width*img.Channels, img.Channels)
	t := Tensor{N: 1, H: in.Height, W: in.Width, C: in.Channels, Pix: make([]uint8, in.Height*in.Width*in.Channels)}
	from, to := p.Width*img.Channels, t.W*t.C
	for y := range p.Height {
		row := t.Pix[y*to : (y+1)*to]
		convertRow(row[:p.Width*t.C], t.C, pix[y*from:(y+1)*from], img.Channels)
		repeatPixel(row[(p.Width-1)*t.C:], t.C)
	}
	last := t.Pix[(p.Height-1)*to : p.Height*to]
	for y := p.Height; y < t.H; y++ {
		copy(t.Pix[y*to:(y+1)*to], last)
	}
	return t, p
}

// place keeps the aspect ratio as nearly as whole pixels can, and at least one pixel of each side.
func place(width, height int, in Input) Placement {
	p := Placement{ImageWidth: width, ImageHeight: height, Width: in.Width, Height: in.Height}
	// Compared as products, in whole numbers: the side that fills the input is exact.
	if int64(width)*int64(in.Height) > int64(height)*int64(in.Width) {
		p.Height = max(1, scaled(height, in.Width, width))
	} else {
		p.Width = max(1, scaled(width, in.Height, height))
	}
	return p
}

// scaled is a*to/from, rounded to the nearest.
func scaled(a, to, from int) int {
	return int((2*int64(a)*int64(to) + int64(from)) / (2 * int64(from)))
}

// convertRow copies pixels of one number of channels to another, 1 or 3 each.
func convertRow(dst []uint8, dstChannels int, src []uint8, srcChannels int) {
	switch dstChannels {
	case srcChannels:
		copy(dst, src)
	case 3:
		for x, v := range src {
			dst[3*x], dst[3*x+1], dst[3*x+2] = v, v, v
		}
	default:
		for x := range dst {
			dst[x] = luma(src[3*x], src[3*x+1], src[3*x+2])
		}
	}
}

// luma is that of ITU-R BT.601: 0.299 R + 0.587 G + 0.114 B.
func luma(r, g, b uint8) uint8 {
	return uint8((299*uint32(r) + 587*uint32(g) + 114*uint32(b) + 500) / 1000)
}

// repeatPixel fills row with its first pixel.
func repeatPixel(row []uint8, channels int) {
	for i := channels; i < len(row); i++ {
		row[i] = row[i-channels]
	}
}

// Concat joins tensors of one shape along N, in order. Without any, or when their shapes differ, the error
// wraps ErrShapes.
func Concat(tensors []Tensor) (Tensor, error) {
	if len(tensors) == 0 {
		return Tensor{}, fmt.Errorf("join: %w: there are none", ErrShapes)
	}
	first := tensors[0]
	joined := Tensor{H: first.H, W: first.W, C: first.C}
	size := 0
	for _, t := range tensors {
		if t.H != first.H || t.W != first.W || t.C != first.C {
			return Tensor{}, fmt.Errorf("join: %w: [%d,%d,%d] and [%d,%d,%d]", ErrShapes, first.H, first.W, first.C, t.H, t.W, t.C)
		}
		joined.N += t.N
		size += len(t.Pix)
	}
	joined.Pix = make([]uint8, 0, size)
	for _, t := range tensors {
		joined.Pix = append(joined.Pix, t.Pix...)
	}
	return joined, nil
}

// Unfit takes the image's own part of output n of out, [N,Height,Width,1], and brings it back to the
// image's size, with the same interpolation as Fit.
func (p Placement) Unfit(out Tensor, n int) mask.Probability {
	m := mask.Probability{Width: p.ImageWidth, Height: p.ImageHeight, Pix: make([]uint8, p.ImageWidth*p.ImageHeight)}
	plane := out.Pix[n*out.H*out.W : (n+1)*out.H*out.W]
	resample.Resize(m.Pix, m.Width, m.Height, plane, p.Width, p.Height, out.W, 1)
	return m
}
