package results

import (
	"context"
	"image"

	"seghub/models/imageio"
)

// rows are the original samples of a part of a page, read some rows ahead. They are mask.Samples.
type rows struct {
	ctx    func() context.Context // of the call that the rows are read for
	reader imageio.Reader
	page   imageio.Page
	area   image.Rectangle
	ahead  []byte // the rows from top up to end
	top    int
	end    int
	values []float64 // of the whole width; what lies beside the area is nothing
}

// rowsAhead is how many rows are read at once: as many as a strip of most files.
const rowsAhead = 64

func newRows(ctx context.Context, reader imageio.Reader, page imageio.Page, area image.Rectangle) *rows {
	return &rows{ctx: func() context.Context { return ctx }, reader: reader, page: page, area: area,
		values: make([]float64, page.Width*page.Channels)}
}

// Channels implements mask.Samples.
func (r *rows) Channels() int { return r.page.Channels }

// Row implements mask.Samples.
func (r *rows) Row(y int) ([]float64, error) {
	line := r.area.Dx() * r.page.PixelBytes()
	if y >= r.end {
		r.top, r.end = y, min(y+rowsAhead, r.area.Max.Y)
		if cap(r.ahead) < (r.end-r.top)*line {
			r.ahead = make([]byte, rowsAhead*line)
		}
		r.ahead = r.ahead[:(r.end-r.top)*line]
		if err := r.reader.Read(r.ctx(), r.ahead, image.Rect(r.area.Min.X, r.top, r.area.Max.X, r.end)); err != nil {
			return nil, err
		}
	}
	at := r.area.Min.X * r.page.Channels
	r.page.Type.Values(r.values[at:at], r.ahead[(y-r.top)*line:][:line]) // where its memory is
	return r.values, nil
}
