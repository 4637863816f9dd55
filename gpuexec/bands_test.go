package gpuexec_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"image"
	"image/color"
	"image/png"
	"math"
	"slices"
	"sync"
	"testing"

	"seghub/gpuexec"
	"seghub/gpuexec/enginetest"
	"seghub/models"
	"seghub/models/imageio"
	"seghub/models/mask"
	"seghub/models/mask/masktest"
)

// startTiled starts a pool of one worker whose only model takes tiles of 64 pixels, three a run.
func startTiled(t *testing.T, script *enginetest.Script) (*gpuexec.Pool, *source, *sink) {
	t.Helper()
	model := models.Spec{
		ID: "tiled", Batch: models.Batch{Alone: 3, Shared: 3, Max: 3},
		Input: models.Input{Height: 64, Width: 64, Channels: 1, Scaling: models.ScalingNative},
	}
	return startPoolOf(t, func(string) (models.Spec, bool) { return model, true }, 1, script)
}

// deep is a PNG of 16 bits with bright squares on a grid; their light is 40000 and one more for each square.
func deep(t *testing.T, width, height int) []byte {
	t.Helper()
	img := image.NewGray16(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			if x%50 < 30 && y%50 < 30 {
				img.SetGray16(x, y, color.Gray16{Y: uint16(40000 + y/50*100 + x/50)})
			} else {
				img.SetGray16(x, y, color.Gray16{Y: 100})
			}
		}
	}
	var file bytes.Buffer
	if err := png.Encode(&file, img); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// A large image comes in bands: pieces from the top that make the whole mask, objects as of the whole map, light as in the file.
func TestALargeImageComesInBands(t *testing.T) {
	const width, height = 260, 400
	_, from, to := startTiled(t, &enginetest.Script{})
	large := job("large", deep(t, width, height))
	kept := keptBy(&large)
	from.give(t, 0, gpuexec.Batch{Model: "tiled", Jobs: []gpuexec.Job{large, job("small", deep(t, 60, 60))}})
	results := to.next(t, 2)
	r := results["large"]
	if r.Err != nil || results["small"].Err != nil {
		t.Fatal(r.Err, results["small"].Err)
	}
	if r.Output.Summary.Count != 6*8 {
		t.Errorf("%d objects, want 48", r.Output.Summary.Count)
	}
	for i, o := range r.Output.Objects {
		want := float64(40000 + i/6*100 + i%6)
		if o.ID != i+1 || len(o.MeanIntensity) != 1 || math.Abs(o.MeanIntensity[0]-want) > 10 {
			t.Errorf("object %d has light %v, want about %v", o.ID, o.MeanIntensity, want)
		}
	}

	bands, err := mask.ReadBands(bytes.NewReader(kept.Bytes()), width*height)
	if err != nil {
		t.Fatal(err)
	}
	p, err := masktest.Probability(bands)
	if err != nil {
		t.Fatal(err)
	}
	whole := mask.Segment(p, mask.Options{Threshold: 0.5})
	if got := gray(t, r.Output.MaskPNG); !bytes.Equal(got.Pix, masktest.Binary(whole)) {
		t.Error("the mask is not that of the stored map")
	}
	next := 0
	for _, piece := range to.piecesOf("large") {
		if piece.X != 0 || piece.Y != next || piece.Width != width || piece.Attempt != 1 {
			t.Fatalf("a piece of %dx%d at %d,%d, want one at row %d", piece.Width, piece.Height, piece.X, piece.Y, next)
		}
		next += piece.Height
		if got := gray(t, piece.PNG); !bytes.Equal(got.Pix, masktest.Binary(whole)[piece.Y*width:next*width]) {
			t.Errorf("the piece from row %d is not that of the mask", piece.Y)
		}
	}
	if next < height/2 || next >= height {
		t.Errorf("pieces up to row %d of %d: the rest comes with the whole", next, height)
	}
	if n := len(to.piecesOf("small")); n != 0 {
		t.Errorf("%d pieces of an image that is one band", n)
	}
}

// Of an image that the model sees as a whole, and smaller, the map has what it saw, from which the same objects come.
func TestTheMapOfAShrunkImageIsSmall(t *testing.T) {
	const width, height = 200, 150
	model := models.Spec{
		ID: "fit", Batch: models.Batch{Alone: 1, Shared: 1, Max: 1},
		Input: models.Input{Height: 64, Width: 64, Channels: 1, Scaling: models.ScalingFit},
	}
	_, from, to := startPoolOf(t, func(string) (models.Spec, bool) { return model, true }, 1, &enginetest.Script{})
	shrunk := job("shrunk", deep(t, width, height))
	kept := keptBy(&shrunk)
	from.give(t, 0, gpuexec.Batch{Model: "fit", Jobs: []gpuexec.Job{shrunk}})
	r := to.next(t, 1)["shrunk"]
	if r.Err != nil || r.Output.Summary.Count != 4*3 {
		t.Fatalf("%+v, want 12 objects", r)
	}
	stored := kept.Len()
	bands, err := mask.ReadBands(bytes.NewReader(kept.Bytes()), width*height)
	if err != nil {
		t.Fatal(err)
	}
	p, err := masktest.Probability(bands)
	if err != nil || p.Width != width || p.Height != height {
		t.Fatalf("a map of %dx%d, %v", p.Width, p.Height, err)
	}
	if got := gray(t, r.Output.MaskPNG); !bytes.Equal(got.Pix, masktest.Binary(mask.Segment(p, mask.Options{Threshold: 0.5}))) {
		t.Error("the mask is not that of the stored map")
	}
	var whole bytes.Buffer
	if err := masktest.WriteBands(&whole, p); err != nil || stored >= whole.Len() {
		t.Errorf("%d bytes are kept of a map that has %d at the image's size, %v", stored, whole.Len(), err)
	}
}

func gray(t *testing.T, file []byte) *image.Gray {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return img.(*image.Gray)
}

// Between two runs a large image can be cancelled, and the images beside it go on.
func TestCancelBetweenTheRunsOfAnImage(t *testing.T) {
	runs, goOn := make(chan struct{}), make(chan struct{})
	first := sync.OnceFunc(func() {
		close(runs)
		<-goOn
	})
	script := &enginetest.Script{Run: func(context.Context, enginetest.Call) error { first(); return nil }}
	pool, from, to := startTiled(t, script)
	from.give(t, 0, gpuexec.Batch{Model: "tiled", Jobs: []gpuexec.Job{job("large", deep(t, 60, 3000)), job("small", deep(t, 60, 60))}})
	<-runs
	if !pool.Cancel("large") {
		t.Fatal("Cancel did not find a running job")
	}
	wantCancelled(t, to, "large")
	close(goOn)
	if err := to.next(t, 1)["small"].Err; err != nil {
		t.Error(err)
	}
	if n := len(script.Calls()); n > 3 { // of the 54 tiles of the large one
		t.Errorf("%d runs for an image that was cancelled and one of one tile", n)
	}
}

// bigTIFF is a TIFF of bright rectangles, which is read strip by strip.
func bigTIFF(width, height int) []byte {
	le := binary.LittleEndian
	file := []byte{'I', 'I', 42, 0, 8, 0, 0, 0}
	entries := [][4]uint32{ // tag, type, count, value
		{256, 4, 1, uint32(width)}, {257, 4, 1, uint32(height)}, {258, 3, 1, 8}, {259, 3, 1, 1}, {262, 3, 1, 1},
		{273, 4, 1, 0}, {277, 3, 1, 1}, {278, 4, 1, uint32(height)}, {279, 4, 1, uint32(width * height)},
	}
	begin := uint32(len(file) + 2 + 12*len(entries) + 4)
	file = le.AppendUint16(file, uint16(len(entries)))
	for _, e := range entries {
		if e[0] == 273 {
			e[3] = begin
		}
		file = le.AppendUint16(le.AppendUint16(file, uint16(e[0])), uint16(e[1]))
		file = le.AppendUint32(le.AppendUint32(file, e[2]), e[3])
	}
	file = le.AppendUint32(file, 0)
	pix := make([]byte, width*height)
	for y := range height {
		for x := range width {
			if x%500 < 200 && y%500 < 300 {
				pix[y*width+x] = 250
			}
		}
	}
	return append(file, pix...)
}

// A model that sees the image as a whole measures a large one where it lies, though it is never held as a whole.
func TestALargeImageThatIsScaledIsReadAgain(t *testing.T) {
	const width, height = 2500, 2000
	known := func(id string) (models.Spec, bool) {
		spec, ok := registry(id)
		spec.Input.Height, spec.Input.Width = 100, 100
		return spec, ok
	}
	_, from, to := startPoolOf(t, known, 1, &enginetest.Script{})
	opened := 0
	j := job("large", nil)
	file := bigTIFF(width, height)
	j.Open = func(context.Context) (imageio.Source, error) {
		opened++
		return imageio.InMemory(file), nil
	}
	from.give(t, 0, gpuexec.Batch{Model: "a", Jobs: []gpuexec.Job{j}})
	r := to.next(t, 1)["large"]
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	if r.Output.Shrunk != 25 || r.Output.Summary.Count != 20 || opened != 2 {
		t.Errorf("shrunk %v times, %d objects, opened %d times", r.Output.Shrunk, r.Output.Summary.Count, opened)
	}
	for _, o := range r.Output.Objects {
		if light := o.MeanIntensity[0]; light < 200 || light > 250 {
			t.Errorf("object %d has light %v", o.ID, light)
		}
	}
	if slices.ContainsFunc(to.progressOf("large"), func(p gpuexec.Progress) bool { return p.Total != 1 }) {
		t.Errorf("progress %+v of the only tile", to.progressOf("large"))
	}
}
