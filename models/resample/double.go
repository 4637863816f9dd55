package resample

import "encoding/binary"

// double makes four samples of each, as a model's output at half the size of the image needs. Along each axis a new sample takes three
// parts of the old one it lies in and one of that one's neighbour, and at the edge four of the outermost.
func double(dst, src []uint8, width, height, stride int) {
	words := (2*width + 3) / 4
	above, below := make([]uint64, words), make([]uint64, words)
	doubleRow(above, src[:width])
	mixRows(dst[:2*width], dst[:2*width], above, above)
	dst = dst[2*width:]
	for y := 1; y < height; y++ {
		doubleRow(below, src[y*stride:][:width])
		mixRows(dst[:2*width], dst[2*width:4*width], above, below)
		dst = dst[4*width:]
		above, below = below, above
	}
	mixRows(dst[:2*width], dst[:2*width], above, above)
}

// doubleRow fills dst with the samples of src at twice as many places, times 4, in lanes.
func doubleRow(dst []uint64, src []uint8) {
	left := uint64(src[0])
	for len(src) > 2 && len(dst) > 0 {
		a, b, right := uint64(src[0]), uint64(src[1]), uint64(src[2])
		dst[0] = four(left, a, b, right)
		left, src, dst = b, src[2:], dst[1:]
	}
	a, b := uint64(src[0]), uint64(src[len(src)-1])
	dst[0] = four(left, a, b, b)
}

// four are the new samples of a and b between their neighbours.
func four(left, a, b, right uint64) uint64 {
	return left + 3*a | (3*a+b)<<16 | (a+3*b)<<32 | (3*b+right)<<48
}

// mixRows fills near with three parts of row a and one of b, and far with one of a and three of b. Both are of one length.
func mixRows(near, far []uint8, a, b []uint64) {
	for len(near) >= 4 && len(far) >= 4 && len(a) > 0 && len(b) > 0 {
		x, y := a[0], b[0]
		sum := x + y + 8*ones
		binary.LittleEndian.PutUint32(near, packed((sum+2*x)>>4&lanes))
		binary.LittleEndian.PutUint32(far, packed((sum+2*y)>>4&lanes))
		near, far, a, b = near[4:], far[4:], a[1:], b[1:]
	}
	for i := range near {
		x, y := a[0]>>(16*i)&0xffff, b[0]>>(16*i)&0xffff
		near[i], far[i] = uint8((3*x+y+8)>>4), uint8((x+3*y+8)>>4)
	}
}
