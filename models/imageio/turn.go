package imageio

import (
	"context"
	"image"

	"seghub/models/pixels"
)

// Orientations of TIFF and EXIF: where the first row and the first column lie, as it is shown.
//
//	1 top left   2 top right   3 bottom right   4 bottom left   5 left top   6 right top   7 right bottom   8 left bottom

// swaps tells whether rows become columns.
func swaps(orientation int) bool { return orientation >= 5 && orientation <= 8 }

// turn reads all of what r gives, whose size as it is shown is known, and closes it: what is turned is held.
func turn(ctx context.Context, r Reader, page Page, size image.Point) (Reader, error) {
	defer r.Close()
	stored := size
	if swaps(page.orientation) {
		stored = image.Pt(size.Y, size.X)
	}
	pixel := page.PixelBytes()
	pix := make([]byte, size.X*size.Y*pixel)
	const most = 1 << 20 // pixels at once
	rows := max(1, most/stored.X)
	buffer := pixels.Lend(min(rows, stored.Y) * stored.X * pixel)
	defer pixels.GiveBack(buffer)
	for top := 0; top < stored.Y; top += rows {
		area := image.Rect(0, top, stored.X, min(top+rows, stored.Y))
		if err := r.Read(ctx, buffer, area); err != nil {
			return nil, err
		}
		for y := area.Min.Y; y < area.Max.Y; y++ {
			row := buffer[(y-top)*stored.X*pixel:][:stored.X*pixel]
			at, step := shown(page.orientation, y, size)
			for ; len(row) > 0; row = row[pixel:] {
				copy(pix[at*pixel:], row[:pixel])
				at += step
			}
		}
	}
	return &held{width: size.X, height: size.Y, pixel: pixel, pix: pix}, nil
}

// shown is the number of the pixel, row by row as it is shown, where the stored row y begins, and how far it is from one of its
// pixels to the next.
func shown(orientation, y int, size image.Point) (at, step int) {
	right, bottom := size.X-1, size.Y-1
	switch orientation {
	case 2:
		return y*size.X + right, -1
	case 3:
		return (bottom-y)*size.X + right, -1
	case 4:
		return (bottom - y) * size.X, 1
	case 5:
		return y, size.X
	case 6:
		return right - y, size.X
	case 7:
		return bottom*size.X + right - y, -size.X
	case 8:
		return bottom*size.X + y, -size.X
	}
	return y * size.X, 1
}

// held reads from a picture in memory.
type held struct {
	width, height int
	pixel         int // bytes
	pix           []byte
}

func (h *held) Block() image.Point { return image.Pt(h.width, min(h.height, band)) }

func (h *held) Read(ctx context.Context, dst []byte, area image.Rectangle) error {
	line := area.Dx() * h.pixel
	for y := area.Min.Y; y < area.Max.Y; y++ {
		from := (y*h.width + area.Min.X) * h.pixel
		dst = dst[copy(dst[:line], h.pix[from:]):]
	}
	return ctx.Err()
}

func (h *held) Close() error {
	h.pix = nil
	return nil
}
