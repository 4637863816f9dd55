package imageio

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"sync"
)

// Somebody waits for every mask, and image/png spends three quarters of its time on choosing a filter for
// each row. Masks and probability maps are smooth, for which the filter Up, the difference to the row above, is
// the right one throughout: several times as fast, and hardly larger.

// grayCompressor is the working memory for one picture, kept for the next.
type grayCompressor struct {
	compressed bytes.Buffer
	zlib       *zlib.Writer
	row        []uint8 // the filter's name and the filtered row
	above      []uint8 // the row above as it was
}

var grayCompressors = sync.Pool{New: func() any {
	c := new(grayCompressor)
	c.zlib, _ = zlib.NewWriterLevel(&c.compressed, zlib.BestSpeed) // fails for a wrong level only
	return c
}}

// GrayWriter writes an 8-bit PNG of one channel row by row. One goroutine at a time.
type GrayWriter struct {
	out     chunkWriter
	width   int
	missing int // samples
	memory  *grayCompressor
}

// NewGrayWriter begins a picture of width x height pixels on w.
func NewGrayWriter(w io.Writer, width, height int) (*GrayWriter, error) {
	const limit = 1<<31 - 1 // of the format
	if width <= 0 || height <= 0 || width > limit || height > limit {
		return nil, fmt.Errorf("encode a grey PNG: there is none of %dx%d pixels", width, height)
	}
	g := &GrayWriter{out: chunkWriter{w: w}, width: width, missing: width * height, memory: grayCompressors.Get().(*grayCompressor)}
	g.memory.begin(width)
	g.out.begin(width, height, 8, colourGrey)
	return g, nil
}

// Write takes the next rows: whole ones, from top to bottom.
func (g *GrayWriter) Write(pix []uint8) error {
	if len(pix)%g.width != 0 || len(pix) > g.missing {
		return fmt.Errorf("encode a grey PNG: %d samples are no rows of the %d pixels that are left", len(pix), g.missing)
	}
	g.missing -= len(pix)
	if err := g.memory.add(pix); err != nil {
		return fmt.Errorf("encode a grey PNG: %w", err)
	}
	return g.flush(maxChunk)
}

// Close ends the picture; no other call follows. It does not close what was written to.
func (g *GrayWriter) Close() error {
	defer grayCompressors.Put(g.memory)
	if g.missing > 0 {
		return fmt.Errorf("encode a grey PNG: %d pixels are missing", g.missing)
	}
	if err := g.memory.zlib.Close(); err != nil {
		return fmt.Errorf("encode a grey PNG: %w", err)
	}
	if err := g.flush(1); err != nil {
		return err
	}
	g.out.chunk("IEND", nil)
	return g.error()
}

// flush writes what is compressed once that is at least so many bytes.
func (g *GrayWriter) flush(least int) error {
	if g.memory.compressed.Len() >= least {
		for data := range slices.Chunk(g.memory.compressed.Bytes(), maxChunk) {
			g.out.chunk("IDAT", data)
		}
		g.memory.compressed.Reset()
	}
	return g.error()
}

func (g *GrayWriter) error() error {
	if g.out.err != nil {
		return fmt.Errorf("encode a grey PNG: %w", g.out.err)
	}
	return nil
}

// EncodeGray writes pix, rows of width samples from top to bottom, as an 8-bit PNG of one channel.
func EncodeGray(w io.Writer, width, height int, pix []uint8) error {
	if len(pix) != width*height {
		return fmt.Errorf("encode a grey PNG: %d samples are not %dx%d pixels", len(pix), width, height)
	}
	g, err := NewGrayWriter(w, width, height)
	if err != nil {
		return err
	}
	if err := g.Write(pix); err != nil {
		return err
	}
	return g.Close()
}

func (c *grayCompressor) begin(width int) {
	c.compressed.Reset()
	c.zlib.Reset(&c.compressed)
	if cap(c.row) < width+1 {
		c.row, c.above = make([]uint8, width+1), make([]uint8, width+1)
	}
	c.row, c.above = c.row[:width+1], c.above[:width]
	c.row[0] = filterUp
	clear(c.above) // the row above the first is zero
}

// add filters and compresses rows.
func (c *grayCompressor) add(pix []uint8) error {
	width := len(c.above)
	above := c.above
	for ; len(pix) > 0; pix = pix[width:] {
		current := pix[:width]
		subtract(c.row[1:], current, above)
		if _, err := c.zlib.Write(c.row); err != nil {
			return err
		}
		above = current
	}
	copy(c.above, above) // pix is the caller's
	return nil
}

// subtract fills dst with a-b, sample by sample, modulo 256.
func subtract(dst, a, b []uint8) {
	// Eight at once: the highest bit of each sample is set before the subtraction, so that nothing is
	// borrowed from the next, and put right after it.
	const high = 0x8080808080808080
	for ; len(dst) >= 8; dst, a, b = dst[8:], a[8:], b[8:] {
		x, y := binary.LittleEndian.Uint64(a), binary.LittleEndian.Uint64(b)
		binary.LittleEndian.PutUint64(dst, ((x|high)-(y&^high))^((x^^y)&high))
	}
	for i := range dst {
		dst[i] = a[i] - b[i]
	}
}

// maxChunk is about what a chunk of compressed rows holds; the format allows 2 GiB.
const maxChunk = 64 << 10

const pngMagic = "\x89PNG\r\n\x1a\n"

// chunkWriter writes the chunks of a PNG file up to the first error, which it keeps.
type chunkWriter struct {
	w   io.Writer
	err error
}

// begin writes all that comes before the pixels, with the only or plainest of each choice.
func (c *chunkWriter) begin(width, height int, depth, colour uint8) {
	c.write([]byte(pngMagic))
	header := binary.BigEndian.AppendUint32(nil, uint32(width))
	header = binary.BigEndian.AppendUint32(header, uint32(height))
	c.chunk("IHDR", append(header, depth, colour, 0, 0, 0))
}

func (c *chunkWriter) chunk(name string, data []byte) {
	head := append(binary.BigEndian.AppendUint32(nil, uint32(len(data))), name...)
	sum := crc32.Update(crc32.ChecksumIEEE(head[4:]), crc32.IEEETable, data)
	c.write(head)
	c.write(data)
	c.write(binary.BigEndian.AppendUint32(nil, sum))
}

func (c *chunkWriter) write(p []byte) {
	if c.err == nil {
		_, c.err = c.w.Write(p)
	}
}
