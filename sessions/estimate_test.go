package sessions

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"
)

func TestEstimate(t *testing.T) {
	const turn, grace, s = time.Minute, 5 * time.Second, time.Second
	working := func(work, held time.Duration) holding { return holding{owned: true, work: work, held: held} }
	for _, c := range []struct {
		name    string
		slots   []holding
		waiting []time.Duration
		want    []time.Duration
	}{
		{"no slots", nil, []time.Duration{s}, nil},
		{"nobody waits", []holding{working(s, 0)}, nil, []time.Duration{}},
		{"the owner's work and its grace", []holding{working(6*s, 0)}, []time.Duration{s}, []time.Duration{11 * s}},
		{"the owner's turn", []holding{working(time.Hour, 50*s)}, []time.Duration{s}, []time.Duration{10 * s}},
		{"a turn that is over", []holding{working(time.Hour, time.Hour)}, []time.Duration{s}, []time.Duration{0}},
		{"a reservation", []holding{{owned: true, held: 2 * s, idle: 2 * s}}, []time.Duration{s}, []time.Duration{3 * s}},
		{"a free slot", []holding{{}}, []time.Duration{s}, []time.Duration{0}},
		{"the line before one", []holding{working(2*s, 0), working(10*s, 0)}, []time.Duration{2 * s, time.Hour, 2 * s},
			[]time.Duration{7 * s, 14 * s, 15 * s}},
	} {
		got := estimate(turn, grace, c.slots, c.waiting)
		if !slices.Equal(got, c.want) || (got == nil) != (c.want == nil) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// sums is what Redis keeps of jobs of so many megapixels that took so many seconds.
func sums(jobs ...[2]float64) string {
	var n, x, y, xx, xy float64
	for _, job := range jobs {
		n, x, y, xx, xy = n+1, x+job[0], y+job[1], xx+job[0]*job[0], xy+job[0]*job[1]
	}
	return fmt.Sprint(n, x, y, xx, xy)
}

func TestRate(t *testing.T) {
	for _, c := range []struct {
		name string
		sums string
		want rate
		ok   bool
	}{
		{"no job", "", rate{}, false},
		{"not sums", "1 2", rate{}, false},
		{"one job", sums([2]float64{4, 2}), rate{Base: 2}, true},
		{"images of one size", sums([2]float64{4, 2}, [2]float64{4, 4}), rate{Base: 3}, true},
		{"a line", sums([2]float64{1, 2}, [2]float64{3, 6}, [2]float64{5, 10}), rate{PerMegapixel: 2}, true},
		{"a line with a base", sums([2]float64{1, 3}, [2]float64{3, 5}), rate{Base: 2, PerMegapixel: 1}, true},
		{"large images were faster", sums([2]float64{1, 3}, [2]float64{3, 1}), rate{Base: 2}, true},
		{"small images took no time", sums([2]float64{1, 0}, [2]float64{2, 4}), rate{PerMegapixel: 4. / 3}, true},
	} {
		got, ok := newRate(c.sums)
		if ok != c.ok || math.Abs(got.Base-c.want.Base)+math.Abs(got.PerMegapixel-c.want.PerMegapixel) > 1e-6 {
			t.Errorf("%s: %+v, %t, want %+v", c.name, got, ok, c.want)
		}
	}
	known := rates{"a": {Base: 1}, "b": {Base: 3, PerMegapixel: 2}}
	asked := load{"a": {2, 9e6}, "b": {1, 4e6}, "never ran": {10, 1e6}}
	if got, want := known.time(asked), (2+3+8+20+1)*time.Second; got != want {
		t.Errorf("the load takes %v, want %v", got, want)
	}
}

// TestBusy has a worker run a batch of four in 8 s, and one that was claimed ahead in as long.
func TestBusy(t *testing.T) {
	var b busy
	var sum time.Duration
	at := time.Unix(0, 0)
	for batch := range 2 {
		for range 4 {
			sum += b.with(0, at.Add(time.Duration(batch)*time.Second), at.Add(time.Duration(batch+1)*8*time.Second))
		}
	}
	if sum != 16*time.Second {
		t.Errorf("it was busy for %v", sum)
	}
	if got := b.with(1, at, at.Add(time.Second)); got != time.Second {
		t.Errorf("another worker was busy for %v", got)
	}
}

// TestAPlaceThatIsKnown tells a client again only what it cannot know by counting down.
func TestAPlaceThatIsKnown(t *testing.T) {
	at := time.Unix(0, 0)
	in := func(position int, seconds time.Duration) place {
		return place{position: position, eta: seconds * time.Second, estimated: true}
	}
	l := told{place: in(3, 100), waiting: 20, end: at.Add(100 * time.Second)}
	for _, c := range []struct {
		place   place
		waiting int
		after   time.Duration
		want    bool
	}{
		{in(3, 100), 20, 0, true},
		{in(3, 40), 20, time.Minute, true},
		{in(3, 100), 21, 0, true},
		{in(3, 100), 22, 0, false},
		{in(2, 100), 20, 0, false},
		{in(3, 100), 20, time.Minute, false},
		{in(3, 10), 20, time.Minute, false},
		{place{position: 3}, 20, 0, false},
	} {
		if got := l.knows(c.place, c.waiting, at.Add(c.after)); got != c.want {
			t.Errorf("%+v of %d after %v: known %t", c.place, c.waiting, c.after, got)
		}
	}
}
