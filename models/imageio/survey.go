package imageio

import (
	"context"
	"encoding/binary"
	"image"
	"math"
	"slices"

	"seghub/models/pixels"
)

// surveyed is how many pixels of a plane its levels are taken from: all of most images, of a larger one about so many.
const surveyed = 16 << 20

// Survey finds the levels of what r reads, which page describes: from all of it, or from blocks spread evenly over a large one.
func Survey(ctx context.Context, r Reader, page Page) (*Levels, error) {
	s := survey{typ: page.Type, channels: page.Channels, step: 1}
	if page.Width*page.Height*page.Channels > few*every {
		s.step = every
	}
	if bits := 8 * s.typ.Size(); bits <= 16 {
		s.counts = make([]int64, 1<<bits)
	}
	var buffer []byte
	defer func() { pixels.GiveBack(buffer) }()
	for _, area := range sampleAreas(page, r.Block()) {
		n := area.Dx() * area.Dy() * page.PixelBytes()
		if cap(buffer) < n {
			pixels.GiveBack(buffer)
			buffer = pixels.Lend(n)
		}
		if err := r.Read(ctx, buffer[:n], area); err != nil {
			return nil, err
		}
		s.add(buffer[:n], area.Dx())
	}
	return s.levels(), nil
}

// sampleAreas are the blocks of a page to look at, from top to bottom.
func sampleAreas(page Page, block image.Point) []image.Rectangle {
	const most = 1 << 20 // pixels of one area
	block.X = min(block.X, page.Width)
	block.Y = max(1, min(block.Y, page.Height, most/block.X))
	across, down := (page.Width+block.X-1)/block.X, (page.Height+block.Y-1)/block.Y
	step := max(1, (page.Width*page.Height+surveyed-1)/surveyed)
	if step > 1 && across > 1 && (step%across == 0 || across%step == 0) {
		step++ // else a few columns alone were looked at
	}
	areas := make([]image.Rectangle, 0, across*down/step+1)
	for i := 0; i < across*down; i += step {
		corner := image.Pt(i%across*block.X, i/across*block.Y)
		areas = append(areas, image.Rectangle{Min: corner, Max: corner.Add(block)}.Intersect(page.Bounds()))
	}
	return areas
}

// survey is what has been seen of a plane.
type survey struct {
	typ         SampleType
	channels    int
	counts      []int64   // of each pattern of bits, for samples of 8 and 16
	values      []float64 // else some of the samples that are numbers
	differences []float64 // between pixels that lie a little apart

	step int // from one sample that is looked at to the next
	skip int // so many samples until then
}

// Of a plane of many samples every so manieth is looked at by itself; the differences are between pixels so far apart, as the
// noise of neighbours is often shared. Of fewer than few the noise cannot be told.
const (
	every = 61
	apart = 4
	few   = 1000
)

// add takes rows of width pixels.
func (s *survey) add(pix []byte, width int) {
	size := s.typ.Size()
	switch size {
	case 1:
		for _, v := range pix {
			s.counts[v]++
		}
	case 2:
		for i := 0; i+1 < len(pix); i += 2 {
			s.counts[binary.LittleEndian.Uint16(pix[i:])]++
		}
	}
	samples, row, i := len(pix)/size, width*s.channels, s.skip
	for ; i < samples; i += s.step {
		v := s.typ.Value(pix[i*size:])
		if size > 2 && finite(v) {
			s.values = append(s.values, v)
		}
		if next := i + apart*s.channels; i%row+apart*s.channels < row {
			if d := math.Abs(s.typ.Value(pix[next*size:]) - v); finite(d) {
				s.differences = append(s.differences, d)
			}
		}
	}
	s.skip = i - samples
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// levels is what the survey comes to.
func (s *survey) levels() *Levels {
	noise := s.noise()
	low, high := s.limits(noise)
	l := &Levels{typ: s.typ, low: low, high: high, noise: noise * 255 / (high - low)}
	if total, nth := s.ranks(); total > 0 {
		l.least, l.most = nth(0), nth(total-1)
	}
	if s.counts == nil {
		for _, v := range s.values {
			l.histogram[l.level(v)]++
		}
		return l
	}
	l.table = make([]uint8, len(s.counts))
	for pattern, n := range s.counts {
		l.table[pattern] = l.level(ofPattern(s.typ, pattern))
		l.histogram[l.table[pattern]] += n
	}
	return l
}

// limits are the samples that become 0 and 255; they differ.
func (s *survey) limits(noise float64) (low, high float64) {
	if s.typ == Uint8 {
		return 0, 255
	}
	total, nth := s.ranks()
	if total == 0 {
		return 0, 1
	}
	share := int64(saturated * float64(total))
	low, high = nth(share), nth(total-1-share)
	if low == high {
		// All but a few samples are one value: let the few decide.
		low, high = nth(0), nth(total-1)
	}
	if high-low < noiseAlone*noise {
		high = max(nth(total-1), low+noiseDark*noise)
	}
	if low == high {
		// One value in the whole plane: nothing to stretch.
		return span(s.typ, low)
	}
	return low, high
}

// ranks gives the number of samples, and the one of a rank, from 0, in ascending order.
func (s *survey) ranks() (total int64, nth func(rank int64) float64) {
	if s.counts == nil {
		slices.Sort(s.values)
		return int64(len(s.values)), func(rank int64) float64 { return s.values[rank] }
	}
	for _, n := range s.counts {
		total += n
	}
	return total, func(rank int64) float64 {
		first := 0
		if s.typ == Int8 || s.typ == Int16 {
			first = len(s.counts) / 2 // the patterns of the negative ones lie above
		}
		for i := range s.counts {
			pattern := (first + i) % len(s.counts)
			if rank -= s.counts[pattern]; rank < 0 {
				return ofPattern(s.typ, pattern)
			}
		}
		return 0
	}
}

// noise is the standard deviation of what is independent between pixels a little apart: the median of their differences, as if
// it were normally distributed, so that edges, which are few, do not count. Of a picture of few pixels it is not known, and 0.
func (s *survey) noise() float64 {
	if len(s.differences) < few {
		return 0
	}
	slices.Sort(s.differences)
	const median = 0.6745 * math.Sqrt2 // of the difference of two normal values of deviation 1, without its sign
	return s.differences[len(s.differences)/2] / median
}

// ofPattern is the sample of up to 16 bits with this pattern of bits.
func ofPattern(t SampleType, pattern int) float64 {
	return t.Value([]byte{byte(pattern), byte(pattern >> 8)})
}

// span is all that an integer type of up to 16 bits can hold; of others it begins with v.
func span(t SampleType, v float64) (low, high float64) {
	switch t {
	case Uint16:
		return 0, math.MaxUint16
	case Int16:
		return math.MinInt16, math.MaxInt16
	case Int8:
		return math.MinInt8, math.MaxInt8
	}
	return v, v + max(1, math.Abs(v))
}
