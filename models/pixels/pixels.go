// Package pixels lends memory for the samples of pictures. An image passes through several megabytes on its way, each of them for a
// moment: taken anew, they are what most of the garbage collector's work comes from.
package pixels

import "sync"

var free sync.Pool // of *[]uint8

// Lend returns n samples of any values. They are the caller's, to give back or to keep.
func Lend(n int) []uint8 {
	if p, ok := free.Get().(*[]uint8); ok && cap(*p) >= n {
		return (*p)[:n]
	}
	return make([]uint8, n)
}

// GiveBack takes samples that nobody will look at any more, lent or not.
func GiveBack(samples []uint8) {
	if cap(samples) > 0 {
		free.Put(&samples)
	}
}
