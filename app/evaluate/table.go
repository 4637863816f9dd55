package evaluate

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// table writes Markdown that can be read without a renderer too. The first error stays in err and ends it.
type table struct {
	w     io.Writer
	sets  int // width of the column of names of sets
	names int // width of the column of names of methods
	err   error
}

func (t *table) printf(format string, args ...any) {
	if t.err == nil {
		_, t.err = fmt.Fprintf(t.w, format, args...)
	}
}

func (t *table) head(methods []method) {
	for _, s := range sets {
		t.sets = max(t.sets, len(s.name))
	}
	for _, m := range methods {
		t.names = max(t.names, len(m.name))
	}
	t.printf("| %-*s | truth         | images | %-*s |  Dice |   IoU | F1@.5 | AP@.5 | AP@.75 |  ms |\n", t.sets, "set", t.names, "found by")
	t.printf("|-%s-|---------------|-------:|-%s-|------:|------:|------:|------:|-------:|----:|\n", dashes(t.sets), dashes(t.names))
}

func dashes(n int) string { return strings.Repeat("-", n) }

func (t *table) row(s set, m method, of tally) {
	t.printf("| %-*s | %-13s | %6d | %-*s | %.3f | %.3f | %.3f | %.3f |  %.3f | %3.0f |\n",
		t.sets, s.name, s.truth, len(of.took), t.names, m.name,
		mean(of.dice), mean(of.iou), mean(of.f1), mean(of.ap50), mean(of.ap75), median(of.took))
}

func (t *table) legend() {
	t.printf("%s", `
Means over the images of a set, none of which training saw. Dice and IoU are those of the foreground; F1 and
AP, TP/(TP+FP+FN), are those of objects whose IoU is above 0.5 or 0.75, touching ones parted by the watershed.
Otsu's threshold goes through the same watershed; it takes for objects the side that has less of the border.
Experts outlined touching cells of dic_cells as one: there, parting them costs. Pseudo-labels were made by a
program and looked at, so they are no truth. ms is the median from the file to the objects, on this machine.
`)
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

func median(v []float64) float64 {
	sorted := slices.Sorted(slices.Values(v))
	return (sorted[(len(v)-1)/2] + sorted[len(v)/2]) / 2
}
