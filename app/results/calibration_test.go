package results

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"seghub/models/mask"
	"seghub/models/mask/correct"
	"seghub/models/mask/result"
	"seghub/sessions"
)

// TestACalibrationHoldsForAllThatIsKept says the pixel size of a result that has a history.
func TestACalibrationHoldsForAllThatIsKept(t *testing.T) {
	k, jobs, _ := newKeeper(t, blobs(60, 150), mask.Options{Threshold: 0.5})
	calibrate := func(size *float64) {
		jobs.job.PixelSize, jobs.job.Calibration = size, &sessions.Calibration{PixelSize: size, At: time.Unix(9, 0), By: "Ada"}
	}
	edit := func(o correct.Operation) Edited {
		t.Helper()
		edited, err := k.Edit(t.Context(), mySession, myJob, jobs.job.Revision, []correct.Operation{o})
		must(t, err)
		return edited
	}
	square := []correct.Vertex{{2, 2}, {30, 2}, {30, 30}, {2, 30}}
	edit(correct.Operation{Kind: correct.Paint, Mode: correct.Add, Polygon: square})
	edit(correct.Operation{Kind: correct.Delete, IDs: []int{whole(t, k, 0).Objects[0].ID}})
	for _, size := range []*float64{new(0.5), new(0.25), nil} {
		calibrate(size)
		before := jobs.job.Revision
		for revision := range before {
			if r := whole(t, k, revision+1); !reflect.DeepEqual(r.Image.PixelSize, size) {
				t.Errorf("revision %d is of pixels of %v", revision+1, r.Image.PixelSize)
			}
		}
		now := whole(t, k, 0)
		largest := slices.MaxFunc(now.Objects, func(a, b mask.Object) int { return a.Area - b.Area })
		corner := largest.Polygon[0]
		erased := edit(correct.Operation{Kind: correct.Paint, Mode: correct.Erase, ID: &largest.ID, Radius: 2,
			Stroke: []correct.Vertex{{float64(corner[0]), float64(corner[1])}}})
		follows(t, now, whole(t, k, 0), erased)
		now = whole(t, k, 0)
		back := edit(correct.Operation{Kind: correct.Revert, Revision: 2})
		follows(t, now, whole(t, k, 0), back)
		measured, err := k.Measure(t.Context(), mySession, myJob, func(*mask.Options) error { return nil }, false)
		must(t, err)
		if of := measured.Objects[0].Calibrated; (of != nil) != (size != nil) {
			t.Errorf("of pixels of %v an object measures %+v", size, of)
		}
		picture, err := k.Picture(t.Context(), mySession, jobs.job)
		must(t, err)
		for what, of := range map[string]result.Image{"measured": measured.Image, "exported": picture.Image} {
			if !reflect.DeepEqual(of.PixelSize, size) {
				t.Errorf("%s are pixels of %v", what, of.PixelSize)
			}
		}
		want := &result.Calibration{PixelSize: size, At: time.Unix(9, 0), Session: "Ada"}
		if r := picture.Receipt; !reflect.DeepEqual(r.Calibration, want) || !reflect.DeepEqual(r.Image.PixelSize, size) {
			t.Errorf("the receipt says %+v of pixels of %v", r.Calibration, r.Image.PixelSize)
		}
		edit(correct.Operation{Kind: correct.Revert, Revision: before})
	}
}
