// Package pixels lends memory for the samples of pictures. An image passes through several megabytes on its way, each of them for a
// moment: taken anew, they are what most of the garbage collector's work comes from.
package pixels

import (
	"math/bits"
	"sync"
)

// free is what was given back, of *[]uint8, by the length of its size in bits: who asks for a picture is not to get, and drop, what was
// one of its rows.
var free [bits.UintSize + 1]sync.Pool

// Lend returns n samples of any values. They are the caller's, to give back or to keep.
func Lend(n int) []uint8 {
	if p, ok := free[bits.Len(uint(n))].Get().(*[]uint8); ok && cap(*p) >= n {
		return (*p)[:n]
	}
	return make([]uint8, n)
}

// GiveBack takes samples that nobody will look at any more, lent or not.
func GiveBack(samples []uint8) {
	if cap(samples) > 0 {
		free[bits.Len(uint(cap(samples)))].Put(&samples)
	}
}
