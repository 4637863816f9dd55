package imageio

import (
	"encoding/binary"
	"errors"
)

// The filters of PNG (chapter 9): each byte was stored as its difference to what the filter foretells of it.
const (
	filterNone = iota
	filterSub
	filterUp
	filterAverage
	filterPaeth
)

// unfilter fills dst with the row that was stored as src by a filter. above is the row above it, zeros for the first; the three
// are of one length, a multiple of step, the bytes of a pixel.
func unfilter(dst, src, above []uint8, filter uint8, step int) error {
	dst, above = dst[:len(src)], above[:len(src)]
	switch filter {
	case filterNone:
		copy(dst, src)
	case filterSub:
		for i := range step {
			left := uint8(0)
			for k := i; k < len(src); k += step {
				left += src[k]
				dst[k] = left
			}
		}
	case filterUp:
		add(dst, src, above)
	case filterAverage:
		for i := range step {
			left := uint(0)
			for k := i; k < len(src); k += step {
				left = (uint(src[k]) + (left+uint(above[k]))/2) & 0xff
				dst[k] = uint8(left)
			}
		}
	case filterPaeth:
		for i := range step {
			unPaeth(dst[i:], src[i:], above[i:], step)
		}
	default:
		return errors.New("a row of no known filter")
	}
	return nil
}

// add fills dst with a+b, sample by sample, modulo 256.
func add(dst, a, b []uint8) {
	// Eight at once: the highest bit of each sample is left out of the addition, so that nothing is carried to the next, and put
	// right after it.
	const high = 0x8080808080808080
	for ; len(dst) >= 8; dst, a, b = dst[8:], a[8:], b[8:] {
		x, y := binary.LittleEndian.Uint64(a), binary.LittleEndian.Uint64(b)
		binary.LittleEndian.PutUint64(dst, ((x&^high)+(y&^high))^((x^y)&high))
	}
	for i := range dst {
		dst[i] = a[i] + b[i]
	}
}

// unPaeth is for every step-th sample: whichever of left, above and above left is nearest to left + above - above left.
func unPaeth(dst, src, above []uint8, step int) {
	dst, above = dst[:len(src)], above[:len(src)]
	left, corner := 0, 0
	for i := 0; i < len(src); i += step {
		up := int(above[i])
		toLeft, toUp := up-corner, left-corner
		toCorner := distance(toLeft + toUp)
		toLeft, toUp = distance(toLeft), distance(toUp)
		nearest, least := left, toLeft
		if toUp < least {
			nearest, least = up, toUp
		}
		if toCorner < least {
			nearest = corner
		}
		left = (int(src[i]) + nearest) & 0xff
		dst[i] = uint8(left)
		corner = up
	}
}

func distance(x int) int {
	sign := x >> 63
	return (x ^ sign) - sign
}
