package mask_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"reflect"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"seghub/models/mask"
	"seghub/models/mask/masktest"
)

func inBands(t testing.TB, p mask.Probability) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := masktest.WriteBands(&file, p); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func TestBandsComeBackAsTheyWere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := mask.Probability{
			Width:  rapid.IntRange(1, 9).Draw(t, "width"),
			Height: rapid.IntRange(1, 3*mask.BandRows).Draw(t, "height"),
		}
		p.Pix = rapid.SliceOfN(rapid.Byte(), p.Width*p.Height, p.Width*p.Height).Draw(t, "pix")
		switch rapid.IntRange(1, 3).Draw(t, "channels") {
		case 2:
			p.Border = rapid.SliceOfN(rapid.Byte(), len(p.Pix), len(p.Pix)).Draw(t, "border")
		case 3:
			p.Down, p.Right = bytes.Clone(p.Pix), make([]uint8, len(p.Pix))
		}
		var file bytes.Buffer
		w, err := mask.NewBandWriter(&file, p.Width, p.Height, len(p.Channels()))
		if err != nil {
			t.Fatal(err)
		}
		for y := 0; y < p.Height; {
			next := y + rapid.IntRange(0, p.Height-y).Draw(t, "rows")
			var rows [][]uint8
			for _, samples := range p.Channels() {
				rows = append(rows, samples[y*p.Width:next*p.Width])
			}
			if err := w.Write(rows...); err != nil {
				t.Fatal(err)
			}
			y = next
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		bands, err := mask.ReadBands(bytes.NewReader(file.Bytes()), int64(len(p.Pix)))
		if err != nil {
			t.Fatal(err)
		}
		whole, err := masktest.Probability(bands)
		if err != nil || !reflect.DeepEqual(whole, p) {
			t.Errorf("got %+v, %v, want %+v", whole, err, p)
		}
		// One alone, wherever it is, and into memory of any size.
		band := rapid.IntRange(0, bands.Bands-1).Draw(t, "band")
		begin, end := bands.Rows(band)
		got, err := bands.Read(band, 0, make([]uint8, rapid.IntRange(0, 600).Draw(t, "room")))
		if err != nil || !bytes.Equal(got, p.Pix[begin*p.Width:end*p.Width]) {
			t.Errorf("band %d, rows %d to %d: %v, %v", band, begin, end, got, err)
		}
	})
}

func reducedBands(t testing.TB, p mask.Probability, imageWidth, imageHeight int) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := mask.NewReducedBandWriter(&file, imageWidth, imageHeight, p.Width, p.Height, len(p.Channels()))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Write(p.Channels()...), w.Close()); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func TestBandWriterRefusesWhatIsNoMap(t *testing.T) {
	for _, size := range [][3]int{{0, 1, 1}, {1, 0, 1}, {1, 1, 0}, {1, 1, 4}, {1 << 31, 1, 1}} {
		if _, err := mask.NewBandWriter(io.Discard, size[0], size[1], size[2]); err == nil {
			t.Errorf("%v was taken", size)
		}
	}
	for _, size := range [][5]int{{8, 8, 9, 8, 1}, {8, 8, 8, 9, 1}, {1 << 31, 8, 8, 8, 1}, {8, 1 << 31, 8, 8, 1}, {8, 8, 0, 8, 1}} {
		if _, err := mask.NewReducedBandWriter(io.Discard, size[0], size[1], size[2], size[3], size[4]); err == nil {
			t.Errorf("%v was taken", size)
		}
	}
	w, err := mask.NewBandWriter(io.Discard, 2, mask.BandRows+1, 1)
	if err != nil {
		t.Fatal(err)
	}
	rows := make([]uint8, 2*mask.BandRows)
	for name, write := range map[string]func() error{
		"half a row":        func() error { return w.Write(rows[1:]) },
		"too many rows":     func() error { return w.Write(append(rows, 0, 0, 0, 0)) },
		"too many channels": func() error { return w.Write(rows, rows) },
		"an end too soon":   w.Close,
	} {
		if write() == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := errors.Join(w.Write(rows), w.Write(rows[:2]), w.Close()); err != nil {
		t.Error(err)
	}
	if w.Write(rows) == nil {
		t.Error("a band behind the last was taken")
	}
	if masktest.WriteBands(io.Discard, mask.Probability{Width: 2, Height: 2, Pix: rows[:4], Border: rows[:3]}) == nil {
		t.Error("a border of another size was taken")
	}
}

func TestBandWriterTellsTheWritersError(t *testing.T) {
	full := errors.New("the disk is full")
	p := bodies(mask.BandRows + 1)
	for room, whole := 0, len(inBands(t, p)); room < whole; room += 7 {
		if err := masktest.WriteBands(withRoom(room, full), p); !errors.Is(err, full) {
			t.Errorf("room for %d bytes: %v", room, err)
		}
	}
}

// withRoom takes so many bytes and fails then.
func withRoom(room int, err error) io.Writer { return &shortWriter{room, err} }

type shortWriter struct {
	room int
	err  error
}

func (w *shortWriter) Write(p []byte) (int, error) {
	if len(p) > w.room {
		return 0, w.err
	}
	w.room -= len(p)
	return len(p), nil
}

func TestDamagedBandsAreRefused(t *testing.T) {
	p := bodies(mask.BandRows + 6)
	p.Border = p.Pix
	t.Run("whole", func(t *testing.T) { testDamage(t, inBands(t, p), len(p.Pix)) })
	t.Run("reduced", func(t *testing.T) { testDamage(t, reducedBands(t, p, 2*p.Width, p.Height+1), 2*p.Width*(p.Height+1)) })
}

// testDamage has a map read that was cut or changed.
func testDamage(t *testing.T, file []byte, pixels int) {
	read := func(file []byte, maxPixels int) (mask.Probability, error) {
		bands, err := mask.ReadBands(bytes.NewReader(file), int64(maxPixels))
		if err != nil {
			return mask.Probability{}, err
		}
		return masktest.Probability(bands)
	}
	want, err := read(file, pixels)
	if err != nil || len(want.Pix) != pixels {
		t.Fatalf("%d pixels, %v", len(want.Pix), err)
	}
	if _, err := read(file, pixels-1); !errors.Is(err, mask.ErrBands) {
		t.Errorf("a map larger than its image: %v", err)
	}
	for length := range len(file) {
		if _, err := read(file[:length], pixels); !errors.Is(err, mask.ErrBands) {
			t.Fatalf("cut to %d of %d bytes: %v", length, len(file), err)
		}
	}
	for i := range file {
		broken := bytes.Clone(file)
		broken[i] ^= 0x11
		// A few bits of a frame mean nothing.
		if got, err := read(broken, pixels); err == nil && !reflect.DeepEqual(got, want) || err != nil && !errors.Is(err, mask.ErrBands) {
			t.Fatalf("byte %d of %d changed: %v", i, len(file), err)
		}
	}
}

func TestBandsTellTheReadersError(t *testing.T) {
	lost := errors.New("the disk is gone")
	file := inBands(t, bodies(30))
	for at := range len(file) {
		r := struct {
			io.Reader
			io.Seeker
		}{io.MultiReader(bytes.NewReader(file[:min(at, 16)]), iotest.ErrReader(lost)), bytes.NewReader(file)}
		if _, err := mask.ReadBands(r, 900); !errors.Is(err, lost) || errors.Is(err, mask.ErrBands) {
			t.Fatalf("lost after %d bytes: %v", at, err)
		}
	}
}

// FuzzReadBands wants ErrBands or a whole map, and no more memory than the image is worth, of any bytes.
func FuzzReadBands(f *testing.F) {
	p := bodies(70)
	f.Add(inBands(f, p))
	p.Border = p.Pix
	f.Add(inBands(f, p))
	f.Add(reducedBands(f, p, 90, 70))
	huge := inBands(f, bodies(1))
	binary.LittleEndian.PutUint32(huge[8:], 1<<31-1)
	f.Add(huge)
	f.Fuzz(func(t *testing.T, file []byte) {
		const maxPixels = 1 << 16
		bands, err := mask.ReadBands(bytes.NewReader(file), maxPixels)
		if err == nil {
			var p mask.Probability
			if p, err = masktest.Probability(bands); err == nil && len(p.Pix) > maxPixels {
				t.Errorf("%d samples", len(p.Pix))
			}
		}
		if err != nil && !errors.Is(err, mask.ErrBands) {
			t.Errorf("an error of no kind: %v", err)
		}
	})
}

func BenchmarkWriteBands1024(b *testing.B) {
	p := bodies(1024)
	b.SetBytes(int64(len(p.Pix)))
	for b.Loop() {
		if err := masktest.WriteBands(io.Discard, p); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadBands1024(b *testing.B) {
	p := bodies(1024)
	file := inBands(b, p)
	b.SetBytes(int64(len(p.Pix)))
	for b.Loop() {
		bands, err := mask.ReadBands(bytes.NewReader(file), int64(len(p.Pix)))
		if err == nil {
			_, err = masktest.Probability(bands)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}
