package mask

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
)

// DigestForm is what of a label map a Digest is of. What digests otherwise gets another number.
const DigestForm = 1

// Digest names a label map, so that one can be told from another where only one of them is at hand. It is the SHA-256 of 64-bit
// little-endian numbers: width and height; then of each run of equal pixels, in reading order and on across the ends of rows, how
// many they are and their id, 0 for background.
type Digest struct {
	hash          hash.Hash
	width, height int
	at            int // the pixel, in reading order, at which the next run begins
	id            int32
	run           int // pixels of id before at, which are not digested yet
}

// NewDigest begins the Digest of a label map.
func NewDigest(width, height int) *Digest {
	d := &Digest{hash: sha256.New(), width: width, height: height}
	d.write(width, height)
	return d
}

// Add goes on with spans, in reading order.
func (d *Digest) Add(spans []Span) {
	for _, s := range spans {
		d.extend(int(s.Y)*d.width+int(s.X0), 0)
		d.extend(int(s.Y)*d.width+int(s.X1), s.ID)
	}
}

// Sum is the digest in hex, of a map that has no spans but those that were added.
func (d *Digest) Sum() string {
	d.extend(d.width*d.height, 0)
	if d.run > 0 {
		d.write(d.run, int(d.id))
		d.run = 0
	}
	return hex.EncodeToString(d.hash.Sum(nil))
}

// extend gives the pixels up to one an id.
func (d *Digest) extend(end int, id int32) {
	if end == d.at {
		return
	}
	if id != d.id && d.run > 0 {
		d.write(d.run, int(d.id))
		d.run = 0
	}
	d.id = id
	d.run += end - d.at
	d.at = end
}

func (d *Digest) write(a, b int) {
	var numbers [16]byte
	binary.LittleEndian.PutUint64(numbers[:8], uint64(a))
	binary.LittleEndian.PutUint64(numbers[8:], uint64(b))
	d.hash.Write(numbers[:])
}
