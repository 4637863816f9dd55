package models

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"io"

	"seghub/models/imageio"
	"seghub/models/mask"
)

// ErrShapes is why tensors cannot be joined.
var ErrShapes = errors.New("tensors of different shapes")

// Placement is where an image lies in the rows of a model's input: scaled to Width x Height, and then in the top left corner of
// the only one, or cut into tiles.
type Placement struct {
	ImageWidth, ImageHeight int
	Width, Height           int    // of the image as it is in the rows
	across, down            []span // of the tiles, which are rows of the batch line by line; none of an image that is one row
}

// placed is where an image of that size lies in an input, scaled by a factor if the model is a native one.
func placed(width, height int, in Input, factor float64) Placement {
	if in.Scaling != ScalingNative {
		return place(width, height, in)
	}
	p := Placement{ImageWidth: width, ImageHeight: height, Width: scaledSide(width, factor), Height: scaledSide(height, factor)}
	p.across, p.down = in.across().spans(p.Width), in.down().spans(p.Height)
	return p
}

// Fit makes img the input of a model, [rows,Height,Width,Channels], as in.Scaling says. Shrinking averages
// over areas, growing interpolates linearly; grey becomes three equal channels, and colour its luma.
func Fit(img imageio.Image, in Input) (Tensor, Placement) {
	cutter, err := NewCutter(context.Background(), picture{img}, picture{img}.page(), in)
	if err == nil {
		var all Tensor
		if all, err = cutter.all(context.Background()); err == nil {
			return all, cutter.Placement
		}
	}
	panic(err) // no reader fails that has everything in memory
}

// FitScaled is Fit at the scale that Cutter.ScaleTo gives the image. The error is run's.
func FitScaled(ctx context.Context, img imageio.Image, model Spec, diameter float64, run Run) (Tensor, Placement, error) {
	cutter, err := NewCutter(ctx, picture{img}, picture{img}.page(), model.Input)
	if err != nil {
		return Tensor{}, Placement{}, err
	}
	if _, err := cutter.ScaleTo(ctx, model, diameter, run); err != nil {
		return Tensor{}, Placement{}, err
	}
	all, err := cutter.all(ctx)
	return all, cutter.Placement, err
}

// all is every tile.
func (c *Cutter) all(ctx context.Context) (Tensor, error) {
	var strips []Tensor
	for {
		strip, err := c.Next(ctx, c.Placement.Rows())
		if errors.Is(err, io.EOF) {
			return Concat(strips)
		}
		if err != nil {
			return Tensor{}, err
		}
		strips = append(strips, strip.Tiles)
	}
}

// picture reads from a decoded image.
type picture struct{ imageio.Image }

func (p picture) page() imageio.Page {
	return imageio.Page{Width: p.Width, Height: p.Height, Channels: p.Channels, Type: imageio.Uint8}
}

// Block is all of it.
func (p picture) Block() image.Point { return image.Pt(p.Width, p.Height) }

// Read copies.
func (p picture) Read(_ context.Context, dst []byte, area image.Rectangle) error {
	n := area.Dx() * p.Channels
	for y := area.Min.Y; y < area.Max.Y; y++ {
		copy(dst[(y-area.Min.Y)*n:][:n], p.Pix[(y*p.Width+area.Min.X)*p.Channels:])
	}
	return nil
}

// Close has nothing to do.
func (p picture) Close() error { return nil }

func newTensor(rows int, in Input) Tensor {
	return Tensor{N: rows, H: in.Height, W: in.Width, C: in.Channels, Pix: make([]uint8, rows*in.Height*in.Width*in.Channels)}
}

// fill makes a row of an input of src, width x height pixels of so many channels whose lines begin stride samples apart:
// it lies in the top left, and its edge is repeated into what is left over.
func fill(row []uint8, in Input, src []uint8, width, height, stride, channels int) {
	to := in.Width * in.Channels
	for y := range height {
		line := row[y*to : (y+1)*to]
		convertRow(line[:width*in.Channels], in.Channels, src[y*stride:y*stride+width*channels], channels)
		repeatPixel(line[(width-1)*in.Channels:], in.Channels)
	}
	last := row[(height-1)*to : height*to]
	for y := height; y < in.Height; y++ {
		copy(row[y*to:(y+1)*to], last)
	}
}

// Rows is how many rows of a batch the image takes up: its tiles.
func (p Placement) Rows() int { return max(1, len(p.across)*len(p.down)) }

// Strips is how many rows of tiles it has.
func (p Placement) Strips() int { return max(1, len(p.down)) }

// Shrunk is how many times smaller than the image it is in the rows; 1 when it is not.
func (p Placement) Shrunk() float64 {
	return max(1, float64(p.ImageWidth)/float64(p.Width), float64(p.ImageHeight)/float64(p.Height))
}

// Reduced tells whether the model sees the image as a whole, and smaller than it is: Seen is then all that there is of its map.
func (p Placement) Reduced() bool {
	return len(p.down) == 0 && p.Width <= p.ImageWidth && p.Height <= p.ImageHeight && p.Width*p.Height < p.ImageWidth*p.ImageHeight
}

// Seen is the image's own part of a row of outputs, [1,Height,Width,C], at the size at which the model saw it. It may be the outputs' own
// memory.
func (p Placement) Seen(out Tensor) mask.Probability {
	channels := make([][]uint8, out.C)
	for c := range channels {
		if out.C == 1 && out.W == p.Width {
			channels[c] = out.Pix[:p.Width*p.Height]
			continue
		}
		channels[c] = make([]uint8, 0, p.Width*p.Height)
		for y := range p.Height {
			for x := range p.Width {
				channels[c] = append(channels[c], out.Pix[(y*out.W+x)*out.C+c])
			}
		}
	}
	return mask.OfChannels(p.Width, p.Height, channels)
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
		// Four bytes a pixel, the last of which the next pixel makes right.
		for ; len(src) > 1 && len(dst) > 3; src, dst = src[1:], dst[3:] {
			binary.LittleEndian.PutUint32(dst, uint32(src[0])*0x010101)
		}
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

// Concat joins tensors of one shape along N, in order; one alone is itself. Without any, or when their shapes differ, the error
// wraps ErrShapes.
func Concat(tensors []Tensor) (Tensor, error) {
	if len(tensors) == 0 {
		return Tensor{}, fmt.Errorf("join: %w: there are none", ErrShapes)
	}
	first := tensors[0]
	if len(tensors) == 1 {
		return first, nil
	}
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

// Unfit takes the image's own part of its rows of out, [N,Height,Width,C], the first of which is row, and brings it back
// to the image's size, as an Assembler does.
func (p Placement) Unfit(out Tensor, row int) mask.Probability {
	channels := make([][]uint8, out.C)
	assembler, tiles := NewAssembler(p), p.Rows()/p.Strips()
	for strip := range p.Strips() {
		for band := range assembler.Add([]Tensor{out.Rows(row+strip*tiles, row+(strip+1)*tiles)}) {
			for i, samples := range band.Channels() {
				channels[i] = append(channels[i], samples...)
			}
		}
	}
	return mask.OfChannels(p.ImageWidth, p.ImageHeight, channels)
}
