package imageio

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"

	"seghub/models/pixels"
)

// Decode reads the first page of r, all of it, in 8 bits: what a picture needs that is small or looked at by somebody; the pipeline reads
// bands. The header is judged first: more than maxPixels is ErrTooLarge before a pixel is decoded or room is made for one. The other
// errors are Refusals, ctx's, or what r itself returned; when ctx ends, Decode returns soon.
//
// Samples are brought to 8 bits as Levels say. Alpha is dropped and the stored colour kept, since microscopes use the fourth channel for
// anything but transparency. A picture whose three channels are the same everywhere is grey.
//
// progress, when it is not nil, hears a fraction from 0 to 1 that never falls, about a hundred times at
// most, on the caller's goroutine.
func Decode(ctx context.Context, r io.Reader, maxPixels int64, progress func(fraction float64)) (Image, error) {
	file, size, err := randomAccess(ctx, r)
	if err != nil {
		return Image{}, fmt.Errorf("read the image: %w", err)
	}
	opened, err := Open(ctx, file, size, Limits{Pixels: maxPixels})
	if err != nil {
		return Image{}, err
	}
	report := &reporter{progress: progress}
	opened.source.report = report
	reader, err := opened.Reader(ctx, Plane{}, NewBudget(math.MaxInt64))
	if err != nil {
		return Image{}, err
	}
	defer reader.Close()
	img, err := decodeAll(ctx, reader, opened.Pages[0], report)
	if err != nil {
		return Image{}, err
	}
	report.done()
	return withoutEqualChannels(img), ctx.Err()
}

func decodeAll(ctx context.Context, r Reader, page Page, report *reporter) (Image, error) {
	levels := &Levels{typ: page.Type}
	if page.Type != Uint8 {
		var err error
		if levels, err = Survey(ctx, r, page); err != nil {
			return Image{}, err
		}
	}
	img := Image{Width: page.Width, Height: page.Height, Channels: page.Channels, Pix: pixels.Lend(page.Width * page.Height * page.Channels)}
	line := page.Width * page.PixelBytes()
	buffer := pixels.Lend(band * line)
	defer pixels.GiveBack(buffer)
	to := img.Pix
	for y := 0; y < page.Height; y += band {
		area := page.Bounds()
		area.Min.Y, area.Max.Y = y, min(y+band, page.Height)
		n := area.Dy() * page.Width * page.Channels
		if err := r.Read(ctx, buffer, area); err != nil {
			return Image{}, err
		}
		levels.Map(to[:n], buffer[:area.Dy()*line])
		to = to[n:]
		report.at(readShare + (1-readShare)*float64(y)/float64(page.Height))
	}
	return img, nil
}

// randomAccess is r from where it stands: as a file where it is one, else read into memory.
func randomAccess(ctx context.Context, r io.Reader) (io.ReaderAt, int64, error) {
	if seeker, ok := r.(io.ReadSeeker); ok {
		return newSection(seeker)
	}
	data, err := io.ReadAll(untilEnded{r, ctx.Err})
	return bytes.NewReader(data), int64(len(data)), err
}

// untilEnded is a reader that ends with its context, whose Err it has.
type untilEnded struct {
	r     io.Reader
	ended func() error
}

func (u untilEnded) Read(p []byte) (int, error) {
	if err := u.ended(); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}

// withoutEqualChannels returns img as grey when its three channels are the same everywhere.
func withoutEqualChannels(img Image) Image {
	if img.Channels != 3 {
		return img
	}
	for rest := img.Pix; len(rest) >= 3; rest = rest[3:] {
		if rest[0] != rest[1] || rest[1] != rest[2] {
			return img
		}
	}
	grey := make([]uint8, img.Width*img.Height)
	for i := range grey {
		grey[i] = img.Pix[3*i]
	}
	return Image{Width: img.Width, Height: img.Height, Channels: 1, Pix: grey}
}
