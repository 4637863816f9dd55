package imageio

import (
	"context"
	"image"
	"image/color"
	"image/draw"
	"io"

	"seghub/models/imageio/refusal"
	"seghub/models/imageio/samples"
)

// band is how many rows are converted between two looks at the context.
const band = 64

// picture is a decoded one, in samples as a Reader gives them.
type picture struct {
	width, height, channels int
	typ                     SampleType
	pix                     []byte
}

// decoder decodes all of a file. alive returns the error that ended the reading, if one did, for one that takes longer than its
// reading.
type decoder func(r io.Reader, alive func() error) (picture, error)

// pictureCodec reads a file whose pixels can only be had all at once.
type pictureCodec struct {
	source *fileSource
	page   Page // as it is stored
	decode decoder
}

func (c *pictureCodec) open(ctx context.Context, _ Plane) (Reader, error) {
	p, err := c.decode(c.source.whole(), ctx.Err)
	if err != nil {
		return nil, err
	}
	if p.width != c.page.Width || p.height != c.page.Height || p.channels > c.page.Channels || p.typ != c.page.Type {
		return nil, refusal.Corrupt("The image is another one than its header says.")
	}
	if p.channels < c.page.Channels {
		p = p.coloured()
	}
	return &held{width: p.width, height: p.height, pixel: c.page.PixelBytes(), pix: p.pix}, nil
}

// coloured is a grey picture in three channels.
func (p picture) coloured() picture {
	size := p.typ.Size()
	pix := make([]byte, 0, 3*len(p.pix))
	for ; len(p.pix) >= size; p.pix = p.pix[size:] {
		v := p.pix[:size]
		pix = append(append(append(pix, v...), v...), v...)
	}
	p.channels, p.pix = 3, pix
	return p
}

// grey is a picture in colour whose channels are the same.
func (p picture) grey() picture {
	size := p.typ.Size()
	pix := make([]byte, 0, len(p.pix)/3)
	for ; len(p.pix) >= 3*size; p.pix = p.pix[3*size:] {
		pix = append(pix, p.pix[:size]...)
	}
	p.channels, p.pix = 1, pix
	return p
}

// pictureFile is a File of one page that is decoded as a whole; decoding takes working bytes beside the picture.
func pictureFile(source *fileSource, page Page, working int64, decode decoder) *File {
	page.Samples = 1
	page.Memory = page.Bytes() + working
	return &File{Pages: []Page{page.turned()}, codec: &pictureCodec{source, page, decode}}
}

// standard is a decoder of the image package's kind. Alpha is dropped and the stored colour kept.
func standard(decode func(io.Reader) (image.Image, error)) decoder {
	return func(r io.Reader, alive func() error) (picture, error) {
		decoded, err := decode(r)
		if err != nil {
			return picture{}, err
		}
		return newPicture(decoded, alive)
	}
}

// newPicture takes the samples out of what the image package has decoded.
func newPicture(decoded image.Image, alive func() error) (picture, error) {
	size := decoded.Bounds().Size()
	p := picture{width: size.X, height: size.Y, channels: 3}
	switch d := decoded.(type) {
	case *image.Gray:
		p.channels = 1
		if d.Stride == size.X {
			p.pix = d.Pix[:size.X*size.Y]
			return p, nil
		}
	case *image.Gray16:
		p.channels, p.typ = 1, Uint16
	case *image.RGBA64, *image.NRGBA64:
		p.typ = Uint16
	case *image.Paletted:
		if samples.IsTint(rgbOf(d.Palette)) {
			return newPicture(&image.Gray{Pix: d.Pix, Stride: d.Stride, Rect: d.Rect}, alive)
		}
	}
	p.pix = make([]byte, p.width*p.height*p.channels*p.typ.Size())
	for y := 0; y < size.Y; y += band {
		if err := alive(); err != nil {
			return picture{}, err
		}
		if err := p.copyRows(decoded, y, min(y+band, size.Y)); err != nil {
			return picture{}, err
		}
	}
	return p, nil
}

// copyRows takes the rows y0 to y1 of decoded.
func (p picture) copyRows(decoded image.Image, y0, y1 int) error {
	to := p.pix[y0*p.width*p.channels*p.typ.Size() : y1*p.width*p.channels*p.typ.Size()]
	switch d := decoded.(type) {
	case *image.Gray:
		for y := y0; y < y1; y++ {
			to = to[copy(to[:p.width], d.Pix[y*d.Stride:]):]
		}
	case *image.Gray16:
		p.copyDeep(to, d.Pix, d.Stride, 2, y0, y1)
	case *image.RGBA64:
		p.copyDeep(to, d.Pix, d.Stride, 8, y0, y1)
	case *image.NRGBA64:
		p.copyDeep(to, d.Pix, d.Stride, 8, y0, y1)
	case *image.RGBA:
		p.dropFourth(to, d.Pix, d.Stride, y0, y1)
	case *image.NRGBA:
		p.dropFourth(to, d.Pix, d.Stride, y0, y1)
	case *image.Paletted:
		p.copyPaletted(to, d, y0, y1)
	case *image.YCbCr, *image.CMYK:
		rows := image.NewRGBA(image.Rect(0, y0, p.width, y1))
		draw.Draw(rows, rows.Rect, decoded, decoded.Bounds().Min.Add(rows.Rect.Min), draw.Src)
		p.dropFourth(to, rows.Pix, rows.Stride, 0, y1-y0)
	default:
		return refusal.Unsupported("The image holds pixels of a kind that is not read here (%T): save it as TIFF or PNG.", decoded)
	}
	return nil
}

// copyDeep turns big-endian samples around; a pixel of pix has step bytes.
func (p picture) copyDeep(to, pix []byte, stride, step, y0, y1 int) {
	for y := y0; y < y1; y++ {
		for row := pix[y*stride:][:p.width*step]; len(row) > 0; row = row[step:] {
			for c := range p.channels {
				to[2*c], to[2*c+1] = row[2*c+1], row[2*c]
			}
			to = to[2*p.channels:]
		}
	}
}

func (p picture) dropFourth(to, pix []uint8, stride, y0, y1 int) {
	for y := y0; y < y1; y++ {
		for from := pix[y*stride:][:p.width*4]; len(to) >= 3 && len(from) >= 4; to, from = to[3:], from[4:] {
			to[0], to[1], to[2] = from[0], from[1], from[2]
		}
	}
}

func (p picture) copyPaletted(to []byte, d *image.Paletted, y0, y1 int) {
	palette := append(rgbOf(d.Palette), make([]byte, 3*256)...) // black, behind its last colour
	for y := y0; y < y1; y++ {
		for _, index := range d.Pix[y*d.Stride:][:p.width] {
			to = to[copy(to, palette[3*int(index):][:3]):]
		}
	}
}

// rgbOf are the colours of a palette as they are stored, whatever their alpha.
func rgbOf(palette color.Palette) []byte {
	colours := make([]byte, 0, 3*len(palette))
	for _, c := range palette {
		n := color.NRGBAModel.Convert(c).(color.NRGBA)
		colours = append(colours, n.R, n.G, n.B)
	}
	return colours
}
