package imageio

import (
	"errors"
	"fmt"
	"image/color"
	"io"
)

// ReadHeader says what the file that begins at r's current position is, without decoding or allocating
// a pixel: the size is reported however large it is, and the caller judges it. A PNG or JPEG whose end is
// missing is told here too. The errors are ErrUnsupported and ErrCorrupt, or what r itself returned.
// Afterwards r stands at an unspecified place.
func ReadHeader(r io.ReadSeeker) (Header, error) {
	start, err := r.Seek(0, io.SeekCurrent)
	if err != nil {
		return Header{}, fmt.Errorf("find the start of the file: %w", err)
	}
	file := &section{r: r, start: start}
	header, err := readHeader(file)
	if file.err != nil {
		return Header{}, fmt.Errorf("read the header: %w", file.err)
	}
	return header, err
}

func readHeader(file *section) (Header, error) {
	head := make([]byte, sniffLength)
	n, err := io.ReadFull(file, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return Header{}, err
	}
	f, err := sniff(head[:n])
	if err != nil {
		return Header{}, err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return Header{}, err
	}
	header, err := f.header(file)
	if err != nil {
		return Header{}, err
	}
	if f.complete != nil {
		complete, err := f.complete(file)
		if err != nil {
			return Header{}, err
		}
		if !complete {
			return Header{}, fmt.Errorf("read the header: %w: the end of the file is missing", ErrCorrupt)
		}
	}
	return header, nil
}

func bitDepth(model color.Model) int {
	switch model {
	case color.Gray16Model, color.RGBA64Model, color.NRGBA64Model, color.Alpha16Model:
		return 16
	}
	return 8
}

// section is the file that begins at start of r. It is an io.ReaderAt too, which lets the TIFF decoder
// jump to what it needs and spares it a copy of everything before. It keeps the first error that is r's
// own and not the end of the file.
type section struct {
	r     io.ReadSeeker
	start int64
	err   error
}

// Read reads on from the position.
func (s *section) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.keep(err)
	return n, err
}

// Seek counts from the start of the section.
func (s *section) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekStart {
		offset += s.start
	}
	at, err := s.r.Seek(offset, whence)
	s.keep(err)
	return at - s.start, err
}

// ReadAt moves the position of Read, as no decoder uses both.
func (s *section) ReadAt(p []byte, offset int64) (int, error) {
	if _, err := s.Seek(offset, io.SeekStart); err != nil {
		return 0, err
	}
	n, err := io.ReadFull(s, p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}

func (s *section) keep(err error) {
	if s.err == nil && err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
}
