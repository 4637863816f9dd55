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

// filterUp is the name of the filter in front of each row.
const filterUp = 2

// grayWriter is the working memory for one picture, kept for the next.
type grayWriter struct {
	compressed bytes.Buffer
	zlib       *zlib.Writer
	row        []uint8 // the filter's name and the filtered row
}

var grayWriters = sync.Pool{New: func() any {
	w := new(grayWriter)
	w.zlib, _ = zlib.NewWriterLevel(&w.compressed, zlib.BestSpeed) // fails for a wrong level only
	return w
}}

// EncodeGray writes pix, rows of width samples from top to bottom, as an 8-bit PNG of one channel.
func EncodeGray(w io.Writer, width, height int, pix []uint8) error {
	const limit = 1<<31 - 1 // of the format
	if width <= 0 || height <= 0 || width > limit || height > limit || len(pix) != width*height {
		return fmt.Errorf("encode a grey PNG: %d samples are not %dx%d pixels", len(pix), width, height)
	}
	gray := grayWriters.Get().(*grayWriter)
	defer grayWriters.Put(gray)
	if err := gray.compress(width, pix); err != nil {
		return fmt.Errorf("encode a grey PNG: %w", err)
	}

	out := chunkWriter{w: w}
	out.write([]byte("\x89PNG\r\n\x1a\n"))
	header := binary.BigEndian.AppendUint32(nil, uint32(width))
	header = binary.BigEndian.AppendUint32(header, uint32(height))
	out.chunk("IHDR", append(header, 8, 0, 0, 0, 0)) // 8 bits of grey, and the only or plainest of each choice
	for data := range slices.Chunk(gray.compressed.Bytes(), maxChunk) {
		out.chunk("IDAT", data)
	}
	out.chunk("IEND", nil)
	if out.err != nil {
		return fmt.Errorf("encode a grey PNG: %w", out.err)
	}
	return nil
}

// compress leaves the filtered and compressed rows in g.compressed.
func (g *grayWriter) compress(width int, pix []uint8) error {
	g.compressed.Reset()
	g.zlib.Reset(&g.compressed)
	if cap(g.row) < width+1 {
		g.row = make([]uint8, width+1)
	}
	row := g.row[:width+1]
	row[0] = filterUp
	above := make([]uint8, width) // the row above the first is zero
	for ; len(pix) > 0; pix = pix[width:] {
		current := pix[:width]
		subtract(row[1:], current, above)
		if _, err := g.zlib.Write(row); err != nil {
			return err
		}
		above = current
	}
	return g.zlib.Close()
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

// maxChunk is what a chunk of compressed rows holds at most; the format allows 2 GiB.
const maxChunk = 1 << 30

// chunkWriter writes the chunks of a PNG file up to the first error, which it keeps.
type chunkWriter struct {
	w   io.Writer
	err error
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
