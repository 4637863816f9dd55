// Package resample changes the size of 8-bit pictures: every axis that shrinks is averaged over the
// area that a new pixel covers, every axis that grows is interpolated linearly. Both see a picture as the
// continuous rectangle that its pixels cover, so that shrinking and growing back moves nothing.
package resample

// Fixed point: a row after the horizontal pass holds samples times 1<<rowBits, and the weights of one
// output sample add up to exactly 1<<weightBits on each axis. 255<<rowBits<<weightBits fits in 32 bits.
const (
	weightBits = 14
	rowBits    = 7
)

// Resize fills dst (dstWidth*dstHeight*channels samples, rows top to bottom, channels interleaved) with
// src (srcWidth*srcHeight*channels). All sizes are at least 1. stride is the number of samples from one
// row of src to the next, so that a part of a larger picture can be read in place.
func Resize(dst []uint8, dstWidth, dstHeight int, src []uint8, srcWidth, srcHeight, stride, channels int) {
	across := newAxis(srcWidth, dstWidth)
	down := newAxis(srcHeight, dstHeight)
	n := dstWidth * channels
	sums := make([]uint32, n)
	// An output row needs source rows in ascending order and shares at most the last two with the row
	// before it, so two finished source rows are all that is worth keeping.
	var kept [2][]uint16
	keptRow := [2]int{-1, -1}
	kept[0], kept[1] = make([]uint16, n), make([]uint16, n)

	for y := range dstHeight {
		clear(sums)
		first, weights := down.taps(y)
		for i, weight := range weights {
			row := first + i
			slot := row & 1
			if keptRow[slot] != row {
				across.row(kept[slot], src[row*stride:row*stride+srcWidth*channels], channels)
				keptRow[slot] = row
			}
			accumulate(sums, kept[slot], weight)
		}
		round(dst[y*n:(y+1)*n], sums)
	}
}

// accumulate adds row times weight to sums.
func accumulate(sums []uint32, row []uint16, weight uint32) {
	row = row[:len(sums)]
	for i := range sums {
		sums[i] += uint32(row[i]) * weight
	}
}

// round turns sums back into 8-bit samples.
func round(dst []uint8, sums []uint32) {
	const shift = weightBits + rowBits
	dst = dst[:len(sums)]
	for i, sum := range sums {
		dst[i] = uint8((sum + 1<<(shift-1)) >> shift)
	}
}
