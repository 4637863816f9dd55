package mask

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"io"

	"seghub/models/resample"
)

// BandReader reads a probability map in bands, at the size of its image. One goroutine at a time.
type BandReader struct {
	Width, Height int
	Channels      int // as many as Probability.Channels
	Bands         int // how many there are

	frames  frames
	rows    int
	samples image.Point // that are stored: how many across and down
	packed  []byte

	back   *resample.Resizer // of a map that is smaller than its image, else nil
	planes [][]uint8         // of such a map, which is no larger than a model's input: its channels, those that were asked for
}

// ReadBands reads header and index of the map that is all of r. A map of more than maxPixels is damaged: the caller knows of
// which image it is. The errors wrap ErrBands, or are what r itself returned.
func ReadBands(r io.ReadSeeker, maxPixels int64) (*BandReader, error) {
	b := &BandReader{frames: frames{r: r, damaged: ErrBands}}
	if err := b.open(maxPixels); err != nil {
		return nil, fmt.Errorf("open a probability map: %w", err)
	}
	return b, nil
}

func (b *BandReader) open(maxPixels int64) error {
	header := make([]byte, bandsHeader)
	if err := b.frames.readAt(header, 0); err != nil {
		return err
	}
	reduced := string(header[:len(reducedMagic)]) == reducedMagic
	if !reduced && string(header[:len(bandsMagic)]) != bandsMagic {
		return fmt.Errorf("%w: it does not begin like one", ErrBands)
	}
	side := func(at int) int64 { return int64(binary.LittleEndian.Uint32(header[at:])) }
	across, down := side(8), side(12)
	width, height := across, down
	if reduced {
		header = make([]byte, reducedHeader)
		if err := b.frames.readAt(header, 0); err != nil {
			return err
		}
		if side(24) != int64(crc32.ChecksumIEEE(header[:24])) {
			return fmt.Errorf("%w: its head has another checksum", ErrBands)
		}
		width, height = side(16), side(20)
	}
	b.Channels = int(header[5])
	b.rows = int(binary.LittleEndian.Uint16(header[6:]))
	if b.Channels < 1 || b.Channels > maxChannels || b.rows < 1 || width < 1 || height < 1 || width > maxPixels/height ||
		across < 1 || down < 1 || across > width || down > height {
		return fmt.Errorf("%w: %dx%d samples of %d channels in bands of %d rows, of %dx%d pixels", ErrBands, across, down, b.Channels, b.rows, width, height)
	}
	b.Width, b.Height, b.samples = int(width), int(height), image.Pt(int(across), int(down))
	b.Bands = (b.Height + b.rows - 1) / b.rows
	if reduced {
		b.back = resample.New(b.Width, b.Height, b.samples.X, b.samples.Y, 1)
		b.planes = make([][]uint8, b.Channels)
	}
	bands := (b.samples.Y + b.rows - 1) / b.rows
	return b.frames.readIndex(int64(len(header)), bands*b.Channels)
}

// Rows are the rows of a band: from begin up to end.
func (b *BandReader) Rows(band int) (begin, end int) {
	return band * b.rows, min((band+1)*b.rows, b.Height)
}

// Read gives the samples of a channel in one band, in the memory of dst where that suffices. The error wraps ErrBands, or is what
// the map is read from returned.
func (b *BandReader) Read(band, channel int, dst []uint8) ([]uint8, error) {
	begin, end := b.Rows(band)
	n := (end - begin) * b.Width
	if cap(dst) < n {
		dst = make([]uint8, n)
	}
	dst = dst[:n]
	if b.back == nil {
		return dst, b.stored(band, channel, dst)
	}
	plane, err := b.plane(channel)
	if err != nil {
		return nil, err
	}
	first, _ := b.back.Needs(begin, end)
	b.back.Rows(dst, begin, end, plane[first*b.samples.X:], first, b.samples.X)
	return dst, nil
}

// plane is all samples of a channel as they are stored.
func (b *BandReader) plane(channel int) ([]uint8, error) {
	if b.planes[channel] != nil {
		return b.planes[channel], nil
	}
	plane := make([]uint8, b.samples.X*b.samples.Y)
	band := b.rows * b.samples.X
	for at := 0; at < len(plane); at += band {
		if err := b.stored(at/band, channel, plane[at:min(at+band, len(plane))]); err != nil {
			return nil, err
		}
	}
	b.planes[channel] = plane
	return plane, nil
}

// stored fills dst with the samples of a channel in one band as they are stored.
func (b *BandReader) stored(band, channel int, dst []uint8) error {
	got, err := b.read(band*b.Channels+channel, dst[:0:len(dst)])
	if err == nil && len(got) != len(dst) {
		err = fmt.Errorf("%w: %d samples of %d", ErrBands, len(got), len(dst))
	}
	if err != nil {
		return fmt.Errorf("read band %d of a probability map: %w", band, err)
	}
	return nil
}

func (b *BandReader) read(frame int, dst []uint8) ([]uint8, error) {
	decoder, err := bandDecoder()
	if err != nil {
		return nil, err
	}
	if b.packed, err = b.frames.read(frame, b.packed); err != nil {
		return nil, err
	}
	if dst, err = decoder.DecodeAll(b.packed, dst); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBands, err)
	}
	return dst, nil
}
