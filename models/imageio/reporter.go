package imageio

// readShare is the part of the progress that reading and decoding are; the rest is the conversion.
const readShare = 0.9

// reporter passes a growing fraction on, about once a percent.
type reporter struct {
	progress func(fraction float64) // may be nil
	next     float64                // the least fraction that is worth a call
}

func (r *reporter) at(fraction float64) {
	if r.progress == nil || fraction < r.next {
		return
	}
	r.next = fraction + 0.01
	r.progress(fraction)
}

func (r *reporter) done() {
	if r.progress != nil {
		r.progress(1)
	}
}
