package imageio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"sync"

	"seghub/models/imageio/inflate"
	"seghub/models/pixels"
)

// Most pictures that come are PNG files of 8 or 16 bits, and inflating them is what an image costs beside its inference. Those
// are read here, row by row into the memory of the Image; what is rarer is left to image/png, which is also what says
// what a well-formed file is. docs/adr/0009 has the measurements.

// pngForm is how the samples of a picture lie in its rows.
type pngForm struct {
	width, height int
	samples       int // of a pixel, alpha included
	bytes         int // of a sample: 1 or 2
}

// The header that every PNG file begins with: signature, and a chunk of 13 bytes.
const (
	pngHeaderAt  = 16 // of the header's data
	pngHeaderEnd = 33
)

// newPNGForm reads the header of a file that is read here: not interlaced, without palette, of 8 or 16 bits.
func newPNGForm(head []byte) (pngForm, bool) {
	if len(head) < pngHeaderEnd || string(head[:pngHeaderAt]) != pngMagic+"\x00\x00\x00\x0dIHDR" ||
		crc32.ChecksumIEEE(head[12:29]) != binary.BigEndian.Uint32(head[29:]) {
		return pngForm{}, false
	}
	data := head[pngHeaderAt:29]
	width, height := binary.BigEndian.Uint32(data), binary.BigEndian.Uint32(data[4:])
	depth, colour, plain := data[8], data[9], string(data[10:]) == "\x00\x00\x00"
	samples := map[uint8]int{colourGrey: 1, colourRGB: 3, colourGreyAlpha: 2, colourRGBA: 4}[colour]
	if samples == 0 || depth != 8 && depth != 16 || !plain ||
		width < 1 || height < 1 || width > math.MaxInt32 || height > math.MaxInt32 {
		return pngForm{}, false
	}
	return pngForm{int(width), int(height), samples, int(depth / 8)}, true
}

// channels is how many samples of a pixel count.
func (f pngForm) channels() int { return (f.samples - 1) | 1 }

func (f pngForm) hasAlpha() bool { return f.samples != f.channels() }

// bytesPerPixel is how far the filters look back.
func (f pngForm) bytesPerPixel() int { return f.samples * f.bytes }

var inflaters = sync.Pool{New: func() any { return new(inflate.Reader) }}

// decode reads the rows of the picture, without their alpha.
func (f pngForm) decode(data io.Reader, alive func() error) ([]uint8, error) {
	rows := inflaters.Get().(*inflate.Reader)
	rows.Reset(data)
	defer func() {
		rows.Reset(nil) // the file is not to be kept with it
		inflaters.Put(rows)
	}()

	size := f.width * f.channels() * f.bytes
	pix := pixels.Lend(size * f.height)
	row := f.width * f.bytesPerPixel()
	above := make([]uint8, row)
	var current []uint8 // where pixels have an alpha that is not to be kept
	if f.hasAlpha() {
		current = make([]uint8, row)
	}
	for y := range f.height {
		if y%band == 0 {
			if err := alive(); err != nil {
				return nil, err
			}
		}
		filtered, err := rows.Next(1 + row)
		if err != nil {
			return nil, fmt.Errorf("row %d: %w", y, notEnd(err))
		}
		to := pix[y*size : (y+1)*size]
		if current == nil {
			if err := unfilter(to, filtered[1:], above, filtered[0], f.bytesPerPixel()); err != nil {
				return nil, fmt.Errorf("row %d: %w", y, err)
			}
			above = to
			continue
		}
		if err := unfilter(current, filtered[1:], above, filtered[0], f.bytesPerPixel()); err != nil {
			return nil, fmt.Errorf("row %d: %w", y, err)
		}
		dropAlpha(to, current, f.bytesPerPixel(), f.channels()*f.bytes)
		above, current = current, above
	}
	if f.bytes == 2 {
		turnBytes(pix)
	}
	if _, err := rows.Next(1); err == nil {
		return nil, errors.New("more rows than the header says")
	} else if !errors.Is(err, io.EOF) {
		return nil, err
	}
	return pix, nil
}

// dropAlpha keeps the first kept bytes of each pixel of so many.
func dropAlpha(to, from []uint8, pixel, kept int) {
	for ; len(to) > 0; to, from = to[kept:], from[pixel:] {
		copy(to[:kept], from)
	}
}

// turnBytes makes big-endian samples of 16 bits little-endian.
func turnBytes(pix []uint8) {
	const low = 0x00ff00ff00ff00ff
	for ; len(pix) >= 8; pix = pix[8:] {
		v := binary.LittleEndian.Uint64(pix)
		binary.LittleEndian.PutUint64(pix, v&low<<8|v>>8&low)
	}
	for ; len(pix) >= 2; pix = pix[2:] {
		pix[0], pix[1] = pix[1], pix[0]
	}
}

// notEnd is err, of a file that must not end yet.
func notEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
