package correct

import (
	"errors"
	"image"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"seghub/models/mask"
)

// drawing is a label map as text: a letter is an object, A the first; anything else is nothing.
type drawing []string

func (d drawing) Size() image.Point { return image.Pt(len(d[0]), len(d)) }

func (d drawing) all() (spans []mask.Span) {
	for y, row := range d {
		for x := 0; x < len(row); {
			begin := x
			for x < len(row) && row[x] == row[begin] {
				x++
			}
			if c := row[begin]; c >= 'A' && c <= 'Z' {
				spans = append(spans, mask.Span{Y: int32(y), X0: int32(begin), X1: int32(x), ID: int32(c-'A') + 1})
			}
		}
	}
	return spans
}

func (d drawing) Box(id int32) (image.Rectangle, bool) {
	box, is := mask.Boxes(d.all())[id]
	return box, is
}

func (d drawing) Spans(box image.Rectangle) (spans []mask.Span, err error) {
	for _, s := range d.all() {
		if int(s.Y) >= box.Min.Y && int(s.Y) < box.Max.Y {
			spans = append(spans, s)
		}
	}
	return spans, nil
}

func (d drawing) Next() int32 {
	next := int32(1)
	for id := range mask.Boxes(d.all()) {
		next = max(next, id+1)
	}
	return next
}

// after is the drawing with a change.
func (d drawing) after(c Change) drawing {
	other := map[byte]bool{}
	for _, id := range c.Removed {
		other['A'+byte(id-1)] = true
	}
	for _, s := range c.Spans {
		other['A'+byte(s.ID-1)] = true
	}
	rows := make([][]byte, len(d))
	for y, row := range d {
		rows[y] = []byte(row)
		for x, v := range rows[y] {
			if other[v] {
				rows[y][x] = '.'
			}
		}
	}
	for _, s := range c.Spans {
		for x := s.X0; x < s.X1; x++ {
			rows[s.Y][x] = 'A' + byte(s.ID-1)
		}
	}
	out := make(drawing, len(rows))
	for y, row := range rows {
		out[y] = string(row)
	}
	return out
}

func id(n int) *int { return &n }

func square(x0, y0, x1, y1 float64) []Vertex { return []Vertex{{x0, y0}, {x1, y0}, {x1, y1}, {x0, y1}} }

func TestApply(t *testing.T) {
	pair := drawing{
		"..........",
		".AAAABBBB.",
		".AAAABBBB.",
		".AAAABBBB.",
		"........C.",
	}
	for _, c := range []struct {
		name       string
		operations []Operation
		want       drawing
	}{
		{"delete", []Operation{{Kind: Delete, IDs: []int{1, 3}}}, drawing{
			"..........", ".....BBBB.", ".....BBBB.", ".....BBBB.", "..........",
		}},
		{"merge", []Operation{{Kind: Merge, IDs: []int{2, 1}}}, drawing{
			"..........", ".BBBBBBBB.", ".BBBBBBBB.", ".BBBBBBBB.", "........C.",
		}},
		{"split down", []Operation{{Kind: Split, ID: id(1), Line: []Vertex{{3.5, 0.5}, {3.5, 4.5}}}}, drawing{
			"..........", ".AAADBBBB.", ".AAADBBBB.", ".AAADBBBB.", "........C.",
		}[:0]},
		{"paint a new one over nothing and others", []Operation{{Kind: Paint, Mode: Add, Polygon: square(3, 2, 7, 5)}}, drawing{
			"..........", ".AAAABBBB.", ".AAAABBBB.", ".AAAABBBB.", "...DDDD.C.",
		}},
		{"paint more", []Operation{{Kind: Paint, ID: id(1), Mode: Add, Polygon: square(0, 0, 4, 2)}}, drawing{
			"AAAA......", "AAAAABBBB.", ".AAAABBBB.", ".AAAABBBB.", "........C.",
		}},
		{"a stroke", []Operation{{Kind: Paint, ID: id(3), Mode: Add, Stroke: []Vertex{{9.5, 4.5}, {9.5, 1.5}}, Radius: 0.4}}, drawing{
			"..........", ".AAAABBBBC", ".AAAABBBBC", ".AAAABBBBC", "........CC",
		}},
		{"erase a corner", []Operation{{Kind: Paint, ID: id(2), Mode: Erase, Polygon: square(7, 0, 10, 2)}}, drawing{
			"..........", ".AAAABB...", ".AAAABBBB.", ".AAAABBBB.", "........C.",
		}},
		{"erase an end", []Operation{{Kind: Paint, ID: id(2), Mode: Erase, Polygon: square(8, 0, 10, 4)}}, drawing{
			"..........", ".AAAABBB..", ".AAAABBB..", ".AAAABBB..", "........C.",
		}},
		{"paint more, and beyond another", []Operation{{Kind: Paint, ID: id(3), Mode: Add, Stroke: []Vertex{{7.5, 0.5}, {7.5, 4.5}}, Radius: 0.4}}, drawing{
			"..........", ".AAAABBBB.", ".AAAABBBB.", ".AAAABBBB.", ".......CC.",
		}},
		{"erase across", []Operation{{Kind: Paint, ID: id(2), Mode: Erase, Polygon: square(7, 0, 8, 9)}}, drawing{
			"..........", ".AAAABB.D.", ".AAAABB.D.", ".AAAABB.D.", "........C.",
		}},
		{"erase all", []Operation{{Kind: Paint, ID: id(3), Mode: Erase, Polygon: square(-5, -5, 50, 50)}}, drawing{
			"..........", ".AAAABBBB.", ".AAAABBBB.", ".AAAABBBB.", "..........",
		}},
		{"one after the other", []Operation{
			{Kind: Merge, IDs: []int{1, 2}},
			{Kind: Merge, IDs: []int{1, 3}},
			{Kind: Paint, Mode: Add, Polygon: square(0, 4, 3, 5)},
			{Kind: Delete, IDs: []int{4}},
		}, drawing{
			"..........", ".AAAAAAAA.", ".AAAAAAAA.", ".AAAAAAAA.", "........A.",
		}},
		{"merge with what was painted", []Operation{{Kind: Paint, Mode: Add, Polygon: square(3, 4, 7, 5)}, {Kind: Merge, IDs: []int{1, 4}}}, drawing{
			"..........", ".AAAABBBB.", ".AAAABBBB.", ".AAAABBBB.", "...AAAA.C.",
		}},
		{"paint where another was", []Operation{
			{Kind: Paint, ID: id(2), Mode: Erase, Polygon: square(7, 0, 10, 4)},
			{Kind: Paint, Mode: Add, Polygon: square(6, 1, 9, 3)},
		}, drawing{
			"..........", ".AAAABBDD.", ".AAAABBDD.", ".AAAABB...", "........C.",
		}},
		{"what a line that crosses itself goes round", []Operation{{Kind: Paint, Mode: Add, Polygon: []Vertex{
			{0, 4}, {8, 4}, {8, 5}, {2, 5}, {2, 4}, {6, 4}, {6, 5}, {0, 5}}}}, drawing{
			"..........", ".AAAABBBB.", ".AAAABBBB.", ".AAAABBBB.", "DDDDDDDDC.",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			change, err := Apply(pair, c.operations, 1)
			if err != nil {
				t.Fatal(err)
			}
			got := pair.after(change)
			check(t, pair, got, change)
			if len(c.want) == 0 { // a line is its neighbours': either may have it
				all := strings.Join(got, "")
				if count := strings.Count(all, "D"); count < 3 || count > 6 || count+strings.Count(all, "A") != 12 {
					t.Errorf("split into\n%s", strings.Join(got, "\n"))
				}
				return
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

// Who splits wants both parts; what an erasure leaves over beside the largest part may be dirt.
func TestTheLeastAreaIsThatOfWhatAnErasureLeaves(t *testing.T) {
	m := drawing{"AAAAA", "AAAAA", "AAAAA"}
	for _, c := range []struct {
		operation Operation
		want      int // objects
	}{
		{Operation{Kind: Paint, ID: id(1), Mode: Erase, Polygon: square(3, 0, 4, 3)}, 1},
		{Operation{Kind: Split, ID: id(1), Line: []Vertex{{3.5, -0.5}, {3.5, 3.5}}}, 2},
	} {
		change, err := Apply(m, []Operation{c.operation}, 7)
		if n := len(mask.Boxes(m.after(change).all())); err != nil || n != c.want {
			t.Errorf("%s leaves %d objects, want %d: %v", c.operation.Kind, n, c.want, err)
		}
	}
}

// tall is a drawing of more rows than it has.
type tall struct{ drawing }

func (tall) Size() image.Point { return image.Pt(6, 1000) }

func TestApplyRefuses(t *testing.T) {
	m := drawing{"AAA..B", "AAA..B", "AAA..B"}
	many := make([]Vertex, 100_000)
	zigzag := make([]Vertex, MaxPoints)
	for i := range zigzag {
		zigzag[i] = Vertex{float64(i % 6), float64(i%2) * 1e8}
	}
	for name, o := range map[string]Operation{
		"an object that is not there":    {Kind: Delete, IDs: []int{7}},
		"object 0":                       {Kind: Delete, IDs: []int{0}},
		"an id beyond all":               {Kind: Delete, IDs: []int{math.MaxInt}},
		"nothing to delete":              {Kind: Delete},
		"the same twice":                 {Kind: Merge, IDs: []int{1, 1}},
		"a merge of one":                 {Kind: Merge, IDs: []int{1}},
		"a merge across a gap":           {Kind: Merge, IDs: []int{1, 2}},
		"a split of nothing":             {Kind: Split, Line: []Vertex{{0, 0}, {1, 1}}},
		"a line that does not cross":     {Kind: Split, ID: id(1), Line: []Vertex{{1.5, 0}, {1.5, 1.5}}},
		"a line that passes by":          {Kind: Split, ID: id(1), Line: []Vertex{{4, 0}, {4, 9}}},
		"a line along the edge":          {Kind: Split, ID: id(1), Line: []Vertex{{0.5, -1}, {0.5, 9}}},
		"a line round a corner's pixel":  {Kind: Split, ID: id(1), Line: []Vertex{{1.5, 0.5}, {0.5, 1.5}}},
		"a line of one point":            {Kind: Split, ID: id(1), Line: []Vertex{{0, 0}}},
		"100,000 points":                 {Kind: Paint, Mode: Add, Polygon: many},
		"a polygon of two points":        {Kind: Paint, Mode: Add, Polygon: many[:2]},
		"a polygon outside":              {Kind: Paint, Mode: Add, Polygon: square(10, 10, 20, 20)},
		"a polygon of others' pixels":    {Kind: Paint, Mode: Add, Polygon: square(0, 0, 3, 3)},
		"a polygon that does not touch":  {Kind: Paint, ID: id(2), Mode: Add, Polygon: square(3, 0, 4, 3)},
		"both shapes":                    {Kind: Paint, Mode: Add, Polygon: square(3, 0, 4, 3), Stroke: many[:3], Radius: 1},
		"a stroke without radius":        {Kind: Paint, Mode: Add, Stroke: many[:3]},
		"a stroke that is too wide":      {Kind: Paint, Mode: Add, Stroke: many[:3], Radius: 1e6},
		"a place beyond all":             {Kind: Paint, Mode: Add, Polygon: square(0, 0, 1e300, 1e300)},
		"an erasure of nothing":          {Kind: Paint, ID: id(2), Mode: Erase, Polygon: square(0, 0, 3, 3)},
		"an erasure of nobody":           {Kind: Paint, Mode: Erase, Polygon: square(0, 0, 3, 3)},
		"a mode that there is not":       {Kind: Paint, Mode: "smear", Polygon: square(3, 0, 4, 3)},
		"an operation that there is not": {Kind: "enhance"},
	} {
		t.Run(name, func(t *testing.T) {
			change, err := Apply(m, []Operation{o}, 1)
			if !errors.Is(err, ErrInvalid) || len(change.Spans)+len(change.Removed) > 0 {
				t.Errorf("changed %+v, %v", change, err)
			}
		})
	}
	if _, err := Apply(m, []Operation{{Kind: Delete, IDs: []int{1}}, {Kind: Delete, IDs: []int{1}}}, 1); !errors.Is(err, ErrInvalid) {
		t.Errorf("what an operation deleted, the next one does not know: %v", err)
	}
	if _, err := Apply(m, nil, 1); !errors.Is(err, ErrInvalid) {
		t.Errorf("no operations: %v", err)
	}
	if _, err := Apply(tall{m}, []Operation{{Kind: Paint, Mode: Add, Polygon: zigzag}}, 1); err == nil || !strings.Contains(err.Error(), "too intricate") {
		t.Errorf("a polygon of ten million rows: %v", err)
	}
	if _, err := Apply(m, []Operation{{Kind: Split, ID: id(1), Line: zigzag}}, 1); err != nil && !errors.Is(err, ErrInvalid) {
		t.Errorf("a line to and fro far outside: %v", err)
	}
}

// TestApplyKeepsObjectsWhole wants of any edit of any map that objects stay edge-connected, that none takes another's pixels, and that
// what is not named stays as it was.
func TestApplyKeepsObjectsWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := anyDrawing(t)
		ids := slices.Sorted(maps.Keys(mask.Boxes(m.all())))
		if len(ids) == 0 {
			return
		}
		anyID := rapid.SampledFrom(ids)
		place := rapid.Custom(func(t *rapid.T) Vertex {
			return Vertex{rapid.Float64Range(-2, 14).Draw(t, "x"), rapid.Float64Range(-2, 10).Draw(t, "y")}
		})
		anyOperation := rapid.Custom(func(t *rapid.T) Operation {
			one := int(anyID.Draw(t, "id"))
			switch rapid.IntRange(0, 5).Draw(t, "kind") {
			case 0:
				return Operation{Kind: Delete, IDs: []int{one}}
			case 1:
				return Operation{Kind: Merge, IDs: []int{one, int(anyID.Draw(t, "other"))}}
			case 2:
				return Operation{Kind: Split, ID: &one, Line: rapid.SliceOfN(place, 2, 4).Draw(t, "line")}
			case 3:
				return Operation{Kind: Paint, Mode: Add, Polygon: rapid.SliceOfN(place, 3, 6).Draw(t, "polygon")}
			case 4:
				return Operation{Kind: Paint, ID: &one, Mode: Erase, Stroke: rapid.SliceOfN(place, 1, 3).Draw(t, "stroke"), Radius: rapid.Float64Range(0.1, 3).Draw(t, "radius")}
			}
			return Operation{Kind: Paint, ID: &one, Mode: Add, Polygon: rapid.SliceOfN(place, 3, 6).Draw(t, "polygon")}
		})
		change, err := Apply(m, rapid.SliceOfN(anyOperation, 1, 3).Draw(t, "operations"), rapid.IntRange(0, 4).Draw(t, "min_area"))
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Fatal(err)
			}
			return
		}
		check(t, m, m.after(change), change)
	})
}

// anyDrawing draws objects that are edge-connected and touch each other often.
func anyDrawing(t *rapid.T) drawing {
	pix := rapid.SliceOfN(rapid.SampledFrom([]uint8{0, 255, 255}), 12*8, 12*8).Draw(t, "pix")
	s := mask.Segment(mask.Probability{Width: 12, Height: 8, Pix: pix}, mask.Options{Threshold: 0.5, DetectHoles: true, SplitTouching: true})
	empty := make(drawing, 8)
	for y := range empty {
		empty[y] = strings.Repeat(".", 12)
	}
	kept := s.Spans[:0]
	for _, span := range s.Spans {
		if span.ID <= 20 { // there are no more letters
			kept = append(kept, span)
		}
	}
	return empty.after(Change{Spans: kept})
}

// check holds what became of a map against what any edit promises.
func check(t interface{ Errorf(string, ...any) }, before, after drawing, c Change) {
	counted := 0
	for _, row := range after {
		for _, v := range row {
			if v != '.' {
				counted++
			}
		}
	}
	claimed := 0
	for _, s := range after.all() {
		claimed += int(s.X1 - s.X0)
	}
	for id, of := range c.Of {
		for y := range before {
			for x := range before[y] {
				if was, is := slices.Contains(of, int32(before[y][x]-'A')+1), after[y][x] == 'A'+byte(id-1); was != is {
					t.Errorf("object %d is not all of objects %v", id, of)
				}
			}
		}
	}
	boxes := mask.Boxes(c.Spans)
	for _, id := range c.Removed {
		if _, was := before.Box(id); !was {
			t.Errorf("object %d was removed, and never there", id)
		}
	}
	pixels := 0
	for _, s := range before.all() {
		if _, changed := boxes[s.ID]; changed || slices.Contains(c.Removed, s.ID) {
			pixels += int(s.X1 - s.X0)
		}
	}
	if c.Before != pixels {
		t.Errorf("what was changed had %d pixels, it says %d", pixels, c.Before)
	}
	for i, s := range c.Spans {
		if i > 0 && (s.Y < c.Spans[i-1].Y || s.Y == c.Spans[i-1].Y && s.X0 < c.Spans[i-1].X1) {
			t.Errorf("spans %+v and %+v overlap or are in no order", c.Spans[i-1], s)
		}
	}
	for id, box := range mask.Boxes(after.all()) {
		r := newRegion(box)
		for _, s := range after.all() {
			if s.ID == id {
				r.draw(int(s.Y), int(s.X0), int(s.X1), 1)
			}
		}
		if parts := r.parts(); len(parts) != 1 {
			t.Errorf("object %d is in %d parts", id, len(parts))
		}
		if _, changed := boxes[id]; changed && id >= c.Next {
			t.Errorf("object %d is not below the next id %d", id, c.Next)
		}
	}
	for y, row := range after {
		for x := range row {
			if row[x] != before[y][x] && !image.Pt(x, y).In(c.Box) {
				t.Errorf("pixel %d,%d changed outside %v", x, y, c.Box)
			}
		}
	}
	if counted != claimed {
		t.Errorf("%d pixels of %d", claimed, counted)
	}
}
