package tune

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"seghub/models"
)

// WriteHead writes the head of the table.
func WriteHead(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%-16s %7s %4s %9s %9s %9s %9s\n", "model", "workers", "N", "images/s", "p50 ms", "p95 ms", "peak MiB")
	return err
}

// WritePoints writes a row a point; a star stands where the batch table has its N from.
func WritePoints(w io.Writer, points []Point) error {
	rows := Rows(points)
	var t strings.Builder
	for i, p := range points {
		if i > 0 && p.Workers != points[i-1].Workers {
			t.WriteByte('\n')
		}
		head := fmt.Sprintf("%-16s %7d %4d", p.Model, p.Workers, p.N)
		if p.OutOfMemory {
			fmt.Fprintf(&t, "%s out of memory\n", head)
			continue
		}
		mark, peak := "", "-"
		if slices.ContainsFunc(rows[p.Model], func(r models.BatchRow) bool { return r.ConcurrentUsers == p.Workers && r.Optimal == p.N }) {
			mark = " *"
		}
		if p.PeakBytes > 0 {
			peak = fmt.Sprint(p.PeakBytes >> 20)
		}
		fmt.Fprintf(&t, "%s %9.2f %9.1f %9.1f %9s%s\n", head, p.PerSecond, p.P50.Seconds()*1000, p.P95.Seconds()*1000, peak, mark)
	}
	t.WriteByte('\n')
	_, err := io.WriteString(w, t.String())
	return err
}

// WriteRows says what the workers will go by.
func WriteRows(w io.Writer, rows map[string][]models.BatchRow) error {
	var t strings.Builder
	t.WriteString("Rows a run, and the most that fit, on so many workers:\n")
	for _, id := range slices.Sorted(maps.Keys(rows)) {
		fmt.Fprintf(&t, "%-16s", id)
		alone := true // one row is best though more would fit
		for _, r := range rows[id] {
			fmt.Fprintf(&t, "  %d: %d (%d)", r.ConcurrentUsers, r.Optimal, r.MaxSafe)
			alone = alone && r.Optimal == 1 && r.MaxSafe > 1
		}
		if alone {
			t.WriteString("  more than one wins nothing here")
		}
		t.WriteByte('\n')
	}
	_, err := io.WriteString(w, t.String())
	return err
}
