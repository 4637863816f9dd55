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
// src (srcWidth*srcHeight*channels). Sides are at least 1, channels 1 or 3. stride is the number of samples from one
// row of src to the next, so that a part of a larger picture can be read in place.
func Resize(dst []uint8, dstWidth, dstHeight int, src []uint8, srcWidth, srcHeight, stride, channels int) {
	switch {
	case srcWidth == dstWidth && srcHeight == dstHeight:
		for y, n := 0, dstWidth*channels; y < dstHeight; y++ {
			copy(dst[y*n:(y+1)*n], src[y*stride:])
		}
	case srcWidth == 2*dstWidth && srcHeight == 2*dstHeight:
		halve(dst, dstWidth, dstHeight, src, stride, channels)
	case 2*srcWidth == dstWidth && 2*srcHeight == dstHeight && channels == 1:
		double(dst, src, srcWidth, srcHeight, stride)
	default:
		resize(dst, dstWidth, dstHeight, src, srcWidth, srcHeight, stride, channels)
	}
}

// resize is Resize of any sizes. The others give the same samples for theirs, as the weights of these are whole numbers of
// sixteenths.
func resize(dst []uint8, dstWidth, dstHeight int, src []uint8, srcWidth, srcHeight, stride, channels int) {
	across := newAxis(srcWidth, dstWidth)
	down := newAxis(srcHeight, dstHeight)
	n := dstWidth * channels
	sums := make([]uint32, n)
	// An output row needs source rows in ascending order and shares at most the last two with the row
	// before it, so two finished source rows are all that is worth keeping.
	var kept [2][]uint16
	keptRow := [2]int{-1, -1}
	kept[0], kept[1] = make([]uint16, n), make([]uint16, n)

	finished := func(y int) []uint16 {
		slot := y & 1
		if keptRow[slot] != y {
			across.row(kept[slot], src[y*stride:y*stride+srcWidth*channels], channels)
			keptRow[slot] = y
		}
		return kept[slot]
	}
	for y := range dstHeight {
		out := dst[y*n : (y+1)*n]
		first, weights := down.taps(y)
		if len(weights) == 2 {
			blend(out, finished(first), finished(first+1), weights[0], weights[1])
			continue
		}
		clear(sums)
		for i, weight := range weights {
			accumulate(sums, finished(first+i), weight)
		}
		round(out, sums)
	}
}

// toSample and half turn a sum of both passes back into an 8-bit sample.
const (
	toSample = weightBits + rowBits
	half     = 1 << (toSample - 1)
)

// blend fills dst with two rows in their shares: all that growing, or halving, needs.
func blend(dst []uint8, a, b []uint16, shareA, shareB uint32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = uint8((uint32(a[i])*shareA + uint32(b[i])*shareB + half) >> toSample)
	}
}

// accumulate adds row times weight to sums.
func accumulate(sums []uint32, row []uint16, weight uint32) {
	row = row[:len(sums)]
	for i := range sums {
		sums[i] += uint32(row[i]) * weight
	}
}

// round fills dst with sums.
func round(dst []uint8, sums []uint32) {
	dst = dst[:len(sums)]
	for i, sum := range sums {
		dst[i] = uint8((sum + half) >> toSample)
	}
}
