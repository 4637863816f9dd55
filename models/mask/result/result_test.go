package result_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"seghub/models/mask"
	"seghub/models/mask/result"
)

// What is written object by object is what encoding/json makes of the whole.
func TestWriteIsTheJSON(t *testing.T) {
	objects := mask.Segment(mask.Probability{Width: 5, Height: 1, Pix: []uint8{255, 0, 255, 0, 255}}, mask.Options{Threshold: 0.5}).Objects
	for n := range len(objects) + 1 {
		r := result.Result{Job: "<j>", Options: mask.Options{Threshold: 0.5}, Objects: objects[:n], Summary: mask.Summary{Count: n}}
		want, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		if err := r.Write(&got); err != nil || !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%d objects: %v\n got %s\nwant %s", n, err, got.Bytes(), want)
		}
	}
}
