package imageio

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image/png"
	"io"
	"math"

	"seghub/models/imageio/refusal"
)

// pngHeader is what the first chunk says.
type pngHeader struct {
	width, height int
	depth, colour uint8
	interlaced    bool
}

// openPNG is a format's open. What follows the end of the picture, and notes with a wrong checksum, is passed over, as by browsers.
func openPNG(source *fileSource, _ Limits) (*File, error) {
	head := make([]byte, pngHeaderEnd)
	if n, err := source.ReadAt(head, 0); n < len(head) {
		if source.err != nil {
			return nil, err
		}
		return nil, refusal.Corrupt("The file ends within its header.")
	}
	h, err := newPNGHeader(head)
	if err != nil {
		return nil, err
	}
	notes, err := walkPNG(source)
	if err != nil {
		return nil, err
	}
	if form, ok := newPNGForm(head); ok {
		page := form.page()
		page.orientation = notes.orientation()
		return &File{Pages: []Page{page.turned()}, codec: &pngCodec{source, form}}, nil
	}
	page := Page{Width: h.width, Height: h.height, Channels: 3, Bits: int(h.depth), orientation: notes.orientation()}
	if h.colour == colourGrey || h.colour == colourGreyAlpha || h.colour == colourPalette && h.depth == 8 && notes.tint {
		page.Channels = 1
	}
	if h.depth == 16 {
		page.Type = Uint16
	}
	// image/png's own picture, and of an interlaced one a pass more.
	working := int64(h.width) * int64(h.height) * 8
	return pictureFile(source, page, working, func(r io.Reader, alive func() error) (picture, error) {
		p, err := decodePNG(r, alive)
		if page.Channels == 1 && p.channels == 3 { // grey with an alpha, which image/png makes a colour of
			p = p.grey()
		}
		return p, err
	}), nil
}

func newPNGHeader(head []byte) (h pngHeader, err error) {
	if string(head[12:16]) == "CgBI" {
		return h, refusal.Unsupported("This PNG is in the form that Apple's Xcode gives it (CgBI), which is not read here: save it anew as PNG or TIFF.")
	}
	if string(head[:pngHeaderAt]) != pngMagic+"\x00\x00\x00\x0dIHDR" || crc32.ChecksumIEEE(head[12:29]) != binary.BigEndian.Uint32(head[29:]) {
		return h, refusal.Corrupt("The header of this PNG is damaged.")
	}
	data := head[pngHeaderAt:29]
	width, height := binary.BigEndian.Uint32(data), binary.BigEndian.Uint32(data[4:])
	h.depth, h.colour, h.interlaced = data[8], data[9], data[12] == 1
	depths := map[uint8]string{colourGrey: "\x01\x02\x04\x08\x10", colourRGB: "\x08\x10", colourPalette: "\x01\x02\x04\x08",
		colourGreyAlpha: "\x08\x10", colourRGBA: "\x08\x10"}[h.colour]
	if width < 1 || height < 1 || width > math.MaxInt32 || height > math.MaxInt32 || !bytes.Contains([]byte(depths), data[8:9]) ||
		data[10] != 0 || data[11] != 0 || data[12] > 1 {
		return h, refusal.Corrupt("The header of this PNG is damaged: it speaks of %d x %d pixels of %d bits.", width, height, h.depth)
	}
	h.width, h.height = int(width), int(height)
	return h, nil
}

// walkPNG walks the chunks to the one that ends the picture, which must be there.
func walkPNG(source *fileSource) (notes pngNotes, err error) {
	missing := refusal.Corrupt("The end of this PNG is missing.")
	at := int64(len(pngMagic))
	file := bufio.NewReaderSize(io.NewSectionReader(source, at, source.size-at), 4<<10)
	for {
		var head [8]byte
		if _, err := io.ReadFull(file, head[:]); err != nil {
			return notes, missing
		}
		length, name := int64(binary.BigEndian.Uint32(head[:])), string(head[4:])
		at += 8 + length + 4
		if at > source.size {
			return notes, missing
		}
		if name == "IEND" {
			return notes, nil
		}
		if notes.wants(name) && length <= maxEXIF {
			data := make([]byte, length)
			if _, err := io.ReadFull(file, data); err != nil {
				return notes, missing
			}
			notes.take(name, data)
			length = 0
		}
		// What lies further off is not read to get there.
		if skip := length + 4; skip <= int64(file.Buffered()) {
			_, err = file.Discard(int(skip))
		} else {
			file.Reset(io.NewSectionReader(source, at, source.size-at))
		}
		if err != nil {
			return notes, missing
		}
	}
}

// maxEXIF is the most that an EXIF block is read of.
const maxEXIF = 1 << 20

// decodePNG is a decoder, for what is not read row by row.
func decodePNG(r io.Reader, alive func() error) (picture, error) {
	return standard(png.Decode)(&withoutNotes{r: bufio.NewReaderSize(r, 16<<10)}, alive)
}

// withoutNotes gives a PNG file without the chunks that a picture is the same without, whose checksums may be wrong. The palette of a grey one
// and what the end holds, whose checksums must be right, are left out, too: image/png bears neither.
type withoutNotes struct {
	r       *bufio.Reader
	pending []byte // to be given
	rest    int64  // of a chunk, to be passed on as it is
	begun   bool
	grey    bool
}

func (w *withoutNotes) Read(p []byte) (int, error) {
	for len(w.pending) == 0 && w.rest == 0 {
		if err := w.next(); err != nil {
			return 0, err
		}
	}
	if len(w.pending) > 0 {
		n := copy(p, w.pending)
		w.pending = w.pending[n:]
		return n, nil
	}
	n, err := w.r.Read(p[:min(int64(len(p)), w.rest)])
	w.rest -= int64(n)
	return n, err
}

// next looks at the head of a chunk, and leaves it out or passes it on.
func (w *withoutNotes) next() error {
	if !w.begun {
		w.begun, w.rest = true, int64(len(pngMagic))
		return nil
	}
	head := make([]byte, 8)
	if n, err := io.ReadFull(w.r, head); n == 0 {
		return err
	} else if err != nil {
		w.pending = head[:n]
		return nil
	}
	length, name := int64(binary.BigEndian.Uint32(head)), string(head[4:])
	ancillary := head[4]&0x20 != 0
	switch {
	case ancillary && name != "tRNS" && length < math.MaxInt32:
		_, err := io.CopyN(io.Discard, w.r, length+4)
		return notEnd(err)
	case name == "PLTE" && w.grey, name == "IEND" && length > 0:
		chunk := chunkReader{r: w.r, name: name, rest: uint32(length), sum: crc32.ChecksumIEEE(head[4:])}
		if chunk.skip(); name == "IEND" {
			w.pending = []byte("\x00\x00\x00\x00IEND\xae\x42\x60\x82")
		}
		return chunk.err
	case name == "IHDR":
		header, _ := w.r.Peek(pngHeaderEnd - pngHeaderAt) // an error comes again
		w.grey = len(header) > 9 && (header[9] == colourGrey || header[9] == colourGreyAlpha)
	}
	w.pending, w.rest = head, length+4
	return nil
}
