package mask

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// TestOutlinesAreThoseOfWalkingCrackByCrack holds rings, their order and their lengths against a walk from pixel to pixel.
func TestOutlinesAreThoseOfWalkingCrackByCrack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Probability{Width: rapid.IntRange(1, 14).Draw(t, "width"), Height: rapid.IntRange(1, 10).Draw(t, "height")}
		p.Pix = rapid.SliceOfN(rapid.SampledFrom([]uint8{0, 255, 255}), p.Width*p.Height, p.Width*p.Height).Draw(t, "pix")
		r := scan(p, 128)
		if rapid.Bool().Draw(t, "parted") {
			// Neighbours of other objects, as a split leaves them.
			r = r.valued(func(_, x int) int32 { return int32(1 + x/3) })
		}
		r.connect()
		row := func(y int32) []uint8 { return p.Pix[int(y)*p.Width:] }
		bodies := new(shaper).measure(p.Width, p.Height, r, Options{MinArea: rapid.IntRange(0, 4).Draw(t, "min_area")}, row)

		ids, _ := number(p.Width, p.Height, r, Options{})
		labels := make([]int32, len(p.Pix))
		first := map[int32]Point{}
		for y := range r.height {
			for _, run := range r.list[r.row[y]:r.row[y+1]] {
				for x := run.x0; x < run.x1; x++ {
					labels[y*p.Width+int(x)] = ids[run.parent]
				}
				if _, seen := first[ids[run.parent]]; !seen {
					first[ids[run.parent]] = Point{int(run.x0), y}
				}
			}
		}
		walker := newCrackWalker(p.Width, p.Height, labels)
		area := 0
		for _, got := range bodies {
			id := labels[topLeft(got.Polygon)[1]*p.Width+topLeft(got.Polygon)[0]]
			outer, holes := walker.rings(id, first[id])
			if !reflect.DeepEqual(got.Polygon, outer.corners) || !reflect.DeepEqual(got.Holes, holes) || got.Perimeter != outer.length() {
				t.Errorf("object %d: %v %v of length %v, want %v %v of length %v", got.ID, got.Polygon, got.Holes, got.Perimeter, outer.corners, holes, outer.length())
			}
			area += got.Area
			for _, s := range got.Spans {
				area -= int(s.X1 - s.X0)
			}
		}
		if area != 0 {
			t.Errorf("the spans lack %d pixels", area)
		}
	})
}

func TestScanLooksAtEveryPixel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(1, 40).Draw(t, "width")
		p := Probability{Width: width, Height: 1, Pix: rapid.SliceOfN(rapid.Byte(), width, width).Draw(t, "pix")}
		level := rapid.Byte().Draw(t, "level")
		x := 0
		for i, run := range scan(p, level).list {
			if int(run.x0) != x || run.x1 <= run.x0 || i > 0 && (run.value == 1) == (p.Pix[x-1] >= level) {
				t.Errorf("run %d is %+v", i, run)
			}
			for ; x < int(run.x1); x++ {
				if (p.Pix[x] >= level) != (run.value == 1) {
					t.Errorf("pixel %d of %d is in a run of value %d at level %d", x, p.Pix[x], run.value, level)
				}
			}
		}
		if x != width {
			t.Errorf("the runs end at %d of %d", x, width)
		}
	})
}

// topLeft is the first corner in reading order.
func topLeft(ring []Point) Point {
	best := ring[0]
	for _, p := range ring {
		if p[1] < best[1] || p[1] == best[1] && p[0] < best[0] {
			best = p
		}
	}
	return best
}

// step is where a crack ends, seen from where it begins.
var step = [4]Point{right: {1, 0}, down: {0, 1}, left: {-1, 0}, up: {0, -1}}

// The pixels ahead of a crack's end, on the left and on the right hand, seen from that end.
var (
	aheadLeft  = [4]Point{right: {0, -1}, down: {0, 0}, left: {-1, 0}, up: {-1, -1}}
	aheadRight = [4]Point{right: {0, 0}, down: {-1, 0}, left: {-1, -1}, up: {0, -1}}
)

// crackWalker follows the rings of the objects in a label map.
type crackWalker struct {
	width, height int
	labels        []int32
	walked        []uint64 // bit y*width+x: the upper crack of pixel (x,y) has been walked
}

func newCrackWalker(width, height int, labels []int32) *crackWalker {
	return &crackWalker{width: width, height: height, labels: labels, walked: make([]uint64, (width*height+63)/64)}
}

// rings returns the outer ring and the holes of the object id, whose first pixel in reading order is first.
func (tr *crackWalker) rings(id int32, first Point) (outer ring, holes [][]Point) {
	outer = tr.follow(id, first)
	holes = [][]Point{}
	for i := range tr.labels {
		if tr.labels[i] != id || i >= tr.width && tr.labels[i-tr.width] == id || tr.walked[i/64]>>(i%64)&1 == 1 {
			continue
		}
		holes = append(holes, tr.follow(id, Point{i % tr.width, i / tr.width}).corners)
	}
	return outer, holes
}

// follow walks the ring that passes above the pixel at start, whose upper left corner must be a corner of
// the ring: it is for the first crack in reading order.
func (tr *crackWalker) follow(id int32, start Point) ring {
	var r ring
	at, going := start, right
	for {
		if going == right {
			i := at[1]*tr.width + at[0]
			tr.walked[i/64] |= 1 << (i % 64)
		}
		at[0] += step[going][0]
		at[1] += step[going][1]
		next := tr.turn(id, at, going)
		if next == going {
			r.straight++
		} else {
			r.turns++
			r.corners = append(r.corners, at)
		}
		going = next
		if at == start && going == right {
			return r
		}
	}
}

// turn returns where the ring goes on from the end of a crack. Where two pixels of the object meet at a
// corner only, it turns left and keeps them together, as Segment's 8-connected objects are.
func (tr *crackWalker) turn(id int32, at Point, going heading) heading {
	switch {
	case tr.is(id, at, aheadLeft[going]):
		return (going + 3) % 4
	case tr.is(id, at, aheadRight[going]):
		return going
	}
	return (going + 1) % 4
}

// is says whether the pixel at offset from the corner at belongs to the object id.
func (tr *crackWalker) is(id int32, at, offset Point) bool {
	x, y := at[0]+offset[0], at[1]+offset[1]
	return x >= 0 && y >= 0 && x < tr.width && y < tr.height && tr.labels[y*tr.width+x] == id
}
