package mask

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"testing"

	"pgregory.net/rapid"
)

// digestOf is the Digest of pixels by its definition.
func digestOf(width, height int, ids []int32) string {
	numbers := []uint64{uint64(width), uint64(height)}
	for begin := 0; begin < len(ids); {
		end := begin
		for end < len(ids) && ids[end] == ids[begin] {
			end++
		}
		numbers = append(numbers, uint64(end-begin), uint64(ids[begin]))
		begin = end
	}
	var data []byte
	for _, n := range numbers {
		data = binary.LittleEndian.AppendUint64(data, n)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// TestDigestIsOfThePixels wants the same digest however the spans were cut and added, rows that one object fills among them.
func TestDigestIsOfThePixels(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width, height := rapid.IntRange(1, 6).Draw(t, "width"), rapid.IntRange(1, 6).Draw(t, "height")
		ids := rapid.SliceOfN(rapid.Int32Range(0, 2), width*height, width*height).Draw(t, "ids")
		d := NewDigest(width, height)
		for i, id := range ids {
			if id > 0 {
				y, x := int32(i/width), int32(i%width)
				d.Add([]Span{{Y: y, X0: x, X1: x + 1, ID: id}})
			}
		}
		want := digestOf(width, height, ids)
		if got := d.Sum(); got != want {
			t.Fatalf("digest %s, by its definition %s", got, want)
		}
		if again := d.Sum(); again != want {
			t.Fatalf("asked again, it is %s", again)
		}
	})
}
