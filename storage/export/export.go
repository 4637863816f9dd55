package export

import (
	"context"
	"errors"
	"io"
	"slices"

	"seghub/models/mask/result"
)

// Picture is one page that was segmented.
type Picture struct {
	result.Result
	Receipt result.Receipt
	Pages   int // of its file
	// Where the page lies in its file, from 0; -1 where the file does not say, and Z where it is the projection of all depths.
	Channel, Z, T int
	Plain         bool // nobody says what the file is a stack of, or only what other programs do not heed
	// Mask writes a PNG of one channel, 0 or 255.
	Mask func(ctx context.Context, w io.Writer) error

	stem string // of its files in an archive
}

// ErrFormat is why New refuses a format that there is not.
var ErrFormat = errors.New("unknown export format")

// Kind is what an export is to whoever takes it.
type Kind struct {
	MediaType string
	Extension string // of a file that holds it, with its dot
	Waits     bool   // what is made of its pictures leaves at the end alone, or some of it
}

// writer makes one export. Pictures come with their stems.
type writer interface {
	add(ctx context.Context, p *Picture) error
	close() error
}

// format is one row of the table of formats.
type format struct {
	name string
	kind Kind
	open func(w io.Writer, temp string) writer
	// many is what several pictures make, where they make something else than one.
	many *format
}

// single are the formats that stand for themselves, in the order of the contract.
var single = []format{
	{name: "coco", kind: Kind{"application/json", ".coco.json", false}, open: newCOCO},
	{name: "yolo", kind: zipped, open: newYOLO},
	{name: "geojson", kind: Kind{"application/geo+json", ".geojson", false}, open: newDocument(writeGeoJSON),
		many: &format{kind: zipped, open: newFolder(writeGeoJSON, ".geojson")}},
	{name: "imagej", kind: Kind{"application/zip", ".RoiSet.zip", false}, open: newDocument(writeRoiSet),
		many: &format{kind: zipped, open: newFolder(writeRoiSet, ".RoiSet.zip")}},
	{name: "csv", kind: Kind{"text/csv; charset=utf-8", ".csv", true}, open: newCSV},
	{name: "xlsx", kind: Kind{"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ".xlsx", true}, open: newXLSX},
	{name: "masks", kind: zipped, open: newFolder(writeMask, ".png")},
	{name: "labels", kind: zipped, open: newFolder(WriteLabels, ".tif")},
}

var zipped = Kind{"application/zip", ".zip", false}

// formats are all that can be asked for.
var formats = append(slices.Clip(single), format{name: "all", kind: Kind{"application/zip", ".zip", true}, open: newAll})

// Formats are the names of all formats.
func Formats() []string {
	names := make([]string, len(formats))
	for i, f := range formats {
		names[i] = f.name
	}
	return names
}

// find gives the format for so many pictures.
func find(name string, pictures int) (format, error) {
	for _, f := range formats {
		if f.name == name {
			if pictures != 1 && f.many != nil {
				return *f.many, nil
			}
			return f, nil
		}
	}
	return format{}, ErrFormat
}

// KindOf tells what so many pictures make in a format. It fails with ErrFormat when there is no such format.
func KindOf(name string, pictures int) (Kind, error) {
	f, err := find(name, pictures)
	return f.kind, err
}

// Export is one that is being written.
type Export struct {
	inner writer
	names Names
}

// New begins an export of so many pictures to w. What has to wait for the end lies in files of the folder temp until Close, and in memory what its
// disk does not take; an empty one is the system's. It fails with ErrFormat when there is no such format.
func New(w io.Writer, name string, pictures int, temp string) (*Export, error) {
	f, err := find(name, pictures)
	if err != nil {
		return nil, err
	}
	return &Export{inner: f.open(w, temp), names: Names{}}, nil
}

// Add writes a picture.
func (e *Export) Add(ctx context.Context, p Picture) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p.stem = e.names.Of(p.Image.Filename, p.Image.Page, p.Pages)
	return e.inner.add(ctx, &p)
}

// Close writes what is left. It must be called, after an error too, and then gives back what waits on the disk.
func (e *Export) Close() error { return e.inner.close() }
