package imageio

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"io"
	"math"
	"sync"

	"seghub/models/imageio/inflate"
	"seghub/models/imageio/scroll"
)

// Most pictures that come are PNG files of 8 or 16 bits, and inflating them is what an image costs beside its inference. Those
// are read here, row by row, so that none need be in memory as a whole; what is rarer is left to image/png, which is also what
// says what a well-formed file is. docs/adr/0009 has the measurements.

// pngForm is how the samples of a picture lie in its rows.
type pngForm struct {
	width, height int
	samples       int // of a pixel, alpha included
	bytes         int // of a sample: 1 or 2
}

// The header that every PNG file begins with: signature, and a chunk of 13 bytes.
const (
	pngHeaderAt  = 16 // of the header's data
	pngHeaderEnd = 33
)

// newPNGForm reads the header of a file that is read here: not interlaced, without palette, of 8 or 16 bits.
func newPNGForm(head []byte) (pngForm, bool) {
	if len(head) < pngHeaderEnd || string(head[:pngHeaderAt]) != pngMagic+"\x00\x00\x00\x0dIHDR" ||
		crc32.ChecksumIEEE(head[12:29]) != binary.BigEndian.Uint32(head[29:]) {
		return pngForm{}, false
	}
	data := head[pngHeaderAt:29]
	width, height := binary.BigEndian.Uint32(data), binary.BigEndian.Uint32(data[4:])
	depth, colour, plain := data[8], data[9], string(data[10:]) == "\x00\x00\x00"
	samples := map[uint8]int{colourGrey: 1, colourRGB: 3, colourGreyAlpha: 2, colourRGBA: 4}[colour]
	if samples == 0 || depth != 8 && depth != 16 || !plain ||
		width < 1 || height < 1 || width > math.MaxInt32 || height > math.MaxInt32 {
		return pngForm{}, false
	}
	return pngForm{int(width), int(height), samples, int(depth / 8)}, true
}

// channels is how many samples of a pixel count.
func (f pngForm) channels() int { return (f.samples - 1) | 1 }

func (f pngForm) hasAlpha() bool { return f.samples != f.channels() }

// bytesPerPixel is how far the filters look back.
func (f pngForm) bytesPerPixel() int { return f.samples * f.bytes }

// page is what a Reader gives.
func (f pngForm) page() Page {
	page := Page{Width: f.width, Height: f.height, Channels: f.channels(), Samples: 1, Bits: 8 * f.bytes}
	if f.bytes == 2 {
		page.Type = Uint16
	}
	page.Memory = int64(f.kept())*int64(f.line()) + 8*int64(f.width*f.bytesPerPixel()) + inflaterMemory
	return page
}

// line is how many bytes a row has that a Reader gives.
func (f pngForm) line() int { return f.width * f.channels() * f.bytes }

// kept is how many rows are kept: all of a picture of up to keptBytes, which is so inflated once, and of a larger one enough for
// what lies beside each other to be read one after the other.
func (f pngForm) kept() int {
	const (
		keptBytes = 32 << 20
		least     = band
	)
	return min(f.height, max(least, keptBytes/f.line()))
}

var inflaters = sync.Pool{New: func() any { return new(inflate.Reader) }}

// inflaterMemory is what one holds beside a row.
const inflaterMemory = 1 << 20

// pngCodec is a codec of files that are read row by row.
type pngCodec struct {
	source *fileSource
	form   pngForm
}

func (c *pngCodec) open(context.Context, Plane) (Reader, error) { return &pngReader{pngCodec: *c}, nil }

// fileRoom is how many bytes of a file are read at once. The pixels come in chunks of 8 to 64 KiB, behind each of which a smaller room would be
// read anew.
const fileRoom = 64 << 10

// pngReader is a Reader.
type pngReader struct {
	pngCodec
	scroll scroll.Scroll
}

func (r *pngReader) Block() image.Point { return image.Pt(r.form.width, r.form.kept()) }

// Read stops behind the last row that is wanted: what is damaged below is not seen.
func (r *pngReader) Read(ctx context.Context, dst []byte, area image.Rectangle) error {
	pixel := r.form.channels() * r.form.bytes
	if !r.scroll.Reaches(area.Min.Y) {
		rows, err := r.form.open(bufio.NewReaderSize(r.source.whole(), fileRoom))
		if err != nil {
			return err
		}
		r.scroll.Open(rows, pixel, r.form.line(), r.form.kept())
	}
	return r.scroll.Read(ctx, dst, area.Dx()*pixel, area)
}

func (r *pngReader) Close() error {
	r.scroll.Close()
	return nil
}

// pngRows makes the rows of a picture, without their alpha: scroll.Rows.
type pngRows struct {
	form           pngForm
	chunks         *chunkReader
	inflater       *inflate.Reader
	above, current []uint8 // rows as they were before they were filtered: the one made last, and the one in hand
	made           int
}

// open begins with the file's first row.
func (f pngForm) open(file *bufio.Reader) (*pngRows, error) {
	if _, err := file.Discard(pngHeaderEnd); err != nil {
		return nil, notEnd(err)
	}
	chunks := &chunkReader{r: file, grey: f.channels() == 1}
	if err := chunks.untilPixels(f); err != nil {
		return nil, err
	}
	row := f.width * f.bytesPerPixel()
	rows := &pngRows{form: f, chunks: chunks, inflater: inflaters.Get().(*inflate.Reader), above: make([]uint8, row), current: make([]uint8, row)}
	rows.inflater.Reset(chunks)
	return rows, nil
}

func (r *pngRows) Make(dst []byte) error {
	if err := r.unfilter(); err != nil {
		return fmt.Errorf("row %d: %w", r.made, notEnd(err))
	}
	f := r.form
	if f.hasAlpha() {
		dropAlpha(dst, r.current, f.bytesPerPixel(), f.channels()*f.bytes)
	} else {
		copy(dst, r.current)
	}
	if f.bytes == 2 {
		turnBytes(dst)
	}
	r.above, r.current = r.current, r.above
	if r.made++; r.made == f.height {
		return r.judgeEnd()
	}
	return nil
}

// unfilter inflates a row and has it as it was before it was filtered.
func (r *pngRows) unfilter() error {
	filtered, err := r.inflater.Next(1 + len(r.current))
	if err != nil {
		return err
	}
	return unfilter(r.current, filtered[1:], r.above, filtered[0], r.form.bytesPerPixel())
}

// judgeEnd looks at what follows the last row. More rows than the header says are passed over, as by libpng; that the chunks which they lie in
// are whole, their own checksums say.
func (r *pngRows) judgeEnd() error {
	if _, err := r.inflater.Next(1); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return r.chunks.untilEnd()
}

// End gives the inflater back.
func (r *pngRows) End() {
	r.inflater.Reset(nil) // the file is not to be kept with it
	inflaters.Put(r.inflater)
}

// dropAlpha keeps the first kept bytes of each pixel of so many.
func dropAlpha(to, from []uint8, pixel, kept int) {
	for ; len(to) > 0; to, from = to[kept:], from[pixel:] {
		copy(to[:kept], from)
	}
}

// turnBytes makes big-endian samples of 16 bits little-endian.
func turnBytes(pix []uint8) {
	const low = 0x00ff00ff00ff00ff
	for ; len(pix) >= 8; pix = pix[8:] {
		v := binary.LittleEndian.Uint64(pix)
		binary.LittleEndian.PutUint64(pix, v&low<<8|v>>8&low)
	}
	for ; len(pix) >= 2; pix = pix[2:] {
		pix[0], pix[1] = pix[1], pix[0]
	}
}

// notEnd is err, of a file that must not end yet.
func notEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
