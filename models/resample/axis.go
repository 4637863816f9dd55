package resample

import "fmt"

// axis holds, for every output position along one axis, which input positions it reads and how much of
// each: weights[start[i]:start[i+1]] belong to the inputs from first[i] on.
type axis struct {
	first   []int32
	start   []int32
	weights []uint32
	pairs   []pair // the same, when each output reads two inputs at most and there are two; else nil
}

// pair is input at and the one behind it, which gives this share.
type pair struct {
	at    int32
	share uint32
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
	if from > 1 {
		a.pairs = make([]pair, to)
		for i := range a.pairs {
			a.pairs[i] = a.pair(i, from)
		}
	}
	return a
}

func (a axis) pair(i, from int) pair {
	switch first, weights := a.taps(i); {
	case len(weights) == 2:
		return pair{int32(first), weights[1]}
	case first == from-1:
		return pair{int32(first - 1), 1 << weightBits}
	default:
		return pair{int32(first), 0}
	}
}

// taps returns the first input of output i and the weights from there on.
func (a axis) taps(i int) (first int, weights []uint32) {
	return int(a.first[i]), a.weights[a.start[i]:a.start[i+1]]
}

// row fills dst with src resampled along this axis, times 1<<rowBits.
func (a axis) row(dst []uint16, src []uint8, channels int) {
	switch channels {
	case 1:
		a.greyRow(dst, src)
	case 3:
		a.colourRow(dst, src)
	default:
		panic(fmt.Sprintf("resample: pictures have 1 or 3 channels, not %d", channels))
	}
}

func (a axis) greyRow(dst []uint16, src []uint8) {
	dst = dst[:len(a.first)]
	if a.pairs != nil {
		dst = dst[:len(a.pairs)]
		for i, p := range a.pairs {
			in := src[p.at:][:2]
			dst[i] = descale(uint32(in[0])*(1<<weightBits-p.share) + uint32(in[1])*p.share)
		}
		return
	}
	for i, first := range a.first {
		weights := a.weights[a.start[i]:a.start[i+1]]
		in := src[first : int(first)+len(weights)]
		sum := uint32(0)
		for k, weight := range weights {
			sum += uint32(in[k]) * weight
		}
		dst[i] = descale(sum)
	}
}

func (a axis) colourRow(dst []uint16, src []uint8) {
	for i, first := range a.first {
		weights := a.weights[a.start[i]:a.start[i+1]]
		in := src[3*int(first) : 3*(int(first)+len(weights))]
		var red, green, blue uint32
		for _, weight := range weights {
			red += uint32(in[0]) * weight
			green += uint32(in[1]) * weight
			blue += uint32(in[2]) * weight
			in = in[3:]
		}
		out := dst[3*i : 3*i+3]
		out[0], out[1], out[2] = descale(red), descale(green), descale(blue)
	}
}

// descale brings a weighted sum of samples to 1<<rowBits a sample.
func descale(sum uint32) uint16 {
	const shift = weightBits - rowBits
	return uint16((sum + 1<<(shift-1)) >> shift)
}
