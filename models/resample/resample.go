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

// Resizer changes the size of a picture that need not be there whole: some rows at a time, in any order. One goroutine at a time.
type Resizer struct {
	dstWidth, dstHeight, srcWidth, srcHeight, channels int
	across, down                                       axis // where they are needed
}

// New is a Resizer from and to these sizes: sides are at least 1, channels 1 or 3, interleaved.
func New(dstWidth, dstHeight, srcWidth, srcHeight, channels int) *Resizer {
	r := &Resizer{dstWidth: dstWidth, dstHeight: dstHeight, srcWidth: srcWidth, srcHeight: srcHeight, channels: channels}
	if !r.same() && !r.halves() {
		r.across, r.down = newAxis(srcWidth, dstWidth), newAxis(srcHeight, dstHeight)
	}
	return r
}

func (r *Resizer) same() bool   { return r.srcWidth == r.dstWidth && r.srcHeight == r.dstHeight }
func (r *Resizer) halves() bool { return r.srcWidth == 2*r.dstWidth && r.srcHeight == 2*r.dstHeight }
func (r *Resizer) doubles() bool {
	return 2*r.srcWidth == r.dstWidth && 2*r.srcHeight == r.dstHeight && r.channels == 1
}

// Needs are the rows of the source, from first up to last, that the rows from begin up to end are made of.
func (r *Resizer) Needs(begin, end int) (first, last int) {
	switch {
	case r.same():
		return begin, end
	case r.halves():
		return 2 * begin, 2 * end
	}
	first, _ = r.down.taps(begin)
	below, weights := r.down.taps(end - 1)
	return first, below + len(weights)
}

// Rows fills dst with the rows from begin up to end, top to bottom. src begins with row first of the source, and has all that they need; stride is
// the number of samples from one row of it to the next, so that a part of a larger picture can be read in place.
func (r *Resizer) Rows(dst []uint8, begin, end int, src []uint8, first, stride int) {
	n := r.dstWidth * r.channels
	switch {
	case r.same():
		for y := begin; y < end; y++ {
			copy(dst[(y-begin)*n:][:n], src[(y-first)*stride:])
		}
	case r.halves():
		halve(dst, r.dstWidth, end-begin, src[(2*begin-first)*stride:], stride, r.channels)
	case r.doubles() && begin == 0 && end == r.dstHeight:
		double(dst, src, r.srcWidth, r.srcHeight, stride)
	default:
		r.resize(dst, begin, end, src, first, stride)
	}
}

// resize is Rows of any sizes. The others give the same samples for theirs, as the weights of these are whole numbers of
// sixteenths.
func (r *Resizer) resize(dst []uint8, begin, end int, src []uint8, first, stride int) {
	n := r.dstWidth * r.channels
	sums := make([]uint32, n)
	// An output row needs source rows in ascending order and shares at most the last two with the row
	// before it, so two finished source rows are all that is worth keeping.
	var kept [2][]uint16
	keptRow := [2]int{-1, -1}
	kept[0], kept[1] = make([]uint16, n), make([]uint16, n)

	finished := func(y int) []uint16 {
		slot := y & 1
		if keptRow[slot] != y {
			r.across.row(kept[slot], src[(y-first)*stride:][:r.srcWidth*r.channels], r.channels)
			keptRow[slot] = y
		}
		return kept[slot]
	}
	for y := begin; y < end; y++ {
		out := dst[(y-begin)*n:][:n]
		from, weights := r.down.taps(y)
		if len(weights) == 2 {
			blend(out, finished(from), finished(from+1), weights[0], weights[1])
			continue
		}
		clear(sums)
		for i, weight := range weights {
			accumulate(sums, finished(from+i), weight)
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
