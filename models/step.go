package models

import (
	"fmt"
	"math"
	"slices"
)

// Operation is what a Step computes.
type Operation string

// The operations. Their arithmetic is that of the BioImage Model Zoo's reference implementation.
const (
	ScaleLinear          Operation = "scale_linear"            // v*Gain + Offset
	ZeroMeanUnitVariance Operation = "zero_mean_unit_variance" // (v-mean) / (deviation+Eps), both of the image itself
	ScaleRange           Operation = "scale_range"             // (v-low) / (high-low+Eps), the image's own percentiles Low and High
	Clip                 Operation = "clip"                    // at least Min, at most Max
	Sigmoid              Operation = "sigmoid"                 // 1 / (1+e^-v)
	Softmax              Operation = "softmax"                 // over the channels of a pixel
)

// Step is one thing done to all samples of an image. Fields that its operation does not name stay empty.
type Step struct {
	Operation Operation `json:"operation"`
	Gain      []float64 `json:"gain,omitempty"`   // one for all channels, or one a channel
	Offset    []float64 `json:"offset,omitempty"` // like Gain
	Low       float64   `json:"low,omitempty"`    // percentile, 0..100
	High      float64   `json:"high,omitempty"`   // percentile, 0..100
	Min       *float64  `json:"min,omitempty"`    // nil: no bound
	Max       *float64  `json:"max,omitempty"`    // nil: no bound
	Eps       float64   `json:"eps,omitempty"`
	Together  bool      `json:"together,omitempty"` // the image's numbers are those of all channels, not of each
}

// check wants s to be computable for any image of so many channels.
func (s Step) check(channels int) error {
	perChannel := func(v []float64) bool { return len(v) == 1 || len(v) == channels }
	var right bool
	switch s.Operation {
	case ScaleLinear:
		right = perChannel(s.Gain) && perChannel(s.Offset)
	case ZeroMeanUnitVariance:
		right = s.Eps > 0
	case ScaleRange:
		right = s.Eps > 0 && s.Low >= 0 && s.Low < s.High && s.High <= 100
	case Clip:
		right = (s.Min != nil || s.Max != nil) && (s.Min == nil || s.Max == nil || *s.Min < *s.Max)
	case Sigmoid, Softmax:
		right = true
	default:
		return fmt.Errorf("step %.80q is unknown", s.Operation)
	}
	if !right {
		return fmt.Errorf("step %s has values that it cannot work with", s.Operation)
	}
	return nil
}

// Apply does the steps to p, one after the other.
func Apply(steps []Step, p Planes) {
	for _, s := range steps {
		s.apply(p)
	}
}

func (s Step) apply(p Planes) {
	switch s.Operation {
	case ScaleLinear:
		for c := range p.C {
			scale(p.Plane(c), s.Gain[c%len(s.Gain)], s.Offset[c%len(s.Offset)])
		}
	case ZeroMeanUnitVariance:
		s.normalise(p, moments)
	case ScaleRange:
		s.normalise(p, func(v []float32) (float64, float64) {
			sorted := slices.Sorted(slices.Values(v))
			low := percentile(sorted, s.Low)
			return low, percentile(sorted, s.High) - low
		})
	case Clip:
		for i, v := range p.Pix {
			if s.Min != nil {
				v = max(v, float32(*s.Min))
			}
			if s.Max != nil {
				v = min(v, float32(*s.Max))
			}
			p.Pix[i] = v
		}
	case Sigmoid:
		for i, v := range p.Pix {
			p.Pix[i] = float32(1 / (1 + math.Exp(-float64(v))))
		}
	case Softmax:
		softmax(p)
	}
}

// normalise makes v (v-origin) / (unit+Eps), of all samples or of each channel.
func (s Step) normalise(p Planes, of func([]float32) (origin, unit float64)) {
	parts := [][]float32{p.Pix}
	if !s.Together {
		parts = parts[:0]
		for c := range p.C {
			parts = append(parts, p.Plane(c))
		}
	}
	for _, part := range parts {
		origin, unit := of(part)
		unit += s.Eps
		scale(part, 1/unit, -origin/unit)
	}
}

func scale(values []float32, gain, offset float64) {
	for i, v := range values {
		values[i] = float32(float64(v)*gain + offset)
	}
}

// moments are the mean and the standard deviation of all values, not estimated from a sample of them.
func moments(values []float32) (mean, deviation float64) {
	for _, v := range values {
		mean += float64(v)
	}
	mean /= float64(len(values))
	for _, v := range values {
		deviation += (float64(v) - mean) * (float64(v) - mean)
	}
	return mean, math.Sqrt(deviation / float64(len(values)))
}

// percentile interpolates between the two nearest of the sorted values.
func percentile(sorted []float32, p float64) float64 {
	whole, part := math.Modf(p / 100 * float64(len(sorted)-1))
	low := float64(sorted[int(whole)])
	high := float64(sorted[min(int(whole)+1, len(sorted)-1)])
	return low + part*(high-low)
}

func softmax(p Planes) {
	size := p.H * p.W
	for i := range size {
		most := p.Pix[i]
		for c := range p.C {
			most = max(most, p.Pix[c*size+i])
		}
		sum := 0.0
		for c := range p.C {
			sum += math.Exp(float64(p.Pix[c*size+i] - most))
		}
		for c := range p.C {
			p.Pix[c*size+i] = float32(math.Exp(float64(p.Pix[c*size+i]-most)) / sum)
		}
	}
}
