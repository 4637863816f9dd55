package imageio_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/jpeg"
	"slices"
	"testing"

	"golang.org/x/image/tiff"

	"seghub/models/imageio"
)

func openFile(t testing.TB, file []byte) *imageio.File {
	t.Helper()
	opened, err := imageio.Open(context.Background(), bytes.NewReader(file), int64(len(file)), imageio.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

// readPlane reads all of a plane, or what area leaves of it.
func readPlane(t testing.TB, file *imageio.File, plane imageio.Plane, area image.Rectangle) []byte {
	t.Helper()
	r, err := file.Reader(context.Background(), plane, imageio.NewBudget(1<<30))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	page := file.Pages[plane.Page]
	area = area.Intersect(page.Bounds())
	pix := make([]byte, area.Dx()*area.Dy()*page.PixelBytes())
	if err := r.Read(context.Background(), pix, area); err != nil {
		t.Fatal(err)
	}
	return pix
}

var everything = image.Rect(0, 0, 1<<30, 1<<30)

func TestReaderKeepsSamplesAsTheyAre(t *testing.T) {
	deep := image.NewGray16(image.Rect(0, 0, 40, 30))
	for i := range deep.Pix {
		deep.Pix[i] = uint8(i * 7)
	}
	for name, file := range map[string][]byte{"png": pngFile(t, deep), "tiff": tiffFile(t, deep, tiff.Deflate)} {
		opened := openFile(t, file)
		page := opened.Pages[0]
		if page.Type != imageio.Uint16 || page.Channels != 1 || page.Width != 40 || page.Height != 30 {
			t.Fatalf("%s: %+v", name, page)
		}
		got := readPlane(t, opened, imageio.Plane{}, image.Rect(3, 4, 5, 6))
		want := []byte{}
		for y := 4; y < 6; y++ {
			for x := 3; x < 5; x++ {
				v := deep.Gray16At(x, y).Y
				want = append(want, byte(v), byte(v>>8))
			}
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

func TestBudget(t *testing.T) {
	file := openFile(t, pngFile(t, gradient(64, 64)))
	need := file.Pages[0].Memory
	_, err := file.Reader(context.Background(), imageio.Plane{}, imageio.NewBudget(need-1))
	var refusal *imageio.Refusal
	if !errors.As(err, &refusal) || !errors.Is(err, imageio.ErrTooLarge) {
		t.Errorf("more than there is at all: %v", err)
	}
	budget := imageio.NewBudget(need)
	first, err := file.Reader(context.Background(), imageio.Plane{}, budget)
	if err != nil {
		t.Fatal(err)
	}
	waiting, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := file.Reader(waiting, imageio.Plane{}, budget); !errors.Is(err, context.Canceled) {
		t.Errorf("while another holds all of it: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := file.Reader(context.Background(), imageio.Plane{}, budget)
	if err != nil {
		t.Fatalf("after it was given back: %v", err)
	}
	again.Close()
}

func TestShares(t *testing.T) {
	var heard []int64
	budget := imageio.NewWatchedBudget(100, func(taken int64) { heard = append(heard, taken) })
	if _, err := budget.Take(t.Context(), 101, 0); !errors.Is(err, imageio.ErrTooLarge) {
		t.Errorf("more than there is: %v", err)
	}
	whole, err := budget.Take(t.Context(), 60, 60) // as much of what is beside as there is
	if err != nil {
		t.Fatal(err)
	}
	if budget.TryTake(1, 0) != nil {
		t.Error("something was left of all")
	}
	whole.Keep(70)
	whole.Keep(80) // nothing is given back of what it has not
	rest := budget.TryTake(20, 10)
	if rest == nil || budget.TryTake(1, 0) != nil {
		t.Error("30 were free, and are taken")
	}
	rest.GiveBack()
	rest.GiveBack()
	whole.GiveBack()
	if budget.TryTake(101, 0) != nil || budget.TryTake(100, 0) == nil {
		t.Error("100 are free")
	}
	if want := []int64{100, 70, 100, 70, 0, 100}; !slices.Equal(heard, want) {
		t.Errorf("heard %v, want %v", heard, want)
	}
}

// A picture in memory is read by two at once, and by one after the other is closed; what is read from the file is opened again.
func TestAgain(t *testing.T) {
	streamed := openFile(t, pngFile(t, gradient(64, 64)))
	reader, err := streamed.ReaderWithin(t.Context(), imageio.Plane{})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if open, bytes := imageio.Again(reader); open != nil || bytes != 0 {
		t.Errorf("again %d bytes of a PNG", bytes)
	}

	var file bytes.Buffer
	if err := jpeg.Encode(&file, gradient(64, 48), nil); err != nil {
		t.Fatal(err)
	}
	reader, err = openFile(t, file.Bytes()).ReaderWithin(t.Context(), imageio.Plane{})
	if err != nil {
		t.Fatal(err)
	}
	open, held := imageio.Again(reader)
	if open == nil || held < 64*48 || held > 2*64*48 {
		t.Fatalf("again %d bytes of a JPEG", held)
	}
	want, got := make([]byte, 64*48), make([]byte, 64*48)
	if err := reader.Read(t.Context(), want, image.Rect(0, 0, 64, 48)); err != nil {
		t.Fatal(err)
	}
	reader.Close()
	open().Close()
	again := open()
	if err := again.Read(t.Context(), got, image.Rect(0, 0, 64, 48)); err != nil || !bytes.Equal(got, want) {
		t.Errorf("what is read again is another picture, %v", err)
	}
}

func survey(t testing.TB, file *imageio.File) *imageio.Levels {
	t.Helper()
	r, err := file.Reader(context.Background(), imageio.Plane{}, imageio.NewBudget(1<<30))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	levels, err := imageio.Survey(context.Background(), r, file.Pages[0])
	if err != nil {
		t.Fatal(err)
	}
	return levels
}

func TestLevels(t *testing.T) {
	deep := image.NewGray16(image.Rect(0, 0, 100, 100))
	for i := range 100 * 100 {
		v := 1000 + i
		deep.Pix[2*i], deep.Pix[2*i+1] = uint8(v>>8), uint8(v)
	}
	levels := survey(t, openFile(t, pngFile(t, deep)))
	var got [3]uint8
	levels.Map(got[:], []byte{0xe8, 0x03, 0x70, 0x17, 0xf7, 0x2a}) // 1000, 6000, 10999
	if got != [3]uint8{0, 128, 255} {
		t.Errorf("darkest, middle, brightest: %v", got)
	}
	if low, high := levels.Range(); low != 0 || high != 255 {
		t.Errorf("a native model's range is %v..%v", low, high)
	}
}

func TestNoiseStaysDark(t *testing.T) {
	// Noise, and two bright pixels of 40,000: far fewer than saturate.
	deep := image.NewGray16(image.Rect(0, 0, 200, 200))
	state := uint32(1)
	for i := 1; i < len(deep.Pix); i += 2 {
		state = state*1664525 + 1013904223
		deep.Pix[i] = uint8(100 + state>>28)
	}
	deep.Pix[5000], deep.Pix[6000] = 0x40, 0x40
	for name, file := range map[string][]byte{"by rows": pngFile(t, deep), "in one strip": tiffFile(t, deep, tiff.Deflate)} {
		var noisy, bright [1]uint8
		levels := survey(t, openFile(t, file))
		levels.Map(noisy[:], []byte{115, 0})
		levels.Map(bright[:], []byte{0, 0x40})
		if noisy[0] > 30 || bright[0] < 250 {
			t.Errorf("%s: noise becomes %d, what shines %d", name, noisy[0], bright[0])
		}
	}
}
