package imageio

import (
	"fmt"
	"io"

	"seghub/models/mask"
)

// A mask is known as spans, so that its PNG need not be made of pixels. With the filter Up a row is zeros but where it differs from
// the row above: 1 where there was an object, 255 where there is one now. Such runs are written with a code that is made for
// them: what a row costs depends on its outlines, not on its pixels, and there is nothing to search or to count.

// EncodeMask writes spans, which are in reading order and do not overlap, as an 8-bit PNG of one channel: 255 in them, else 0.
func EncodeMask(w io.Writer, width, height int, spans []mask.Span) error {
	const limit = 1<<31 - 1 // of the format
	if width <= 0 || height <= 0 || width > limit || height > limit {
		return fmt.Errorf("encode a mask: there is none of %dx%d pixels", width, height)
	}
	rows := newRunWriter()
	var above, row []mask.Span
	for y := range height {
		n, end := 0, int32(0)
		for ; n < len(spans) && int(spans[n].Y) == y; n++ {
			if s := spans[n]; s.X0 < end || s.X1 <= s.X0 || int(s.X1) > width {
				return fmt.Errorf("encode a mask: a span %+v of %d pixels behind pixel %d", s, width, end)
			}
			end = spans[n].X1
		}
		above, row, spans = row, spans[:n], spans[n:]
		rows.run(filterUp, 1)
		rows.difference(row, above, width)
	}
	if len(spans) > 0 {
		return fmt.Errorf("encode a mask: a span of row %d after one of row %d", spans[0].Y, height-1)
	}
	out := chunkWriter{w: w}
	out.begin(width, height, 8, colourGrey)
	out.chunk("IDAT", rows.end())
	out.chunk("IEND", nil)
	if out.err != nil {
		return fmt.Errorf("encode a mask: %w", out.err)
	}
	return nil
}

// difference adds what the filter Up leaves of a row.
func (w *runWriter) difference(row, above []mask.Span, width int) {
	var now, before edges
	for x := 0; x < width; {
		next := min(now.next(row, width), before.next(above, width))
		value := uint8(0)
		switch {
		case now.inside && !before.inside:
			value = 255
		case before.inside && !now.inside:
			value = 1
		}
		w.run(value, next-x)
		x = next
		now.pass(row, x)
		before.pass(above, x)
	}
}

// edges walks over the beginnings and ends of a row's spans.
type edges struct {
	passed int
	inside bool
}

func (e *edges) next(row []mask.Span, width int) int {
	switch {
	case e.passed/2 == len(row):
		return width
	case e.inside:
		return int(row[e.passed/2].X1)
	}
	return int(row[e.passed/2].X0)
}

func (e *edges) pass(row []mask.Span, x int) {
	for e.passed/2 < len(row) && e.next(row, 0) <= x {
		e.passed++
		e.inside = !e.inside
	}
}
