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

// bandSamples is about how many samples of a picture are held at a time: all of a small one, some rows of a larger one.
const bandSamples = 4 << 20

// Cutter makes the input of a model of a page while that is read, tile by tile from the top. One goroutine at a time.
type Cutter struct {
	Placement Placement

	reader imageio.Reader
	page   imageio.Page
	in     Input
	levels *imageio.Levels
	table  [256]uint8 // of a native model: what a level becomes
	row    int        // of tiles, the next that is asked for
	tile   int        // the next of that
	band   band
}

// band is some rows of the page in 8 bits.
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
	// are the caller's, who may give them to package pixels. There are none when all of a page too large to be held is one row.
	Samples    []byte
	Begin, End int
}

// NewCutter is for what r reads, which page describes. The error is r's.
func NewCutter(ctx context.Context, r imageio.Reader, page imageio.Page, in Input) (*Cutter, error) {
	c := &Cutter{Placement: placed(page.Width, page.Height, in), reader: r, page: page, in: in}
	if page.Type == imageio.Uint8 && in.Scaling != ScalingNative {
		return c, nil // samples are what they are
	}
	var err error
	if c.levels, err = imageio.Survey(ctx, r, page); err != nil {
		return nil, fmt.Errorf("look at the levels: %w", err)
	}
	c.table = stretchTable(c.levels.Range())
	return c, nil
}

// Next is the next tiles of a row, as many as most; after the last the error is io.EOF, else it is the reader's.
func (c *Cutter) Next(ctx context.Context, most int) (Strip, error) {
	if c.row == c.Placement.Strips() {
		pixels.GiveBack(c.band.release())
		return Strip{}, io.EOF
	}
	if c.in.Scaling == ScalingNative {
		return c.cut(ctx, most)
	}
	c.row++
	return c.fit(ctx)
}

// cut makes tiles of a page at its own resolution.
func (c *Cutter) cut(ctx context.Context, most int) (strip Strip, err error) {
	if c.tile == 0 {
		begin := c.Placement.down[c.row].start
		if strip, err = c.read(ctx, begin, min(begin+c.in.Height, c.page.Height)); err != nil {
			return Strip{}, err
		}
	}
	stride := c.page.Width * c.page.Channels
	tiles := c.Placement.across[c.tile:]
	tiles = tiles[:min(most, len(tiles))]
	strip.Tiles = newTensor(len(tiles), c.in)
	size := c.in.Height * c.in.Width * c.in.Channels
	for k, across := range tiles {
		fill(strip.Tiles.Pix[k*size:][:size], c.in, c.band.pix[across.start*c.page.Channels:],
			min(c.in.Width, c.page.Width), c.band.end-c.band.begin, stride, c.page.Channels)
	}
	for i, v := range strip.Tiles.Pix {
		strip.Tiles.Pix[i] = c.table[v]
	}
	c.tile += len(tiles)
	if strip.Ends = c.tile == len(c.Placement.across); strip.Ends {
		c.row, c.tile = c.row+1, 0
	}
	return strip, nil
}

// fit makes the only tile of a page that is scaled as a whole.
func (c *Cutter) fit(ctx context.Context) (Strip, error) {
	p, channels := c.Placement, c.page.Channels
	resizer := resample.New(p.Width, p.Height, c.page.Width, c.page.Height, channels)
	small := pixels.Lend(p.Width * p.Height * channels)
	defer pixels.GiveBack(small)
	rows := p.Height
	if c.page.Width*c.page.Height*channels > bandSamples {
		rows = max(1, bandSamples*p.Height/(c.page.Width*c.page.Height*channels))
	}
	var strip Strip
	for begin := 0; begin < p.Height; begin += rows {
		end := min(begin+rows, p.Height)
		first, last := resizer.Needs(begin, end)
		part, err := c.read(ctx, first, last)
		if err != nil {
			return Strip{}, err
		}
		if rows == p.Height {
			strip = part
		} else {
			pixels.GiveBack(part.Samples)
		}
		resizer.Rows(small[begin*p.Width*channels:], begin, end, c.band.pix, first, c.page.Width*channels)
	}
	strip.Tiles, strip.Ends = newTensor(1, c.in), true
	fill(strip.Tiles.Pix, c.in, small, p.Width, p.Height, p.Width*channels, channels)
	return strip, nil
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
	if begin == 0 && end == c.page.Height && c.page.Type == imageio.Uint8 {
		c.band = band{begin, end, strip.Samples, true} // nothing is read after it
		return strip, nil
	}
	pix := pixels.Lend((end - begin) * stride)
	kept := 0
	if from > begin {
		kept = copy(pix, c.band.pix[(begin-c.band.begin)*stride:(from-c.band.begin)*stride])
	}
	if c.page.Type == imageio.Uint8 {
		copy(pix[kept:], strip.Samples)
	} else {
		c.levels.Map(pix[kept:], strip.Samples)
	}
	pixels.GiveBack(c.band.release())
	c.band = band{begin, end, pix, false}
	return strip, nil
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
