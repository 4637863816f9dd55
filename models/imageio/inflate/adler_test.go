package inflate

import (
	"hash/adler32"
	"math/rand/v2"
	"testing"
)

func TestAdler32(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for length := range 1000 {
		data := make([]byte, length)
		for i := range data {
			data[i] = uint8(random.Uint32())
			if length%3 == 0 {
				data[i] = 255
			}
		}
		cut := random.IntN(length + 1)
		got := sumOf(sumOf(1, data[:cut]), data[cut:])
		if want := adler32.Checksum(data); got != want {
			t.Fatalf("%d bytes cut at %d: %08x, want %08x", length, cut, got, want)
		}
	}
}
