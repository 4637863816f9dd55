package tiff

import (
	"bytes"
	"math"
	"slices"
	"unicode/utf8"
)

// Tag is the number of an entry of a directory.
type Tag uint16

// The tags that are looked at.
const (
	NewSubfileType      Tag = 254
	SubfileType         Tag = 255
	ImageWidth          Tag = 256
	ImageLength         Tag = 257
	BitsPerSample       Tag = 258
	Compression         Tag = 259
	Photometric         Tag = 262
	FillOrder           Tag = 266
	ImageDescription    Tag = 270
	StripOffsets        Tag = 273
	Orientation         Tag = 274
	SamplesPerPixel     Tag = 277
	RowsPerStrip        Tag = 278
	StripByteCounts     Tag = 279
	XResolution         Tag = 282
	YResolution         Tag = 283
	PlanarConfiguration Tag = 284
	T4Options           Tag = 292
	ResolutionUnit      Tag = 296
	Predictor           Tag = 317
	ColorMap            Tag = 320
	TileWidth           Tag = 322
	TileLength          Tag = 323
	TileOffsets         Tag = 324
	TileByteCounts      Tag = 325
	SubIFDs             Tag = 330
	ExtraSamples        Tag = 338
	SampleFormat        Tag = 339
	JPEGTables          Tag = 347
	YCbCrCoefficients   Tag = 529
	YCbCrSubSampling    Tag = 530
	XMP                 Tag = 700
	ImageDepth          Tag = 32997
	SIS                 Tag = 33560 // Olympus
	UIC1                Tag = 33628 // MetaMorph, as the next
	UIC2                Tag = 33629
	FluoView            Tag = 34361 // Olympus
	LSMInfo             Tag = 34412 // Zeiss
	MicroManager        Tag = 51123
	NDPISourceLens      Tag = 65421 // Hamamatsu
	Harmony             Tag = 65500 // PerkinElmer
)

// Directory is what a file says of one page.
type Directory struct {
	file    *File
	entries []entry
}

// entry is one tag: count values of a type, which lie at offset.
type entry struct {
	tag    Tag
	kind   kind
	count  uint64
	offset int64
}

// kind is the type of a value.
type kind uint16

const (
	kindByte kind = iota + 1
	kindASCII
	kindShort
	kindLong
	kindRational
	kindSByte
	kindUndefined
	kindSShort
	kindSLong
	kindSRational
	kindFloat
	kindDouble
	kindIFD
	_
	_
	kindLong8
	kindSLong8
	kindIFD8
)

// sizes in bytes, of the kinds; 0 of those that do not exist.
var sizes = [...]uint64{0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8}

func (k kind) size() uint64 {
	if int(k) < len(sizes) {
		return sizes[k]
	}
	return 0
}

// entry reads one, whose bytes lie at an offset in the file.
func (f *File) entry(data []byte, at int64) entry {
	e := entry{tag: Tag(f.order.Uint16(data)), kind: kind(f.order.Uint16(data[2:]))}
	room := uint64(4)
	if f.big {
		room = 8
		e.count, e.offset = f.order.Uint64(data[4:]), int64(f.order.Uint64(data[12:]))
	} else {
		e.count, e.offset = uint64(f.order.Uint32(data[4:])), int64(f.order.Uint32(data[8:]))
	}
	if size := e.kind.size(); size > 0 && e.count <= room/size {
		e.offset = at + int64(len(data)) - int64(room)
	}
	return e
}

// add keeps the first of several entries with the same tag, as libtiff does.
func (d *Directory) add(e entry) {
	if e.kind.size() > 0 && e.count > 0 && !d.Has(e.tag) {
		d.entries = append(d.entries, e)
	}
}

// Has tells whether the directory has a tag.
func (d *Directory) Has(tag Tag) bool { return d.find(tag) != nil }

// Count is how many values a tag has.
func (d *Directory) Count(tag Tag) uint64 {
	if e := d.find(tag); e != nil {
		return e.count
	}
	return 0
}

// Offset is where the values of a tag lie in the file; 0 without the tag.
func (d *Directory) Offset(tag Tag) int64 {
	if e := d.find(tag); e != nil {
		return e.offset
	}
	return 0
}

func (d *Directory) find(tag Tag) *entry {
	i := slices.IndexFunc(d.entries, func(e entry) bool { return e.tag == tag })
	if i < 0 {
		return nil
	}
	return &d.entries[i]
}

// Bytes are the first values of a tag as they are, at most so many bytes of them; nil without the tag.
func (d *Directory) Bytes(tag Tag, most int) ([]byte, error) {
	e := d.find(tag)
	if e == nil {
		return nil, nil
	}
	size := e.kind.size()
	count := min(e.count, uint64(most)/size)
	if count*size > uint64(d.file.size) {
		return nil, errCut()
	}
	data := make([]byte, count*size)
	return data, d.file.read(data, e.offset)
}

// whole tells whether the values of these tags lie within the file, as far as it has the tags.
func (d *Directory) whole(tags ...Tag) bool {
	for _, tag := range tags {
		if e := d.find(tag); e != nil {
			size, room := e.kind.size(), uint64(d.file.size-min(max(e.offset, 0), d.file.size))
			if e.offset < 0 || e.count > room/size {
				return false
			}
		}
	}
	return true
}

// Text is a tag's text up to its first zero, of at most so many bytes; empty without the tag, and where it cannot be read.
func (d *Directory) Text(tag Tag, most int) string {
	text, err := d.WholeText(tag, most)
	if err != nil {
		return ""
	}
	return text
}

// WholeText is Text of a file that is not cut short before the text's end, which is the error.
func (d *Directory) WholeText(tag Tag, most int) (string, error) {
	data, err := d.Bytes(tag, most)
	if err != nil {
		return "", err
	}
	text, _, _ := bytes.Cut(data, []byte{0})
	return decoded(text), nil
}

// decoded is a text in UTF-8, or else in Latin-1, in which older programs write the µ of µm. The format itself knows ASCII alone.
func decoded(text []byte) string {
	if utf8.Valid(text) {
		return string(text)
	}
	runes := make([]rune, len(text))
	for i, b := range text {
		runes[i] = rune(b)
	}
	return string(runes)
}

// Uints are the values of a tag that holds whole numbers, at most so many of them.
func (d *Directory) Uints(tag Tag, most int) ([]uint64, error) {
	e := d.find(tag)
	if e == nil {
		return nil, nil
	}
	size := e.kind.size()
	data, err := d.Bytes(tag, int(size)*most)
	if err != nil {
		return nil, err
	}
	values := make([]uint64, len(data)/int(size))
	for i := range values {
		values[i] = d.file.uint(e.kind, data[uint64(i)*size:])
	}
	return values, nil
}

// Uint is the first value of a tag that holds whole numbers, or what holds without it.
func (d *Directory) Uint(tag Tag, without uint64) uint64 {
	if values, err := d.Uints(tag, 1); err == nil && len(values) > 0 {
		return values[0]
	}
	return without
}

// Floats are the values of a tag that holds numbers of any kind, at most so many of them.
func (d *Directory) Floats(tag Tag, most int) []float64 {
	e := d.find(tag)
	if e == nil {
		return nil
	}
	data, err := d.Bytes(tag, most*int(e.kind.size()))
	if err != nil {
		return nil
	}
	var values []float64
	for size := int(e.kind.size()); len(data) >= size; data = data[size:] {
		values = append(values, d.file.float(e.kind, data))
	}
	return values
}

// Float is the first of Floats, or 0.
func (d *Directory) Float(tag Tag) float64 {
	if values := d.Floats(tag, 1); len(values) > 0 {
		return values[0]
	}
	return 0
}

// uint is a whole number; a negative one and what is none is huge, and so refused by whoever asked.
func (f *File) uint(k kind, data []byte) uint64 {
	switch k {
	case kindByte, kindUndefined, kindASCII:
		return uint64(data[0])
	case kindSByte:
		return uint64(int64(int8(data[0])))
	case kindShort:
		return uint64(f.order.Uint16(data))
	case kindSShort:
		return uint64(int64(int16(f.order.Uint16(data))))
	case kindLong, kindIFD:
		return uint64(f.order.Uint32(data))
	case kindSLong:
		return uint64(int64(int32(f.order.Uint32(data))))
	case kindLong8, kindSLong8, kindIFD8:
		return f.order.Uint64(data)
	}
	return math.MaxUint64
}

func (f *File) float(k kind, data []byte) float64 {
	switch k {
	case kindRational:
		return ratio(float64(f.order.Uint32(data)), float64(f.order.Uint32(data[4:])))
	case kindSRational:
		return ratio(float64(int32(f.order.Uint32(data))), float64(int32(f.order.Uint32(data[4:]))))
	case kindFloat:
		return float64(math.Float32frombits(f.order.Uint32(data)))
	case kindDouble:
		return math.Float64frombits(f.order.Uint64(data))
	}
	return float64(f.uint(k, data))
}

// ratio is 0 where there is none.
func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// Reduced tells whether the page is a smaller version of another, or a mask to it.
func (d *Directory) Reduced() bool {
	return d.Uint(NewSubfileType, 0)&5 != 0 || d.Uint(SubfileType, 1) == 2
}

// Below are the offsets of the directories that a page has below it: smaller versions, in the files of some programs.
func (d *Directory) Below() []int64 {
	const most = 64
	values, err := d.Uints(SubIFDs, most)
	if err != nil {
		return nil
	}
	offsets := make([]int64, len(values))
	for i, v := range values {
		offsets[i] = int64(v)
	}
	return offsets
}

// MetaMorphCalibration is how wide and how high a pixel is in µm, given what units are in µm; 0 where the tag UIC1 does not say. It holds pairs of
// a number and a value, or where that lies: 3 is whether there is a calibration, 4 the width, 5 the height and 6 the unit.
func (d *Directory) MetaMorphCalibration(micrometres func(unit string) float64) (width, height float64) {
	const most = 1024
	f := d.file
	pairs := make([]byte, 8*min(d.Count(UIC1), most))
	if f.read(pairs, d.Offset(UIC1)) != nil {
		return 0, 0
	}
	values := make(map[uint32]uint32)
	for ; len(pairs) > 0; pairs = pairs[8:] {
		values[f.order.Uint32(pairs)] = f.order.Uint32(pairs[4:])
	}
	var x, y, length [8]byte
	if values[3] == 0 || f.read(x[:], int64(values[4])) != nil || f.read(length[:4], int64(values[6])) != nil {
		return 0, 0
	}
	if values[5] > 0 && f.read(y[:], int64(values[5])) != nil {
		return 0, 0
	}
	unit := make([]byte, min(f.order.Uint32(length[:]), 64))
	if f.read(unit, int64(values[6])+4) != nil {
		return 0, 0
	}
	name, _, _ := bytes.Cut(unit, []byte{0})
	size := micrometres(decoded(name))
	return f.float(kindRational, x[:]) * size, f.float(kindRational, y[:]) * size
}
