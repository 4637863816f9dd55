package score_test

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"seghub/models/mask"
	"seghub/models/mask/masktest"
	"seghub/models/score"
)

// row is a picture one pixel high.
func row(ids ...int32) score.Labels { return score.Labels{Width: len(ids), Height: 1, IDs: ids} }

func TestScores(t *testing.T) {
	cases := []struct {
		name              string
		found, truth      score.Labels
		dice, iou, f1, ap float64 // F1 and AP at an IoU of 0.5
	}{
		{"no pixel", row(), row(), 1, 1, 1, 1},
		{"both empty", row(0, 0), row(0, 0), 1, 1, 1, 1},
		{"nothing found", row(0, 0), row(0, 1), 0, 0, 0, 0},
		{"nothing there", row(0, 1), row(0, 0), 0, 0, 0, 0},
		{"the same under other numbers", row(7, 7, 0, 2), row(1, 1, 0, 9), 1, 1, 1, 1},
		{"side by side", row(1, 1, 0, 0), row(0, 0, 1, 1), 0, 0, 0, 0},
		{"half of the union is no hit", row(1, 0), row(1, 1), 2. / 3, 1. / 2, 0, 0},
		{"two thirds of the union are", row(1, 1, 0), row(1, 1, 1), 4. / 5, 2. / 3, 1, 1},
		{"two merged into one", row(1, 1, 1, 1), row(1, 1, 2, 2), 1, 1, 0, 0},
		{"a merger that is mostly one of them", row(1, 1, 1, 1), row(1, 1, 1, 2), 1, 1, 2. / 3, 1. / 2},
		{"one cut in two", row(1, 1, 1, 2), row(5, 5, 5, 5), 1, 1, 2. / 3, 1. / 2},
		{"one hit, one made up, one missed", row(1, 1, 0, 2, 0), row(1, 1, 0, 0, 2), 4. / 6, 2. / 4, 1. / 2, 1. / 3},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			overlap, counts := score.Compare(c.found, c.truth), score.Match(c.found, c.truth).At(0.5)
			got := []float64{overlap.Dice(), overlap.IoU(), counts.F1(), counts.AP()}
			for i, want := range []float64{c.dice, c.iou, c.f1, c.ap} {
				if math.Abs(got[i]-want) > 1e-12 {
					t.Errorf("%s is %g, want %g", []string{"Dice", "IoU", "F1", "AP"}[i], got[i], want)
				}
			}
		})
	}
}

func TestAHitMustBeAboveTheIoU(t *testing.T) {
	m := score.Match(row(1, 1, 1, 0), row(1, 1, 1, 1)) // an IoU of exactly 0.75
	for iou, want := range map[float64]score.Counts{0.5: {TP: 1}, 0.74: {TP: 1}, 0.75: {FP: 1, FN: 1}, 1: {FP: 1, FN: 1}} {
		if got := m.At(iou); got != want {
			t.Errorf("at %g: %+v, want %+v", iou, got, want)
		}
	}
}

func TestMisuseIsSaidAtOnce(t *testing.T) {
	for name, misuse := range map[string]func(){
		"compared at two sizes": func() { score.Compare(row(1), row(1, 1)) },
		"matched at two sizes":  func() { score.Match(row(1), row(1, 1)) },
		"labels are missing":    func() { score.Compare(score.Labels{Width: 2, Height: 1}, row(1, 1)) },
		"an IoU below a half":   func() { score.Match(row(1), row(1)).At(0.49) },
		"an IoU above one":      func() { score.Match(row(1), row(1)).At(1.01) },
		"an IoU of NaN":         func() { score.Match(row(1), row(1)).At(math.NaN()) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			misuse()
		})
	}
}

// anyPair draws two pictures of few objects, the second much like the first, so that hits are frequent.
func anyPair(t *rapid.T) (found, truth score.Labels) {
	truth = score.Labels{Width: rapid.IntRange(1, 8).Draw(t, "width"), Height: rapid.IntRange(1, 8).Draw(t, "height")}
	n := truth.Width * truth.Height
	truth.IDs = rapid.SliceOfN(rapid.SampledFrom([]int32{0, 1, 2, 9}), n, n).Draw(t, "truth")
	found = truth
	found.IDs = slices.Clone(truth.IDs)
	for range rapid.IntRange(0, n).Draw(t, "changes") {
		found.IDs[rapid.IntRange(0, n-1).Draw(t, "pixel")] = rapid.SampledFrom([]int32{0, 1, 2, 30}).Draw(t, "id")
	}
	return found, truth
}

func TestScoresAgreeWithCountingSets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		found, truth := anyPair(t)
		iou := rapid.SampledFrom([]float64{0.5, 0.6, 0.75, 0.9}).Draw(t, "iou")

		overlap := score.Compare(found, truth)
		all := func(id int32) bool { return id != 0 }
		if got, want := overlap.IoU(), iouOf(found, truth, all, all); math.Abs(got-want) > 1e-12 {
			t.Errorf("IoU is %g, want %g", got, want)
		}
		// Dice and IoU are two faces of one number.
		if got, want := overlap.Dice(), 2*overlap.IoU()/(1+overlap.IoU()); math.Abs(got-want) > 1e-12 {
			t.Errorf("Dice is %g, by the IoU it is %g", got, want)
		}
		if got, want := score.Match(found, truth).At(iou), hits(found, truth, iou); got != want {
			t.Errorf("at %g: %+v, want %+v", iou, got, want)
		}
	})
}

// hits compares every object with every other.
func hits(found, truth score.Labels, iou float64) score.Counts {
	var c score.Counts
	missed := objects(truth)
	for _, f := range objects(found) {
		isHit := false
		for i, t := range missed {
			of := iouOf(found, truth, func(id int32) bool { return id == f }, func(id int32) bool { return id == t })
			if of > iou {
				isHit = true
				missed = slices.Delete(missed, i, i+1)
				break
			}
		}
		if isHit {
			c.TP++
		} else {
			c.FP++
		}
	}
	c.FN = len(missed)
	return c
}

// objects returns the numbers that occur, but 0.
func objects(l score.Labels) []int32 {
	ids := slices.Clone(l.IDs)
	slices.Sort(ids)
	return slices.DeleteFunc(slices.Compact(ids), func(id int32) bool { return id == 0 })
}

// iouOf takes for the two sets the pixels that isFound and isTrue say.
func iouOf(found, truth score.Labels, isFound, isTrue func(id int32) bool) float64 {
	both, either := 0, 0
	for i := range found.IDs {
		f, t := isFound(found.IDs[i]), isTrue(truth.IDs[i])
		if f && t {
			both++
		}
		if f || t {
			either++
		}
	}
	if either == 0 {
		return 1
	}
	return float64(both) / float64(either)
}

func TestScoresHoldTheirOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		found, truth := anyPair(t)
		m := score.Match(found, truth)
		before := m.At(score.MinIoU)
		for _, iou := range []float64{0.6, 0.75, 0.9, 1} {
			c := m.At(iou)
			if c.TP > before.TP || c.TP+c.FP != before.TP+before.FP || c.TP+c.FN != before.TP+before.FN {
				t.Errorf("at %g: %+v after %+v", iou, c, before)
			}
			before = c
			if c.AP() < 0 || c.AP() > c.F1() || c.F1() > 1 {
				t.Errorf("%+v has an AP of %g and an F1 of %g", c, c.AP(), c.F1())
			}
		}
		// Who is called the truth does not matter to any score.
		swapped := score.Match(truth, found).At(0.5)
		if c := m.At(0.5); swapped.TP != c.TP || swapped.FP != c.FN || swapped.FN != c.FP {
			t.Errorf("%+v, the other way round %+v", c, swapped)
		}
	})
}

func TestLabelsOfDrawsEveryObject(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := mask.Probability{Width: rapid.IntRange(1, 14).Draw(t, "width"), Height: rapid.IntRange(1, 14).Draw(t, "height")}
		n := p.Width * p.Height
		p.Pix = rapid.SliceOfN(rapid.SampledFrom([]uint8{0, 255, 255}), n, n).Draw(t, "pix")
		s := mask.Segment(p, mask.Options{
			Threshold:     0.5,
			MinArea:       rapid.IntRange(0, 3).Draw(t, "min_area"),
			DetectHoles:   rapid.Bool().Draw(t, "detect_holes"),
			SplitTouching: rapid.Bool().Draw(t, "split_touching"),
		})

		l := score.LabelsOf(s)

		areas := make([]int, len(s.Objects)+1)
		binary := masktest.Binary(s)
		for i, id := range l.IDs {
			if (id != 0) != (binary[i] != 0) {
				t.Errorf("pixel %d is labelled %d, in the binary mask it is %d", i, id, binary[i])
			}
			areas[id]++
		}
		for _, object := range s.Objects {
			if areas[object.ID] != object.Area {
				t.Errorf("object %d is labelled on %d pixels, its area is %d", object.ID, areas[object.ID], object.Area)
			}
			for y := range l.Height {
				for x := range l.Width {
					outside := x < object.BBox[0] || y < object.BBox[1] || x >= object.BBox[0]+object.BBox[2] || y >= object.BBox[1]+object.BBox[3]
					if outside && l.IDs[y*l.Width+x] == int32(object.ID) {
						t.Errorf("object %d reaches pixel %d,%d, outside its box %v", object.ID, x, y, object.BBox)
					}
				}
			}
		}
	})
}
