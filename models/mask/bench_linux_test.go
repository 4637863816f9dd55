package mask_test

import (
	"context"
	"math"
	"syscall"
	"testing"

	"seghub/models/mask"
)

// BenchmarkMeasure23000 measures the 23,104 objects of a label map of 8192 x 8192 pixels; scripts/bench-measures has scikit-image's time for
// the same.
func BenchmarkMeasure23000(b *testing.B) {
	const side, across = 8192, 152
	p := mask.Probability{Width: side, Height: side, Pix: make([]uint8, side*side)}
	cell := side / across
	for y := range across * cell {
		for x := range across * cell {
			dx, dy := float64(x%cell-cell/2), float64(y%cell-cell/2)
			radius := 18 * (1 + 0.1*math.Sin(5*math.Atan2(dy, dx)+float64(x/cell)))
			if math.Hypot(dx, dy) < radius {
				p.Pix[y*side+x] = 200
			}
		}
	}
	s := mask.Segment(p, mask.Options{Threshold: 0.5, DetectHoles: true})
	row := func(y int32) []uint8 { return p.Pix[int(y)*side : (int(y)+1)*side] }
	first, err := formula{side}.Row(b.Context(), 1)
	must(b, err)
	samples := ready{first} // what it costs to read them is not measured here
	var before, after syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &before))
	for b.Loop() {
		objects := mask.Measure(side, side, s.Spans, row)
		if err := mask.Intensities(b.Context(), objects, s.Spans, samples); err != nil {
			b.Fatal(err)
		}
	}
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &after))
	b.ReportMetric(float64(len(s.Objects)), "objects")
	b.ReportMetric(float64(after.Utime.Nano()+after.Stime.Nano()-before.Utime.Nano()-before.Stime.Nano())/1e9/float64(b.N), "core-s/op")
}

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// ready is a picture of two channels whose rows are all the same, and at hand.
type ready struct{ row []float64 }

func (ready) Channels() int { return 2 }

func (r ready) Row(context.Context, int) ([]float64, error) { return r.row, nil }

// BenchmarkObjects1000 finds, outlines and measures the objects of a map; scripts/bench-objects has the times of others for finding them alone.
func BenchmarkObjects1000(b *testing.B) {
	p := thousand()
	var before, after syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &before))
	for b.Loop() {
		if n := mask.Segment(p, mask.Options{Threshold: 0.5, MinArea: 50, DetectHoles: true}).Summary.Count; n != 1024 {
			b.Fatalf("%d objects", n)
		}
	}
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &after))
	b.ReportMetric(float64(after.Utime.Nano()+after.Stime.Nano()-before.Utime.Nano()-before.Stime.Nano())/1e9/float64(b.N), "core-s/op")
}
