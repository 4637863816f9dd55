package models

import (
	"math"

	"seghub/models/imageio"
)

// overlap is the part of a tile, 1 in so many, that it shares with the next one at least. What a network says of a pixel near
// the edge of its input, where it sees one side alone, is thereby never used inside the image.
const overlap = 8

// span is a tile's part of an axis: it begins at start, and the pixels from begin up to end are taken from it.
type span struct{ start, begin, end int }

// spans cuts an axis of length pixels into tiles of side: as few as overlap, evenly spread. Each gives what lies nearer to its
// middle than to its neighbours'.
func spans(length, side int) []span {
	if length <= side {
		return []span{{end: length}}
	}
	shared := side / overlap
	count := (length - shared + side - shared - 1) / (side - shared)
	cut := make([]span, count)
	for i := range cut {
		cut[i].start = i * (length - side) / (count - 1)
		if i > 0 {
			cut[i].begin = (cut[i-1].start + side + cut[i].start) / 2
			cut[i-1].end = cut[i].begin
		}
	}
	cut[count-1].end = length
	return cut
}

// tiles makes img the input of a model that wants it at its own resolution.
func tiles(img imageio.Image, in Input) (Tensor, Placement) {
	p := Placement{
		ImageWidth: img.Width, ImageHeight: img.Height,
		across: spans(img.Width, in.Width), down: spans(img.Height, in.Height),
	}
	t := newTensor(p.Rows(), in)
	stride := img.Width * img.Channels
	size := in.Height * in.Width * in.Channels
	for i, down := range p.down {
		for k, across := range p.across {
			row := t.Pix[(i*len(p.across)+k)*size:][:size]
			src := img.Pix[down.start*stride+across.start*img.Channels:]
			fill(row, in, src, min(in.Width, img.Width), min(in.Height, img.Height), stride, img.Channels)
		}
	}
	stretch := stretchTable(img.Pix)
	for i, v := range t.Pix {
		t.Pix[i] = stretch[v]
	}
	return t, p
}

// join puts one value of the tiles' outputs, the first of which is row first of out, together to a picture.
func (p Placement) join(pix []uint8, out Tensor, first, channel int) {
	for i, down := range p.down {
		for k, across := range p.across {
			tile := out.Pix[(first+i*len(p.across)+k)*out.H*out.W*out.C:]
			for y := down.begin; y < down.end; y++ {
				from := tile[((y-down.start)*out.W+across.begin-across.start)*out.C+channel:]
				to := pix[y*p.ImageWidth+across.begin : y*p.ImageWidth+across.end]
				for x := range to {
					to[x] = from[x*out.C]
				}
			}
		}
	}
}

// The share of the samples that become black, and again white, when levels are stretched, and the least range of levels that is
// spread over all: a lesser one is noise. As in models/training/images.py.
const (
	saturated  = 0.001
	leastRange = 8
)

// stretchTable maps the levels of an image so that they use all of 0..255, all channels alike, which keeps hues.
func stretchTable(pix []uint8) (table [256]uint8) {
	var histogram [256]int
	for _, v := range pix {
		histogram[v]++
	}
	last := float64(len(pix) - 1)
	low, high := quantile(histogram, saturated*last), quantile(histogram, (1-saturated)*last)
	scale := 255 / max(high-low, leastRange)
	for v := range table {
		table[v] = uint8(math.Round(min(255, max(0, (float64(v)-low)*scale))))
	}
	return table
}

// quantile is the sample of that rank, from 0, in ascending order; between two ranks it is interpolated.
func quantile(histogram [256]int, rank float64) float64 {
	whole, part := math.Modf(rank)
	low, high := sample(histogram, int(whole)), sample(histogram, int(math.Ceil(rank)))
	return float64(low) + part*float64(high-low)
}

func sample(histogram [256]int, rank int) int {
	for v, n := range histogram {
		if rank -= n; rank < 0 {
			return v
		}
	}
	return len(histogram) - 1
}
