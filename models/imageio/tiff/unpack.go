package tiff

import (
	"encoding/binary"
	"math"

	"seghub/models/imageio/samples"
)

// unpacker brings count samples of a row, as they lie in the file, to their type.
type unpacker func(dst, src []byte, count int)

// unpacker is nil where there is nothing to do.
func (l *Layout) unpacker() unpacker {
	order := l.directory.file.order
	if l.predictor == 3 {
		order = binary.LittleEndian
	}
	swap := order == binary.BigEndian
	switch {
	case l.format == floating && l.Bits == 16:
		return func(dst, src []byte, count int) {
			for i := range count {
				binary.LittleEndian.PutUint32(dst[4*i:], half(order.Uint16(src[2*i:])))
			}
		}
	case l.Bits == 64 && l.format != floating:
		return func(dst, src []byte, count int) {
			for i := range count {
				v := order.Uint64(src[8*i:])
				whole := float64(v)
				if l.format == signed {
					whole = float64(int64(v))
				}
				binary.LittleEndian.PutUint64(dst[8*i:], math.Float64bits(whole))
			}
		}
	case l.Bits == 8, l.Bits == 16 && !swap, l.Bits == 32 && !swap, l.Bits == 64 && !swap:
		return nil
	case l.Bits == 16:
		return swap16
	case l.Bits == 32:
		return func(dst, src []byte, count int) {
			for i := range count {
				binary.LittleEndian.PutUint32(dst[4*i:], binary.BigEndian.Uint32(src[4*i:]))
			}
		}
	case l.Bits == 64:
		return func(dst, src []byte, count int) {
			for i := range count {
				binary.LittleEndian.PutUint64(dst[8*i:], binary.BigEndian.Uint64(src[8*i:]))
			}
		}
	case l.Bits == 24:
		// Whole bytes, in the file's order; other widths that are none are packed, the highest bit first.
		return func(dst, src []byte, count int) {
			for i := range count {
				b := src[3*i : 3*i+3]
				v := uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16
				if swap {
					v = uint32(b[2]) | uint32(b[1])<<8 | uint32(b[0])<<16
				}
				binary.LittleEndian.PutUint32(dst[4*i:], l.extend(v))
			}
		}
	case l.Bits == 1 && l.photometric != paletted && l.format != signed:
		return unpackBits
	}
	return l.unpackPacked
}

func swap16(dst, src []byte, count int) {
	for ; count >= 4; count -= 4 {
		const low = 0x00ff00ff00ff00ff
		v := binary.LittleEndian.Uint64(src)
		binary.LittleEndian.PutUint64(dst, v&low<<8|v>>8&low)
		dst, src = dst[8:], src[8:]
	}
	for i := range count {
		dst[2*i], dst[2*i+1] = src[2*i+1], src[2*i]
	}
}

// unpackBits makes 0 or 255 of each.
func unpackBits(dst, src []byte, count int) {
	for i := range dst[:count] {
		dst[i] = -(src[i/8] >> (7 - i%8) & 1)
	}
}

// unpackPacked is for any number of bits up to 32, the highest first.
func (l *Layout) unpackPacked(dst, src []byte, count int) {
	var word uint64
	held, at := 0, 0
	mask := uint64(1)<<l.Bits - 1
	size := l.unpacked.Size()
	for i := range count {
		for held < l.Bits {
			word = word<<8 | uint64(src[at])
			at++
			held += 8
		}
		held -= l.Bits
		v := l.extend(uint32(word >> held & mask))
		switch size {
		case 1:
			dst[i] = l.widen(uint8(v))
		case 2:
			binary.LittleEndian.PutUint16(dst[2*i:], uint16(v))
		default:
			binary.LittleEndian.PutUint32(dst[4*i:], v)
		}
	}
}

// extend carries the sign of a signed sample to the highest bit.
func (l *Layout) extend(v uint32) uint32 {
	if l.format != signed {
		return v
	}
	shift := 32 - l.Bits
	return uint32(int32(v<<shift) >> shift)
}

// widen spreads the values of up to 7 bits over all of 0..255, but for places in a palette.
func (l *Layout) widen(v uint8) uint8 {
	if l.photometric == paletted || l.format == signed {
		return v
	}
	return uint8(int(v) * 255 / (1<<l.Bits - 1))
}

// half is the pattern of a 32-bit float with the value of a 16-bit one (IEEE 754).
func half(v uint16) uint32 {
	sign, exponent, fraction := uint32(v>>15)<<31, uint32(v>>10&31), uint32(v&1023)
	switch exponent {
	case 0:
		return sign | math.Float32bits(float32(fraction)*(1.0/(1<<24)))
	case 31:
		return sign | 255<<23 | fraction<<13
	}
	return sign | (exponent+127-15)<<23 | fraction<<13
}

// invert is for pictures in which white is 0. Floats stay as they are.
func (l *Layout) invert(row []byte) {
	switch l.unpacked {
	case samples.Uint8, samples.Int8:
		for i := range row {
			row[i] = ^row[i]
		}
	case samples.Uint16, samples.Int16:
		top := uint16(1<<l.Bits - 1)
		for i := 0; i+2 <= len(row); i += 2 {
			binary.LittleEndian.PutUint16(row[i:], top-binary.LittleEndian.Uint16(row[i:]))
		}
	case samples.Uint32, samples.Int32:
		top := uint32(1<<l.Bits - 1)
		for i := 0; i+4 <= len(row); i += 4 {
			binary.LittleEndian.PutUint32(row[i:], top-binary.LittleEndian.Uint32(row[i:]))
		}
	}
}
