package imageio

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"runtime/debug"

	"seghub/models/imageio/refusal"
)

// Open reads the headers of every page of the file of size bytes in r, and judges all that can be judged without decoding a
// pixel. The error is a Refusal, ctx's, or what r itself returned.
func Open(ctx context.Context, r io.ReaderAt, size int64, limits Limits) (*File, error) {
	source := &fileSource{r: r, size: size, ended: ctx.Err}
	var file *File
	err := guard(func() (err error) {
		file, err = open(source, limits)
		return err
	})
	if source.err != nil {
		return nil, fmt.Errorf("read the headers: %w", source.err)
	}
	if err != nil {
		return nil, err
	}
	if err := limits.judge(file); err != nil {
		return nil, err
	}
	return file, nil
}

// open tells the kind of the file and lets that read the headers.
func open(source *fileSource, limits Limits) (*File, error) {
	head := make([]byte, min(sniffLength, source.size))
	if n, err := source.ReadAt(head, 0); n < len(head) {
		return nil, err
	}
	f, err := sniff(head)
	if err != nil {
		return nil, err
	}
	file, err := f.open(source, limits)
	if err != nil {
		return nil, err
	}
	file.Format, file.MIME, file.source = f.name, f.mime, source
	return file, nil
}

// judge holds the pages against the limits.
func (l Limits) judge(file *File) error {
	if l.Pages > 0 && len(file.Pages) > l.Pages {
		return refusal.TooLarge("This file has %d pages and this server takes at most %d in one file: cut it into several.",
			len(file.Pages), l.Pages)
	}
	for i, p := range file.Pages {
		switch {
		case l.Pixels > 0 && int64(p.Width)*int64(p.Height) > l.Pixels:
			return refusal.TooLarge("%s is %d x %d pixels; this server takes at most %d million in one image: cut it into pieces.",
				file.named(i), p.Width, p.Height, l.Pixels/1e6)
		case l.Memory > 0 && p.Memory > l.Memory:
			return tooMuchMemory(p.Memory, l.Memory)
		}
	}
	return nil
}

// named is what a page is called at the beginning of a sentence.
func (f *File) named(page int) string {
	if len(f.Pages) == 1 {
		return "The image"
	}
	return fmt.Sprintf("Page %d", page+1)
}

// codec opens the planes of one file.
type codec interface {
	// open reads what it needs; page is the plane's own as it is stored.
	open(ctx context.Context, plane Plane) (Reader, error)
}

// Reader opens a plane for reading, and waits until budget has room for what that holds. The error is a Refusal, ctx's, or what
// the file itself returned.
func (f *File) Reader(ctx context.Context, plane Plane, budget *Budget) (Reader, error) {
	memory, err := f.Memory(plane)
	if err != nil {
		return nil, err
	}
	share, err := budget.Take(ctx, memory, 0)
	if err != nil {
		return nil, err
	}
	reader, err := f.ReaderWithin(ctx, plane)
	if err != nil {
		share.GiveBack()
		return nil, err
	}
	return &budgeted{Reader: reader, share: share, large: memory >= MuchMemory}, nil
}

// ReaderWithin is Reader for whoever has taken a share of what Memory says already.
func (f *File) ReaderWithin(ctx context.Context, plane Plane) (Reader, error) {
	pages, err := f.pagesOf(plane)
	if err != nil {
		return nil, err
	}
	reader, err := f.reader(ctx, plane, pages)
	if err != nil {
		return nil, err
	}
	return &guardedReader{reader, f}, nil
}

// Again opens what r reads once more, for another goroutine, and for as long as it is wanted; nil where r has no picture in memory, of which that
// could be had for nothing. Both share so many bytes.
func Again(r Reader) (open func() Reader, bytes int64) {
	guarded, _ := r.(*guardedReader)
	if guarded == nil {
		return nil, 0
	}
	picture, _ := guarded.Reader.(*held)
	if picture == nil {
		return nil, 0
	}
	kept := *picture
	return func() Reader { again := kept; return &again }, int64(cap(kept.pix))
}

func (f *File) reader(ctx context.Context, plane Plane, pages []int) (reader Reader, err error) {
	err = f.guarded(ctx, func() error {
		if len(pages) > 1 {
			reader, err = f.project(ctx, plane, pages)
		} else {
			reader, err = f.open(ctx, plane)
		}
		return err
	})
	return reader, err
}

// open opens one page, and turns it as the file wants it shown.
func (f *File) open(ctx context.Context, plane Plane) (Reader, error) {
	r, err := f.codec.open(ctx, plane)
	if page := f.Pages[plane.Page]; err == nil && page.orientation > 1 {
		size := page.size(plane.Level)
		return turn(ctx, r, page, size)
	}
	return r, err
}

// guarded calls what decodes, with the context that reading ends with, and tells what the file itself said from what a decoder makes
// of it, and a decoder's panic.
func (f *File) guarded(ctx context.Context, decode func() error) error {
	f.source.ended = ctx.Err
	err := guard(decode)
	switch {
	case f.source.err != nil:
		err = fmt.Errorf("read the image: %w", f.source.err)
		f.source.err = nil
	case err == nil, ctx.Err() != nil:
	default:
		var known *Refusal
		if !errors.As(err, &known) {
			err = refusal.Corrupt("The pixels of this image are damaged (%v).", err)
		}
	}
	return err
}

// MuchMemory is how many bytes are worth the pause that giving them back to the system takes.
const MuchMemory = 128 << 20

// guardedReader reads as the File's guarded says.
type guardedReader struct {
	Reader
	file *File
}

func (g *guardedReader) Read(ctx context.Context, dst []byte, area image.Rectangle) error {
	return g.file.guarded(ctx, func() error { return g.Reader.Read(ctx, dst, area) })
}

// budgeted gives its share back when it is closed.
type budgeted struct {
	Reader
	share *Share
	large bool
}

func (b *budgeted) Close() error {
	err := b.Reader.Close()
	if b.large {
		debug.FreeOSMemory() // the collector would keep it for minutes
	}
	b.share.GiveBack()
	return err
}

// Bounds of the page as it is shown.
func (p Page) Bounds() image.Rectangle { return image.Rect(0, 0, p.Width, p.Height) }

// PixelBytes is what a pixel takes that a Reader gives.
func (p Page) PixelBytes() int { return p.Channels * p.Type.Size() }

// Bytes is what the whole page takes.
func (p Page) Bytes() int64 { return int64(p.Width) * int64(p.Height) * int64(p.PixelBytes()) }

// size of a level of the page, as it is shown.
func (p Page) size(level int) image.Point {
	if level > 0 && level <= len(p.Reduced) {
		return p.Reduced[level-1]
	}
	return image.Pt(p.Width, p.Height)
}

// fileSource is the file itself. It keeps the first error that is not the end of the file, so that what the file says and what
// a decoder says can be told apart.
type fileSource struct {
	r     io.ReaderAt
	size  int64
	ended func() error // the context's Err, of the call that reads at the moment
	err   error

	report *reporter // nil where nobody waits
	read   int64
}

// ReadAt reads as io.ReaderAt says.
func (s *fileSource) ReadAt(p []byte, offset int64) (int, error) {
	if s.err == nil {
		s.err = s.ended()
	}
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.r.ReadAt(p, offset)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	if s.report != nil {
		s.read += int64(n)
		s.report.at(readShare * min(1, float64(s.read)/float64(s.size)))
	}
	return n, err
}

// whole is the file from its beginning.
func (s *fileSource) whole() *io.SectionReader { return io.NewSectionReader(s, 0, s.size) }
