package bench

import (
	"math"
	"strings"
	"testing"
)

func TestAGaugeIsFoundAmongOthers(t *testing.T) {
	const metrics = "# HELP go_goroutines Number\n# TYPE go_goroutines gauge\ngo_goroutines_created 9\ngo_goroutines 42\n"
	if n, err := gaugeIn(strings.NewReader(metrics), "go_goroutines"); n != 42 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := gaugeIn(strings.NewReader(metrics), "go_threads"); err == nil {
		t.Error("a gauge that is not there was found")
	}
}

func TestGrowthIsAPartOfWhatWas(t *testing.T) {
	if got := (Soak{ResidentBefore: 200, ResidentAfter: 210}).Grown(); math.Abs(got-0.05) > 1e-9 {
		t.Errorf("%g", got)
	}
}
