package models

import (
	"context"
	"fmt"
	"image"
	"io"

	"seghub/models/imageio"
	"seghub/models/pixels"
	"seghub/models/resample"
)

// bandSamples is about how many samples of a picture are held at a time while it is scaled: all of a small one, some rows of a larger one.
const bandSamples = 4 << 20

// Cutter makes the input of a model of a page while that is read, tile by tile from the top. One goroutine at a time.
type Cutter struct {
	Placement Placement

	reader  imageio.Reader
	page    imageio.Page
	in      Input
	levels  *imageio.Levels
	table   *[256]uint8       // of a native model: what a level becomes
	resizer *resample.Resizer // of a page that is scaled, else nil
	row     int               // of tiles, the next that is asked for
	tile    int               // the next of that
	band    band              // of the page
	scaled  band              // of the page as it is cut, where there is a resizer
}

// band is some rows of a picture in 8 bits.
type band struct {
	begin, end int
	pix        []uint8
	borrowed   bool // pix is the samples of a Strip
}

// Strip is a row of tiles, or a part of one.
type Strip struct {
	Tiles Tensor // [tiles,H,W,C]
	Ends  bool   // the row
	// Samples are those of the rows from Begin up to End as the reader gave them: what no strip before had, with the first tiles of a row. They
	// are the caller's, who may give them to package pixels. There are none of a page too large to be held that is scaled.
	Samples    []byte
	Begin, End int
}

// NewCutter is for what r reads, which page describes. The error is r's.
func NewCutter(ctx context.Context, r imageio.Reader, page imageio.Page, in Input) (*Cutter, error) {
	c := &Cutter{reader: r, page: page, in: in}
	c.place(1)
	if page.Type == imageio.Uint8 && in.Scaling != ScalingNative {
		return c, nil // samples are what they are
	}
	var err error
	if c.levels, err = imageio.Survey(ctx, r, page); err != nil {
		return nil, fmt.Errorf("look at the levels: %w", err)
	}
	if in.Scaling == ScalingNative {
		table := stretchTable(c.levels.Range())
		c.table = &table
	}
	return c, nil
}

// place has the page lie in the input, scaled by a factor if the model is a native one. Nothing has been cut yet.
func (c *Cutter) place(factor float64) {
	c.Placement = placed(c.page.Width, c.page.Height, c.in, factor)
	p := c.Placement
	c.resizer = nil
	if c.in.Scaling != ScalingNative || p.Width != c.page.Width || p.Height != c.page.Height {
		c.resizer = resample.New(p.Width, p.Height, c.page.Width, c.page.Height, c.page.Channels)
	}
}

// Next is the next tiles of a row, as many as most; after the last the error is io.EOF, else it is the reader's.
func (c *Cutter) Next(ctx context.Context, most int) (strip Strip, err error) {
	if c.row == c.Placement.Strips() {
		pixels.GiveBack(c.band.release())
		pixels.GiveBack(c.scaled.release())
		return Strip{}, io.EOF
	}
	rows, tiles := span{}, []span{{}}
	if len(c.Placement.down) > 0 {
		rows, tiles = c.Placement.down[c.row], c.Placement.across
	}
	if c.tile == 0 {
		if strip, err = c.show(ctx, rows.start, min(rows.start+c.in.Height, c.Placement.Height)); err != nil {
			return Strip{}, err
		}
	}
	tiles = tiles[c.tile:]
	tiles = tiles[:min(most, len(tiles))]
	strip.Tiles = c.cut(tiles)
	c.tile += len(tiles)
	if strip.Ends = c.tile == c.Placement.Rows()/c.Placement.Strips(); strip.Ends {
		c.row, c.tile = c.row+1, 0
	}
	return strip, nil
}

// shown is the rows that tiles are cut from.
func (c *Cutter) shown() *band {
	if c.resizer != nil {
		return &c.scaled
	}
	return &c.band
}

// cut makes tiles of the rows that are shown.
func (c *Cutter) cut(across []span) Tensor {
	p, rows, channels := c.Placement, c.shown(), c.page.Channels
	tiles := newTensor(len(across), c.in)
	size := c.in.Height * c.in.Width * c.in.Channels
	for k, tile := range across {
		fill(tiles.Pix[k*size:][:size], c.in, rows.pix[tile.start*channels:],
			min(c.in.Width, p.Width), rows.end-rows.begin, p.Width*channels, channels)
	}
	return tiles
}

// show has the rows of the page as it is cut, from begin up to end, at hand. What is new of the page comes as the samples of a strip.
func (c *Cutter) show(ctx context.Context, begin, end int) (strip Strip, err error) {
	if c.resizer == nil {
		return c.read(ctx, begin, end)
	}
	stride := c.Placement.Width * c.page.Channels
	step := scaledStep(c.page, c.Placement, c.in)
	for y := c.scaled.move(begin, end, stride); y < end; y += step {
		next := min(y+step, end)
		first, last := c.resizer.Needs(y, next)
		part, err := c.read(ctx, first, last)
		if err != nil {
			return Strip{}, err
		}
		if step >= min(c.in.Height, c.Placement.Height) {
			strip = part
		} else {
			pixels.GiveBack(part.Samples)
		}
		c.resizer.Rows(c.scaled.pix[(y-begin)*stride:], y, next, c.band.pix[(first-c.band.begin)*c.page.Width*c.page.Channels:], first, c.page.Width*c.page.Channels)
	}
	return strip, nil
}

// scaledStep is how many rows are scaled at a time: all of a tile but where those are of too many samples to be held.
func scaledStep(page imageio.Page, p Placement, in Input) int {
	samples := page.Width * page.Height * page.Channels
	return max(1, min(in.Height, int(int64(bandSamples)*int64(p.Height)/int64(samples))))
}

// read has the band hold the rows from begin up to end, in place of earlier ones, of which it keeps what is needed again. What is
// new comes as the samples of a strip.
func (c *Cutter) read(ctx context.Context, begin, end int) (Strip, error) {
	stride := c.page.Width * c.page.Channels
	from := min(max(begin, c.band.end), end)
	strip := Strip{Begin: from, End: end}
	strip.Samples = pixels.Lend((end - from) * c.page.Width * c.page.PixelBytes())
	if err := c.reader.Read(ctx, strip.Samples, image.Rect(0, from, c.page.Width, end)); err != nil {
		pixels.GiveBack(strip.Samples)
		return Strip{}, err
	}
	if begin == 0 && end == c.page.Height && c.levels == nil {
		c.band = band{begin, end, strip.Samples, true} // nothing is read after it
		return strip, nil
	}
	from = c.band.move(begin, end, stride)
	c.grade(c.band.pix[(from-begin)*stride:], strip.Samples)
	return strip, nil
}

// grade brings samples of the page to 8 bits, as the model takes them.
func (c *Cutter) grade(dst []uint8, samples []byte) {
	if c.levels == nil {
		copy(dst, samples)
		return
	}
	c.levels.Map(dst, samples)
	if c.table != nil {
		for i, v := range dst {
			dst[i] = c.table[v]
		}
	}
}

// move has the band be of the rows from begin up to end, stride samples each: in the memory that it has, since of a wide page two would be
// a lot. The rows from from on are to be filled in; it had the others.
func (b *band) move(begin, end, stride int) (from int) {
	from = min(max(begin, b.end), end)
	old, pix, size := *b, b.pix, (end-begin)*stride
	if grows := old.borrowed || cap(pix) < size; grows {
		pix = pixels.Lend(size)
		defer func() { pixels.GiveBack(old.release()) }()
	}
	if from > begin {
		copy(pix[:size], old.pix[(begin-old.begin)*stride:(from-old.begin)*stride])
	}
	*b = band{begin: begin, end: end, pix: pix[:size]}
	return from
}

// release ends the band, and returns its memory if that is its own.
func (b *band) release() []uint8 {
	pix := b.pix
	if b.borrowed {
		pix = nil
	}
	*b = band{end: b.end}
	return pix
}
