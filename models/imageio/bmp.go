package imageio

import (
	"encoding/binary"
	"errors"
	"io"
	"math/bits"

	"seghub/models/imageio/refusal"
	"seghub/models/imageio/samples"
)

// isBMP: "BM" alone is how many a text begins; in every bitmap the length of a header follows, which is no text.
func isBMP(head []byte) bool {
	if len(head) < 18 {
		return len(head) >= 2 && string(head[:2]) == "BM"
	}
	return string(head[:2]) == "BM" && binary.LittleEndian.Uint32(head[14:]) < 1<<16
}

// bitmap is how the pixels of a BMP lie (Microsoft, BITMAPINFOHEADER and its kin).
type bitmap struct {
	width, height int
	topDown       bool
	bits          int
	compression   uint32
	masks         [3]uint32 // of red, green and blue, for 16 and 32 bits
	palette       []byte    // RGB; of one colour from black to bright, its places
	grey          bool      // the palette holds greys alone
	offset        int64     // of the pixels
}

// Compressions of a BMP.
const (
	bmpPlain     = 0
	bmpRLE8      = 1
	bmpRLE4      = 2
	bmpBitfields = 3
	bmpJPEG      = 4
	bmpPNG       = 5
	bmpAlphaBits = 6
)

// openBMP is a format's open.
func openBMP(source *fileSource, _ Limits) (*File, error) {
	b, err := readBitmap(source)
	if source.err != nil {
		return nil, source.err
	}
	if err != nil {
		return nil, err
	}
	if plain := b.compression != bmpRLE8 && b.compression != bmpRLE4; plain && b.offset+int64(b.stride())*int64(b.height) > source.size {
		return nil, refusal.Corrupt("The end of this BMP is missing.")
	}
	page := Page{Width: b.width, Height: b.height, Channels: 3, Bits: 8}
	if b.grey {
		page.Channels = 1
	}
	working := int64(0)
	if b.compression == bmpRLE8 || b.compression == bmpRLE4 {
		working = int64(b.width) * int64(b.height)
	}
	return pictureFile(source, page, working, func(r io.Reader, alive func() error) (picture, error) {
		if _, err := io.CopyN(io.Discard, r, b.offset); err != nil {
			return picture{}, err
		}
		return b.decode(r, alive)
	}), nil
}

// stride is how many bytes a row takes when it is not compressed.
func (b *bitmap) stride() int { return (b.width*b.bits + 31) / 32 * 4 }

func readBitmap(source *fileSource) (*bitmap, error) {
	cut := refusal.Corrupt("This BMP ends within its header.")
	var head [14 + 124]byte
	n, _ := source.ReadAt(head[:], 0) // an error that counts is the source's
	if n < 14+12 {
		return nil, cut
	}
	u32 := func(at int) uint32 { return binary.LittleEndian.Uint32(head[at:]) }
	b := &bitmap{offset: int64(u32(10))}
	size, colours, entry := int(u32(14)), 0, 4
	switch {
	case size == 12:
		b.width, b.height = int(binary.LittleEndian.Uint16(head[18:])), int(binary.LittleEndian.Uint16(head[20:]))
		b.bits, entry = int(binary.LittleEndian.Uint16(head[24:])), 3
	case size >= 40 && size <= 124 || size == 16:
		if n < 14+size {
			return nil, cut
		}
		b.width, b.height = int(int32(u32(18))), int(int32(u32(22)))
		b.bits = int(binary.LittleEndian.Uint16(head[28:]))
		if size >= 40 {
			b.compression, colours = u32(30), int(min(u32(46), 256))
		}
	default:
		return nil, refusal.Unsupported("This BMP has a header of %d bytes, which is of no known kind: save it as PNG or TIFF.", size)
	}
	if b.topDown = b.height < 0; b.topDown {
		b.height = -b.height
	}
	if b.width <= 0 || b.height <= 0 || b.height > 1<<31-1 {
		return nil, refusal.Corrupt("This BMP says that it is %d x %d pixels.", b.width, b.height)
	}
	return b, b.judge(source, head[:n], 14+size, colours, entry)
}

// judge reads what follows the header, which ends at end: masks, or a palette.
func (b *bitmap) judge(source *fileSource, head []byte, end, colours, entry int) error {
	switch b.compression {
	case bmpPlain:
		b.masks = [3]uint32{0xff0000, 0xff00, 0xff}
		if b.bits == 16 {
			b.masks = [3]uint32{0x7c00, 0x3e0, 0x1f}
		}
	case bmpBitfields, bmpAlphaBits:
		if b.bits != 16 && b.bits != 32 {
			return refusal.Corrupt("The header of this BMP is damaged.")
		}
		if len(head) < 14+52 {
			return refusal.Corrupt("This BMP ends within its header.")
		}
		for c := range b.masks {
			b.masks[c] = binary.LittleEndian.Uint32(head[54+4*c:])
		}
	case bmpRLE8, bmpRLE4:
		if b.compression == bmpRLE8 && b.bits != 8 || b.compression == bmpRLE4 && b.bits != 4 || b.topDown {
			return refusal.Corrupt("The header of this BMP is damaged.")
		}
	case bmpJPEG, bmpPNG:
		return refusal.Unsupported("This BMP holds a JPEG or a PNG, which is not read here: save it as PNG or TIFF.")
	default:
		return refusal.Unsupported("This BMP is compressed in a way that is not read here (%d): save it as PNG or TIFF.", b.compression)
	}
	switch b.bits {
	case 16, 24, 32:
		return nil
	case 1, 2, 4, 8:
	default:
		return refusal.Unsupported("This BMP has %d bits a pixel, which is of no known kind: save it as PNG or TIFF.", b.bits)
	}
	if colours == 0 {
		colours = 1 << b.bits
	}
	if between := int(b.offset) - end; between >= 0 {
		colours = min(colours, between/entry)
	}
	table := make([]byte, colours*entry)
	if n, _ := source.ReadAt(table, int64(end)); n < len(table) {
		return refusal.Corrupt("The palette of this BMP is cut short.")
	}
	b.palette = make([]byte, 3<<b.bits)
	b.grey = true
	for i := range min(colours, 1<<b.bits) {
		blue, green, red := table[i*entry], table[i*entry+1], table[i*entry+2]
		copy(b.palette[3*i:], []byte{red, green, blue})
		b.grey = b.grey && red == green && green == blue
	}
	if samples.IsTint(b.palette) {
		b.grey = true
		for i := range b.palette {
			b.palette[i] = byte(i / 3)
		}
	}
	return nil
}

// decode reads the pixels.
func (b *bitmap) decode(r io.Reader, alive func() error) (picture, error) {
	p := picture{width: b.width, height: b.height, channels: 3}
	if b.grey {
		p.channels = 1
	}
	p.pix = make([]byte, b.width*b.height*p.channels)
	if b.compression == bmpRLE8 || b.compression == bmpRLE4 {
		return p, b.decodeRuns(r, p, alive)
	}
	row := make([]byte, b.stride())
	for y := range b.height {
		if y%band == 0 {
			if err := alive(); err != nil {
				return picture{}, err
			}
		}
		if _, err := io.ReadFull(r, row); err != nil {
			return picture{}, err
		}
		line := b.height - 1 - y
		if b.topDown {
			line = y
		}
		b.paint(p.pix[line*b.width*p.channels:][:b.width*p.channels], row)
	}
	return p, nil
}

// paint makes a row of pixels of its bytes.
func (b *bitmap) paint(to, row []byte) {
	switch b.bits {
	case 24:
		for x := range b.width {
			to[3*x], to[3*x+1], to[3*x+2] = row[3*x+2], row[3*x+1], row[3*x]
		}
	case 16, 32:
		for x := range b.width {
			var v uint32
			if b.bits == 16 {
				v = uint32(binary.LittleEndian.Uint16(row[2*x:]))
			} else {
				v = binary.LittleEndian.Uint32(row[4*x:])
			}
			for c, mask := range b.masks {
				to[3*x+c] = masked(v, mask)
			}
		}
	default:
		perByte := 8 / b.bits
		for x := range b.width {
			shift := 8 - b.bits*(x%perByte+1)
			to = b.put(to, row[x/perByte]>>shift&(1<<b.bits-1))
		}
	}
}

// put writes the colour of an index, and gives what follows.
func (b *bitmap) put(to []byte, index byte) []byte {
	colour := b.palette[3*int(index):][:3]
	if b.grey {
		to[0] = colour[0]
		return to[1:]
	}
	return to[copy(to[:3], colour):]
}

// masked is the value under the mask, spread over 0..255.
func masked(v, mask uint32) uint8 {
	width := bits.OnesCount32(mask)
	if width == 0 {
		return 0
	}
	v = v & mask >> bits.TrailingZeros32(mask)
	return uint8(uint64(v) * 255 / (1<<width - 1))
}

// decodeRuns reads RLE8 and RLE4: pairs of a length and a colour, or of a 0 and what is to be done.
func (b *bitmap) decodeRuns(r io.Reader, p picture, alive func() error) error {
	data := newByteReader(r)
	x, y := 0, b.height-1
	if b.grey {
		for i := range p.pix {
			p.pix[i] = b.palette[0]
		}
	} else {
		for i := range p.pix {
			p.pix[i] = b.palette[i%3]
		}
	}
	put := func(index byte) {
		if x < b.width && y >= 0 {
			b.put(p.pix[(y*b.width+x)*p.channels:], index)
		}
		x++
	}
	nibble := func(v byte, i int) byte {
		if b.bits == 8 {
			return v
		}
		return v >> (4 * (1 - i%2)) & 15
	}
	for n := 0; y >= 0; n++ {
		if n%4096 == 0 {
			if err := alive(); err != nil {
				return err
			}
		}
		count, value := data.next(), data.next()
		switch {
		case data.err != nil:
			return data.err
		case count > 0:
			for i := range int(count) {
				put(nibble(value, i))
			}
		case value == 0:
			x, y = 0, y-1
		case value == 1:
			return nil
		case value == 2:
			x += int(data.next())
			y -= int(data.next())
		default:
			bytes := (int(value)*b.bits + 7) / 8
			var last byte
			for i := range int(value) {
				if b.bits == 8 || i%2 == 0 {
					last = data.next()
				}
				put(nibble(last, i))
			}
			if bytes%2 == 1 {
				data.next()
			}
		}
	}
	return nil
}

// byteReader gives bytes one by one, and keeps the first error.
type byteReader struct {
	r    io.Reader
	buf  [4 << 10]byte
	rest []byte
	err  error
}

func newByteReader(r io.Reader) *byteReader { return &byteReader{r: r} }

func (b *byteReader) next() byte {
	if len(b.rest) == 0 && b.err == nil {
		n, err := io.ReadAtLeast(b.r, b.buf[:], 1)
		if b.rest = b.buf[:n]; n == 0 {
			b.err = err
			if errors.Is(err, io.EOF) {
				b.err = io.ErrUnexpectedEOF
			}
		}
	}
	if len(b.rest) == 0 {
		return 0
	}
	v := b.rest[0]
	b.rest = b.rest[1:]
	return v
}
