package export

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"time"
)

// document writes what one picture makes.
type document func(ctx context.Context, w io.Writer, p *Picture) error

// newDocument is the writer of a format of which one picture makes one file.
func newDocument(write document) func(io.Writer, string) writer {
	return func(w io.Writer, _ string) writer { return alone{w, write} }
}

type alone struct {
	w     io.Writer
	write document
}

func (s alone) add(ctx context.Context, p *Picture) error { return s.write(ctx, s.w, p) }
func (s alone) close() error                              { return nil }

// newFolder is the writer of a zip with a file a picture.
func newFolder(write document, ending string) func(io.Writer, string) writer {
	return func(w io.Writer, _ string) writer {
		a := zip.NewWriter(w)
		return archive{folder{a, "", ending, write}, a.Close}
	}
}

// folder puts a file a picture into an archive.
type folder struct {
	zip    *zip.Writer
	prefix string // of their names
	ending string
	write  document
}

func (f folder) add(ctx context.Context, p *Picture) error {
	w, err := create(f.zip, f.prefix+p.stem+f.ending, p.Receipt.Times.Finished)
	if err != nil {
		return err
	}
	return f.write(ctx, w, p)
}

func (f folder) close() error { return nil }

// archive ends a zip after what is in it.
type archive struct {
	writer
	end func() error
}

func (a archive) close() error { return errors.Join(a.writer.close(), a.end()) }

// create begins a file of an archive. All are deflated, also what is compressed already: the size of a file comes behind it, and what
// reads an archive from front to back, as ImageJ does with Java's ZipInputStream, finds the end of no other.
func create(a *zip.Writer, name string, modified time.Time) (io.Writer, error) {
	return a.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: modified})
}

// later is the time of a document of several pictures with one picture more.
func later(t time.Time, p *Picture) time.Time {
	if finished := p.Receipt.Times.Finished; finished.After(t) {
		return finished
	}
	return t
}

func writeMask(ctx context.Context, w io.Writer, p *Picture) error { return p.Mask(ctx, w) }

func writeReceipt(_ context.Context, w io.Writer, p *Picture) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(p.Receipt)
}

// newAll is the writer of everything: each picture's own files in a folder a format, and the documents of all pictures, which wait
// on the disk until the archive takes them.
func newAll(w io.Writer, temp string) writer {
	a := zip.NewWriter(w)
	all := &everything{zip: a, parts: []writer{
		newLabelFolder(a, "yolo/"),
		folder{a, "geojson/", ".geojson", writeGeoJSON},
		folder{a, "imagej/", ".RoiSet.zip", writeRoiSet},
		folder{a, "masks/", ".png", writeMask},
		folder{a, "labels/", ".tif", WriteLabels},
		folder{a, "receipts/", ".json", writeReceipt},
	}}
	for _, f := range single {
		switch f.name {
		case "coco", "csv", "xlsx":
			all.parts = append(all.parts, &waiting{zip: a, name: "results" + f.kind.Extension, open: f.open, temp: temp})
		}
	}
	all.parts = append(all.parts, &waiting{zip: a, name: "results.images.csv", open: newImagesCSV, temp: temp})
	return all
}

type everything struct {
	zip   *zip.Writer
	parts []writer
}

func (e *everything) add(ctx context.Context, p *Picture) error {
	for _, part := range e.parts {
		if err := part.add(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

func (e *everything) close() error {
	var errs []error
	for _, part := range e.parts {
		errs = append(errs, part.close())
	}
	return errors.Join(append(errs, e.zip.Close())...)
}

// waiting writes a document of all pictures to the disk and, once it is whole, into an archive.
type waiting struct {
	zip   *zip.Writer
	name  string
	open  func(io.Writer, string) writer
	temp  string
	file  *spool // nil until there is a picture
	inner writer
	ended time.Time // of the picture that was done last
}

func (w *waiting) add(ctx context.Context, p *Picture) error {
	if w.file == nil {
		w.file = newSpool(w.temp)
		w.inner = w.open(w.file, w.temp)
	}
	w.ended = later(w.ended, p)
	return w.inner.add(ctx, p)
}

func (w *waiting) close() error {
	if w.file == nil {
		return nil
	}
	defer w.file.Close()
	if err := w.inner.close(); err != nil {
		return err
	}
	content, err := w.file.reader()
	if err != nil {
		return err
	}
	entry, err := create(w.zip, w.name, w.ended)
	if err == nil {
		_, err = io.Copy(entry, content)
	}
	return err
}

// MostInMemory is how many bytes of a part of an export wait in memory where the disk does not take them.
const MostInMemory = 40 << 20

// spool is a file without a name, which is gone once it is closed, also when the program dies. What the disk does not take is in memory, where
// that is little.
type spool struct {
	*bufio.Writer
	file   *os.File // nil where there can be none
	full   error    // why the disk takes nothing more
	memory bytes.Buffer
}

func newSpool(folder string) *spool {
	s := &spool{}
	s.Writer = bufio.NewWriterSize(writerFunc(s.write), 64<<10)
	file, err := os.CreateTemp(folder, "export-*")
	if err != nil {
		s.full = err
		return s
	}
	if err := os.Remove(file.Name()); err != nil {
		_ = file.Close() // it is not used
		s.full = err
		return s
	}
	s.file = file
	return s
}

// write takes p. From where the disk took nothing more on it goes to memory, or what follows would come before it.
func (s *spool) write(p []byte) (n int, err error) {
	if s.full == nil {
		if n, s.full = s.file.Write(p); s.full == nil {
			return n, nil
		}
	}
	if s.memory.Len()+len(p)-n > MostInMemory {
		return n, s.full
	}
	s.memory.Write(p[n:])
	return len(p), nil
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// reader gives what was written, from its start.
func (s *spool) reader() (io.Reader, error) {
	if err := s.Flush(); err != nil || s.file == nil {
		return &s.memory, err
	}
	_, err := s.file.Seek(0, io.SeekStart)
	return io.MultiReader(bufio.NewReaderSize(s.file, 64<<10), &s.memory), err
}

// Close frees the room.
func (s *spool) Close() {
	if s.file != nil {
		_ = s.file.Close() // it is gone: how its closing went changes nothing
	}
}
