package tiff

import (
	"encoding/binary"
	"errors"
	"io"
)

// lzw decompresses TIFF's LZW (TIFF 6.0, section 13): codes of 9 to 12 bits, the highest bit first, which grow one code early.
// golang.org/x/image/tiff/lzw does the same byte by byte; docs/adr has both measured.
//
// Files of before TIFF 5.0 have the lowest bit first, and their codes grow when they must; their first byte gives them away.
type lzw struct {
	r         io.Reader
	in        []byte // in[pos:stop] has not been taken; behind stop are zeros
	pos, stop int
	inErr     error

	bits  uint64 // taken from in: the next bit highest, or lowest in an old file
	nbits uint   // of them, how many are valid
	width uint   // of the next code
	old   bool

	free int // the code that the next string gets
	last int // the code before; none behind a clear
	// Of each code: its string is that of before, whose length is a multiple of 8, and behind it the bytes of tail, the first lowest:
	// so that a string is written eight bytes at once. It has length bytes and begins with first.
	tail           [lzwCodes]uint64
	before, length [lzwCodes]uint16
	first          [lzwCodes]uint8

	out         []byte
	given, made int // out[given:made] has been decompressed and not been given
	err         error
}

const (
	lzwClear   = 256
	lzwEnd     = 257
	lzwStrings = 258 // the first code that is a string
	lzwCodes   = 1 << 12
	lzwNone    = -1

	lzwPadding = 8       // behind the input and the output, so that words can be read and written there
	lzwAhead   = 1 << 14 // bytes that are decompressed at once, at least
)

var errLZW = errors.New("an impossible code of LZW")

func newLZW() *lzw {
	l := &lzw{in: make([]byte, 1<<14+lzwPadding)}
	for i := range lzwClear {
		l.length[i], l.tail[i], l.first[i] = 1, uint64(i), uint8(i)
	}
	return l
}

// reset begins with a block.
func (l *lzw) reset(r io.Reader) {
	l.r, l.inErr, l.err = r, nil, nil
	l.pos, l.stop, l.bits, l.nbits, l.given, l.made = 0, 0, 0, 0, 0, 0
	l.fill()
	l.old = l.stop > 1 && l.in[0] == 0 && l.in[1]&1 == 1
	l.clear()
}

func (l *lzw) end() {
	l.r = nil
	lzws.Put(l)
}

func (l *lzw) clear() { l.free, l.width, l.last = lzwStrings, 9, lzwNone }

func (l *lzw) next(n int) ([]byte, error) {
	for l.made-l.given < n && l.err == nil {
		if l.made+lzwCodes+lzwPadding > len(l.out) {
			l.makeRoom(n)
		}
		l.err = l.decode()
	}
	if l.made-l.given < n {
		return nil, l.err
	}
	l.given += n
	return l.out[l.given-n : l.given], nil
}

// makeRoom sees to it that out can take n bytes and the longest string.
func (l *lzw) makeRoom(n int) {
	old := l.out
	if need := n + lzwAhead + lzwCodes + lzwPadding; len(l.out) < need {
		l.out = make([]byte, need)
	}
	l.made = copy(l.out, old[l.given:l.made])
	l.given = 0
}

// fill reads on; at the end of the block the error stays.
func (l *lzw) fill() {
	l.stop = copy(l.in, l.in[l.pos:l.stop])
	l.pos = 0
	for empty := 0; l.stop < len(l.in)/2 && l.inErr == nil; empty++ {
		var n int
		n, l.inErr = l.r.Read(l.in[l.stop : len(l.in)-lzwPadding])
		if l.stop += n; empty > 100 && l.inErr == nil {
			l.inErr = io.ErrNoProgress
		}
	}
	clear(l.in[l.stop : l.stop+lzwPadding])
}

// refill takes more of the input, as many whole bytes as fit, or says why there is not enough for a code.
func (l *lzw) refill() error {
	if l.stop-l.pos < 8 && l.inErr == nil {
		l.fill()
	}
	taken := min(int(64-l.nbits)/8, l.stop-l.pos) // behind the end are zeros, which do not count
	if l.old {
		l.bits |= binary.LittleEndian.Uint64(l.in[l.pos:]) << l.nbits
	} else {
		l.bits |= binary.BigEndian.Uint64(l.in[l.pos:]) >> l.nbits
	}
	l.pos += taken
	if l.nbits += 8 * uint(taken); l.old {
		l.bits &= 1<<l.nbits - 1
	} else {
		l.bits &^= 1<<(64-l.nbits) - 1
	}
	switch {
	case l.nbits >= l.width:
		return nil
	case l.inErr == nil || errors.Is(l.inErr, io.EOF):
		return io.ErrUnexpectedEOF
	}
	return l.inErr
}

// take gives the next code, of which the bits are there.
func (l *lzw) take() (code int) {
	if l.nbits -= l.width; l.old {
		code = int(l.bits & (1<<l.width - 1))
		l.bits >>= l.width
		return code
	}
	code = int(l.bits >> (64 - l.width))
	l.bits <<= l.width
	return code
}

// decode decompresses until out might not take one string more.
func (l *lzw) decode() error {
	for l.made+lzwCodes+lzwPadding <= len(l.out) {
		if !l.old && l.stop-l.pos >= 8 && l.last != lzwNone && l.free < lzwCodes-1 {
			l.decodeFast()
			if l.made+lzwCodes+lzwPadding > len(l.out) {
				return nil
			}
		}
		if l.nbits < l.width {
			if err := l.refill(); err != nil {
				return err
			}
		}
		if err := l.step(l.take()); err != nil {
			return err
		}
	}
	return nil
}

// step does what a code says.
func (l *lzw) step(code int) error {
	switch {
	case code == lzwClear:
		l.clear()
		return nil
	case code == lzwEnd:
		return io.ErrUnexpectedEOF // of what is asked for beyond
	case code > l.free || code == l.free && (l.last == lzwNone || l.free == lzwCodes):
		return errLZW
	}
	if l.last != lzwNone && l.free < lzwCodes {
		// The string before, and the first byte of this one, which may be the very string that is made here.
		next := l.first[l.last]
		if code != l.free {
			next = l.first[code]
		}
		l.add(next)
	}
	length := int(l.length[code])
	for c, at := code, l.made+(length-1)&^7; at >= l.made; at -= 8 {
		binary.LittleEndian.PutUint64(l.out[at:], l.tail[c])
		c = int(l.before[c])
	}
	l.made += length
	l.last = code
	return nil
}

// decodeFast does the same as decode with what it needs at hand, while words can be read, codes are free, and no code is out of the
// ordinary, which is left to be taken.
func (l *lzw) decodeFast() {
	in, out := l.in[:l.stop], l.out
	pos, made, bits, nbits, width, free, last := l.pos, l.made, l.bits, l.nbits, l.width, l.free, l.last
	for len(in)-pos >= 8 && made+lzwCodes+lzwPadding <= len(out) && free < lzwCodes-1 {
		if nbits < width {
			bits |= binary.BigEndian.Uint64(in[pos:]) >> nbits
			taken := (64 - nbits) / 8
			pos += int(taken)
			nbits += 8 * taken
			bits &^= 1<<(64-nbits) - 1
		}
		code := int(bits>>(64-width)) & (lzwCodes - 1)
		if code == lzwClear || code == lzwEnd || code > free {
			break
		}
		bits <<= width
		nbits -= width
		first := l.first[last&(lzwCodes-1)]
		next := first
		if code != free {
			next = l.first[code]
		}
		length := l.length[last&(lzwCodes-1)]
		if rest := length & 7; rest == 0 {
			l.tail[free], l.before[free] = uint64(next), uint16(last)
		} else {
			l.tail[free], l.before[free] = l.tail[last&(lzwCodes-1)]|uint64(next)<<(8*rest&63), l.before[last&(lzwCodes-1)]
		}
		l.length[free], l.first[free] = length+1, first
		if free++; free+1 >= 1<<width && width < 12 {
			width++
		}
		size := int(l.length[code])
		if size <= 8 {
			binary.LittleEndian.PutUint64(out[made:], l.tail[code])
		} else {
			for c, at := code, made+(size-1)&^7; at >= made; at -= 8 {
				binary.LittleEndian.PutUint64(out[at:], l.tail[c])
				c = int(l.before[c])
			}
		}
		made += size
		last = code
	}
	l.pos, l.made, l.bits, l.nbits, l.width, l.free, l.last = pos, made, bits, nbits, width, free, last
}

// add gives the free code to the last string with a byte behind it. Codes become longer when the next would not fit, or in files of
// today, one earlier.
func (l *lzw) add(b uint8) {
	last, free := l.last, l.free
	length := l.length[last]
	if rest := length & 7; rest == 0 {
		l.tail[free], l.before[free] = uint64(b), uint16(last)
	} else {
		l.tail[free], l.before[free] = l.tail[last]|uint64(b)<<(8*rest), l.before[last]
	}
	l.length[free], l.first[free] = length+1, l.first[last]
	l.free++
	next := l.free
	if !l.old {
		next++
	}
	if next >= 1<<l.width && l.width < 12 {
		l.width++
	}
}
