package mask

import (
	"context"
	"fmt"
	"math"
)

// Samples are the original values of a picture, as they were measured.
type Samples interface {
	// Channels is how many values a pixel has.
	Channels() int
	// Row gives the values of row y, [x*channels+c]; they are good until the next call. Rows are asked for from the top down.
	Row(ctx context.Context, y int) ([]float64, error)
}

// light adds up the values of one object in one channel, less the first of them: sums of squares stay exact enough. What is not a finite
// number is missing.
type light struct {
	from, sum, squares float64
	missing            int
}

// begin takes the first value of an object.
func (l *light) begin(value float64) {
	if value-value == 0 {
		l.from = value
	}
}

// Intensities sets the intensities of the objects that spans, in reading order, belong to. The deviation is that of all pixels, not of a
// sample of them. The error is that of samples.
func Intensities(ctx context.Context, objects []Object, spans []Span, samples Samples) error {
	channels := samples.Channels()
	index := make(map[int32]int, len(objects))
	for i, o := range objects {
		index[int32(o.ID)] = i
	}
	lights := make([]light, len(objects)*channels)
	started := make([]bool, len(objects))
	var row []float64
	for i, s := range spans {
		if i == 0 || s.Y != spans[i-1].Y {
			var err error
			if row, err = samples.Row(ctx, int(s.Y)); err != nil {
				return fmt.Errorf("measure intensities: %w", err)
			}
		}
		at, known := index[s.ID]
		if !known {
			continue
		}
		mine := lights[at*channels : (at+1)*channels]
		values := row[int(s.X0)*channels : int(s.X1)*channels]
		if !started[at] {
			started[at] = true
			for c := range mine {
				mine[c].begin(values[c])
			}
		}
		for ; len(values) >= channels; values = values[channels:] {
			for c := range mine {
				v := values[c] - mine[c].from
				if v-v != 0 {
					mine[c].missing++
					continue
				}
				mine[c].sum += v
				mine[c].squares += v * v
			}
		}
	}
	for i := range objects {
		objects[i].setLight(lights[i*channels : (i+1)*channels])
	}
	return nil
}

// SetIntensities sets the intensities of one object of a picture of so many channels; values gives those of a span, pixel by pixel.
func (b *Body) SetIntensities(channels int, values func(Span) []float64) {
	lights := make([]light, channels)
	for i, s := range b.Spans {
		all := values(s)
		if i == 0 {
			for c := range lights {
				lights[c].begin(all[c])
			}
		}
		for c := range lights {
			lights[c].add(all[c:], channels)
		}
	}
	b.setLight(lights)
}

// SetIntensities8 is SetIntensities of samples of 8 bits, whose sums are whole numbers: the same to the last digit, in a fifth of the time.
func (b *Body) SetIntensities8(channels int, samples func(Span) []uint8) {
	sums, squares := make([]uint64, channels), make([]uint64, channels)
	lights := make([]light, channels)
	for i, s := range b.Spans {
		all := samples(s)
		for c := range lights {
			if i == 0 {
				lights[c].from = float64(all[c])
			}
			sum, square := uint64(0), uint64(0)
			for k := c; k < len(all); k += channels {
				v := uint64(all[k])
				sum += v
				square += v * v
			}
			sums[c] += sum
			squares[c] += square
		}
	}
	for c := range lights {
		n, from, sum := int64(b.Area), int64(lights[c].from), int64(sums[c])
		lights[c].sum = float64(sum - n*from)
		lights[c].squares = float64(int64(squares[c]) - 2*from*sum + n*from*from)
	}
	b.setLight(lights)
}

// Lit tells whether surely all pixels of an object have intensities: of what is no finite number there is no count, but mean and sum tell of it. Where
// there is nothing but zeros, they do not.
func (o *Object) Lit() bool {
	const rounding = 1e-9
	for c, mean := range o.MeanIntensity {
		area, sd := float64(o.Area), o.SDIntensity[c]
		if mean == 0 && sd == 0 || math.Abs(o.IntegratedIntensity[c]-mean*area) > rounding*area*(math.Abs(mean)+sd) {
			return false
		}
	}
	return true
}

// JoinIntensities sets the intensities of an object that consists of parts, each Lit and with its own: the squares within the parts and those
// between their means add up.
func (o *Object) JoinIntensities(parts []Object) {
	o.MeanIntensity, o.SDIntensity, o.IntegratedIntensity = []float64{}, []float64{}, []float64{}
	for c := range parts[0].MeanIntensity {
		sum, mean, squares := 0.0, 0.0, 0.0
		for _, p := range parts {
			sum += p.IntegratedIntensity[c]
			mean += p.MeanIntensity[c] * (float64(p.Area) / float64(o.Area))
		}
		for _, p := range parts {
			within, between := p.SDIntensity[c], p.MeanIntensity[c]-mean
			squares += float64(p.Area) * (within*within + between*between)
		}
		o.appendLight(mean, math.Sqrt(squares/float64(o.Area)), sum)
	}
}

// add takes every step-th of the values.
func (l *light) add(values []float64, step int) {
	for i := 0; i < len(values); i += step {
		v := values[i] - l.from
		if v-v != 0 {
			l.missing++
			continue
		}
		l.sum += v
		l.squares += v * v
	}
}

func (o *Object) setLight(channels []light) {
	o.MeanIntensity, o.SDIntensity, o.IntegratedIntensity = []float64{}, []float64{}, []float64{}
	for _, l := range channels {
		n := float64(o.Area - l.missing)
		mean := l.sum / max(1, n)
		o.appendLight(l.from+mean, math.Sqrt(max(0, l.squares/max(1, n)-mean*mean)), l.from*n+l.sum)
	}
}

// appendLight adds what was measured in one channel. Of numbers near the largest that there are, squares are beyond it, and no text
// could hold them: those are the largest, too.
func (o *Object) appendLight(mean, sd, sum float64) {
	within := func(v float64) float64 {
		if math.IsNaN(v) {
			return math.MaxFloat64
		}
		return max(-math.MaxFloat64, min(v, math.MaxFloat64))
	}
	o.MeanIntensity = append(o.MeanIntensity, within(mean))
	o.SDIntensity = append(o.SDIntensity, within(sd))
	o.IntegratedIntensity = append(o.IntegratedIntensity, within(sum))
}
