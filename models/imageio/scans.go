package imageio

import (
	"fmt"
	"io"
)

// maxScans is how many scans a JPEG file may have. A baseline picture has one to four, a progressive one
// about ten. Each makes the decoder walk every block of the picture again, however few bytes it has.
const maxScans = 100

// startOfScan follows 0xFF where a scan begins. Coded pixels never hold the pair; a small picture inside
// the header may.
const startOfScan = 0xda

// scanLimiter lets a JPEG file through up to its maxScans-th scan.
type scanLimiter struct {
	r     io.Reader
	last  byte // the last byte given
	scans int
}

func (l *scanLimiter) Read(p []byte) (int, error) {
	// Small pieces, so that a file of many tiny scans is asked for its context every few of them.
	n, err := l.r.Read(p[:min(len(p), 1<<10)])
	for _, b := range p[:n] {
		if l.last == 0xff && b == startOfScan {
			l.scans++
		}
		l.last = b
	}
	if l.scans > maxScans {
		return 0, fmt.Errorf("more than %d scans", maxScans)
	}
	return n, err
}
