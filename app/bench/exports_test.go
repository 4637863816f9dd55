package bench

import (
	"strings"
	"testing"
)

func TestExportsAreMeasured(t *testing.T) {
	e, err := measureExports(t.Context(), 540, 54, 250)
	if err != nil {
		t.Fatal(err)
	}
	if e.GeoJSONObjects != 100 || e.XLSXObjects != 250 || e.GeoJSONBytes < 20_000 || e.XLSXSeconds == 0 {
		t.Errorf("%+v", e)
	}
	if !strings.Contains(e.lines(), "GeoJSON of 100 objects") || !strings.Contains(Exports{Error: "no disk"}.lines(), "no disk") {
		t.Errorf("said as %q", e.lines())
	}
}

// BenchmarkExports logs what the report says of exports, without the rest of the bench.
func BenchmarkExports(b *testing.B) {
	for b.Loop() {
		e, err := measureExports(b.Context(), 8192, 54, 100_000)
		if err != nil {
			b.Fatal(err)
		}
		b.Log(strings.TrimSpace(e.lines()))
	}
}
