package resample

// axis holds, for every output position along one axis, which input positions it reads and how much of
// each: weights[start[i]:start[i+1]] belong to the inputs from first[i] on.
type axis struct {
	first   []int32
	start   []int32
	weights []uint32
}

func newAxis(from, to int) axis {
	if to < from {
		return areaAxis(from, to)
	}
	return linearAxis(from, to)
}

// areaAxis averages: output i covers the inputs of [i*from/to, (i+1)*from/to), those at its ends in part.
func areaAxis(from, to int) axis {
	a := axis{
		first:   make([]int32, to),
		start:   make([]int32, to+1),
		weights: make([]uint32, 0, from+to),
	}
	// In units of 1/to of an input pixel everything is an integer: an input pixel is to wide, an output
	// pixel is from wide, so no rounding error builds up along the axis.
	for i := range to {
		begin, end := int64(i)*int64(from), int64(i+1)*int64(from)
		a.first[i] = int32(begin / int64(to))
		given := uint32(0)
		for edge := begin; edge < end; {
			next := min((edge/int64(to)+1)*int64(to), end)
			// The share of everything up to next, less what was given before: so that the sum is exact.
			total := uint32(((next - begin) << weightBits) / int64(from))
			a.weights = append(a.weights, total-given)
			given, edge = total, next
		}
		a.start[i+1] = int32(len(a.weights))
	}
	return a
}

// linearAxis interpolates between the two inputs whose centres are nearest; beyond the outermost centres
// the outermost input goes on.
func linearAxis(from, to int) axis {
	a := axis{
		first:   make([]int32, to),
		start:   make([]int32, to+1),
		weights: make([]uint32, 0, 2*to),
	}
	scale := float64(from) / float64(to)
	for i := range to {
		centre := max((float64(i)+0.5)*scale-0.5, 0)
		left := int(centre)
		share := uint32((centre-float64(left))*(1<<weightBits) + 0.5)
		a.first[i] = int32(left)
		if left+1 >= from || share == 0 {
			a.first[i] = int32(min(left, from-1))
			a.weights = append(a.weights, 1<<weightBits)
		} else {
			a.weights = append(a.weights, 1<<weightBits-share, share)
		}
		a.start[i+1] = int32(len(a.weights))
	}
	return a
}

// taps returns the first input of output i and the weights from there on.
func (a axis) taps(i int) (first int, weights []uint32) {
	return int(a.first[i]), a.weights[a.start[i]:a.start[i+1]]
}

// row fills dst with src resampled along this axis, times 1<<rowBits.
func (a axis) row(dst []uint16, src []uint8, channels int) {
	if channels == 1 {
		a.greyRow(dst, src)
		return
	}
	for i := range a.first {
		first, weights := a.taps(i)
		for c := range channels {
			sum := uint32(0)
			for k, weight := range weights {
				sum += uint32(src[(first+k)*channels+c]) * weight
			}
			dst[i*channels+c] = descale(sum)
		}
	}
}

func (a axis) greyRow(dst []uint16, src []uint8) {
	dst = dst[:len(a.first)]
	for i, first := range a.first {
		begin, end := a.start[i], a.start[i+1]
		sum := uint32(0)
		for k, weight := range a.weights[begin:end] {
			sum += uint32(src[int(first)+k]) * weight
		}
		dst[i] = descale(sum)
	}
}

// descale brings a weighted sum of samples to 1<<rowBits a sample.
func descale(sum uint32) uint16 {
	const shift = weightBits - rowBits
	return uint16((sum + 1<<(shift-1)) >> shift)
}
