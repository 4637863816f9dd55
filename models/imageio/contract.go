package imageio

import (
	"bytes"
	"context"
	"image"
	"io"

	"seghub/models/imageio/refusal"
	"seghub/models/imageio/samples"
)

// The reasons why a file cannot be read. Wrapped errors say more: see Refusal.
var (
	ErrUnsupported = refusal.ErrUnsupported
	ErrCorrupt     = refusal.ErrCorrupt
	ErrTooLarge    = refusal.ErrTooLarge
)

// Refusal is why a file is not read, in words for the person whose file it is.
type Refusal = refusal.Refusal

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

	source *fileSource
	codec  codec
}

// Page is one plane of a file: a page of a stack, or a channel at a depth and a time.
type Page struct {
	Width, Height int        // as it is shown: the orientation that the file asks for is applied
	Channels      int        // that a Reader gives: 1 (grey) or 3 (RGB)
	Samples       int        // of a pixel in the file that can be chosen one by one, as Plane.Sample; 1 for colour
	Type          SampleType // that a Reader gives
	Bits          int        // of a sample in the file
	Image         int        // from 0: of several series that a file holds, as at several places of a sample, which
	Channel       int        // from 0, as Z and T
	Z, T          int
	Plain         bool          // nobody says what the file is a stack of, save tifffile, which others do not heed; else Z counts its pages
	ChannelName   string        // empty when the file does not say
	PixelSize     float64       // of a side, in µm; 0 when the file does not say
	PixelSizeFrom string        // where it was found: "OME-XML", "ImageJ", "MetaSeries", "TIFF resolution", ...
	Reduced       []image.Point // sizes of the smaller versions that the file has of it, each smaller than the one before
	Memory        int64         // decoded bytes that reading the page needs at once

	orientation int // as TIFF has it; 0 and 1 are as it is stored
}

// Plane is what one job looks at. The zero value is the first page.
type Plane struct {
	Page   int  // index in File.Pages; where Max is set, of the first that it is made of
	Sample int  // which sample of a pixel, where the page has several to choose from
	Max    bool // the brightest sample of all pages with the same channel and time, whatever their Z
	Level  int  // 0 is the page itself, n its Reduced[n-1]
}

// SampleType is how a sample lies in memory.
type SampleType = samples.Type

// The types, as package samples has them.
const (
	Uint8   = samples.Uint8
	Int8    = samples.Int8
	Uint16  = samples.Uint16
	Int16   = samples.Int16
	Uint32  = samples.Uint32
	Int32   = samples.Int32
	Float32 = samples.Float32
	Float64 = samples.Float64
)

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

// Header is what a file says of itself before any pixel is decoded.
type Header struct {
	Format   string // "png", "jpeg", "tiff", "bmp", ...
	MIME     string // "image/png", ...
	Width    int    // of the first page
	Height   int
	BitDepth int // bits a sample
	Pages    int
}

// Image is a decoded picture: 8 bits a sample, 1 (grey) or 3 (RGB) channels, rows top to bottom:
// Pix[(y*Width+x)*Channels+c]. Samples of 16 bits are stretched on decoding so that the darkest and
// brightest 0.1 % of the pixels saturate. Who has no more use for it may give Pix back to package pixels.
type Image struct {
	Width, Height, Channels int
	Pix                     []uint8
}
