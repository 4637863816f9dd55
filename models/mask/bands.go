package mask

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// A probability map is kept as bands, so that it can be written while it is made and read in parts:
//
//	header   "SHPB", version, channels (uint8 each), rows of a band (uint16), width, height (uint32)
//	         in version 2, behind that, those of the image, and the CRC-32 of all before it (uint32)
//	frames   of each band from the top, of each channel: its samples, row by row, as one zstd frame with a checksum
//	index    the length of each frame (uint32), in the same order
//
// Version 2 is a map of an image that a model saw as a whole and smaller than it is: what is kept is the samples that there are, and not
// those between them. A reader brings it back to the image's size, as it was when its objects were cut out.
//
// Numbers are little-endian. The channels are those of Probability.Channels. The last band has the rows that are left. The header tells how many frames there are, so that a reader finds the index from the file's end.

// BandRows is how many rows a band has; the last may have fewer. A band of a common picture fits into a core's cache.
const BandRows = 64

const (
	bandsMagic    = "SHPB\x01"
	reducedMagic  = "SHPB\x02"
	bandsHeader   = 16
	reducedHeader = bandsHeader + 12
	maxChannels   = 3
)

// ErrBands is why something cannot be read as a probability map; wrapped errors say more.
var ErrBands = errors.New("damaged probability map")

// The fastest level: the work is done while somebody waits for the next picture. The filters of PNG in front of it, measured on
// the maps of unet_spherohq, save a quarter of the bytes and cost a quarter more time.
var (
	bandEncoder = sync.OnceValues(func() (*zstd.Encoder, error) {
		return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithLowerEncoderMem(true))
	})
	bandDecoder = sync.OnceValues(func() (*zstd.Decoder, error) {
		// The room that a band is given is all it gets, whatever a frame says of itself.
		return zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecodeAllCapLimit(true))
	})
)

// BandWriter writes a probability map band by band. One goroutine at a time.
type BandWriter struct {
	w                       io.Writer
	width, height, channels int
	row                     int       // the first of the next band
	waiting                 [][]uint8 // rows of each channel that are no whole band yet
	index                   []byte
	buffer                  []byte
}

// NewBandWriter begins a map of width x height samples of 1 to 3 channels on w.
func NewBandWriter(w io.Writer, width, height, channels int) (*BandWriter, error) {
	return newBandWriter(w, bandsMagic, width, height, channels)
}

// NewReducedBandWriter begins a map of width x height samples, of an image of imageWidth x imageHeight pixels: no side is larger than the
// image's.
func NewReducedBandWriter(w io.Writer, imageWidth, imageHeight, width, height, channels int) (*BandWriter, error) {
	if width > imageWidth || height > imageHeight || imageWidth > math.MaxInt32 || imageHeight > math.MaxInt32 {
		return nil, fmt.Errorf("write a probability map: %dx%d samples are not fewer than %dx%d", width, height, imageWidth, imageHeight)
	}
	return newBandWriter(w, reducedMagic, width, height, channels, imageWidth, imageHeight)
}

func newBandWriter(w io.Writer, magic string, width, height, channels int, image ...int) (*BandWriter, error) {
	if width < 1 || height < 1 || width > math.MaxInt32 || height > math.MaxInt32 || channels < 1 || channels > maxChannels {
		return nil, fmt.Errorf("write a probability map: there is none of %dx%d samples of %d channels", width, height, channels)
	}
	header := append(make([]byte, 0, reducedHeader), magic...)
	header = append(header, uint8(channels))
	header = binary.LittleEndian.AppendUint16(header, BandRows)
	for _, side := range append([]int{width, height}, image...) {
		header = binary.LittleEndian.AppendUint32(header, uint32(side))
	}
	if magic == reducedMagic {
		header = binary.LittleEndian.AppendUint32(header, crc32.ChecksumIEEE(header))
	}
	if _, err := w.Write(header); err != nil {
		return nil, fmt.Errorf("write a probability map: %w", err)
	}
	return &BandWriter{w: w, width: width, height: height, channels: channels, waiting: make([][]uint8, channels)}, nil
}

// Write takes the next rows of every channel, any number of them.
func (b *BandWriter) Write(channels ...[]uint8) error {
	if len(channels) != b.channels {
		return fmt.Errorf("write a probability map: %d channels of %d", len(channels), b.channels)
	}
	rows := len(channels[0]) / b.width
	left := b.height - b.row - len(b.waiting[0])/b.width
	for _, samples := range channels {
		if len(samples) != rows*b.width || rows > left {
			return fmt.Errorf("write a probability map: %d samples are no rows of the %dx%d that are left", len(samples), b.width, left)
		}
	}
	rest := slices.Clone(channels)
	for len(rest[0]) > 0 {
		band := min(BandRows, b.height-b.row) * b.width
		n := min(band-len(b.waiting[0]), len(rest[0]))
		for i, samples := range rest {
			samples, rest[i] = samples[:n], samples[n:]
			if n < band {
				b.waiting[i] = append(b.waiting[i], samples...)
				samples = b.waiting[i]
			}
			if len(samples) < band {
				continue
			}
			if err := b.writeFrame(samples); err != nil {
				return fmt.Errorf("write a probability map: %w", err)
			}
			b.waiting[i] = b.waiting[i][:0]
		}
		if len(b.waiting[0]) == 0 {
			b.row += band / b.width
		}
	}
	return nil
}

func (b *BandWriter) writeFrame(samples []uint8) error {
	encoder, err := bandEncoder()
	if err != nil {
		return err
	}
	b.buffer = encoder.EncodeAll(samples, b.buffer[:0])
	b.index = binary.LittleEndian.AppendUint32(b.index, uint32(len(b.buffer)))
	_, err = b.w.Write(b.buffer)
	return err
}

// Close ends the map. It does not close what it was written to.
func (b *BandWriter) Close() error {
	if b.row != b.height {
		return fmt.Errorf("write a probability map: it has %d rows of %d", b.row, b.height)
	}
	if _, err := b.w.Write(b.index); err != nil {
		return fmt.Errorf("write a probability map: %w", err)
	}
	return nil
}
