package models

import (
	"seghub/models/mask"
	"seghub/models/pixels"
	"seghub/models/resample"
)

// rescaler brings the rows of a map of a scaled image to the image's own size, as they come from the top. A flow is of the same length
// and direction at every scale.
type rescaler struct {
	p       Placement
	resizer *resample.Resizer
	kept    [][]uint8 // of each of the map's channels, the rows that are still needed, from first on
	first   int
	next    int // the row of the image that comes next
}

func newRescaler(p Placement) *rescaler {
	return &rescaler{p: p, resizer: resample.New(p.ImageWidth, p.ImageHeight, p.Width, p.Height, 1)}
}

// add takes the next rows of the map and yields those of the image that they complete, about joinedSamples at a time, until yield is false.
func (r *rescaler) add(rows mask.Probability, yield func(mask.Probability) bool) bool {
	channels := rows.Channels()
	if r.kept == nil {
		r.kept = make([][]uint8, len(channels))
	}
	for i, samples := range channels {
		r.kept[i] = append(r.kept[i], samples...)
	}
	band := max(1, joinedSamples/r.p.ImageWidth)
	out := make([][]uint8, len(channels))
	for i := range out {
		out[i] = pixels.Lend(band * r.p.ImageWidth)
		defer func() { pixels.GiveBack(out[i][:cap(out[i])]) }()
	}
	for more := true; more; {
		end := r.complete(r.next + band)
		if end == r.next {
			break
		}
		for i := range out {
			out[i] = out[i][:(end-r.next)*r.p.ImageWidth]
			r.resizer.Rows(out[i], r.next, end, r.kept[i], r.first, r.p.Width)
		}
		more = yield(mask.OfChannels(r.p.ImageWidth, end-r.next, out))
		r.next = end
		r.release()
		if !more {
			return false
		}
	}
	return true
}

// complete is the row of the image, at most one, up to which all is there that it is made of.
func (r *rescaler) complete(most int) int {
	have := r.first + len(r.kept[0])/r.p.Width
	end := r.next
	for end < min(most, r.p.ImageHeight) {
		if _, last := r.resizer.Needs(end, end+1); last > have {
			break
		}
		end++
	}
	return end
}

// release lets go of the rows that no row of the image to come needs.
func (r *rescaler) release() {
	first := r.p.Height
	if r.next < r.p.ImageHeight {
		first, _ = r.resizer.Needs(r.next, r.next+1)
	}
	for i, samples := range r.kept {
		r.kept[i] = append(samples[:0], samples[(first-r.first)*r.p.Width:]...)
	}
	r.first = first
}
