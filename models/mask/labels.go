package mask

import (
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"io"
	"maps"
	"slices"

	"github.com/klauspost/compress/zstd"
)

// A label map is kept as the spans of its objects, in bands, so that an object is read without the picture around it:
//
//	header   "SHLB", version 1, a zero (uint8 each), rows of a band (uint16), width, height (uint32)
//	frames   of each band from the top: its spans in reading order, as one zstd frame with a checksum
//	objects  the same of all objects: id and box of each, by id
//	index    the length of each frame and of objects (uint32)
//
// Numbers outside frames are little-endian. Inside they are varints, of a span: rows below the last, pixels behind its end or the row's
// beginning, pixels, and, signed, how much greater the id is than the last; of an object: how much greater the id is than the
// last, x, y, width and height.

const (
	labelsMagic = "SHLB\x01"
	mostNumbers = 5 // of an object; a span has fewer
)

// ErrLabels is why something cannot be read as a label map; wrapped errors say more.
var ErrLabels = errors.New("damaged label map")

// WriteLabels writes the label map of a picture, spans in reading order.
func WriteLabels(w io.Writer, width, height int, spans []Span) error {
	encoder, err := bandEncoder()
	if err != nil {
		return fmt.Errorf("write a label map: %w", err)
	}
	out := append(make([]byte, 0, bandsHeader), labelsMagic...)
	out = append(out, 0)
	out = binary.LittleEndian.AppendUint16(out, BandRows)
	out = binary.LittleEndian.AppendUint32(out, uint32(width))
	out = binary.LittleEndian.AppendUint32(out, uint32(height))
	var index, frame []byte
	add := func() {
		before := len(out)
		out = encoder.EncodeAll(frame, out)
		index = binary.LittleEndian.AppendUint32(index, uint32(len(out)-before))
	}
	boxes := Boxes(spans)
	for top := 0; top < height; top += BandRows {
		n := 0
		for n < len(spans) && int(spans[n].Y) < top+BandRows {
			n++
		}
		frame = appendSpans(frame[:0], top, spans[:n])
		spans = spans[n:]
		add()
	}
	frame = frame[:0]
	last := int32(0)
	for _, id := range slices.Sorted(maps.Keys(boxes)) {
		box := boxes[id]
		for _, n := range []int{int(id - last), box.Min.X, box.Min.Y, box.Dx(), box.Dy()} {
			frame = binary.AppendUvarint(frame, uint64(n))
		}
		last = id
	}
	add()
	if _, err := w.Write(append(out, index...)); err != nil {
		return fmt.Errorf("write a label map: %w", err)
	}
	return nil
}

// Boxes are the bounds of the objects that spans belong to, by id.
func Boxes(spans []Span) map[int32]image.Rectangle {
	boxes := map[int32]image.Rectangle{}
	for _, s := range spans {
		boxes[s.ID] = boxes[s.ID].Union(image.Rect(int(s.X0), int(s.Y), int(s.X1), int(s.Y)+1))
	}
	return boxes
}

func appendSpans(frame []byte, top int, spans []Span) []byte {
	last := Span{Y: int32(top)}
	for _, s := range spans {
		down := s.Y - last.Y
		if down > 0 {
			last.X1 = 0
		}
		frame = binary.AppendUvarint(frame, uint64(down))
		frame = binary.AppendUvarint(frame, uint64(s.X0-last.X1))
		frame = binary.AppendUvarint(frame, uint64(s.X1-s.X0))
		frame = binary.AppendVarint(frame, int64(s.ID)-int64(last.ID))
		last = s
	}
	return frame
}

// LabelReader reads a label map. One goroutine at a time.
type LabelReader struct {
	Width, Height int
	Bands         int // how many there are
	Boxes         map[int32]image.Rectangle

	frames frames // of the bands, and of the objects
	rows   int
}

// ReadLabels reads header, index and objects of the label map that is all of r. A map of more than maxPixels is damaged: the caller knows
// of which image it is. The errors wrap ErrLabels, or are what r itself returned.
func ReadLabels(r io.ReadSeeker, maxPixels int64) (*LabelReader, error) {
	l := &LabelReader{frames: frames{r: r, damaged: ErrLabels}}
	if err := l.open(maxPixels); err != nil {
		return nil, fmt.Errorf("open a label map: %w", err)
	}
	return l, nil
}

func (l *LabelReader) open(maxPixels int64) error {
	header := make([]byte, bandsHeader)
	if err := l.frames.readAt(header, 0); err != nil {
		return err
	}
	l.rows = int(binary.LittleEndian.Uint16(header[6:]))
	width, height := int64(binary.LittleEndian.Uint32(header[8:])), int64(binary.LittleEndian.Uint32(header[12:]))
	if string(header[:len(labelsMagic)]) != labelsMagic || l.rows < 1 || width < 1 || height < 1 || width > maxPixels/height {
		return fmt.Errorf("%w: it does not begin like one of %d pixels at most", ErrLabels, maxPixels)
	}
	l.Width, l.Height = int(width), int(height)
	l.Bands = (l.Height + l.rows - 1) / l.rows
	if err := l.frames.readIndex(bandsHeader, l.Bands+1); err != nil {
		return err
	}
	return l.readBoxes()
}

func (l *LabelReader) readBoxes() error {
	numbers, err := l.frame(l.Bands)
	if err != nil {
		return err
	}
	l.Boxes = map[int32]image.Rectangle{}
	id := int32(0)
	for len(numbers.left) > 0 {
		id += numbers.next(l.Width * l.Height)
		x, y := numbers.next(l.Width), numbers.next(l.Height)
		w, h := numbers.next(l.Width-int(x)), numbers.next(l.Height-int(y))
		if numbers.bad {
			return fmt.Errorf("%w: the box of object %d", ErrLabels, id)
		}
		l.Boxes[id] = image.Rect(int(x), int(y), int(x+w), int(y+h))
	}
	return nil
}

// Rows are the rows of a band: from begin up to end.
func (l *LabelReader) Rows(band int) (begin, end int) {
	return band * l.rows, min((band+1)*l.rows, l.Height)
}

// Band gives the spans of a band in reading order. The error wraps ErrLabels, or is what the map is read from returned.
func (l *LabelReader) Band(band int) ([]Span, error) {
	numbers, err := l.frame(band)
	if err != nil {
		return nil, fmt.Errorf("read band %d of a label map: %w", band, err)
	}
	begin, end := l.Rows(band)
	var spans []Span
	last := Span{Y: int32(begin)}
	for len(numbers.left) > 0 {
		down := numbers.next(end - 1 - int(last.Y))
		if down > 0 {
			last.X1 = 0
		}
		s := Span{Y: last.Y + down, X0: last.X1 + numbers.next(l.Width-1-int(last.X1))}
		s.X1 = s.X0 + numbers.next(l.Width-int(s.X0))
		s.ID = last.ID + numbers.signed()
		if numbers.bad || s.X1 == s.X0 || s.ID < 1 {
			return nil, fmt.Errorf("read band %d of a label map: %w: a span %+v", band, ErrLabels, s)
		}
		spans = append(spans, s)
		last = s
	}
	return spans, nil
}

func (l *LabelReader) frame(i int) (varints, error) {
	decoder, err := bandDecoder()
	if err != nil {
		return varints{}, err
	}
	packed, err := l.frames.read(i, nil)
	if err != nil {
		return varints{}, err
	}
	if len(packed) == 0 {
		return varints{}, nil // a band without objects
	}
	var header zstd.Header
	if err := header.Decode(packed); err != nil {
		return varints{}, fmt.Errorf("%w: %w", ErrLabels, err)
	}
	// No pixel has more than a span of its own, and none more than an object.
	most := uint64(mostNumbers*binary.MaxVarintLen32) * uint64(min(l.rows, l.Height)) * uint64(l.Width)
	if i == l.Bands {
		most *= uint64(l.Bands)
	}
	size := uint64(256) // less than this is not told
	if header.HasFCS {
		size = header.FrameContentSize
	}
	if size > max(most, 256) {
		return varints{}, fmt.Errorf("%w: a band of %d bytes", ErrLabels, size)
	}
	data, err := decoder.DecodeAll(packed, make([]byte, 0, size))
	if err != nil {
		return varints{}, fmt.Errorf("%w: %w", ErrLabels, err)
	}
	return varints{left: data}, nil
}

// varints reads numbers; bad is set at the first that is none, or out of range.
type varints struct {
	left []byte
	bad  bool
}

// next is a number from 0 to most.
func (v *varints) next(most int) int32 {
	n, length := binary.Uvarint(v.left)
	if length <= 0 || most < 0 || n > uint64(most) {
		v.bad, v.left = true, nil
		return 0
	}
	v.left = v.left[length:]
	return int32(n)
}

func (v *varints) signed() int32 {
	n, length := binary.Varint(v.left)
	if length <= 0 || n != int64(int32(n)) {
		v.bad, v.left = true, nil
		return 0
	}
	v.left = v.left[length:]
	return int32(n)
}
