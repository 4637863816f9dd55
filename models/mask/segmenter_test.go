package mask_test

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"seghub/models/mask"
)

// inParts segments p as it comes in bands of as many rows as rows says, and holds what comes out to what Add and Settled promise.
func inParts(t failer, p mask.Probability, o mask.Options, rows func(left int) int) mask.Segmentation {
	return inPartsOf(t, mask.NewSegmenter(p.Width, p.Height, o), p, rows)
}

func inPartsOf(t failer, s *mask.Segmenter, p mask.Probability, rows func(left int) int) mask.Segmentation {
	var bodies []mask.Body
	settled := 0
	for y := 0; y < p.Height; {
		next := y + rows(p.Height-y)
		var channels [][]uint8
		for _, samples := range p.Channels() {
			channels = append(channels, append([]uint8(nil), samples[y*p.Width:next*p.Width]...))
		}
		came := s.Add(mask.OfChannels(p.Width, next-y, channels))
		for _, samples := range channels {
			clear(samples) // they are the caller's again
		}
		for _, body := range came {
			if first := int(body.Spans[0].Y); first < settled {
				t.Errorf("an object of row %d came when %d rows were settled", first, settled)
			}
			if last := int(body.Spans[len(body.Spans)-1].Y); last >= next {
				t.Errorf("an object that reaches row %d came when %d rows were there", last, next)
			}
		}
		bodies = append(bodies, came...)
		settled, y = s.Settled(), next
	}
	if settled != p.Height {
		t.Errorf("%d rows of %d are settled at the end", settled, p.Height)
	}
	return mask.Gather(p.Width, p.Height, bodies)
}

func TestBandsMakeTheObjectsOfTheWholeMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, o := anyMap(t), anyOptions(t)
		got := inParts(t, p, o, func(left int) int { return rapid.IntRange(1, left).Draw(t, "rows") })
		if want := mask.Segment(p, o); !reflect.DeepEqual(got, want) {
			t.Errorf("in bands\n%+v\nat once\n%+v", got, want)
		}
	})
}

// TestBandsMakeTheObjectsOfALargerMap is of bodies as models see them, which reach over several bands.
func TestBandsMakeTheObjectsOfALargerMap(t *testing.T) {
	crowd := nuclei(300, 9)
	border := bodies(260)
	border.Border = make([]uint8, len(border.Pix))
	for i, v := range border.Pix {
		if 60 < v && v < 180 {
			border.Border[i] = 255
		}
	}
	for name, p := range map[string]mask.Probability{"none": bodies(260), "border": border, "flow": crowd} {
		for _, o := range []mask.Options{
			{Threshold: 0.5, MinArea: 20, SplitTouching: true},
			{Threshold: 0.3, DetectHoles: true},
			{Threshold: 0.7, SplitTouching: true, DetectHoles: true},
		} {
			want := mask.Segment(p, o)
			for _, rows := range []int{1, 7, 64, 200} {
				got := inParts(t, p, o, func(left int) int { return min(rows, left) })
				if !reflect.DeepEqual(got, want) {
					t.Errorf("%s, %+v, in bands of %d rows: %d objects, %d at once", name, o, rows, got.Summary.Count, want.Summary.Count)
				}
			}
		}
	}
}

// TestBodiesLeaveAsSoonAsTheyMay has bodies below each other, one of them within a bow that may yet close around it.
func TestBodiesLeaveAsSoonAsTheyMay(t *testing.T) {
	rows := []string{
		".......",
		".##....",
		".......",
		".#####.",
		".#...#.",
		".#.#.#.",
		".#...#.",
		".#...#.",
		".....#.",
		"......."}
	s := mask.NewSegmenter(7, len(rows), mask.Options{Threshold: 0.5})
	var came, settled []int
	for _, row := range rows {
		p := mask.Probability{Width: 7, Height: 1, Pix: make([]uint8, 7)}
		for x, c := range row {
			if c == '#' {
				p.Pix[x] = 255
			}
		}
		came = append(came, len(s.Add(p)))
		settled = append(settled, s.Settled())
	}
	if want := []int{0, 0, 1, 0, 0, 0, 0, 0, 1, 1}; !reflect.DeepEqual(came, want) {
		t.Errorf("objects came %v, want %v", came, want)
	}
	if want := []int{1, 1, 3, 3, 3, 3, 3, 3, 3, 10}; !reflect.DeepEqual(settled, want) {
		t.Errorf("rows were settled %v, want %v", settled, want)
	}
}
