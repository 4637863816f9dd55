package mask_test

import (
	"image"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"seghub/models/mask"
)

// TestSplitOnRealNuclei takes the outlines that experts drew, without knowing which nucleus is which, and
// wants most of the nuclei that they parted and that touch back.
func TestSplitOnRealNuclei(t *testing.T) {
	files, err := filepath.Glob("../../../shared/data/nuclei_val/masks/[0-3]*.png")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("left out: real images are absent: ../shared/data")
	}
	truth, whole, split := 0, 0, 0
	for _, file := range files {
		p, nuclei := union(t, file)
		truth += nuclei
		whole += mask.Segment(p, mask.Options{Threshold: 0.5}).Summary.Count
		s := mask.Segment(p, mask.Options{Threshold: 0.5, SplitTouching: true})
		split += s.Summary.Count
		if s.Summary.Count > 2*nuclei {
			t.Errorf("%s: %d nuclei became %d", filepath.Base(file), nuclei, s.Summary.Count)
		}
	}
	t.Logf("%d nuclei: %d without splitting, %d with", truth, whole, split)
	if split > truth || truth-split > (truth-whole)/2 {
		t.Errorf("%d nuclei: %d without splitting, %d with", truth, whole, split)
	}
}

// union reads a label picture as a probability map that is certain of every object, and counts the labels.
func union(t *testing.T, path string) (mask.Probability, int) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	decoded, err := png.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	labels, ok := decoded.(*image.Gray16)
	if !ok {
		t.Fatalf("%s holds %T", path, decoded)
	}
	size := labels.Rect.Size()
	p := mask.Probability{Width: size.X, Height: size.Y, Pix: make([]uint8, size.X*size.Y)}
	seen := map[uint16]bool{}
	for i := range p.Pix {
		if label := labels.Gray16At(i%size.X, i/size.X).Y; label != 0 {
			p.Pix[i] = 255
			seen[label] = true
		}
	}
	return p, len(seen)
}
