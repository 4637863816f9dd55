package imageio

import (
	"bytes"
	"context"
	"errors"
	"io"
)

// source gives a picture's bytes: it ends with its context, counts, and keeps the first error that is not
// the end of the file, so that what the reader says and what a decoder says can be told apart. It lives no
// longer than one Decode.
type source struct {
	ended  func() error // the context's Err
	r      io.Reader
	size   int64 // -1 when unknown
	read   int64
	report *reporter
	err    error
}

func newSource(ctx context.Context, r io.Reader, report *reporter) *source {
	s := &source{ended: ctx.Err, r: r, size: -1, report: report}
	if seeker, ok := r.(io.Seeker); ok {
		s.size, s.err = remaining(seeker)
	}
	return s
}

// remaining is how many bytes lie between the current position, which it keeps, and the end.
func remaining(s io.Seeker) (int64, error) {
	here, err := s.Seek(0, io.SeekCurrent)
	if err != nil {
		return -1, err
	}
	end, err := s.Seek(0, io.SeekEnd)
	if err != nil {
		return -1, err
	}
	_, err = s.Seek(here, io.SeekStart)
	return end - here, err
}

func (s *source) Read(p []byte) (int, error) {
	if err := s.alive(); err != nil {
		return 0, err
	}
	n, err := s.r.Read(p)
	s.read += int64(n)
	if s.size > 0 {
		s.report.at(readShare * min(1, float64(s.read)/float64(s.size)))
	}
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// alive returns the error that ended s, if one did.
func (s *source) alive() error {
	if s.err == nil {
		s.err = s.ended()
	}
	return s.err
}

// randomAccess is a whole file in memory for a decoder that jumps about in it; it ends with its source.
type randomAccess struct {
	*bytes.Reader
	source *source
}

// ReadAt fails once the source has ended.
func (r randomAccess) ReadAt(p []byte, offset int64) (int, error) {
	if err := r.source.alive(); err != nil {
		return 0, err
	}
	return r.Reader.ReadAt(p, offset)
}
