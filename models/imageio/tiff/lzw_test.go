package tiff

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"

	xlzw "golang.org/x/image/tiff/lzw"
	"pgregory.net/rapid"
)

// packLZW is an encoder of the plainest kind: it also lets tests write codes that no program does.
type packLZW struct {
	out   bytes.Buffer
	bits  uint64
	nbits uint
}

func (p *packLZW) put(code int, width uint) {
	p.bits = p.bits<<width | uint64(code)
	for p.nbits += width; p.nbits >= 8; p.nbits -= 8 {
		p.out.WriteByte(byte(p.bits >> (p.nbits - 8)))
	}
}

// compressLZW is TIFF's LZW, by the book (TIFF 6.0, section 13), or without a clear when every code is taken, as some programs write it.
func compressLZW(data []byte, clears bool) []byte {
	var p packLZW
	table, free, width := map[string]int{}, lzwStrings, uint(9)
	clearTable := func() {
		p.put(lzwClear, width)
		table, free, width = map[string]int{}, lzwStrings, 9
	}
	codeOf := func(s string) int {
		if len(s) == 1 {
			return int(s[0])
		}
		return table[s]
	}
	clearTable()
	current := ""
	for _, b := range data {
		longer := current + string([]byte{b})
		if _, known := table[longer]; known || len(longer) == 1 {
			current = longer
			continue
		}
		p.put(codeOf(current), width)
		if free < lzwCodes {
			table[longer] = free
			free++
		}
		if free+1 > 1<<width && width < 12 { // the decoder is one behind
			width++
		}
		if clears && free == 4094 {
			clearTable()
		}
		current = string([]byte{b})
	}
	if current != "" {
		p.put(codeOf(current), width)
		if free++; free+1 > 1<<width && width < 12 {
			width++
		}
	}
	p.put(lzwEnd, width)
	p.put(0, 7)
	return p.out.Bytes()
}

func unpackLZW(data []byte, piece, size int) ([]byte, error) {
	l := newLZW()
	l.reset(bytes.NewReader(data))
	var out []byte
	for len(out) < size {
		part, err := l.next(min(piece, size-len(out)))
		if err != nil {
			return out, err
		}
		out = append(out, part...)
	}
	return out, nil
}

func TestLZWComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		data := make([]byte, rapid.IntRange(1, 300_000).Draw(t, "length"))
		levels := rapid.IntRange(1, 256).Draw(t, "levels")
		for i := range data {
			data[i] = byte(random.IntN(levels))
		}
		packed := compressLZW(data, rapid.Bool().Draw(t, "clears"))
		got, err := unpackLZW(packed, rapid.IntRange(1, 5000).Draw(t, "piece"), len(data))
		if err != nil || !bytes.Equal(got, data) {
			t.Fatalf("%d bytes of %d, %v", len(got), len(data), err)
		}
		if _, err := unpackLZW(packed[:len(packed)/2], 1, len(data)); err == nil {
			t.Fatal("half of it is as good as all")
		}
	})
}

// FuzzLZW holds the decoder against the one of x/image, which refuses what is damaged no later.
func FuzzLZW(f *testing.F) {
	f.Add(compressLZW([]byte("to be or not to be or to be or not"), true))
	f.Add(compressLZW(bytes.Repeat([]byte{0}, 10_000), false))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1 && data[0] == 0 && data[1]&1 == 1 {
			return // of before TIFF 5.0
		}
		want, wantErr := io.ReadAll(io.LimitReader(xlzw.NewReader(bytes.NewReader(data), xlzw.MSB, 8), 1<<20))
		got, err := unpackLZW(data, 100, len(want))
		if wantErr == nil && (err != nil || !bytes.Equal(got, want)) {
			t.Errorf("%d bytes, %v; want %d", len(got), err, len(want))
		}
	})
}
