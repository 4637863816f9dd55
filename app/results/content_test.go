package results

import (
	"fmt"
	"reflect"
	"testing"

	"seghub/models/mask"
	"seghub/models/mask/correct"
	"seghub/storage"
)

func TestNamesAreAllThatARevisionRefersTo(t *testing.T) {
	k, jobs, store := newKeeper(t, blobs(60, 150), mask.Options{Threshold: 0.5})
	for id := range 9 {
		_, err := k.Edit(t.Context(), mySession, myJob, jobs.job.Revision, []correct.Operation{{Kind: correct.Delete, IDs: []int{id + 1}}})
		must(t, err)
		if id == 4 {
			_, err := k.Measure(t.Context(), mySession, myJob, func(*mask.Options) error { return nil }, true)
			must(t, err)
		}
	}
	referred := map[string]bool{}
	for _, r := range jobs.revisions {
		for _, name := range Names(r) {
			referred[name] = true
		}
	}
	keys, err := store.Keys(t.Context(), mySession)
	must(t, err)
	for _, key := range keys {
		if name := storage.RevisionOf(key); name != "" && !referred[name] {
			t.Errorf("nothing refers to %s", name)
		}
	}
	if len(referred) != 10+9+2 {
		t.Errorf("%d blobs are referred to", len(referred))
	}
}

// TestARevisionIsReadFromFewBlobs wants the number of changes to grow with the digits of the number of edits.
func TestARevisionIsReadFromFewBlobs(t *testing.T) {
	c := content{base: first}
	covered := 0
	for n := 1; n <= 1000; n++ {
		next, folded := c.followed(fmt.Sprint("E", n))
		for _, l := range folded {
			covered += l.weight
		}
		sum := 0
		for _, l := range next.changes {
			sum += l.weight
		}
		again, err := parseContent(next.String())
		if sum != n || len(next.changes) > 10 || err != nil || !reflect.DeepEqual(again, next) {
			t.Fatalf("after %d edits: %v of %d, %v", n, next, sum, err)
		}
		c = next
	}
	if covered > 1000*10 {
		t.Errorf("%d edits were written again in 1000", covered)
	}
}
