package imageio

import (
	"context"
	"encoding/binary"
	"image"

	"seghub/models/pixels"
)

// deep is a picture of 16-bit samples, big-endian as the image package and PNG files keep them.
type deep struct {
	width, height int
	pix           []uint8
	stride        int // bytes from row to row
	step          int // bytes from pixel to pixel
	channels      int // how many of a pixel's samples count: 1 or 3
}

// newDeep returns the 16-bit samples of decoded, and false when it has none.
func newDeep(decoded image.Image) (deep, bool) {
	size := decoded.Bounds().Size()
	switch d := decoded.(type) {
	case *image.Gray16:
		return deep{size.X, size.Y, d.Pix, d.Stride, 2, 1}, true
	case *image.RGBA64:
		return deep{size.X, size.Y, d.Pix, d.Stride, 8, 3}, true
	case *image.NRGBA64:
		return deep{size.X, size.Y, d.Pix, d.Stride, 8, 3}, true
	}
	return deep{}, false
}

// convert scales the samples linearly, and gives them back. The three channels of a colour picture are stretched alike, which keeps its hues.
func (d deep) convert(ctx context.Context, report *reporter) (Image, error) {
	img := Image{Width: d.width, Height: d.height, Channels: d.channels, Pix: pixels.Lend(d.width * d.height * d.channels)}
	var histogram [1 << 16]int64
	err := d.eachBand(ctx, func(y int) {
		report.at(readShare + (1-readShare)*0.5*float64(y)/float64(d.height))
	}, func(row []uint8) {
		for c := range d.channels {
			for i := 2 * c; i+1 < len(row); i += d.step {
				histogram[binary.BigEndian.Uint16(row[i:])]++
			}
		}
	})
	if err != nil {
		return Image{}, err
	}
	table := stretchTable(histogram[:])
	to := img.Pix
	err = d.eachBand(ctx, func(y int) {
		report.at(readShare + (1-readShare)*0.5*(1+float64(y)/float64(d.height)))
	}, func(row []uint8) {
		line := to[:d.width*d.channels]
		to = to[len(line):]
		for c := range d.channels {
			for i, k := 2*c, c; k < len(line); i, k = i+d.step, k+d.channels {
				line[k] = table[binary.BigEndian.Uint16(row[i:])]
			}
		}
	})
	if err != nil {
		return Image{}, err
	}
	pixels.GiveBack(d.pix)
	return withoutEqualChannels(img), nil
}

// eachBand visits every row, and before each band says at which row it is and looks at the context.
func (d deep) eachBand(ctx context.Context, at func(y int), visit func(row []uint8)) error {
	for y := range d.height {
		if y%band == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			at(y)
		}
		visit(d.pix[y*d.stride : y*d.stride+d.width*d.step])
	}
	return nil
}

// stretchTable maps each 16-bit sample to 8 bits, given how often each occurs.
func stretchTable(histogram []int64) *[1 << 16]uint8 {
	var total int64
	for _, n := range histogram {
		total += n
	}
	share := int64(saturated * float64(total))
	low, high := quantile(histogram, share), quantile(histogram, total-1-share)
	if low == high {
		// All but a few samples are one value: let the few decide.
		low, high = quantile(histogram, 0), quantile(histogram, total-1)
	}
	table := new([1 << 16]uint8)
	for v := range table {
		switch {
		case low == high:
			table[v] = uint8(v >> 8) // one value in the whole picture: nothing to stretch
		case v <= low:
		case v >= high:
			table[v] = 255
		default:
			table[v] = uint8(((v-low)*255 + (high-low)/2) / (high - low))
		}
	}
	return table
}

// quantile returns the value of the rank-th sample, from 0, in ascending order.
func quantile(histogram []int64, rank int64) int {
	for v, n := range histogram {
		if rank -= n; rank < 0 {
			return v
		}
	}
	return len(histogram) - 1
}
