package imageio

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// ReadHeader says what the file that begins at r's current position is, without decoding or allocating
// a pixel: the size is reported however large it is, and the caller judges it. The error is a Refusal, or what r itself returned.
// Afterwards r stands at an unspecified place.
func ReadHeader(r io.ReadSeeker) (Header, error) {
	file, size, err := newSection(r)
	if err != nil {
		return Header{}, fmt.Errorf("find the end of the file: %w", err)
	}
	opened, err := Open(context.Background(), file, size, Limits{})
	if err != nil {
		return Header{}, err
	}
	first := opened.Pages[0]
	return Header{
		Format: opened.Format, MIME: opened.MIME, Width: first.Width, Height: first.Height, BitDepth: first.Bits, Pages: len(opened.Pages),
	}, nil
}

// section is the file that begins at start of r, as an io.ReaderAt.
type section struct {
	r     io.ReadSeeker
	start int64
}

// newSection begins where r stands.
func newSection(r io.ReadSeeker) (s *section, size int64, err error) {
	start, err := r.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, 0, err
	}
	end, err := r.Seek(0, io.SeekEnd)
	return &section{r: r, start: start}, end - start, err
}

// ReadAt moves r.
func (s *section) ReadAt(p []byte, offset int64) (int, error) {
	if _, err := s.r.Seek(s.start+offset, io.SeekStart); err != nil {
		return 0, err
	}
	n, err := io.ReadFull(s.r, p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}
