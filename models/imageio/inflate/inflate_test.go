package inflate_test

import (
	"bytes"
	"compress/zlib"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"seghub/models/imageio/inflate"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func deflated(t testing.TB, data []byte, level int) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := zlib.NewWriterLevel(&out, level)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// texts are data in which literals, short and long copies, and all kinds of block are frequent.
func texts() map[string][]byte {
	random := rand.New(rand.NewPCG(1, 2))
	noise, steps, runs := make([]byte, 150_000), make([]byte, 150_000), make([]byte, 150_000)
	for i := range noise {
		noise[i] = uint8(random.Uint32())
		steps[i] = uint8(128 + 6*random.NormFloat64())
		if i > 0 && random.IntN(50) > 0 {
			runs[i] = runs[i-1]
		} else {
			runs[i] = uint8(random.Uint32())
		}
	}
	words := bytes.Repeat([]byte("a nucleus, a body, a spheroid; "), 3000)
	for i := 0; i < len(words); i += 1 + random.IntN(200) {
		words[i] = uint8(random.Uint32())
	}
	return map[string][]byte{
		"nothing": {}, "one byte": {7}, "zeros": make([]byte, 150_000), "noise": noise, "steps": steps, "runs": runs, "words": words,
	}
}

// read takes a stream in pieces of size, and the rest of it.
func read(source io.Reader, size int) ([]byte, error) {
	var r inflate.Reader
	r.Reset(source)
	var all []byte
	for {
		piece, err := r.Next(size)
		if errors.Is(err, io.ErrUnexpectedEOF) && size > 1 {
			size = 1 // the rest, if there is one
			continue
		}
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, piece...)
	}
}

func TestStreamsComeBack(t *testing.T) {
	for name, data := range texts() {
		for _, level := range []int{zlib.HuffmanOnly, zlib.NoCompression, zlib.BestSpeed, zlib.DefaultCompression, zlib.BestCompression} {
			file := deflated(t, data, level)
			for size, source := range map[int]io.Reader{
				1: bytes.NewReader(file), 1025: iotest.HalfReader(bytes.NewReader(file)),
				40_000: iotest.OneByteReader(bytes.NewReader(file)), 140_000: iotest.DataErrReader(bytes.NewReader(file)),
			} {
				got, err := read(source, size)
				if err != nil || !bytes.Equal(got, data) {
					t.Errorf("%s, level %d, by %d: %d bytes of %d, %v", name, level, size, len(got), len(data), err)
				}
			}
		}
	}
}

func TestAReaderIsGoodForManyStreams(t *testing.T) {
	var r inflate.Reader
	for name, data := range texts() {
		if len(data) == 0 {
			continue
		}
		// The first is left in the middle.
		for _, n := range []int{len(data) / 2, len(data)} {
			r.Reset(bytes.NewReader(deflated(t, data, zlib.BestSpeed)))
			got, err := r.Next(n)
			if n == 0 {
				continue
			}
			if err != nil || !bytes.Equal(got, data[:n]) {
				t.Errorf("%s: %d bytes, %v", name, n, err)
			}
		}
		if _, err := r.Next(1); !errors.Is(err, io.EOF) {
			t.Errorf("%s: at the end: %v", name, err)
		}
	}
}

func TestCutStreamsEndTooSoon(t *testing.T) {
	lost := errors.New("connection lost")
	for name, data := range texts() {
		file := deflated(t, data[:min(len(data), 3000)], zlib.DefaultCompression)
		for length := range len(file) {
			if _, err := read(bytes.NewReader(file[:length]), 100); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("%s cut to %d of %d bytes: %v", name, length, len(file), err)
			}
			source := io.MultiReader(bytes.NewReader(file[:length]), iotest.ErrReader(lost))
			if _, err := read(source, 100); !errors.Is(err, lost) {
				t.Fatalf("%s lost after %d of %d bytes: %v", name, length, len(file), err)
			}
		}
	}
}

// TestAgreesOnAnyStream holds valid streams with a few bytes changed against compress/zlib.
func TestAgreesOnAnyStream(t *testing.T) {
	all := texts()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom([]string{"zeros", "noise", "steps", "runs", "words"}).Draw(t, "text")
		data := all[name]
		begin := rapid.IntRange(0, len(data)-1).Draw(t, "begin")
		data = data[begin:min(len(data), begin+rapid.IntRange(1, 5000).Draw(t, "length"))]
		var out bytes.Buffer
		w, _ := zlib.NewWriterLevel(&out, rapid.IntRange(zlib.HuffmanOnly, zlib.BestCompression).Draw(t, "level"))
		_, _ = w.Write(data)
		_ = w.Close()
		file := out.Bytes()
		for range rapid.IntRange(0, 3).Draw(t, "changes") {
			file[rapid.IntRange(0, len(file)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
		}
		agree(t, file)
	})
}

// agree wants the same bytes as compress/zlib gives, or an error where that has one.
func agree(t interface {
	Errorf(format string, args ...any)
}, file []byte) {
	const most = 1 << 20
	got, err := read(io.LimitReader(bytes.NewReader(file), most), 1)
	if err != nil && !errors.Is(err, inflate.ErrCorrupt) && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("an error of no kind: %v", err)
	}
	var want []byte
	r, wantErr := zlib.NewReader(bytes.NewReader(file))
	if wantErr == nil {
		want, wantErr = io.ReadAll(r)
	}
	if (err == nil) != (wantErr == nil) || err == nil && !bytes.Equal(got, want) {
		t.Errorf("%d bytes, %v; compress/zlib gives %d, %v", len(got), err, len(want), wantErr)
	}
}

func FuzzReader(f *testing.F) {
	for _, data := range texts() {
		data = data[:min(len(data), 500)]
		for _, level := range []int{zlib.HuffmanOnly, zlib.NoCompression, zlib.BestCompression} {
			f.Add(deflated(f, data, level))
		}
	}
	f.Fuzz(func(t *testing.T, file []byte) { agree(t, file) })
}

func BenchmarkReader(b *testing.B) {
	for name, data := range texts() {
		if len(data) < 2 {
			continue
		}
		file := deflated(b, data, zlib.DefaultCompression)
		b.Run(name+"/inflate", func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			var r inflate.Reader
			for b.Loop() {
				r.Reset(bytes.NewReader(file))
				for {
					if _, err := r.Next(1000); err != nil {
						break
					}
				}
			}
		})
		b.Run(name+"/zlib", func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			row := make([]byte, 1000)
			for b.Loop() {
				r, err := zlib.NewReader(bytes.NewReader(file))
				if err != nil {
					b.Fatal(err)
				}
				for err == nil {
					_, err = io.ReadFull(r, row)
				}
			}
		})
	}
}
