package resample

import "encoding/binary"

// A word of lanes holds four sums of 16 bits.
const (
	lanes = 0x00ff00ff00ff00ff
	ones  = 0x0001000100010001
)

// halve averages squares of 2 x 2 pixels, which a camera's picture in a model's input often is.
func halve(dst []uint8, width, height int, src []uint8, stride, channels int) {
	n := width * channels
	for y := range height {
		out := dst[y*n : (y+1)*n]
		a, b := src[2*y*stride:][:2*n], src[(2*y+1)*stride:][:2*n]
		if channels == 1 {
			halveGrey(out, a, b)
		} else {
			halveColour(out, a, b, channels)
		}
	}
}

// halveGrey fills dst with the means of two rows.
func halveGrey(dst, a, b []uint8) {
	for len(dst) >= 4 && len(a) >= 8 && len(b) >= 8 {
		x, y := binary.LittleEndian.Uint64(a), binary.LittleEndian.Uint64(b)
		sum := x&lanes + x>>8&lanes + y&lanes + y>>8&lanes
		binary.LittleEndian.PutUint32(dst, packed((sum+2*ones)>>2&lanes))
		dst, a, b = dst[4:], a[8:], b[8:]
	}
	halveColour(dst, a, b, 1)
}

func halveColour(dst, a, b []uint8, channels int) {
	for ; len(dst) > 0; dst, a, b = dst[channels:], a[2*channels:], b[2*channels:] {
		for c := range channels {
			sum := uint32(a[c]) + uint32(a[c+channels]) + uint32(b[c]) + uint32(b[c+channels])
			dst[c] = uint8((sum + 2) >> 2)
		}
	}
}

// packed brings the low bytes of four lanes together; the others must be zero.
func packed(word uint64) uint32 {
	word |= word >> 8
	return uint32(word&0xffff | word>>16&0xffff0000)
}
