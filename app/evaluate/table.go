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
	t.printf("| %-*s | truth         | images | %-*s |  Dice |   IoU | F1@.5 | F1@.7 | AP@.5 | AP@.75 |  ms |\n", t.sets, "set", t.names, "found by")
	t.printf("|-%s-|---------------|-------:|-%s-|------:|------:|------:|------:|------:|-------:|----:|\n", dashes(t.sets), dashes(t.names))
}

func dashes(n int) string { return strings.Repeat("-", n) }

func (t *table) row(s set, m method, of tally) {
	t.printf("| %-*s | %-13s | %6d | %-*s | %.3f | %.3f | %.3f | %.3f | %.3f |  %.3f | %3.0f |\n",
		t.sets, s.name, s.truth, len(of.took), t.names, m.name,
		of.mean(func(s scores) float64 { return s.dice }), of.mean(func(s scores) float64 { return s.iou }),
		of.mean(func(s scores) float64 { return s.f1 }), of.mean(func(s scores) float64 { return s.f1At70 }),
		of.mean(func(s scores) float64 { return s.ap50 }), of.mean(func(s scores) float64 { return s.ap75 }), median(of.took))
}

// parts writes how the methods did on each part of the nuclei, which are by method in tallies.
func (t *table) parts(methods []method, tallies []tally) {
	t.printf("\n| nuclei         | images | %-*s |  Dice | F1@.5 | F1@.7 | AP@.5 |\n", t.names, "found by")
	t.printf("|----------------|-------:|-%s-|------:|------:|------:|------:|\n", dashes(t.names))
	for _, p := range parts {
		for i, m := range methods {
			of := tallies[i].of(p)
			if len(of.took) == 0 {
				continue
			}
			t.printf("| %-14s | %6d | %-*s | %.3f | %.3f | %.3f | %.3f |\n", p.name, len(of.took), t.names, m.name,
				of.mean(func(s scores) float64 { return s.dice }), of.mean(func(s scores) float64 { return s.f1 }),
				of.mean(func(s scores) float64 { return s.f1At70 }), of.mean(func(s scores) float64 { return s.ap50 }))
		}
	}
	t.printf("%s", `
The images of nuclei_val by what they show and by the median diameter of their nuclei. Tissue is what is stained in colours.
`)
}

func (t *table) legend() {
	t.printf("%s", `
Means over the images of a set; training learnt from none of them. nuclei_val is the test part of the same collection
whose other part was learnt from. dic_cells_kept_fields are other fields of the dish that was learnt from, and experts
drew its touching cells as one, so that parting them costs. The pseudo-labels were made by a program and looked at, for
a source that was not learnt from; they are not the truth.

Dice and IoU are those of the foreground. F1 and AP = TP / (TP + FP + FN) are those of objects, hit when their IoU is
above 0.5, 0.7 or 0.75, touching ones parted by what a model tells of them, else by the watershed, and those dropped that
are smaller than a model's own least area. Otsu's threshold goes through the watershed, without a least area;
it takes for objects the side with fewer pixels on the image's border. ms is the median time of an image, from its file
to its objects.
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
