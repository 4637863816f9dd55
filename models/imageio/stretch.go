package imageio

import (
	"context"
	"image"
)

// saturated is the share of the samples that become black, and again white, when 16 bits are stretched
// to 8.
const saturated = 0.001

// deep is a picture of 16-bit samples, big-endian as the image package keeps them.
type deep struct {
	pix      []uint8
	stride   int // bytes from row to row
	step     int // bytes from pixel to pixel
	channels int // how many of a pixel's samples count: 1 or 3
}

// newDeep returns the 16-bit samples of decoded, and false when it has none.
func newDeep(decoded image.Image) (deep, bool) {
	switch d := decoded.(type) {
	case *image.Gray16:
		return deep{d.Pix, d.Stride, 2, 1}, true
	case *image.RGBA64:
		return deep{d.Pix, d.Stride, 8, 3}, true
	case *image.NRGBA64:
		return deep{d.Pix, d.Stride, 8, 3}, true
	}
	return deep{}, false
}

// stretch fills img, whose channels are d's, with d's samples scaled linearly. The three channels of a
// colour picture are stretched alike, which keeps its hues.
func (d deep) stretch(ctx context.Context, img Image, report *reporter) error {
	histogram := make([]int64, 1<<16)
	for y := range img.Height {
		if y%band == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			report.at(readShare + (1-readShare)*0.5*float64(y)/float64(img.Height))
		}
		row := d.pix[y*d.stride : y*d.stride+img.Width*d.step]
		for ; len(row) >= d.step; row = row[d.step:] {
			for c := 0; c < 2*d.channels; c += 2 {
				histogram[uint16(row[c])<<8|uint16(row[c+1])]++
			}
		}
	}
	table := stretchTable(histogram)
	to := img.Pix
	for y := range img.Height {
		if y%band == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			report.at(readShare + (1-readShare)*0.5*(1+float64(y)/float64(img.Height)))
		}
		row := d.pix[y*d.stride : y*d.stride+img.Width*d.step]
		for ; len(row) >= d.step; row = row[d.step:] {
			for c := range d.channels {
				to[c] = table[uint16(row[2*c])<<8|uint16(row[2*c+1])]
			}
			to = to[d.channels:]
		}
	}
	return nil
}

// stretchTable maps each 16-bit sample to 8 bits, given how often each occurs.
func stretchTable(histogram []int64) []uint8 {
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
	table := make([]uint8, len(histogram))
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
