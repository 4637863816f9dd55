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
func (f *File) Memory(plane Plane) (int64, error) {
	pages, err := f.pagesOf(plane)
	_, bytes := f.together(pages)
	return bytes, err
}

// together tells how many of the first of some pages are kept open, and what all take then: of the others one is open at a time, so that a stack of
// any number of pages takes MuchMemory at most, or as two of them do.
func (f *File) together(pages []int) (kept int, bytes int64) {
	largest := int64(0)
	for _, page := range pages {
		bytes += f.Pages[page].Memory
		largest = max(largest, f.Pages[page].Memory)
	}
	if bytes <= MuchMemory || len(pages) == 1 {
		return len(pages), bytes
	}
	kept, bytes = 1, f.Pages[pages[0]].Memory+largest
	for bytes+f.Pages[pages[kept]].Memory <= MuchMemory {
		bytes += f.Pages[pages[kept]].Memory
		kept++
	}
	return kept, bytes
}

// brightest reads the greatest sample of several planes.
type brightest struct {
	page Page
	open []func(context.Context) (Reader, error) // of each plane
	kept []Reader                                // of the first of them
}

// project begins to read the brightest of pages.
func (f *File) project(ctx context.Context, plane Plane, pages []int) (Reader, error) {
	b := &brightest{page: f.Pages[plane.Page]}
	kept, _ := f.together(pages)
	for i, page := range pages {
		one := plane
		one.Page = page
		b.open = append(b.open, func(ctx context.Context) (Reader, error) { return f.open(ctx, one) })
		if i >= kept {
			continue
		}
		r, err := b.open[i](ctx)
		if err != nil {
			return nil, errors.Join(err, b.Close())
		}
		b.kept = append(b.kept, r)
	}
	return b, nil
}

func (b *brightest) Block() image.Point { return b.kept[0].Block() }

func (b *brightest) Read(ctx context.Context, dst []byte, area image.Rectangle) error {
	n := area.Dx() * area.Dy() * b.page.PixelBytes()
	buffer := pixels.Lend(n)
	defer pixels.GiveBack(buffer)
	for i := range b.open {
		to := buffer[:n]
		if i == 0 {
			to = dst[:n]
		}
		if err := b.readOne(ctx, to, area, i); err != nil {
			return err
		}
		if i > 0 {
			brighter(b.page.Type, dst[:n], to)
		}
	}
	return nil
}

// readOne reads from one of the planes.
func (b *brightest) readOne(ctx context.Context, dst []byte, area image.Rectangle, i int) error {
	if i < len(b.kept) {
		return b.kept[i].Read(ctx, dst, area)
	}
	r, err := b.open[i](ctx)
	if err != nil {
		return err
	}
	return errors.Join(r.Read(ctx, dst, area), r.Close())
}

func (b *brightest) Close() (err error) {
	for _, r := range b.kept {
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
