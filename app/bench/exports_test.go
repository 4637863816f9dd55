package bench

import (
	"strings"
	"testing"
)

func TestExportsAreMeasured(t *testing.T) {
	e, err := measureExports(t.Context(), 250)
	if err != nil {
		t.Fatal(err)
	}
	if e.GeoJSONObjects != 64 || e.XLSXObjects != 250 || e.GeoJSONBytes < 12_000 || e.XLSXSeconds == 0 {
		t.Errorf("%+v", e)
	}
	if !strings.Contains(e.lines(), "GeoJSON of 64 objects") || !strings.Contains(Exports{Error: "no disk"}.lines(), "no disk") {
		t.Errorf("said as %q", e.lines())
	}
}

// BenchmarkExports logs what the report says of exports, without the rest of the bench.
func BenchmarkExports(b *testing.B) {
	for b.Loop() {
		e, err := measureExports(b.Context(), 100_000)
		if err != nil {
			b.Fatal(err)
		}
		b.Log(strings.TrimSpace(e.lines()))
	}
}
