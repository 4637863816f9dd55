package models

import (
	"iter"
	"slices"

	"seghub/models/mask"
	"seghub/models/pixels"
	"seghub/models/resample"
)

// joinedSamples is about how many samples of a band are joined at a time.
const joinedSamples = 1 << 20

// Assembler brings the outputs of an image's tiles back to its own size, in bands of rows from the top: tiles go over into each other, and
// what was scaled is interpolated as Fit does. One goroutine at a time.
type Assembler struct {
	p     Placement
	strip int       // the next
	above []Tensor  // of the outputs of the strip before it, a tile each, the rows from which on the next comes in
	back  *rescaler // of tiles of a scaled image, else nil
}

// NewAssembler is for an image that lies so.
func NewAssembler(p Placement) *Assembler {
	a := &Assembler{p: p}
	if len(p.down) > 0 && (p.Width != p.ImageWidth || p.Height != p.ImageHeight) {
		a.back = newRescaler(p)
	}
	return a
}

// Add takes the outputs of the next row of tiles, of which each tensor has some, [tiles,Height,Width,C], and yields the bands that they
// complete, each of about joinedSamples.
// The first of the C values of a pixel is its probability; a second alone is that of a border, two more are a flow: see Spec.Outputs.
// What it yields is good until the next; the outputs are the caller's again then.
func (a *Assembler) Add(outputs []Tensor) iter.Seq[mask.Probability] {
	var out []Tensor
	for _, some := range outputs {
		for i := range some.N {
			out = append(out, some.Rows(i, i+1))
		}
	}
	return func(yield func(mask.Probability) bool) {
		for rows := range a.join(out) {
			if a.back == nil && !yield(rows) || a.back != nil && !a.back.add(rows, yield) {
				break
			}
		}
		a.keep(out)
		a.strip++
	}
}

// join yields the rows that a strip completes, of the image as it was cut, or at its own size where it is one row of a batch.
func (a *Assembler) join(out []Tensor) iter.Seq[mask.Probability] {
	begin, end := a.rows(a.strip)
	width := a.p.Width
	if len(a.p.down) == 0 {
		width = a.p.ImageWidth
	}
	return func(yield func(mask.Probability) bool) {
		band := max(1, joinedSamples/max(width, a.p.ImageWidth))
		channels := make([][]uint8, out[0].C)
		for i := range channels {
			channels[i] = pixels.Lend(min(band, end-begin) * width)
			defer func() { pixels.GiveBack(channels[i][:cap(channels[i])]) }()
		}
		fill := a.filler(out)
		for y := begin; y < end; y += band {
			next := min(y+band, end)
			for i := range channels {
				channels[i] = channels[i][:(next-y)*width]
				fill(channels[i], y, next, i)
			}
			if !yield(mask.OfChannels(width, next-y, channels)) {
				break
			}
		}
	}
}

// keep keeps what the next strip goes over into.
func (a *Assembler) keep(out []Tensor) {
	a.above = nil
	if a.strip+1 >= len(a.p.down) {
		return
	}
	skipped := a.p.down[a.strip+1].rise - a.p.down[a.strip].start
	for _, tile := range out {
		rest := Tensor{N: 1, H: tile.H - skipped, W: tile.W, C: tile.C, Pix: slices.Clone(tile.Pix[skipped*tile.W*tile.C:])}
		a.above = append(a.above, rest)
	}
}

// rows are those that are complete when a strip of tiles is, from begin up to end.
func (a *Assembler) rows(strip int) (begin, end int) {
	if len(a.p.down) == 0 {
		return 0, a.p.ImageHeight
	}
	end = a.p.Height
	if strip+1 < len(a.p.down) {
		end = a.p.down[strip+1].rise
	}
	return a.p.down[strip].rise, end
}

// filler fills dst with the rows of a value of out from begin up to end.
func (a *Assembler) filler(out []Tensor) func(dst []uint8, begin, end, channel int) {
	if len(a.p.down) == 0 {
		return a.scaler(out[0])
	}
	width, tile := a.p.Width, a.p.down[a.strip]
	above := make([]uint8, width)
	return func(dst []uint8, begin, end, channel int) {
		for y := begin; y < end; y++ {
			row := dst[(y-begin)*width:][:width]
			a.p.joinRow(row, out, tile.start, y, channel)
			if y < tile.full {
				a.p.joinRow(above, a.above, tile.rise, y, channel)
				mix(row, above, row, tile.share(y))
			}
		}
	}
}

func (a *Assembler) scaler(out Tensor) func(dst []uint8, begin, end, channel int) {
	p := a.p
	resizer := resample.New(p.ImageWidth, p.ImageHeight, p.Width, p.Height, 1)
	return func(dst []uint8, begin, end, channel int) {
		plane := out.Pix[:out.H*out.W*out.C]
		if out.C > 1 {
			whole := plane
			plane = pixels.Lend(out.H * out.W)
			defer pixels.GiveBack(plane)
			for i := range plane {
				plane[i] = whole[i*out.C+channel]
			}
		}
		first, _ := resizer.Needs(begin, end)
		resizer.Rows(dst, begin, end, plane[first*out.W:], first, out.W)
	}
}
