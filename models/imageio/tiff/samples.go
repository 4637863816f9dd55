package tiff

import (
	"math"

	"seghub/models/imageio/refusal"
	"seghub/models/imageio/samples"
)

// Sample formats.
const (
	unsigned = 1
	signed   = 2
	floating = 3
)

// judgeSamples finds the type of the samples.
func (l *Layout) judgeSamples() error {
	d := l.directory
	if l.perPixel < 1 || l.perPixel > math.MaxUint16 {
		return refusal.Corrupt("A page of this TIFF says that a pixel has %d values.", l.perPixel)
	}
	bits, err := d.Uints(BitsPerSample, l.perPixel)
	if err != nil {
		return err
	}
	if len(bits) == 0 {
		bits = []uint64{1}
	}
	for _, b := range bits {
		if b != bits[0] {
			return refusal.Unsupported("The values of a pixel of this TIFF have different numbers of bits (%d and %d): save it with 8 or 16 bits each.", bits[0], b)
		}
	}
	l.Bits = int(min(bits[0], 1<<16))
	l.format = d.Uint(SampleFormat, unsigned)
	if l.format == 5 || l.format == 6 {
		return refusal.Unsupported("This TIFF holds complex numbers: save their amplitude or phase as an image.")
	}
	if l.format < unsigned || l.format > floating {
		l.format = unsigned // "undefined": whole numbers in practice
	}
	known := false
	switch {
	case l.format == floating:
		l.Type, known = map[int]samples.Type{16: samples.Float32, 32: samples.Float32, 64: samples.Float64}[l.Bits]
	case l.Bits == 64:
		l.Type, known = samples.Float64, true
	case l.Bits >= 1 && l.Bits <= 32:
		l.Type, known = samples.Uint32, true
		if l.Bits <= 8 {
			l.Type = samples.Uint8
		} else if l.Bits <= 16 {
			l.Type = samples.Uint16
		}
		if l.format == signed {
			l.Type++
		}
	}
	if !known {
		return refusal.Unsupported("This TIFF holds %s of %d bits: save it with 8 or 16 bits.", numbers[l.format], l.Bits)
	}
	l.unpacked = l.Type
	if l.rawRow() > maxRow {
		return refusal.TooLarge("The rows of a page of this TIFF are said to take %d GB each.", l.rawRow()>>30)
	}
	return nil
}

var numbers = map[uint64]string{unsigned: "whole numbers", signed: "signed whole numbers", floating: "floating-point numbers"}

// inBlock is how many samples of a pixel a block holds.
func (l *Layout) inBlock() int {
	if l.planar {
		return 1
	}
	return l.perPixel
}

// rawRow is how many bytes a row of a block has in the file, uncompressed.
func (l *Layout) rawRow() int { return (l.Block.X*l.inBlock()*l.Bits + 7) / 8 }
