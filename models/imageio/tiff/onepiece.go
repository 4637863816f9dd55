package tiff

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"io"

	"golang.org/x/image/webp"

	"seghub/models/imageio/refusal"
)

// onePiece is a block that has been decoded at once: 8-bit samples, pixel by pixel, as many a row as the block is wide.
type onePiece struct{ pix []byte }

func (o *onePiece) next(n int) ([]byte, error) {
	if len(o.pix) < n {
		return nil, io.ErrUnexpectedEOF
	}
	row := o.pix[:n]
	o.pix = o.pix[n:]
	return row, nil
}

func (l *Layout) openWebP(section io.Reader) (stream, error) {
	data, err := io.ReadAll(section)
	if err != nil {
		return nil, err
	}
	config, err := webp.DecodeConfig(bytes.NewReader(data))
	if err == nil {
		err = l.fits(config)
	}
	if err != nil {
		return nil, err
	}
	decoded, err := webp.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return l.interleave(decoded)
}

func (*onePiece) end() {}

// fits holds a picture within the file against the block that it is.
func (l *Layout) fits(config image.Config) error {
	const mcu = 32 // what a codec may round up to
	if config.Width > l.Block.X+mcu || config.Height > l.Block.Y+mcu {
		return refusal.Corrupt("A piece of %d x %d pixels of this TIFF holds a picture of %d x %d.", l.Block.X, l.Block.Y, config.Width, config.Height)
	}
	return nil
}

// openUnits takes subsampled colour apart: TIFF 6.0, section 21. Each unit has its lumas and one of each chroma.
func (l *Layout) openUnits(s stream, i int) (stream, error) {
	sub := l.subsampling
	units := (l.Block.X + sub.X - 1) / sub.X
	height := min(l.rows(i), l.blockRows())
	pix := make([]byte, 3*l.Block.X*height)
	for top := 0; top < height; top += sub.Y {
		row, err := s.next(units * l.unitBytes())
		if err != nil {
			return nil, err
		}
		for u := range units {
			unit := row[u*l.unitBytes():][:l.unitBytes()]
			chroma := unit[sub.X*sub.Y:]
			for y := range min(sub.Y, height-top) {
				for x := range min(sub.X, l.Block.X-u*sub.X) {
					to := pix[3*((top+y)*l.Block.X+u*sub.X+x):]
					to[0], to[1], to[2] = unit[y*sub.X+x], chroma[0], chroma[1]
				}
			}
		}
	}
	return &onePiece{pix}, nil
}

// jpegSource is a block as a JPEG file of its own: the tables that the blocks of a page share are put in front, and in front of four
// components the mark that they are inks as they are, without which the standard decoder refuses them.
func (l *Layout) jpegSource(section io.Reader) (io.Reader, error) {
	var start [2]byte
	if _, err := io.ReadFull(section, start[:]); err != nil {
		return nil, err
	}
	if start != [2]byte{0xff, 0xd8} {
		return nil, errors.New("a piece that is no JPEG")
	}
	tables, err := l.directory.Bytes(JPEGTables, 1<<20)
	if err != nil {
		return nil, err
	}
	head := []byte{0xff, 0xd8}
	if l.inBlock() == 4 {
		head = append(head, "\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"...)
	}
	if len(tables) > 4 {
		head = append(head, tables[2:len(tables)-2]...)
	}
	return io.MultiReader(bytes.NewReader(head), section), nil
}

// judgeJPEG looks at the header of the first block.
func (l *Layout) judgeJPEG(offsets, counts []uint64) error {
	for i := range offsets {
		if counts[i] == 0 {
			continue
		}
		source, err := l.jpegSource(io.NewSectionReader(l.directory.file.r, int64(offsets[i]), int64(counts[i])))
		if err != nil {
			return damaged(err)
		}
		config, err := jpeg.DecodeConfig(source)
		var unsupported jpeg.UnsupportedError
		switch {
		case errors.As(err, &unsupported):
			return refusal.Unsupported("This TIFF is compressed with a kind of JPEG that is not read here (%s): save it with LZW or Deflate.", string(unsupported))
		case err != nil:
			return damaged(err)
		}
		if inside := components(config.ColorModel); inside != l.inBlock() {
			return refusal.Corrupt("This TIFF says that a pixel has %d values, and the JPEG in it has %d.", l.inBlock(), inside)
		}
		if l.photometric == rgb && l.inBlock() == 3 && l.isJFIF(offsets[i]) {
			l.photometric = yCbCr
		}
		return l.fits(config)
	}
	return nil
}

// isJFIF tells whether the block at an offset begins as a JPEG file of its own does, whose three components are YCbCr (ITU-T T.871, section 7).
// Bio-Formats and with it QuPath write such blocks, of pages that they say are RGB.
func (l *Layout) isJFIF(offset uint64) bool {
	var head [11]byte
	return l.directory.file.read(head[:], int64(offset)) == nil && string(head[:4]) == "\xff\xd8\xff\xe0" && string(head[6:]) == "JFIF\x00"
}

func components(model color.Model) int {
	switch model {
	case color.GrayModel:
		return 1
	case color.CMYKModel:
		return 4
	}
	return 3
}

func (l *Layout) openJPEG(section io.Reader) (stream, error) {
	source, err := l.jpegSource(section)
	if err != nil {
		return nil, err
	}
	var taken bytes.Buffer
	config, err := jpeg.DecodeConfig(io.TeeReader(source, &taken))
	if err == nil {
		err = l.fits(config)
	}
	if err != nil {
		return nil, err
	}
	decoded, err := jpeg.Decode(io.MultiReader(&taken, source))
	if err != nil {
		return nil, err
	}
	return l.interleave(decoded)
}

// interleave gives the components of a decoded picture as they were coded, whatever colours the decoder takes them for. What the block
// has beyond the picture is 0.
func (l *Layout) interleave(decoded image.Image) (stream, error) {
	size := decoded.Bounds().Size()
	width, height, perPixel := min(size.X, l.Block.X), min(size.Y, l.blockRows()), l.inBlock()
	pix := make([]byte, l.Block.X*l.blockRows()*perPixel)
	for y := range height {
		to := pix[y*l.Block.X*perPixel:][:width*perPixel]
		switch d := decoded.(type) {
		case *image.Gray:
			gather(to, d.Pix[y*d.Stride:], []int{0}, 1, l.unpacked)
		case *image.RGBA:
			copyPixels(to, d.Pix[y*d.Stride:], perPixel, 4)
		case *image.NRGBA:
			copyPixels(to, d.Pix[y*d.Stride:], perPixel, 4)
		case *image.CMYK:
			copyPixels(to, d.Pix[y*d.Stride:], perPixel, 4)
			for i := range to {
				to[i] = ^to[i]
			}
		case *image.YCbCr:
			for x := range width {
				c := d.COffset(x, y)
				pixel := [3]byte{d.Y[d.YOffset(x, y)], d.Cb[c], d.Cr[c]}
				if l.compression == webpCompression {
					pixel = studio(pixel)
				}
				copy(to[x*perPixel:(x+1)*perPixel], pixel[:])
			}
		case *image.NYCbCrA:
			for x := range width {
				c := d.COffset(x, y)
				pixel := studio([3]byte{d.Y[d.YOffset(x, y)], d.Cb[c], d.Cr[c]})
				copy(to[x*perPixel:(x+1)*perPixel], pixel[:])
			}
		default:
			return nil, refusal.Unsupported("This TIFF is compressed with a kind of JPEG or WebP that is not read here: save it with LZW or Deflate.")
		}
	}
	return &onePiece{pix}, nil
}

// copyPixels keeps the first samples of each pixel of step samples.
func copyPixels(dst, src []byte, keep, step int) {
	for len(dst) >= keep && len(src) >= step {
		copy(dst[:keep], src[:min(keep, step)])
		dst, src = dst[keep:], src[step:]
	}
}

// studio makes RGB of VP8's YCbCr, whose luma is from 16 to 235 (RFC 6386, section 9.2; ITU-R BT.601).
func studio(p [3]byte) [3]byte {
	y, cb, cr := 298*(int(p[0])-16)+128, int(p[1])-128, int(p[2])-128
	return [3]byte{clip((y + 409*cr) >> 8), clip((y - 100*cb - 208*cr) >> 8), clip((y + 516*cb) >> 8)}
}
