package imageio

import (
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"io"

	"seghub/models/pixels"
)

// heldCodec reads a file whose pixels can only be had all at once.
type heldCodec struct {
	format format
	source *fileSource
	page   Page
}

func (c heldCodec) open(ctx context.Context, _ Plane) (Reader, error) {
	c.source.ended = ctx.Err
	var decoded raster
	err := guard(func() (err error) {
		decoded, err = c.format.decode(io.NewSectionReader(c.source, 0, c.source.size), ctx.Err)
		return err
	})
	if c.source.err != nil {
		return nil, fmt.Errorf("read the image: %w", c.source.err)
	}
	if err != nil {
		return nil, c.format.reason("decode the pixels", err)
	}
	pix, err := decoded.samples(ctx, c.page)
	if err != nil {
		return nil, err
	}
	return &held{page: c.page, pix: pix}, nil
}

// held reads from a decoded picture.
type held struct {
	page Page
	pix  []byte
}

func (h *held) Block() image.Point { return image.Pt(h.page.Width, 64) }

func (h *held) Read(ctx context.Context, dst []byte, area image.Rectangle) error {
	pixel := h.page.PixelBytes()
	line := area.Dx() * pixel
	for y := area.Min.Y; y < area.Max.Y; y++ {
		from := (y*h.page.Width + area.Min.X) * pixel
		dst = dst[copy(dst[:line], h.pix[from:]):]
	}
	return ctx.Err()
}

func (h *held) Close() error {
	pixels.GiveBack(h.pix)
	h.pix = nil
	return nil
}

// samples of an Image are there already; a grey one may have to become colour again.
func (img Image) samples(_ context.Context, page Page) ([]byte, error) {
	if img.Channels == page.Channels {
		return img.Pix, nil
	}
	pix := pixels.Lend(int(page.Bytes()))
	for i, v := range img.Pix {
		pix[3*i], pix[3*i+1], pix[3*i+2] = v, v, v
	}
	return pix, nil
}

func (p standardPixels) samples(ctx context.Context, page Page) ([]byte, error) {
	img, err := p.convert(ctx, &reporter{})
	if err != nil {
		return nil, err
	}
	return img.samples(ctx, page)
}

func (d deep) samples(ctx context.Context, page Page) ([]byte, error) {
	pix := pixels.Lend(int(page.Bytes()))
	to := pix
	err := d.eachBand(ctx, func(int) {}, func(row []uint8) {
		for x := range d.width {
			for c := range page.Channels {
				binary.LittleEndian.PutUint16(to, binary.BigEndian.Uint16(row[x*d.step+2*min(c, d.channels-1):]))
				to = to[2:]
			}
		}
	})
	return pix, err
}
