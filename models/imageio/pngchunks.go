package imageio

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// The colour types of PNG that are read here.
const (
	colourGrey      = 0
	colourRGB       = 2
	colourPalette   = 3
	colourGreyAlpha = 4
	colourRGBA      = 6
)

var errChunkOrder = errors.New("chunk out of order")

// chunkReader walks the chunks of a PNG file behind its header. As an io.Reader it gives the data of the IDAT chunks that follow
// each other, as one stream. Its errors are sticky, so that one that a reader ahead has met is not lost.
type chunkReader struct {
	r      *bufio.Reader
	grey   bool // of a grey picture, which has no use for a palette
	name   string
	rest   uint32 // bytes of the chunk that have not been read
	sum    uint32 // checksum of what has been
	inside bool   // the chunk has not been read to its end
	ahead  bool   // the chunk is the first behind the pixels, and next's
	err    error
}

// next begins with the next chunk. The palette of a grey picture is passed over, as by libpng.
func (c *chunkReader) next() error {
	if c.ahead {
		c.ahead = false
		return c.err
	}
	for {
		if c.inside {
			c.skip()
		}
		c.begin()
		if c.err != nil || c.name != "PLTE" || !c.grey {
			return c.err
		}
	}
}

// begin reads the head of a chunk.
func (c *chunkReader) begin() {
	var head [8]byte
	c.readFull(head[:])
	if c.err == nil {
		c.rest, c.name = binary.BigEndian.Uint32(head[:]), string(head[4:])
		c.sum, c.inside = crc32.ChecksumIEEE(head[4:]), true
		if c.rest > 1<<31-1 {
			c.err = fmt.Errorf("a chunk %q of %d bytes, which is more than the format allows", c.name, c.rest)
		}
	}
}

// isNote tells whether the picture is the same without the chunk, whose checksum may then be wrong, and which may lie anywhere.
func (c *chunkReader) isNote() bool { return c.name[0]&0x20 != 0 && c.name != "tRNS" }

// skip reads to the end of the chunk.
func (c *chunkReader) skip() {
	var ignored [4 << 10]byte
	for c.rest > 0 && c.err == nil {
		c.readData(ignored[:])
	}
	var sum [4]byte
	c.readFull(sum[:])
	if c.err == nil && !c.isNote() && binary.BigEndian.Uint32(sum[:]) != c.sum {
		c.err = fmt.Errorf("wrong checksum of the chunk %q", c.name)
	}
	c.inside = false
}

// readData reads data of the chunk.
func (c *chunkReader) readData(p []byte) int {
	n, err := c.r.Read(p[:min(len(p), int(c.rest))])
	c.sum = crc32.Update(c.sum, crc32.IEEETable, p[:n])
	c.rest -= uint32(n)
	if err != nil {
		c.err = notEnd(err)
	}
	return n
}

func (c *chunkReader) readFull(p []byte) {
	if c.err == nil {
		if _, err := io.ReadFull(c.r, p); err != nil {
			c.err = notEnd(err)
		}
	}
}

// Read gives the pixels' data; it ends where another chunk begins that matters.
func (c *chunkReader) Read(p []byte) (int, error) {
	for c.rest == 0 && c.err == nil && !c.ahead {
		switch {
		case c.next() != nil:
		case c.isNote():
			c.skip()
		default:
			c.ahead = c.name != "IDAT"
		}
	}
	switch {
	case c.err != nil:
		return 0, c.err
	case c.ahead:
		return 0, io.EOF
	}
	return c.readData(p), c.err
}

// untilPixels reads up to the first IDAT chunk. Chunks that only matter to palettes, as which a program may send one along, are
// held to their rules.
func (c *chunkReader) untilPixels(f pngForm) error {
	palette, transparent := false, false
	for {
		if err := c.next(); err != nil {
			return err
		}
		switch c.name {
		case "IDAT":
			return nil
		case "IHDR", "IEND":
			return errChunkOrder
		case "PLTE":
			if palette || transparent {
				return errChunkOrder
			}
			if c.rest == 0 || c.rest%3 != 0 || c.rest > 3*256 {
				return errors.New("a palette that does not fit the header")
			}
			palette = true
		case "tRNS":
			if transparent {
				return errChunkOrder
			}
			if f.hasAlpha() || c.rest != uint32(2*f.samples) {
				return errors.New("a transparent colour that does not fit the header")
			}
			transparent = true
		}
	}
}

// untilEnd reads on behind the pixels. More IDAT chunks are passed over, as image/png does, and what the last chunk holds.
func (c *chunkReader) untilEnd() error {
	for {
		if err := c.next(); err != nil {
			return err
		}
		switch c.name {
		case "IHDR", "PLTE", "tRNS":
			return errChunkOrder
		case "IEND":
			c.skip()
			return c.err
		}
	}
}
