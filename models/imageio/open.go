package imageio

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"io"
)

// Open reads the headers of every page of the file of size bytes in r, and judges all that can be judged without decoding a
// pixel. The error is a Refusal, ctx's, or what r itself returned.
func Open(ctx context.Context, r io.ReaderAt, size int64, limits Limits) (*File, error) {
	source := &fileSource{r: r, size: size, ended: ctx.Err}
	file, err := open(source)
	if source.err != nil {
		return nil, fmt.Errorf("read the headers: %w", source.err)
	}
	if err != nil {
		return nil, err
	}
	return file, limits.judge(file)
}

func open(source *fileSource) (*File, error) {
	head := make([]byte, min(sniffLength, source.size))
	if _, err := source.ReadAt(head, 0); err != nil {
		return nil, err
	}
	f, err := sniff(head)
	if err != nil {
		return nil, err
	}
	var config image.Config
	whole := io.NewSectionReader(source, 0, source.size)
	header, err := readHeader(&section{r: whole})
	if err != nil {
		return nil, err
	}
	if _, err := whole.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	if config, err = f.config(whole); err != nil {
		return nil, f.reason("read the header", err)
	}
	page := Page{Width: header.Width, Height: header.Height, Channels: 3, Samples: 1, Bits: header.BitDepth}
	if config.ColorModel == color.GrayModel || config.ColorModel == color.Gray16Model {
		page.Channels = 1
	}
	if header.BitDepth == 16 {
		page.Type = Uint16
	}
	page.Memory = 2 * page.Bytes()
	return &File{Format: f.name, MIME: f.mime, Pages: []Page{page}, codec: heldCodec{f, source, page}}, nil
}

// judge holds the pages against the limits.
func (l Limits) judge(file *File) error {
	if l.Pages > 0 && len(file.Pages) > l.Pages {
		return refuse(ErrTooLarge, "This file has %d pages and this server takes at most %d in one file: cut it into several, "+
			"or project it.", len(file.Pages), l.Pages)
	}
	for i, p := range file.Pages {
		switch {
		case l.Pixels > 0 && int64(p.Width)*int64(p.Height) > l.Pixels:
			return refuse(ErrTooLarge, "Page %d of this file is %d x %d pixels and this server takes at most %d million in one "+
				"image: cut it into pieces.", i+1, p.Width, p.Height, l.Pixels/1e6)
		case l.Memory > 0 && p.Memory > l.Memory:
			return tooMuchMemory(p.Memory, l.Memory)
		}
	}
	return nil
}

// Reader opens a plane for reading, and waits until budget has room for what that holds. The error is a Refusal, ctx's, or what
// the file itself returned.
func (f *File) Reader(ctx context.Context, plane Plane, budget *Budget) (Reader, error) {
	if plane.Page < 0 || plane.Page >= len(f.Pages) {
		return nil, refuse(ErrUnsupported, "The file has no page %d: it has %d.", plane.Page+1, len(f.Pages))
	}
	page := f.Pages[plane.Page]
	if err := budget.Take(ctx, page.Memory); err != nil {
		return nil, err
	}
	reader, err := f.codec.open(ctx, plane)
	if err != nil {
		budget.GiveBack(page.Memory)
		return nil, err
	}
	return &budgeted{Reader: reader, budget: budget, taken: page.Memory}, nil
}

// budgeted gives the budget back when it is closed.
type budgeted struct {
	Reader
	budget *Budget
	taken  int64
}

func (b *budgeted) Close() error {
	err := b.Reader.Close()
	b.budget.GiveBack(b.taken)
	b.taken = 0
	return err
}

// Bounds of the page as it is shown.
func (p Page) Bounds() image.Rectangle { return image.Rect(0, 0, p.Width, p.Height) }

// PixelBytes is what a pixel takes that a Reader gives.
func (p Page) PixelBytes() int { return p.Channels * p.Type.Size() }

// Bytes is what the whole page takes.
func (p Page) Bytes() int64 { return int64(p.Width) * int64(p.Height) * int64(p.PixelBytes()) }

// fileSource is the file itself. It keeps the first error that is not the end of the file, so that what the file says and what
// a decoder says can be told apart.
type fileSource struct {
	r     io.ReaderAt
	size  int64
	ended func() error // the context's Err, of the call that reads at the moment
	err   error
}

// ReadAt reads whole, or fails: beyond the end with io.ErrUnexpectedEOF where nothing is left, and with io.EOF as io.ReaderAt
// says where a part is.
func (s *fileSource) ReadAt(p []byte, offset int64) (int, error) {
	if s.err == nil {
		s.err = s.ended()
	}
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.r.ReadAt(p, offset)
	if n == len(p) {
		return n, nil
	}
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}
