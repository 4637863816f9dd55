package imageio

import (
	"context"
	"encoding/binary"
	"errors"
	"image"
	"math"

	"seghub/models/imageio/refusal"
	"seghub/models/pixels"
)

// pagesOf are the pages that a plane is made of.
func (f *File) pagesOf(plane Plane) ([]int, error) {
	if plane.Page < 0 || plane.Page >= len(f.Pages) {
		return nil, refusal.Unsupported("The file has %d pages: there is no page %d.", len(f.Pages), plane.Page+1)
	}
	first := f.Pages[plane.Page]
	if plane.Level < 0 || plane.Level > len(first.Reduced) {
		return nil, refusal.Unsupported("The file has %d smaller versions of this page: there is no version %d.", len(first.Reduced), plane.Level)
	}
	if !plane.Max {
		return []int{plane.Page}, nil
	}
	var pages []int
	for i, p := range f.Pages {
		if p.Image != first.Image || p.Channel != first.Channel || p.T != first.T {
			continue
		}
		if p.Width != first.Width || p.Height != first.Height || p.Channels != first.Channels || p.Type != first.Type ||
			len(p.Reduced) != len(first.Reduced) {
			return nil, refusal.Unsupported("The pages of this file are of different sizes or kinds: they cannot be projected.")
		}
		pages = append(pages, i)
	}
	return pages, nil
}

// Memory is what a Reader of the plane takes, in decoded bytes. The error is a Refusal.
func (f *File) Memory(plane Plane) (bytes int64, err error) {
	pages, err := f.pagesOf(plane)
	for _, page := range pages {
		bytes += f.Pages[page].Memory
	}
	return bytes, err
}

// brightest reads the greatest sample of several planes.
type brightest struct {
	page    Page
	readers []Reader
}

func (b *brightest) Block() image.Point { return b.readers[0].Block() }

func (b *brightest) Read(ctx context.Context, dst []byte, area image.Rectangle) error {
	n := area.Dx() * area.Dy() * b.page.PixelBytes()
	buffer := pixels.Lend(n)
	defer pixels.GiveBack(buffer)
	for i, r := range b.readers {
		if i == 0 {
			if err := r.Read(ctx, dst, area); err != nil {
				return err
			}
			continue
		}
		if err := r.Read(ctx, buffer, area); err != nil {
			return err
		}
		brighter(b.page.Type, dst[:n], buffer[:n])
	}
	return nil
}

func (b *brightest) Close() (err error) {
	for _, r := range b.readers {
		err = errors.Join(err, r.Close())
	}
	return err
}

// brighter puts the samples of src where they are greater into dst.
func brighter(t SampleType, dst, src []byte) {
	switch t {
	case Uint8:
		for i, v := range src {
			dst[i] = max(dst[i], v)
		}
	case Uint16:
		for i := 0; i+1 < len(src); i += 2 {
			if v := binary.LittleEndian.Uint16(src[i:]); v > binary.LittleEndian.Uint16(dst[i:]) {
				binary.LittleEndian.PutUint16(dst[i:], v)
			}
		}
	default:
		size := t.Size()
		for i := 0; i+size <= len(src); i += size {
			if old := t.Value(dst[i:]); t.Value(src[i:]) > old || math.IsNaN(old) {
				copy(dst[i:i+size], src[i:i+size])
			}
		}
	}
}
