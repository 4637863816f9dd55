// Package scroll reads pictures that can only be made row by row from the top.
package scroll

import (
	"context"
	"image"

	"seghub/models/pixels"
)

// Rows makes the rows of a picture, from top to bottom.
type Rows interface {
	// Make fills dst with the next row.
	Make(dst []byte) error
	// End gives back what making took; no other call follows.
	End()
}

// Scroll keeps the last rows that were made. What lies above those is made anew, from the top. The zero value is ready for Open.
type Scroll struct {
	rows  Rows
	pixel int    // bytes
	line  int    // bytes of a row
	kept  []byte // the last rows made: row y lies at y modulo how many there is room for
	made  int    // rows
}

// Open begins with a picture of so many bytes a pixel and a row, of which at most so many rows are kept. It ends what was read before,
// and takes over its memory.
func (s *Scroll) Open(rows Rows, pixel, line, keep int) {
	s.End()
	s.rows, s.pixel, s.line, s.made = rows, pixel, line, 0
	if cap(s.kept) < keep*line {
		pixels.GiveBack(s.kept)
		s.kept = pixels.Lend(keep * line)
	}
	s.kept = s.kept[:keep*line]
}

// Reaches tells whether the row y can be read without opening anew.
func (s *Scroll) Reaches(y int) bool {
	return s.rows != nil && y >= s.made-len(s.kept)/s.line
}

// rowsBetween is how many rows are made between two looks at the context.
const rowsBetween = 64

// Read fills dst, whose rows are line bytes apart, with an area that Reaches its first row. Behind an error, which is the Rows' or
// ctx's, nothing is open.
func (s *Scroll) Read(ctx context.Context, dst []byte, line int, area image.Rectangle) error {
	width := area.Dx() * s.pixel
	for y := area.Min.Y; y < area.Max.Y; y++ {
		if err := s.makeTo(ctx, y); err != nil {
			s.End()
			return err
		}
		copy(dst[:width], s.row(y)[area.Min.X*s.pixel:])
		if y+1 < area.Max.Y {
			dst = dst[line:]
		}
	}
	return nil
}

// makeTo makes rows up to the row y.
func (s *Scroll) makeTo(ctx context.Context, y int) error {
	for s.made <= y {
		if s.made%rowsBetween == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		if err := s.rows.Make(s.row(s.made)); err != nil {
			return err
		}
		s.made++
	}
	return nil
}

// row is where a row is kept.
func (s *Scroll) row(y int) []byte {
	at := y % (len(s.kept) / s.line) * s.line
	return s.kept[at : at+s.line]
}

// End ends the Rows that are open.
func (s *Scroll) End() {
	if s.rows != nil {
		s.rows.End()
		s.rows = nil
	}
}

// Close ends the Rows and gives the memory back.
func (s *Scroll) Close() {
	s.End()
	pixels.GiveBack(s.kept)
	s.kept = nil
}
