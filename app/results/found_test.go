package results

import (
	"bytes"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"seghub/models/mask"
	"seghub/models/mask/result"
)

// TestFinderFindsAnyOfMany looks objects up in a result that is many times longer than what is read at once, some of them longer too.
func TestFinderFindsAnyOfMany(t *testing.T) {
	r := result.Result{Image: result.Image{Filename: `{"id":7,`}}
	for id := 2; id < 6000; id += 1 + id%3 {
		o := mask.Object{ID: id, Area: id * id}
		if id%500 < 3 {
			o.Polygon = make([]mask.Point, 40_000)
		}
		r.Objects = append(r.Objects, o)
	}
	var file bytes.Buffer
	must(t, r.Write(&file))
	data := file.Bytes()
	rapid.Check(t, func(t *rapid.T) {
		wanted := rapid.SliceOfNDistinct(rapid.SampledFrom(r.Objects), 1, 20, func(o mask.Object) int { return o.ID }).Draw(t, "objects")
		slices.SortFunc(wanted, func(a, b mask.Object) int { return a.ID - b.ID })
		ids := []int32{1}
		for _, o := range wanted {
			ids = append(ids, int32(o.ID))
		}
		f := finder{file: bytes.NewReader(data), size: int64(len(data))}
		must(t, f.find(0, f.size, append(ids, 9000)))
		if !reflect.DeepEqual(f.found, wanted) {
			t.Errorf("found %d of %v", len(f.found), ids)
		}
	})
}
