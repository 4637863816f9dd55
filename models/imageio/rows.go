package imageio

import (
	"context"
	"image"
)

// Rows are the values of a part of a page, read some rows ahead. They are mask.Samples. One goroutine at a time.
type Rows struct {
	reader Reader
	page   Page
	area   image.Rectangle
	ahead  []byte // the rows from top up to end
	top    int
	end    int
	values []float64 // of the whole width; what lies beside the area is nothing
}

// rowsAhead is how many rows are read at once: as many as a strip of most files.
const rowsAhead = 64

// NewRows is for an area of what r reads, which page describes.
func NewRows(r Reader, page Page, area image.Rectangle) *Rows {
	return &Rows{reader: r, page: page, area: area, values: make([]float64, page.Width*page.Channels)}
}

// Channels is how many values a pixel has.
func (r *Rows) Channels() int { return r.page.Channels }

// Row gives the values of row y of the area, [x*channels+c] for each x of the page; they are good until the next call. Rows are asked for from
// the top down. The error is the reader's.
func (r *Rows) Row(ctx context.Context, y int) ([]float64, error) {
	line := r.area.Dx() * r.page.PixelBytes()
	if y >= r.end {
		r.top, r.end = y, min(y+rowsAhead, r.area.Max.Y)
		if cap(r.ahead) < (r.end-r.top)*line {
			r.ahead = make([]byte, rowsAhead*line)
		}
		r.ahead = r.ahead[:(r.end-r.top)*line]
		if err := r.reader.Read(ctx, r.ahead, image.Rect(r.area.Min.X, r.top, r.area.Max.X, r.end)); err != nil {
			return nil, err
		}
	}
	at := r.area.Min.X * r.page.Channels
	r.page.Type.Values(r.values[at:at], r.ahead[(y-r.top)*line:][:line]) // where its memory is
	return r.values, nil
}
