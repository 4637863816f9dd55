package sessions

import (
	"strings"
	"sync"
	"time"
)

// busy knows until when each worker of this node was busy last.
type busy struct {
	mu    sync.Mutex
	until map[int]time.Time // by slot
}

// with notes that slot is done with a job that it claimed at claimed, and gives how long it was busy with it. Jobs of one batch and
// batches that were claimed ahead overlap: what counts is the time since the worker was free for this one.
func (b *busy) with(slot int, claimed, now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.until == nil {
		b.until = make(map[int]time.Time)
	}
	began := claimed
	if b.until[slot].After(began) {
		began = b.until[slot]
	}
	b.until[slot] = now
	return now.Sub(began)
}

// rate is how long a worker takes for a job of one model: Base for any, and PerMegapixel beside it.
type rate struct {
	Base, PerMegapixel float64 // seconds
}

// newRate fits a line to the sums that lua/lib_times.lua keeps of a model's jobs: 1, x, y, x², xy, with x in megapixels and y in
// seconds, by least squares. ok is false where there was no job. Neither part of it is below 0; where all images are of one size,
// nothing is known of others, and they are taken to be alike.
func newRate(sums string) (r rate, ok bool) {
	f := strings.Fields(sums)
	if len(f) != 5 {
		return rate{}, false
	}
	n, x, y, xx, xy := float(f[0]), float(f[1]), float(f[2]), float(f[3]), float(f[4])
	if n <= 0 {
		return rate{}, false
	}
	x, y, xx, xy = x/n, y/n, xx/n, xy/n
	spread := xx - x*x
	if spread < 1e-3*xx {
		return rate{Base: y}, true
	}
	slope := (xy - x*y) / spread
	switch {
	case slope < 0:
		return rate{Base: y}, true
	case y < slope*x:
		return rate{PerMegapixel: y / x}, true
	}
	return rate{Base: y - slope*x, PerMegapixel: slope}, true
}

// load is what a session still asks for: for each model how many jobs and how many pixels.
type load map[string][2]float64

// rates is how long jobs take, by model.
type rates map[string]rate

// newRates reads what the script line gives: model, its sums, and so on.
func newRates(fields []string) rates {
	known := make(rates, len(fields)/2)
	for i := 0; i+1 < len(fields); i += 2 {
		if r, ok := newRate(fields[i+1]); ok {
			known[fields[i]] = r
		}
	}
	return known
}

// time is how long a worker takes for a load. A model that never ran is taken to be as fast as the others are.
func (known rates) time(l load) time.Duration {
	var seconds float64
	for model, asked := range l {
		r, ok := known[model]
		if !ok {
			for _, other := range known {
				r.Base += other.Base / float64(len(known))
				r.PerMegapixel += other.PerMegapixel / float64(len(known))
			}
		}
		seconds += asked[0]*r.Base + asked[1]/1e6*r.PerMegapixel
	}
	return time.Duration(seconds * float64(time.Second))
}
