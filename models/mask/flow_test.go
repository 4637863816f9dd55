package mask_test

import (
	"bytes"
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"seghub/models/mask"
)

// TestFlowsLeadWhereTheReferenceSays holds the objects of some outputs against those that models/training/follow.py made of
// them, pixel by pixel. models/training/tests/test_follow.py writes the files.
func TestFlowsLeadWhereTheReferenceSays(t *testing.T) {
	files, err := filepath.Glob("testdata/flow/*_labels.png")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		want := readGray16(t, file)
		p := readOutputs(t, strings.Replace(file, "_labels", "", 1))
		s := mask.Segment(p, mask.Options{Threshold: 0.5, MinArea: 12, SplitTouching: true})
		if got := labels(s); !equalLabels(got, want) {
			t.Errorf("%s: %d objects, not those of the reference", filepath.Base(file), s.Summary.Count)
		}
	}
}

// readOutputs reads probability and flow as the channels of a picture.
func readOutputs(t *testing.T, path string) mask.Probability {
	t.Helper()
	img := decode(t, path)
	size := img.Bounds().Size()
	p := mask.Probability{Width: size.X, Height: size.Y}
	for i := range size.X * size.Y {
		r, g, b, _ := img.At(i%size.X, i/size.X).RGBA()
		p.Pix = append(p.Pix, uint8(r>>8))
		p.Down, p.Right = append(p.Down, uint8(g>>8)), append(p.Right, uint8(b>>8))
	}
	return p
}

func readGray16(t *testing.T, path string) []int {
	t.Helper()
	img, ok := decode(t, path).(*image.Gray16)
	if !ok {
		t.Fatalf("%s is not of 16 bits", path)
	}
	size := img.Rect.Size()
	list := make([]int, size.X*size.Y)
	for i := range list {
		list[i] = int(img.Gray16At(i%size.X, i/size.X).Y)
	}
	return list
}

func decode(t *testing.T, path string) image.Image {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	img, err := png.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// labels says which object each pixel is of, by the even-odd rule along its row.
func labels(s mask.Segmentation) []int {
	ids := make([]int, s.Width*s.Height)
	for _, object := range s.Objects {
		crossed := make([]bool, (s.Width+1)*s.Height)
		for _, ring := range append([][]mask.Point{object.Polygon}, object.Holes...) {
			for i, a := range ring {
				b := ring[(i+1)%len(ring)]
				for y := min(a[1], b[1]); a[0] == b[0] && y < max(a[1], b[1]); y++ {
					crossed[y*(s.Width+1)+a[0]] = !crossed[y*(s.Width+1)+a[0]]
				}
			}
		}
		for y := range s.Height {
			inside := false
			for x := range s.Width {
				if inside = inside != crossed[y*(s.Width+1)+x]; inside {
					ids[y*s.Width+x] = object.ID
				}
			}
		}
	}
	return ids
}

func equalLabels(got, want []int) bool {
	for i := range want {
		if got[i] != want[i] {
			return false
		}
	}
	return len(got) == len(want)
}

// nuclei is a crowd of discs with flows to their middles, in rows and columns so dense that neighbours touch.
func nuclei(size, across int) mask.Probability {
	p := mask.Probability{Width: size, Height: size, Pix: make([]uint8, size*size), Down: make([]uint8, size*size), Right: make([]uint8, size*size)}
	pitch := float64(size) / float64(across)
	for i := range p.Pix {
		x, y := float64(i%size)+0.5, float64(i/size)+0.5
		right := (math.Floor(x/pitch)+0.5)*pitch - x
		down := (math.Floor(y/pitch)+0.5)*pitch - y
		away := math.Hypot(down, right)
		p.Pix[i] = uint8(255 / (1 + math.Exp(away-0.52*pitch)))
		scale := 127 / max(away, 1)
		p.Down[i], p.Right[i] = uint8(128+math.Round(scale*down)), uint8(128+math.Round(scale*right))
	}
	return p
}

func TestFlowsPartWhatTouches(t *testing.T) {
	p := nuclei(200, 10)
	o := mask.Options{Threshold: 0.5, MinArea: 20}
	if n := mask.Segment(p, o).Summary.Count; n != 1 {
		t.Fatalf("the crowd has %d bodies", n)
	}
	o.SplitTouching = true
	s := mask.Segment(p, o)
	if s.Summary.Count != 100 {
		t.Errorf("%d nuclei, want 100", s.Summary.Count)
	}
	for _, object := range s.Objects {
		if middle := 20*math.Floor(object.Centroid[0]/20) + 10; math.Abs(object.Centroid[0]-middle) > 1 {
			t.Errorf("nucleus %d has its centroid at %v", object.ID, object.Centroid)
		}
	}
}

// A body at each corner and edge of a picture: ways that lead out of it end at its edge.
func TestFlowsThatLeadOutOfThePicture(t *testing.T) {
	for _, flow := range [][2]uint8{{0, 0}, {255, 255}, {0, 255}, {255, 0}, {128, 128}} {
		p := mask.Probability{Width: 7, Height: 5, Pix: make([]uint8, 35), Down: make([]uint8, 35), Right: make([]uint8, 35)}
		for i := range p.Pix {
			p.Pix[i] = 255
			p.Down[i], p.Right[i] = flow[0], flow[1]
		}
		s := mask.Segment(p, mask.Options{Threshold: 0.5, SplitTouching: true})
		if s.Summary.Count != 1 || s.Summary.TotalArea != 35 {
			t.Errorf("flow %v: %+v", flow, s.Summary)
		}
	}
}

func TestFlowsOfAnotherSizeAreRefused(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a flow of two pixels for four was taken")
		}
	}()
	p := mask.Probability{Width: 2, Height: 2, Pix: make([]uint8, 4), Down: make([]uint8, 4), Right: make([]uint8, 2)}
	mask.Segment(p, mask.Options{Threshold: 0.5})
}

// TestFlowsOfOneBodyDoNotChangeAnother wants the same objects of bodies whether others lie beside them or not, which lets
// bodies be parted one by one as they are complete.
func TestFlowsOfOneBodyDoNotChangeAnother(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := anyMap(t)
		p.Border = nil
		p.Down = rapid.SliceOfN(rapid.Byte(), len(p.Pix), len(p.Pix)).Draw(t, "down")
		p.Right = rapid.SliceOfN(rapid.Byte(), len(p.Pix), len(p.Pix)).Draw(t, "right")
		nowhere := bytes.Repeat([]uint8{128}, p.Width)
		empty := mask.Probability{Width: p.Width, Height: 1, Pix: make([]uint8, p.Width), Down: nowhere, Right: nowhere}
		o := mask.Options{Threshold: 0.5, SplitTouching: true, DetectHoles: true}
		alone, both := mask.Segment(stacked(empty, p, empty), o), mask.Segment(stacked(empty, p, empty, p, empty), o)
		if both.Summary.Count != 2*alone.Summary.Count || both.Summary.TotalArea != 2*alone.Summary.TotalArea {
			t.Errorf("alone %+v, twice %+v", alone.Summary, both.Summary)
		}
	})
}

// stacked is one map of several that lie below each other.
func stacked(parts ...mask.Probability) mask.Probability {
	all := mask.Probability{Width: parts[0].Width}
	for _, p := range parts {
		all.Height += p.Height
		all.Pix = append(all.Pix, p.Pix...)
		all.Down, all.Right = append(all.Down, p.Down...), append(all.Right, p.Right...)
	}
	return all
}
