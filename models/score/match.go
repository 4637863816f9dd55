package score

import "fmt"

// MinIoU is the least IoU at which objects can be matched, see Matching.At.
const MinIoU = 0.5

// Matching pairs the objects of two pictures.
type Matching struct {
	found, truth int       // objects of each
	ious         []float64 // of the pairs above MinIoU
}

// Match pairs the objects that share more than half of their union. Objects of one picture do not overlap,
// and such a pair shares more than half of either object; so none is in two pairs, and no order of matching
// has to be chosen. It panics when the pictures differ in size.
func Match(found, truth Labels) Matching {
	mustAgree(found, truth)
	areasFound, areasTruth := map[int32]int{}, map[int32]int{}
	shared := map[[2]int32]int{}
	for begin := 0; begin < len(found.IDs); {
		// Neighbours mostly have the same labels: each run is looked up once.
		f, t, end := found.IDs[begin], truth.IDs[begin], begin+1
		for end < len(found.IDs) && found.IDs[end] == f && truth.IDs[end] == t {
			end++
		}
		if f != 0 {
			areasFound[f] += end - begin
		}
		if t != 0 {
			areasTruth[t] += end - begin
		}
		if f != 0 && t != 0 {
			shared[[2]int32{f, t}] += end - begin
		}
		begin = end
	}
	m := Matching{found: len(areasFound), truth: len(areasTruth)}
	for pair, both := range shared {
		iou := Overlap{Found: areasFound[pair[0]], Truth: areasTruth[pair[1]], Both: both}.IoU()
		if iou > MinIoU {
			m.ious = append(m.ious, iou)
		}
	}
	return m
}

// At counts as hits the pairs whose IoU is greater than iou, the rule of the 2018 Data Science Bowl
// (J. Caicedo et al., Nucleus segmentation across imaging experiments, Nature Methods 16, 2019). It panics
// below MinIoU, where an object could be hit twice.
func (m Matching) At(iou float64) Counts {
	if !(iou >= MinIoU && iou <= 1) { // NaN fails both
		panic(fmt.Sprintf("score: objects cannot be matched at an IoU of %g", iou))
	}
	hits := 0
	for _, of := range m.ious {
		if of > iou {
			hits++
		}
	}
	return Counts{TP: hits, FP: m.found - hits, FN: m.truth - hits}
}

// Counts are the objects that were found (true positives), made up (false positives) and missed (false
// negatives).
type Counts struct{ TP, FP, FN int }

// F1 is 2TP / (2TP+FP+FN), the harmonic mean of precision and recall.
func (c Counts) F1() float64 { return ratio(2*c.TP, 2*c.TP+c.FP+c.FN) }

// AP is TP / (TP+FP+FN), which the 2018 Data Science Bowl calls the average precision of an image at an
// IoU. It is not the area under a curve of precision that detectors are judged by.
func (c Counts) AP() float64 { return ratio(c.TP, c.TP+c.FP+c.FN) }
