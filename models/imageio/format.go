package imageio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
)

// format is one kind of file that can be read.
type format struct {
	name, mime string
	magic      []string // a file begins with one of them
	config     func(io.Reader) (image.Config, error)
	decode     decoder
	complete   func(io.ReadSeeker) (bool, error) // whether the file's end is there; nil when it cannot be told cheaply
}

// decoder leaves the pixels nearly as they are in the file. alive returns the error that ended the reading, if one did, for one
// that takes longer than its reading.
type decoder func(r io.Reader, alive func() error) (raster, error)

// raster is what a decoder gives, to be brought to 8 bits.
type raster interface {
	convert(ctx context.Context, report *reporter) (Image, error)
	samples(ctx context.Context, page Page) ([]byte, error) // as a Reader of the page gives them
}

var formats = []format{
	{
		name: "png", mime: "image/png", magic: []string{"\x89PNG\r\n\x1a\n"},
		config: png.DecodeConfig, decode: decodePNG, complete: pngComplete,
	},
	{
		name: "jpeg", mime: "image/jpeg", magic: []string{"\xff\xd8\xff"},
		config: jpeg.DecodeConfig, decode: standard(jpeg.Decode), complete: jpegComplete,
	},
	{
		name: "tiff", mime: "image/tiff", magic: []string{"II*\x00", "MM\x00*"},
		config: tiff.DecodeConfig, decode: standard(tiff.Decode),
	},
	{
		// "BM" alone is how many a text begins; the four reserved bytes are zero in every bitmap, which is
		// checked in sniff.
		name: "bmp", mime: "image/bmp", magic: []string{"BM"},
		config: bmp.DecodeConfig, decode: standard(bmp.Decode),
	},
}

// sniffLength is how many bytes sniff wants to see.
const sniffLength = 10

// sniff tells the format of a file by its first bytes, of which there are fewer than sniffLength only
// when the file is shorter.
func sniff(head []byte) (format, error) {
	if len(head) == 0 {
		return format{}, fmt.Errorf("%w: the file is empty", ErrCorrupt)
	}
	for _, f := range formats {
		for _, magic := range f.magic {
			switch {
			case bytes.HasPrefix(head, []byte(magic)):
				if f.name == "bmp" && len(head) == sniffLength && !bytes.Equal(head[6:10], make([]byte, 4)) {
					continue
				}
				return f, nil
			case len(head) < len(magic) && magic[:len(head)] == string(head) && len(head) > 2:
				return format{}, fmt.Errorf("%w: the file ends within its first bytes", ErrCorrupt)
			}
		}
	}
	return format{}, fmt.Errorf("%w: it begins like no PNG, JPEG, TIFF or BMP file", ErrUnsupported)
}

// header reads the header by config and judges it.
func (f format) header(r io.Reader) (Header, error) {
	var config image.Config
	err := guard(func() (err error) {
		config, err = f.config(r)
		return err
	})
	if err != nil {
		return Header{}, f.reason("read the header", err)
	}
	if config.Width <= 0 || config.Height <= 0 {
		return Header{}, fmt.Errorf("read the header: %w: %s of %dx%d pixels", ErrCorrupt, f.name, config.Width, config.Height)
	}
	return Header{
		Format:   f.name,
		MIME:     f.mime,
		Width:    config.Width,
		Height:   config.Height,
		BitDepth: bitDepth(config.ColorModel),
		Pages:    1,
	}, nil
}

// reason says which of this package's errors a decoder's error is. What the file's reader said of itself
// (a lost connection, an ended context) has been kept by the reader and never comes here.
func (f format) reason(operation string, err error) error {
	var (
		unsupportedPNG  png.UnsupportedError
		unsupportedJPEG jpeg.UnsupportedError
		unsupportedTIFF tiff.UnsupportedError
	)
	kind := ErrCorrupt
	switch {
	case errors.Is(err, bmp.ErrUnsupported), errors.As(err, &unsupportedPNG),
		errors.As(err, &unsupportedJPEG), errors.As(err, &unsupportedTIFF):
		kind = ErrUnsupported
	}
	return fmt.Errorf("%s: %w: %w", operation, kind, err)
}

// guard calls decode and makes a panic an error: the decoders are other people's, the files are anyone's.
func guard(decode func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the decoder broke off: %v", p)
		}
	}()
	return decode()
}
