package tiff

import (
	"context"
	"image"
	"io"

	"seghub/models/imageio/refusal"
	"seghub/models/imageio/scroll"
	"seghub/models/pixels"
)

// Reader reads areas of one page. One goroutine at a time.
type Reader struct {
	layout          *Layout
	source          io.ReaderAt
	which           []int // of a pixel's samples, those that are needed
	offsets, counts []uint64

	contiguous bool // its strips are as one, and need no decoding

	blocks  []*block // decoded ones, that which was looked at last behind
	scrolls []column // a large block of each, on its way from top to bottom
}

// A block of up to wholeBlock bytes is decoded at once. So many decoded ones are kept as lie beside each other in two rows, or as
// fill keptBytes: an image of up to that is not decoded twice. Of a larger block the last keptRows are kept.
const (
	wholeBlock = 8 << 20
	keptBytes  = 32 << 20
	keptRows   = 1024
)

// Memory is what a Reader of the page holds at most, in bytes.
func (l *Layout) Memory() int64 {
	row := int64(l.Block.X) * int64(l.PixelBytes())
	whole := row * int64(l.blockRows())
	work := 2*int64(l.rawRow()) + 4*row // a row in its stages
	switch {
	case l.direct():
		return work
	case l.streamed():
		return int64(l.across) * (work + row*int64(min(keptRows, l.blockRows())) + l.codecMemory())
	case l.inOnePiece():
		return whole*int64(l.keptBlocks()) + 8*int64(l.Block.X)*int64(l.blockRows())*int64(l.perPixel) // the codec's own
	}
	return whole*int64(l.keptBlocks()) + work + l.codecMemory()
}

// codecMemory is what a decompressor holds, about.
func (l *Layout) codecMemory() int64 {
	const most = 1 << 20
	if block := int64(l.rawRow()) * int64(l.blockRows()); l.compression == lzwCompression {
		return most + 2*min(block, lzwReach) // where long strings lie, and where they go
	}
	return most
}

// blockRows is how many rows the longest block has that are within the page.
func (l *Layout) blockRows() int { return min(l.Block.Y, l.Height) }

// keptBlocks is how many decoded blocks are kept.
func (l *Layout) keptBlocks() int {
	one := int64(l.Block.X) * int64(l.blockRows()) * int64(l.PixelBytes())
	return min(l.across*l.down, max(2*l.across, int(keptBytes/one)))
}

// streamed tells whether blocks are read row by row.
func (l *Layout) streamed() bool {
	return !l.inOnePiece() && int64(l.Block.X)*int64(l.blockRows())*int64(l.PixelBytes()) > wholeBlock
}

// direct tells whether the file's bytes are already what a Reader gives.
func (l *Layout) direct() bool {
	return l.Uncompressed && !l.reversed && !l.planar && !l.subsampled() && l.unpacker() == nil && l.painter() == nil &&
		l.photometric != whiteIsZero && l.perPixel == l.Channels
}

// Reader begins to read a page; of those with several samples to choose from, one of them.
func (l *Layout) Reader(source io.ReaderAt, sample int) (*Reader, error) {
	r := &Reader{layout: l, source: source, which: l.needed}
	if l.needed == nil {
		if sample < 0 || sample >= l.Samples {
			return nil, refusal.Unsupported("The image has %d channels: there is no channel %d.", l.Samples, sample)
		}
		r.which = []int{sample}
	}
	var err error
	if r.offsets, r.counts, err = l.blocks(); err != nil {
		return nil, err
	}
	if _, ok := l.Contiguous(); ok && l.direct() {
		r.contiguous = true
	} else if l.streamed() && !l.direct() {
		r.scrolls = make([]column, l.across)
	}
	return r, nil
}

// Block is the size of what is best read at once: a tile, or some strips.
func (r *Reader) Block() image.Point {
	l := r.layout
	block := image.Pt(min(l.Block.X, l.Width), min(l.Block.Y, l.Height))
	if row := l.Block.X * l.PixelBytes(); !l.Tiled && (l.direct() || l.streamed()) {
		rows := max(1, directBytes/row)
		if rows > block.Y {
			rows -= rows % block.Y
		}
		block.Y = min(rows, l.Height)
	}
	return block
}

// directBytes is about what is read at once of what need not be kept.
const directBytes = 1 << 20

// Read fills dst with the pixels of an area within the page, row by row. The error is a refusal, ctx's or source's.
func (r *Reader) Read(ctx context.Context, dst []byte, area image.Rectangle) error {
	l := r.layout
	line := area.Dx() * l.PixelBytes()
	if r.contiguous {
		return r.readDirect(dst, line, area, 0)
	}
	for row := area.Min.Y / l.Block.Y; row*l.Block.Y < area.Max.Y; row++ {
		for column := area.Min.X / l.Block.X; column*l.Block.X < area.Max.X; column++ {
			if err := ctx.Err(); err != nil {
				return err
			}
			corner := image.Pt(column*l.Block.X, row*l.Block.Y)
			part := image.Rectangle{Min: corner, Max: corner.Add(l.Block)}.Intersect(area)
			to := dst[(part.Min.Y-area.Min.Y)*line+(part.Min.X-area.Min.X)*l.PixelBytes():]
			if err := r.readPart(ctx, to, line, part.Sub(corner), row*l.across+column); err != nil {
				return err
			}
		}
	}
	return nil
}

// readPart reads what lies in one block; area is within that.
func (r *Reader) readPart(ctx context.Context, dst []byte, line int, area image.Rectangle, i int) error {
	l := r.layout
	switch {
	case l.direct():
		return r.readDirect(dst, line, area, i)
	case r.scrolls != nil:
		return r.readStreamed(ctx, dst, line, area, i)
	}
	b, err := r.block(ctx, i)
	if err != nil {
		return err
	}
	copyArea(dst, line, b.pix, l.Block.X*l.PixelBytes(), area, l.PixelBytes())
	return nil
}

// copyArea copies an area out of src, whose rows are stride bytes long.
func copyArea(dst []byte, line int, src []byte, stride int, area image.Rectangle, pixel int) {
	width := area.Dx() * pixel
	for y := area.Min.Y; y < area.Max.Y; y++ {
		copy(dst[:width], src[y*stride+area.Min.X*pixel:])
		if y+1 < area.Max.Y {
			dst = dst[line:]
		}
	}
}

// Close gives back what the streams were lent; no other call follows.
func (r *Reader) Close() error {
	for i := range r.scrolls {
		r.scrolls[i].Close()
	}
	for _, b := range r.blocks {
		pixels.GiveBack(b.pix)
	}
	r.scrolls, r.blocks = nil, nil
	return nil
}

// readDirect reads without looking at the bytes.
func (r *Reader) readDirect(dst []byte, line int, area image.Rectangle, i int) error {
	l := r.layout
	if r.counts[i] == 0 {
		for y := range area.Dy() {
			clear(dst[y*line:][:area.Dx()*l.PixelBytes()])
		}
		return nil
	}
	stride := l.Block.X * l.PixelBytes()
	at := int64(r.offsets[i]) + int64(area.Min.Y)*int64(stride)
	if area.Dx() == l.Block.X && line == stride {
		return r.readAt(dst[:area.Dy()*line], at)
	}
	width := area.Dx() * l.PixelBytes()
	for y := 0; y < area.Dy(); y++ {
		if err := r.readAt(dst[y*line:][:width], at+int64(y)*int64(stride)+int64(area.Min.X*l.PixelBytes())); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reader) readAt(p []byte, offset int64) error {
	n, err := r.source.ReadAt(p, offset)
	if n == len(p) {
		return nil
	}
	return damaged(err)
}

// block is one that has been decoded.
type block struct {
	index int
	pix   []byte
}

// block decodes one, or finds it among those that were.
func (r *Reader) block(ctx context.Context, i int) (*block, error) {
	l := r.layout
	last := len(r.blocks) - 1
	for k := last; k >= 0; k-- {
		if b := r.blocks[k]; b.index == i {
			copy(r.blocks[k:], r.blocks[k+1:])
			r.blocks[last] = b
			return b, nil
		}
	}
	height := l.blockRows()
	b := &block{index: i}
	if len(r.blocks) == l.keptBlocks() {
		b.pix = r.blocks[0].pix
		r.blocks = r.blocks[:copy(r.blocks, r.blocks[1:])]
	} else {
		b.pix = pixels.Lend(l.Block.X * height * l.PixelBytes())
	}
	if err := r.decode(ctx, b.pix, i); err != nil {
		pixels.GiveBack(b.pix)
		return nil, err
	}
	r.blocks = append(r.blocks, b)
	return b, nil
}

// decode fills pix with the rows of a block that are within the page.
func (r *Reader) decode(ctx context.Context, pix []byte, i int) error {
	l := r.layout
	height := min(l.blockRows(), l.Height-i/l.across*l.Block.Y)
	stride := l.Block.X * l.PixelBytes()
	rows, err := r.openRows(i)
	if err != nil {
		return err
	}
	defer rows.End()
	for y := range height {
		if y%rowsBetween == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		if err := rows.Make(pix[y*stride:][:stride]); err != nil {
			return err
		}
	}
	return nil
}

// rowsBetween is how many rows are made between two looks at the context.
const rowsBetween = 64

// column of large blocks that lie below each other: one is read at a time.
type column struct {
	scroll.Scroll
	block int
}

// readStreamed reads from a large block, going back to its top when what is wanted is no longer kept.
func (r *Reader) readStreamed(ctx context.Context, dst []byte, line int, area image.Rectangle, i int) error {
	l := r.layout
	c := &r.scrolls[i%l.across]
	if c.block != i || !c.Reaches(area.Min.Y) {
		rows, err := r.openRows(i)
		if err != nil {
			return err
		}
		c.Open(rows, l.PixelBytes(), l.Block.X*l.PixelBytes(), min(keptRows, l.blockRows()))
		c.block = i
	}
	return c.Read(ctx, dst, line, area)
}
