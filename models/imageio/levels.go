package imageio

import (
	"encoding/binary"
	"math"
)

// Levels bring the samples of one plane to 8 bits. Samples of 8 bits are what they are; of others the darkest and the brightest
// 0.1 % saturate, all channels alike, which keeps hues. What is not a number is black. Safe for concurrent use.
type Levels struct {
	typ       SampleType
	table     []uint8 // of each pattern of bits, for samples of 8 and 16
	low, high float64 // else: what becomes 0 and 255
	histogram [256]int64
	noise     float64 // of the levels

	least, most float64 // samples that were seen
}

// The share of the samples that become black, and again white, and the least range of levels that is spread over all of 0..255
// for a native model: a lesser one is noise. As in models/training/images.py.
const (
	saturated  = 0.001
	leastRange = 8
)

// A range of so many standard deviations of the noise holds nothing but noise: that of a normal distribution without its utmost
// 0.1 % is 6.2. The scale is then taken from the brightest sample, and is so wide that the noise stays dark.
const (
	noiseAlone = 8
	noiseDark  = 32
)

// Map brings src, samples as a Reader gives them, to 8 bits.
func (l *Levels) Map(dst []uint8, src []byte) {
	switch l.typ {
	case Uint8:
		copy(dst, src)
	case Int8:
		for i := range dst {
			dst[i] = l.table[src[i]]
		}
	case Uint16, Int16:
		table := l.table[:1<<16]
		for len(dst) >= 4 && len(src) >= 8 {
			v := binary.LittleEndian.Uint64(src)
			dst[0], dst[1] = table[uint16(v)], table[uint16(v>>16)]
			dst[2], dst[3] = table[uint16(v>>32)], table[uint16(v>>48)]
			dst, src = dst[4:], src[8:]
		}
		for i := range dst {
			dst[i] = table[binary.LittleEndian.Uint16(src[2*i:])]
		}
	default:
		size := l.typ.Size()
		for i := range dst {
			dst[i] = l.level(l.typ.Value(src[i*size:]))
		}
	}
}

// level of one sample.
func (l *Levels) level(v float64) uint8 {
	switch {
	case !(v > l.low): // nor a number
		return 0
	case v >= l.high:
		return 255
	}
	return uint8((v-l.low)/(l.high-l.low)*255 + 0.5)
}

// Range is what of 0..255, as Map gives it, becomes 0 and 255 of a native model's input.
func (l *Levels) Range() (low, high float64) {
	var total int64
	for _, n := range l.histogram {
		total += n
	}
	last := float64(total - 1)
	low, high = l.quantile(saturated*last), l.quantile((1-saturated)*last)
	if high-low < noiseAlone*l.noise {
		brightest := l.quantile(last)
		high = max(high, brightest, low+noiseDark*l.noise)
	}
	return low, low + max(high-low, leastRange)
}

// quantile is the level of that rank, from 0, in ascending order; between two ranks it is interpolated.
func (l *Levels) quantile(rank float64) float64 {
	whole, part := math.Modf(max(0, rank))
	low, high := nth(l.histogram[:], int64(whole)), nth(l.histogram[:], int64(math.Ceil(rank)))
	return float64(low) + part*float64(high-low)
}

// nth is the value of the sample of that rank, from 0, in ascending order.
func nth(histogram []int64, rank int64) int {
	for v, n := range histogram {
		if rank -= n; rank < 0 {
			return v
		}
	}
	return len(histogram) - 1
}
