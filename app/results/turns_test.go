package results

import (
	"io"
	"testing"

	"seghub/models/mask"
	"seghub/models/mask/correct"
	"seghub/storage"
)

// TestAnExportWaitsForNoTurn has others measure, who may wait for the memory that the export holds.
func TestAnExportWaitsForNoTurn(t *testing.T) {
	k, jobs, store := newKeeper(t, blobs(60, 50), mask.Options{Threshold: 0.5})
	sizes := map[int64]bool{}
	for _, name := range []string{storage.ResultKey(mySession, myJob), "measured"} {
		if name == "measured" {
			_, err := k.Measure(t.Context(), mySession, myJob, func(o *mask.Options) error { o.Threshold = 0.8; return nil }, true)
			must(t, err)
			name = storage.RevisionKey(mySession, myJob, jobs.job.Content+".result")
		}
		stored, err := store.Read(t.Context(), name)
		must(t, err)
		size, err := k.Size(t.Context(), mySession, jobs.job)
		must(t, err)
		if size != int64(len(stored)) {
			t.Errorf("%s has %d bytes, not %d", name, len(stored), size)
		}
		sizes[size] = true
	}
	if len(sizes) != 2 {
		t.Error("both are as large")
	}
	for range mapsAtOnce {
		over, err := k.turn(t.Context())
		must(t, err)
		defer over()
	}
	picture, err := k.Picture(t.Context(), mySession, jobs.job)
	must(t, err)
	must(t, picture.Mask(t.Context(), io.Discard))
}

// TestGoingBackTakesATurnWhereItReadsAllOfAResult goes back behind a stroke, and behind a new threshold.
func TestGoingBackTakesATurnWhereItReadsAllOfAResult(t *testing.T) {
	k, jobs, _ := newKeeper(t, blobs(60, 50), mask.Options{Threshold: 0.5})
	_, err := k.Measure(t.Context(), mySession, myJob, func(o *mask.Options) error { o.Threshold = 0.8; return nil }, true)
	must(t, err)
	edit := func(o correct.Operation) error {
		_, err := k.Edit(t.Context(), mySession, myJob, jobs.job.Revision, []correct.Operation{o})
		return err
	}
	must(t, edit(correct.Operation{Kind: correct.Paint, Mode: correct.Add, Polygon: []correct.Vertex{{2, 2}, {30, 2}, {30, 30}, {2, 30}}}))
	k.turns = make(chan struct{}) // whoever takes a turn meets the test
	for want, revision := range []int{2, 1} {
		ended := make(chan error)
		go func() { ended <- edit(correct.Operation{Kind: correct.Revert, Revision: revision}) }()
		taken := 0
		for running := true; running; {
			select {
			case <-k.turns:
				taken++
				k.turns <- struct{}{} // it is over
			case err := <-ended:
				must(t, err)
				running = false
			}
		}
		if taken != want {
			t.Errorf("%d turns to go back to revision %d, not %d", taken, revision, want)
		}
	}
}
