package imageio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// Decode reads the picture in r. The header is judged first: more than maxPixels is ErrTooLarge before a
// pixel is decoded or room is made for one. The other errors are ErrUnsupported, ErrCorrupt, ctx's, or what r
// itself returned; when ctx ends, Decode returns soon.
//
// Samples of 16 bits are stretched as Image says; samples of fewer than 8 bits are widened. A palette
// becomes the colours it stands for. Alpha is dropped and the stored colour kept, since microscopes use the
// fourth channel for anything but transparency. A picture whose three channels are the same everywhere is grey.
//
// progress, when it is not nil, hears a fraction from 0 to 1 that never falls, about a hundred times at
// most, on the caller's goroutine. Where r cannot Seek, its size is unknown and reading is not counted.
func Decode(ctx context.Context, r io.Reader, maxPixels int64, progress func(fraction float64)) (Image, error) {
	report := &reporter{progress: progress}
	source := newSource(ctx, r, report)
	decoded, err := decode(source, maxPixels)
	if source.err != nil {
		err = fmt.Errorf("read the image: %w", source.err)
	}
	if err != nil {
		return Image{}, err
	}
	img, err := decoded.convert(ctx, report)
	if err != nil {
		return Image{}, err
	}
	report.done()
	return img, nil
}

// decode leaves the pixels as the file's decoder gives them.
func decode(source *source, maxPixels int64) (raster, error) {
	head := make([]byte, sniffLength)
	n, err := io.ReadFull(source, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	f, err := sniff(head[:n])
	if err != nil {
		return nil, err
	}
	whole := io.MultiReader(bytes.NewReader(head[:n]), source)
	var header Header
	var rest io.Reader
	switch f.name {
	case "tiff":
		// A TIFF file's parts lie anywhere, so that all of its bytes have to be at hand.
		file, err := io.ReadAll(whole)
		if err != nil {
			return nil, err
		}
		if header, err = f.header(bytes.NewReader(file)); err != nil {
			return nil, err
		}
		rest = randomAccess{bytes.NewReader(file), source}
	default:
		if f.name == "jpeg" {
			whole = &scanLimiter{r: whole}
		}
		// The header is read twice, to judge it and by the decoder: what the first reading takes is kept
		// for the second.
		var taken bytes.Buffer
		if header, err = f.header(io.TeeReader(whole, &taken)); err != nil {
			return nil, err
		}
		rest = io.MultiReader(&taken, whole)
	}
	if int64(header.Width)*int64(header.Height) > maxPixels {
		return nil, fmt.Errorf("%w: %dx%d, at most %d pixels are taken", ErrTooLarge, header.Width, header.Height, maxPixels)
	}
	var decoded raster
	err = guard(func() (err error) {
		decoded, err = f.decode(rest, source.alive)
		return err
	})
	if err != nil {
		return nil, f.reason("decode the pixels", err)
	}
	return decoded, nil
}
