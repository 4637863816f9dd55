package imageio

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"image"
	"image/gif"
	"io"
	"slices"

	"golang.org/x/image/webp"

	"seghub/models/imageio/exif"
	"seghub/models/imageio/refusal"
	"seghub/models/imageio/samples"
)

func isWebP(head []byte) bool {
	return len(head) >= 12 && string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP"
}

// openWebP is a format's open.
func openWebP(source *fileSource, _ Limits) (*File, error) {
	config, err := webp.DecodeConfig(source.whole())
	if source.err != nil {
		return nil, source.err
	}
	if err != nil {
		return nil, refusal.Corrupt("The header of this WebP is damaged (%v).", err)
	}
	orientation, err := judgeWebP(source)
	if err != nil {
		return nil, err
	}
	page := Page{Width: config.Width, Height: config.Height, Channels: 3, Bits: 8, orientation: orientation}
	pixels := int64(config.Width) * int64(config.Height)
	return pictureFile(source, page, 5*pixels, decodeWebP), nil
}

// judgeWebP walks the chunks of a WebP file (RFC 9649), of which the last must be whole, for what is not read and the orientation.
func judgeWebP(source *fileSource) (orientation int, err error) {
	var head [8]byte
	for at := int64(12); at < source.size; {
		if n, _ := source.ReadAt(head[:], at); n < len(head) {
			return orientation, source.err
		}
		name, size := string(head[:4]), int64(binary.LittleEndian.Uint32(head[4:]))
		if at+8+size > source.size {
			return 0, refusal.Corrupt("The end of this WebP is missing.")
		}
		switch name {
		case "ANIM":
			return 0, refusal.Unsupported("This is a moving picture (WebP): save its frames as a TIFF stack.")
		case "EXIF", "XMP ":
			block := make([]byte, min(size, maxEXIF))
			if n, err := source.ReadAt(block, at+8); n < len(block) {
				return 0, err
			}
			if name == "EXIF" {
				orientation = cmp.Or(exif.Orientation(block), orientation)
			} else if orientation == 0 {
				orientation = exif.XMPOrientation(block)
			}
		}
		at += 8 + size + size&1
	}
	return orientation, nil
}

// decodeWebP is a decoder. The colours of a lossy picture are converted here, as the image package takes VP8's for JPEG's.
func decodeWebP(r io.Reader, alive func() error) (picture, error) {
	decoded, err := webp.Decode(r)
	if err != nil {
		return picture{}, err
	}
	var yCbCr *image.YCbCr
	switch d := decoded.(type) {
	case *image.YCbCr:
		yCbCr = d
	case *image.NYCbCrA:
		yCbCr = &d.YCbCr
	default:
		return newPicture(decoded, alive)
	}
	size := yCbCr.Rect.Size()
	p := picture{width: size.X, height: size.Y, channels: 3, pix: make([]byte, 0, 3*size.X*size.Y)}
	for y := range size.Y {
		if y%band == 0 {
			if err := alive(); err != nil {
				return picture{}, err
			}
		}
		for x := range size.X {
			c := yCbCr.COffset(x, y)
			r, g, b := studio(yCbCr.Y[yCbCr.YOffset(x, y)], yCbCr.Cb[c], yCbCr.Cr[c])
			p.pix = append(p.pix, r, g, b)
		}
	}
	return p, nil
}

// studio makes RGB of VP8's YCbCr, whose luma is from 16 to 235 (RFC 6386, section 9.2; ITU-R BT.601).
func studio(luma, cb, cr uint8) (r, g, b uint8) {
	y, u, v := 298*(int(luma)-16)+128, int(cb)-128, int(cr)-128
	clip := func(v int) uint8 { return uint8(max(0, min(255, v>>8))) }
	return clip(y + 409*v), clip(y - 100*u - 208*v), clip(y + 516*u)
}

// openGIF is a format's open: the first frame is the picture.
func openGIF(source *fileSource, _ Limits) (*File, error) {
	start := newGIFStart(source)
	if source.err != nil {
		return nil, source.err
	}
	config, err := gif.DecodeConfig(bytes.NewReader(start.bytes))
	if err != nil || config.Width == 0 || config.Height == 0 {
		return nil, refusal.Corrupt("The header of this GIF is damaged.")
	}
	page := Page{Width: config.Width, Height: config.Height, Channels: 3, Bits: 8}
	if start.tint {
		page.Channels = 1
	}
	pixels := int64(config.Width) * int64(config.Height)
	return pictureFile(source, page, 2*pixels, func(r io.Reader, alive func() error) (picture, error) {
		if _, err := io.CopyN(io.Discard, r, int64(len(start.bytes))); err != nil {
			return picture{}, err
		}
		frame, err := gif.Decode(io.MultiReader(bytes.NewReader(start.bytes), r))
		if err != nil {
			return picture{}, err
		}
		p, err := newPicture(frame, alive)
		if canvas := image.Rect(0, 0, config.Width, config.Height); err == nil && frame.Bounds() != canvas {
			p = p.within(canvas.Max, frame.Bounds().Min)
		}
		return p, err
	}), nil
}

// within is a picture of 8 bits at a place in a black one of that size.
func (p picture) within(size, at image.Point) picture {
	whole := picture{width: size.X, height: size.Y, channels: p.channels, pix: make([]byte, size.X*size.Y*p.channels)}
	for y := range p.height {
		copy(whole.pix[((at.Y+y)*size.X+at.X)*p.channels:], p.pix[y*p.width*p.channels:][:p.width*p.channels])
	}
	return whole
}

// gifStart is the beginning of a GIF file, up to the first frame (GIF89a, sections 15 to 23).
type gifStart struct {
	bytes []byte // as they are to be decoded: no colour is transparent, as image/gif would give up that colour, and the frame fits the screen
	tint  bool   // the first frame's palette is one colour from black to bright
}

func newGIFStart(source *fileSource) (g gifStart) {
	const screen, control, descriptor, ahead = 6, "\x21\xf9\x04", 10, 64 << 10
	file := make([]byte, min(ahead, source.size))
	n, _ := source.ReadAt(file, 0) // an error that counts is the source's
	file = file[:n]
	table := func(fields, at int) []byte { // the palette at a place, if there is one by the byte of fields at another
		if fields >= n || file[fields]&0x80 == 0 {
			return nil
		}
		return file[min(at, n):min(at+3<<(file[fields]&7+1), n)]
	}
	palette := table(10, 13)
	next := 13 + len(palette)
	for next+4 < n && file[next] == control[0] { // an extension: pieces, each behind its length, up to one of none
		if string(file[next:next+3]) == control {
			file[next+3] &^= 1
		}
		for next += 2; next < n && file[next] > 0; {
			next += 1 + int(file[next])
		}
		next++
	}
	if next+descriptor <= n && file[next] == ',' {
		fitScreen(file[screen:], file[next+1:])
		next += descriptor
		if own := table(next-1, next); own != nil {
			palette = own
		}
		g.tint = samples.IsTint(palette)
	}
	g.bytes = slices.Clone(file[:min(next, n)])
	return g
}

// fitScreen lets the first frame be the picture where the logical screen is smaller than it, or of no size, as browsers do. Both are said by their
// width and height; in front of a frame's lies its place.
func fitScreen(screen, frame []byte) {
	size := frame[4:8]
	for side := 0; side < 4; side += 2 {
		if binary.LittleEndian.Uint16(size[side:]) > binary.LittleEndian.Uint16(screen[side:]) {
			copy(screen[:4], size)
			clear(frame[:4])
		}
	}
}
