package tiff

import (
	"bufio"
	"errors"
	"io"
	"math/bits"
	"sync"

	"github.com/klauspost/compress/zstd"

	"seghub/models/imageio/inflate"
	"seghub/models/imageio/refusal"
)

// stream gives the uncompressed bytes of one block, from the first.
type stream interface {
	// next gives the following n bytes, which are good until the next call.
	next(n int) ([]byte, error)
	// end gives back what it was lent; no other call follows.
	end()
}

// openPiece begins with a block.
func (r *Reader) openPiece(i int) (stream, error) {
	l := r.layout
	offset, count := int64(r.offsets[i]), int64(r.counts[i])
	if count == 0 {
		return zeros{}, nil
	}
	var section io.Reader = io.NewSectionReader(r.source, offset, count)
	if l.reversed {
		section = &reversing{section}
	}
	switch l.compression {
	case jpegCompression:
		return l.openJPEG(section)
	case webpCompression:
		return l.openWebP(section)
	}
	s, err := l.decompress(section)
	if err == nil && l.subsampled() {
		return l.openUnits(s, i)
	}
	return s, err
}

// decompress gives the bytes of a block whose compressed ones are in section.
func (l *Layout) decompress(section io.Reader) (stream, error) {
	switch l.compression {
	case none:
		return &plain{r: section}, nil
	case deflate, oldDeflate:
		reader := inflaters.Get().(*inflate.Reader)
		reader.Reset(section)
		return &inflating{reader}, nil
	case lzwCompression:
		decoder := lzws.Get().(*lzw)
		decoder.reset(section)
		return decoder, nil
	case packBits:
		return &plain{r: &unpacking{r: bufio.NewReaderSize(section, pieceSize)}}, nil
	case zstdCompression:
		reader, err := zstd.NewReader(section, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(zstdMemory),
			zstd.WithDecoderMaxWindow(zstdMemory))
		if err != nil {
			return nil, err
		}
		return &zstds{plain{r: reader}, reader}, nil
	default:
		return newFax(section, l), nil
	}
}

// zstdMemory is more than the window of any of its levels but the ultra ones.
const zstdMemory = 64 << 20

// zeros are a block that was never written.
type zeros struct{}

func (zeros) next(n int) ([]byte, error) { return make([]byte, n), nil }

func (zeros) end() {}

// plain reads whole pieces from an io.Reader.
type plain struct {
	r     io.Reader
	piece []byte
}

func (p *plain) next(n int) ([]byte, error) {
	if len(p.piece) < n {
		p.piece = make([]byte, n)
	}
	_, err := io.ReadFull(p.r, p.piece[:n])
	return p.piece[:n], err
}

func (*plain) end() {}

// zstds is a plain one that has something to close.
type zstds struct {
	plain
	decoder *zstd.Decoder
}

func (z *zstds) end() { z.decoder.Close() }

// Decompressors have large tables, and a page has many blocks.
var (
	inflaters = sync.Pool{New: func() any { return new(inflate.Reader) }}
	lzws      = sync.Pool{New: func() any { return newLZW() }}
)

type inflating struct{ reader *inflate.Reader }

func (i *inflating) next(n int) ([]byte, error) { return i.reader.Next(n) }

func (i *inflating) end() {
	i.reader.Reset(nil) // the file is not to be kept with it
	inflaters.Put(i.reader)
}

// reversing turns the bits of each byte around.
type reversing struct{ r io.Reader }

func (r *reversing) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	for i, v := range p[:n] {
		p[i] = bits.Reverse8(v)
	}
	return n, err
}

// unpacking decompresses PackBits: TIFF 6.0, section 9.
type unpacking struct {
	r       *bufio.Reader
	literal int // bytes that follow as they are
	repeat  int // how often value follows
	value   byte
}

func (u *unpacking) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		switch {
		case u.literal > 0:
			read, err := u.r.Read(p[n:min(len(p), n+u.literal)])
			n += read
			u.literal -= read
			if err != nil {
				return n, err
			}
		case u.repeat > 0:
			run := p[n:min(len(p), n+u.repeat)]
			for i := range run {
				run[i] = u.value
			}
			n += len(run)
			u.repeat -= len(run)
		default:
			head, err := u.r.ReadByte()
			if err != nil {
				return n, err
			}
			switch {
			case head < 128:
				u.literal = int(head) + 1
			case head > 128:
				u.repeat = 257 - int(head)
				if u.value, err = u.r.ReadByte(); err != nil {
					return n, err
				}
			}
		}
	}
	return n, nil
}

// damaged is the refusal that a codec's error is, unless it is the file reader's own, which the reader knows.
func damaged(err error) error {
	var known *refusal.Refusal
	switch {
	case err == nil, errors.As(err, &known):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return refusal.Corrupt("The pixels of this TIFF are cut short.")
	}
	return refusal.Corrupt("The pixels of this TIFF are damaged (%v).", err)
}
