package export

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"

	"seghub/models/mask"
)

// stripBytes is about how much of a label map is drawn at once.
const stripBytes = 1 << 20

// WriteLabels writes the label map of a picture as a grey TIFF: 0 is background, every other value the id of an object; 16 bits, or
// 32 where an id wants them. It says how large a pixel is, in ImageJ's way and in TIFF's own, and carries the receipt in its
// description, in a line that begins with seghub_receipt=.
func WriteLabels(ctx context.Context, w io.Writer, p *Picture) error {
	width, height := p.Image.Width, p.Image.Height
	sampleBytes := 2
	for i := range p.Objects {
		if p.Objects[i].ID > math.MaxUint16 {
			sampleBytes = 4
		}
	}
	stripRows := max(1, min(height, stripBytes/(width*sampleBytes)))
	runs := rowRuns(p.Objects, height)
	f := tiffFile{}
	var sizes []uint32
	for y0 := 0; y0 < height; y0 += stripRows {
		if err := ctx.Err(); err != nil {
			return err
		}
		rows := min(stripRows, height-y0)
		before := f.data.Len()
		if err := f.strip(runs[y0:y0+rows], width, sampleBytes); err != nil {
			return err
		}
		sizes = append(sizes, uint32(f.data.Len()-before))
	}
	description, err := describe(p)
	if err != nil {
		return err
	}
	const short, long, ascii, rational = 3, 4, 2, 5
	f.value(256, long, uint32(width))
	f.value(257, long, uint32(height))
	f.value(258, short, uint32(8*sampleBytes))
	f.value(259, short, 8) // zlib
	f.value(262, short, 1) // 0 is black
	f.text(270, ascii, description)
	offsets := make([]uint32, len(sizes))
	for i, at := 0, uint32(tiffHeader); i < len(sizes); i++ {
		offsets[i] = at
		at += sizes[i]
	}
	f.values(273, long, offsets)
	f.value(277, short, 1)
	f.value(278, long, uint32(stripRows))
	f.values(279, long, sizes)
	if size := p.Image.PixelSize; size != nil && *size > 0 {
		const centimetre = 3
		perCentimetre := ratio(1e4 / *size)
		f.pair(282, rational, perCentimetre)
		f.pair(283, rational, perCentimetre)
		f.value(296, short, centimetre)
	}
	f.text(305, ascii, "SegHub")
	f.value(339, short, 1) // unsigned
	return f.writeTo(w)
}

// ratio is v as TIFF has it, one number over another: to a millionth, or as finely as leaves the upper number room in 32 bits.
func ratio(v float64) []uint32 {
	lower := 1_000_000.0
	for lower > 1 && v*lower > math.MaxUint32 {
		lower /= 10
	}
	return []uint32{uint32(math.Round(min(v*lower, math.MaxUint32))), uint32(lower)}
}

// describe is what ImageJ reads the unit from, with the receipt.
func describe(p *Picture) (string, error) {
	text := "ImageJ=1.54f\nimages=1\n"
	if size := p.Image.PixelSize; size != nil && *size > 0 {
		text += "unit=um\n"
	}
	receipt, err := json.Marshal(p.Receipt)
	return text + "seghub_receipt=" + string(receipt) + "\n", err
}

// rowRun is a piece of a row, pixels x0 up to but not including x1, of the object id.
type rowRun struct{ x0, x1, id int32 }

// rowRuns gives the pixels of all objects, row by row.
func rowRuns(objects []mask.Object, height int) [][]rowRun {
	rows := make([][]rowRun, height)
	var crossings [][]int32 // of one object: where its rows go in or out
	for i := range objects {
		o := &objects[i]
		top := o.BBox[1]
		crossings = slices.Grow(crossings[:0], o.BBox[3])[:o.BBox[3]]
		for y := range crossings {
			crossings[y] = crossings[y][:0]
		}
		for _, ring := range append(polygon{o.Polygon}, o.Holes...) {
			for k := range ring {
				p, q := ring[k], ring[(k+1)%len(ring)]
				for y := min(p[1], q[1]); y < max(p[1], q[1]); y++ {
					crossings[y-top] = append(crossings[y-top], int32(p[0]))
				}
			}
		}
		for y, xs := range crossings {
			slices.Sort(xs)
			for k := 0; k+1 < len(xs); k += 2 {
				rows[top+y] = append(rows[top+y], rowRun{xs[k], xs[k+1], int32(o.ID)})
			}
		}
	}
	return rows
}

// tiffHeader is how many bytes come before the data.
const tiffHeader = 8

// tiffFile is a TIFF with one picture: header, data, directory, and what has no room in that.
type tiffFile struct {
	data   bytes.Buffer
	pix    []byte // of one strip; used again
	tags   []tiffTag
	zipped *zlib.Writer
}

// tiffTag is an entry of the directory; its values lie in it where they fit.
type tiffTag struct {
	tag, kind uint16
	count     uint32
	value     []byte
}

// strip draws rows of runs and appends them, compressed.
func (f *tiffFile) strip(rows [][]rowRun, width, sampleBytes int) error {
	n := len(rows) * width * sampleBytes
	f.pix = slices.Grow(f.pix[:0], n)[:n]
	clear(f.pix)
	for y, runs := range rows {
		row := f.pix[y*width*sampleBytes:]
		for _, run := range runs {
			for x := int(run.x0); x < int(run.x1); x++ {
				if sampleBytes == 2 {
					binary.LittleEndian.PutUint16(row[2*x:], uint16(run.id))
				} else {
					binary.LittleEndian.PutUint32(row[4*x:], uint32(run.id))
				}
			}
		}
	}
	if f.zipped == nil {
		f.zipped, _ = zlib.NewWriterLevel(&f.data, zlib.BestSpeed) // the level is one that there is
	} else {
		f.zipped.Reset(&f.data)
	}
	if _, err := f.zipped.Write(f.pix); err != nil {
		return err
	}
	return f.zipped.Close()
}

func (f *tiffFile) value(tag, kind uint16, v uint32) { f.values(tag, kind, []uint32{v}) }

func (f *tiffFile) values(tag, kind uint16, list []uint32) {
	const short = 3
	t := tiffTag{tag: tag, kind: kind, count: uint32(len(list))}
	for _, v := range list {
		if kind == short {
			t.value = binary.LittleEndian.AppendUint16(t.value, uint16(v))
		} else {
			t.value = binary.LittleEndian.AppendUint32(t.value, v)
		}
	}
	f.tags = append(f.tags, t)
}

// pair is one ratio.
func (f *tiffFile) pair(tag, kind uint16, two []uint32) {
	f.values(tag, kind, two)
	f.tags[len(f.tags)-1].count = 1
}

func (f *tiffFile) text(tag, kind uint16, s string) {
	f.tags = append(f.tags, tiffTag{tag, kind, uint32(len(s) + 1), append([]byte(s), 0)})
}

// writeTo writes the file. The tags are in their order.
func (f *tiffFile) writeTo(w io.Writer) error {
	le := binary.LittleEndian
	pad := f.data.Len() % 2 // a directory begins at an even place
	at := int64(tiffHeader) + int64(f.data.Len()+pad)
	if at > math.MaxUint32-1<<20 {
		return fmt.Errorf("a label map of %d bytes is more than a TIFF holds", at)
	}
	directory := le.AppendUint16(nil, uint16(len(f.tags)))
	beyond := uint32(at) + uint32(2+12*len(f.tags)+4)
	var rest []byte
	for _, t := range f.tags {
		directory = le.AppendUint16(le.AppendUint16(directory, t.tag), t.kind)
		directory = le.AppendUint32(directory, t.count)
		if len(t.value) <= 4 {
			directory = append(directory, append(t.value, make([]byte, 4-len(t.value))...)...)
			continue
		}
		directory = le.AppendUint32(directory, beyond+uint32(len(rest)))
		if rest = append(rest, t.value...); len(rest)%2 == 1 {
			rest = append(rest, 0)
		}
	}
	directory = append(le.AppendUint32(directory, 0), rest...)
	for _, piece := range [][]byte{le.AppendUint32([]byte("II*\x00"), uint32(at)), f.data.Bytes(), make([]byte, pad), directory} {
		if _, err := w.Write(piece); err != nil {
			return err
		}
	}
	return nil
}
