package imageio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"io"
)

// The reasons why a file cannot be read. Wrapped errors say more: see Refusal.
var (
	ErrUnsupported = errors.New("unsupported image format")
	ErrCorrupt     = errors.New("damaged image")
	ErrTooLarge    = errors.New("too large an image")
)

// Refusal is why a file is not read. Detail is a sentence for the person whose file it is: it names the feature and, where
// there is one, the way out. Kind is ErrUnsupported, ErrCorrupt or ErrTooLarge.
type Refusal struct {
	Kind   error
	Detail string
}

func (r *Refusal) Error() string { return r.Kind.Error() + ": " + r.Detail }

// Unwrap lets errors.Is see the Kind.
func (r *Refusal) Unwrap() error { return r.Kind }

func refuse(kind error, detail string, values ...any) error {
	return &Refusal{Kind: kind, Detail: fmt.Sprintf(detail, values...)}
}

// Source is where the bytes of a file lie. One goroutine at a time.
type Source interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// InMemory is a file that is in memory already.
func InMemory(file []byte) Source { return inMemory{bytes.NewReader(file)} }

type inMemory struct{ *bytes.Reader }

func (inMemory) Close() error { return nil }

// Limits are what a file may ask for at most; 0 is no limit.
type Limits struct {
	Pixels int64 // of one page
	Pages  int   // of one file
	Memory int64 // decoded bytes that reading one page needs at once
}

// File is an open image file: what its headers say of every page. It reads from what it was opened on for as long as it is in
// use; one goroutine at a time.
type File struct {
	Format string // "png", "jpeg", "tiff", "bmp", ...
	MIME   string // "image/png", ...
	Pages  []Page // at least one

	codec codec
}

// Page is one plane of a file: a page of a stack, or a channel at a depth and a time.
type Page struct {
	Width, Height int        // as it is shown: the orientation that the file asks for is applied
	Channels      int        // that a Reader gives: 1 (grey) or 3 (RGB)
	Samples       int        // of a pixel in the file that can be chosen one by one, as Plane.Sample; 1 for colour
	Type          SampleType // that a Reader gives
	Bits          int        // of a sample in the file
	Channel       int        // from 0, as Z and T
	Z, T          int
	ChannelName   string  // empty when the file does not say
	PixelSize     float64 // of a side, in µm; 0 when the file does not say
	PixelSizeFrom string  // where it was found: "OME-XML", "ImageJ", "MetaSeries", "TIFF resolution", ...
	Reduced       []image.Point
	Memory        int64 // decoded bytes that reading the page needs at once
}

// Plane is what one job looks at. The zero value is the first page.
type Plane struct {
	Page   int  // index in File.Pages; where Max is set, of the first that it is made of
	Sample int  // which sample of a pixel, where the page has several to choose from
	Max    bool // the brightest sample of all pages with the same channel and time, whatever their Z
	Level  int  // 0 is the page itself, n its Reduced[n-1]
}

// SampleType is how a sample lies in memory. Those of two bytes and more are little-endian.
type SampleType uint8

// Samples of fewer bits lie in the next larger type: those of up to 7 bits are widened to all of 0..255, others keep their value.
// 16-bit floats become 32-bit ones, and 64-bit integers floats.
const (
	Uint8 SampleType = iota
	Int8
	Uint16
	Int16
	Uint32
	Int32
	Float32
	Float64
)

// Size of a sample in bytes.
func (t SampleType) Size() int { return [...]int{1, 1, 2, 2, 4, 4, 4, 8}[t] }

func (t SampleType) String() string {
	return [...]string{"uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"}[t]
}

// Reader reads one plane. One goroutine at a time; no File of the same bytes is used meanwhile.
type Reader interface {
	// Block is the size of the file's blocks. Areas that begin at multiples of it, and whole rows of them, are best read at once.
	Block() image.Point
	// Read fills dst with area's samples, row by row, Page.Channels a pixel, in Page.Type. The area lies within the plane. Reading
	// from top to bottom, with overlap, decodes hardly any block twice; going back may decode anew all that lies above. The error
	// is a Refusal, ctx's, or what the file itself returned.
	Read(ctx context.Context, dst []byte, area image.Rectangle) error
	// Close gives the memory back; no other call follows.
	Close() error
}

// codec reads the pages of one open file.
type codec interface {
	open(ctx context.Context, plane Plane) (Reader, error)
}

// Header is what a file says of itself before any pixel is decoded.
type Header struct {
	Format   string // "png", "jpeg", "tiff", "bmp"
	MIME     string // "image/png", ...
	Width    int
	Height   int
	BitDepth int // bits a sample: 8 or 16
	Pages    int // 1 until multi-page files come
}

// Image is a decoded picture: 8 bits a sample, 1 (grey) or 3 (RGB) channels, rows top to bottom:
// Pix[(y*Width+x)*Channels+c]. Samples of 16 bits are stretched on decoding so that the darkest and
// brightest 0.1 % of the pixels saturate. Who has no more use for it may give Pix back to package pixels.
type Image struct {
	Width, Height, Channels int
	Pix                     []uint8
}
