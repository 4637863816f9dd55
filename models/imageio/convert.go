package imageio

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"io"
)

// band is how many rows are converted between two looks at the context.
const band = 64

// standard is a decoder of the image package's kind.
func standard(decode func(io.Reader) (image.Image, error)) decoder {
	return func(r io.Reader, _ func() error) (raster, error) {
		decoded, err := decode(r)
		if err != nil {
			return nil, err
		}
		if deep, ok := newDeep(decoded); ok {
			return deep, nil
		}
		return standardPixels{decoded}, nil
	}
}

// convert of an Image has nothing to do but to look whether its colours are greys.
func (img Image) convert(ctx context.Context, _ *reporter) (Image, error) {
	return withoutEqualChannels(img), ctx.Err()
}

// standardPixels are of 8 bits a sample.
type standardPixels struct{ image.Image }

func (p standardPixels) convert(ctx context.Context, report *reporter) (Image, error) {
	size := p.Bounds().Size()
	img := Image{Width: size.X, Height: size.Y, Channels: 3}
	if grey, is := p.Image.(*image.Gray); is && grey.Stride == size.X {
		img.Channels, img.Pix = 1, grey.Pix[:size.X*size.Y]
	} else {
		img.Pix = make([]uint8, size.X*size.Y*img.Channels)
		for y := 0; y < size.Y; y += band {
			if err := ctx.Err(); err != nil {
				return Image{}, err
			}
			if err := copyRows(img, p.Image, y, min(y+band, size.Y)); err != nil {
				return Image{}, err
			}
			report.at(readShare + (1-readShare)*float64(y)/float64(size.Y))
		}
	}
	return img.convert(ctx, report)
}

// copyRows writes rows y0 to y1 of decoded, of 8 bits a sample, into the RGB picture img.
func copyRows(img Image, decoded image.Image, y0, y1 int) error {
	switch d := decoded.(type) {
	case *image.RGBA:
		dropFourth(img, d.Pix, d.Stride, y0, y1)
	case *image.NRGBA:
		dropFourth(img, d.Pix, d.Stride, y0, y1)
	case *image.Paletted:
		copyPaletted(img, d, y0, y1)
	case *image.YCbCr, *image.CMYK, *image.Gray:
		rows := image.NewRGBA(image.Rect(0, y0, img.Width, y1))
		draw.Draw(rows, rows.Rect, decoded, decoded.Bounds().Min.Add(rows.Rect.Min), draw.Src)
		dropFourth(Image{Width: img.Width, Channels: 3, Pix: img.Pix[y0*img.Width*3:]}, rows.Pix, rows.Stride, 0, y1-y0)
	default:
		return fmt.Errorf("%w: pixels of type %T", ErrUnsupported, decoded)
	}
	return nil
}

func dropFourth(img Image, pix []uint8, stride, y0, y1 int) {
	for y := y0; y < y1; y++ {
		from := pix[y*stride : y*stride+img.Width*4]
		to := img.Pix[y*img.Width*3 : (y+1)*img.Width*3]
		for len(to) >= 3 && len(from) >= 4 {
			to[0], to[1], to[2] = from[0], from[1], from[2]
			to, from = to[3:], from[4:]
		}
	}
}

func copyPaletted(img Image, d *image.Paletted, y0, y1 int) {
	var table [256][3]uint8
	for i, c := range d.Palette[:min(len(d.Palette), len(table))] {
		n := color.NRGBAModel.Convert(c).(color.NRGBA)
		table[i] = [3]uint8{n.R, n.G, n.B}
	}
	for y := y0; y < y1; y++ {
		to := img.Pix[y*img.Width*3 : (y+1)*img.Width*3]
		for x, index := range d.Pix[y*d.Stride : y*d.Stride+img.Width] {
			copy(to[x*3:x*3+3], table[index][:])
		}
	}
}

// withoutEqualChannels returns img as grey when its three channels are the same everywhere.
func withoutEqualChannels(img Image) Image {
	if img.Channels != 3 {
		return img
	}
	for rest := img.Pix; len(rest) >= 3; rest = rest[3:] {
		if rest[0] != rest[1] || rest[1] != rest[2] {
			return img
		}
	}
	grey := make([]uint8, img.Width*img.Height)
	for i := range grey {
		grey[i] = img.Pix[3*i]
	}
	return Image{Width: img.Width, Height: img.Height, Channels: 1, Pix: grey}
}
