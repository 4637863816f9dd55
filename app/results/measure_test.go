package results

import (
	"testing"

	"seghub/models/mask"
)

func BenchmarkMeasure1024(b *testing.B) {
	k, _, _ := newKeeper(b, blobs(1024, 1024), mask.Options{Threshold: 0.5, DetectHoles: true})
	for b.Loop() {
		split := func(o *mask.Options) error { o.SplitTouching = true; return nil }
		if _, err := k.Measure(b.Context(), mySession, myJob, split, false); err != nil {
			b.Fatal(err)
		}
	}
}
