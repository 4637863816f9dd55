package results

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"testing"

	"seghub/models/imageio/tiff/tifftest"
	"seghub/models/mask"
	"seghub/models/mask/correct"
	"seghub/sessions"
	"seghub/storage"
)

func TestWhatAHandHasChangedSaysSo(t *testing.T) {
	k, jobs, _ := newKeeper(t, blobs(60, 50), mask.Options{Threshold: 0.5})
	edit := func(o correct.Operation) (Edited, error) {
		return k.Edit(t.Context(), mySession, myJob, jobs.job.Revision, []correct.Operation{o})
	}
	painted, err := edit(correct.Operation{Kind: correct.Paint, Mode: correct.Add, Polygon: []correct.Vertex{{2, 2}, {30, 2}, {30, 30}, {2, 30}}})
	must(t, err)
	for _, o := range whole(t, k, 0).Objects {
		if want := o.ID == painted.Changed[0].ID; o.Edited != want {
			t.Errorf("object %d is edited: %t", o.ID, o.Edited)
		}
	}
	for _, revision := range []int{0, 2, 3} {
		if _, err := edit(correct.Operation{Kind: correct.Revert, Revision: revision}); !errors.Is(err, correct.ErrInvalid) {
			t.Errorf("back from revision 2 to %d: %v", revision, err)
		}
	}
}

func TestAnEditOfAnOldRevisionChangesNothing(t *testing.T) {
	k, jobs, store := newKeeper(t, blobs(60, 50), mask.Options{Threshold: 0.5})
	deletion := func(id int) []correct.Operation { return []correct.Operation{{Kind: correct.Delete, IDs: []int{id}}} }
	if _, err := k.Edit(t.Context(), mySession, myJob, 1, deletion(1)); err != nil {
		t.Fatal(err)
	}
	before, err := store.Keys(t.Context(), mySession)
	must(t, err)
	for _, revision := range []int{0, 1, 3} {
		if _, err := k.Edit(t.Context(), mySession, myJob, revision, deletion(2)); !errors.Is(err, sessions.ErrConflict) {
			t.Errorf("an edit of revision %d: %v", revision, err)
		}
	}
	// Somebody else was quicker while this one was being made.
	jobs.lose = sessions.ErrConflict
	if _, err := k.Edit(t.Context(), mySession, myJob, 2, deletion(2)); !errors.Is(err, sessions.ErrConflict) {
		t.Errorf("an edit that lost: %v", err)
	}
	after, err := store.Keys(t.Context(), mySession)
	must(t, err)
	if !slices.Equal(before, after) {
		t.Errorf("what lost left blobs behind: %v, before %v", after, before)
	}
	// Where nobody knows what became of it, its blobs stay: it may be the newest.
	jobs.lose = sessions.ErrUnavailable
	if _, err := k.Edit(t.Context(), mySession, myJob, 2, deletion(2)); !errors.Is(err, sessions.ErrUnavailable) {
		t.Errorf("an edit in doubt: %v", err)
	}
	if left, err := store.Keys(t.Context(), mySession); err != nil || len(left) != len(before)+2 {
		t.Errorf("%d blobs after an edit in doubt, %d before, %v", len(left), len(before), err)
	}
}

// TestEditsOfWholeObjectsNeedNoPicture takes the picture away before it merges, deletes and reverts.
func TestEditsOfWholeObjectsNeedNoPicture(t *testing.T) {
	p := mask.Probability{Width: 60, Height: 30, Pix: make([]uint8, 60*30)}
	for y := 5; y < 15; y++ {
		for x := 5; x < 15; x++ {
			p.Pix[y*60+x], p.Pix[y*60+x+25] = 200, 220
		}
	}
	k, jobs, store := newKeeper(t, p, mask.Options{Threshold: 0.5})
	edit := func(o correct.Operation) error {
		_, err := k.Edit(t.Context(), mySession, myJob, jobs.job.Revision, []correct.Operation{o})
		return err
	}
	must(t, edit(correct.Operation{Kind: correct.Paint, Mode: correct.Add, Polygon: []correct.Vertex{{15, 5}, {20, 5}, {20, 15}, {15, 15}}}))
	picture, err := store.Read(t.Context(), storage.ImageKey(mySession, myImage))
	must(t, err)
	must(t, store.Delete(t.Context(), storage.ImageKey(mySession, myImage)))
	must(t, edit(correct.Operation{Kind: correct.Merge, IDs: []int{1, 3}}))
	must(t, edit(correct.Operation{Kind: correct.Delete, IDs: []int{1, 2}}))
	must(t, edit(correct.Operation{Kind: correct.Revert, Revision: 1}))
	must(t, edit(correct.Operation{Kind: correct.Revert, Revision: 3}))
	id := 2
	erasure := correct.Operation{Kind: correct.Paint, ID: &id, Mode: correct.Erase, Stroke: []correct.Vertex{{30, 5}}, Radius: 2}
	if err := edit(erasure); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("an erasure without the picture: %v", err)
	}
	must(t, store.Write(t.Context(), storage.ImageKey(mySession, myImage), picture))
	for revision := range jobs.job.Revision {
		whole(t, k, revision+1)
	}
}

// TestAMergerOfPixelsWithoutNumbers has a picture half of whose first object is not a number, as the ground of a picture of ratios is.
func TestAMergerOfPixelsWithoutNumbers(t *testing.T) {
	p := mask.Probability{Width: 40, Height: 20, Pix: make([]uint8, 40*20)}
	var pix []byte
	for i := range p.Pix {
		x, y := i%p.Width, i/p.Width
		if 5 <= y && y < 15 && 5 <= x && x < 15 {
			p.Pix[i] = 200
		}
		v := float32(100 + x + 7*y)
		if y < 10 && x < 12 {
			v = float32(math.NaN())
		}
		pix = binary.LittleEndian.AppendUint32(pix, math.Float32bits(v))
	}
	k, jobs, store := newKeeper(t, p, mask.Options{Threshold: 0.5})
	page := tifftest.Grey(p.Width, p.Height, pix)
	page.Tags = append(slices.DeleteFunc(page.Tags, func(tag tifftest.Tag) bool { return tag.ID == 258 }), tifftest.Shorts(258, 32), tifftest.Shorts(339, 3))
	must(t, store.Write(t.Context(), storage.ImageKey(mySession, myImage), tifftest.File(binary.LittleEndian, false, page)))
	before, err := k.Measure(t.Context(), mySession, myJob, func(*mask.Options) error { return nil }, true)
	must(t, err)
	id := 1
	for _, o := range []correct.Operation{
		{Kind: correct.Split, ID: &id, Line: []correct.Vertex{{4, 10.5}, {16, 10.5}}},
		{Kind: correct.Merge, IDs: []int{1, 2}},
	} {
		_, err := k.Edit(t.Context(), mySession, myJob, jobs.job.Revision, []correct.Operation{o})
		must(t, err)
		whole(t, k, 0)
	}
	if after, err := k.Result(t.Context(), mySession, myJob, 0); err != nil || after.Objects[0].MeanIntensity[0] != before.Objects[0].MeanIntensity[0] {
		t.Errorf("a mean of %v, and %v before it was split and merged, %v", after.Objects[0].MeanIntensity, before.Objects[0].MeanIntensity, err)
	}
}

// BenchmarkEdit8192 edits a picture of 8192 x 8192 pixels with 16,384 objects: such as touch no pixel of it, and such as do.
func BenchmarkEdit8192(b *testing.B) {
	const side, cell = 8192, 64
	p := mask.Probability{Width: side, Height: side, Pix: make([]uint8, side*side)}
	for y := range side {
		for x := range side {
			if dx, dy := x%cell-32, y%cell-32; dx*dx+dy*dy < 24*24 {
				p.Pix[y*side+x] = 200
			}
		}
	}
	k, jobs, _ := newKeeper(b, p, mask.Options{Threshold: 0.5, DetectHoles: true})
	edit := func(b *testing.B, o correct.Operation) {
		_, err := k.Edit(b.Context(), mySession, myJob, jobs.job.Revision, []correct.Operation{o})
		must(b, err)
	}
	at := func(id int) correct.Vertex {
		return correct.Vertex{float64((id-1)%128*cell + 32), float64((id-1)/128*cell + 32)}
	}
	b.Run("erase", func(b *testing.B) {
		for id := 1; b.Loop(); id = id*37%16000 + 1 {
			edit(b, correct.Operation{Kind: correct.Paint, ID: &id, Mode: correct.Erase, Stroke: []correct.Vertex{at(id)}, Radius: 2})
		}
	})
	b.Run("delete and revert", func(b *testing.B) {
		for id := 1; b.Loop(); id = id*37%16000 + 1 {
			edit(b, correct.Operation{Kind: correct.Delete, IDs: []int{id}})
			edit(b, correct.Operation{Kind: correct.Revert, Revision: jobs.job.Revision - 1})
		}
	})
	b.Run("merge", func(b *testing.B) {
		for id := 1; b.Loop(); id = (id + 38) % 16000 {
			b.StopTimer()
			edit(b, correct.Operation{Kind: correct.Paint, ID: &id, Mode: correct.Add, Stroke: []correct.Vertex{at(id), at(id + 1)}, Radius: 3})
			b.StartTimer()
			edit(b, correct.Operation{Kind: correct.Merge, IDs: []int{id, id + 1}})
		}
	})
}
