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
	r        io.Reader
	in       []byte // in[pos:end] has not been taken; behind end are zeros
	pos, end int
	inErr    error

	bits  uint64 // taken from in: the next bit highest, or lowest in an old file
	nbits uint   // of them, how many are valid
	width uint   // of the next code
	old   bool

	free int // the code that the next string gets
	last int // the code before; none behind a clear
	// Of each code: its string is prefix's with suffix behind it. It has length bytes and begins with first.
	prefix, length [lzwCodes]uint16
	suffix, first  [lzwCodes]uint8

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

	lzwPadding = 8       // behind the input, so that words can be read there
	lzwAhead   = 1 << 14 // bytes that are decompressed at once, at least
)

var errLZW = errors.New("an impossible code of LZW")

func newLZW(r io.Reader) *lzw {
	l := &lzw{r: r, in: make([]byte, 1<<14+lzwPadding)}
	for i := range lzwClear {
		l.length[i], l.suffix[i], l.first[i] = 1, uint8(i), uint8(i)
	}
	l.fill()
	l.old = l.end > 1 && l.in[0] == 0 && l.in[1]&1 == 1
	l.clear()
	return l
}

func (l *lzw) clear() { l.free, l.width, l.last = lzwStrings, 9, lzwNone }

func (l *lzw) next(n int) ([]byte, error) {
	for l.made-l.given < n && l.err == nil {
		if l.made+lzwCodes > len(l.out) {
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
	if len(l.out) < n+lzwAhead+lzwCodes {
		l.out = make([]byte, n+lzwAhead+lzwCodes)
	}
	l.made = copy(l.out, old[l.given:l.made])
	l.given = 0
}

// fill reads on; at the end of the block the error stays.
func (l *lzw) fill() {
	l.end = copy(l.in, l.in[l.pos:l.end])
	l.pos = 0
	for empty := 0; l.end < len(l.in)/2 && l.inErr == nil; empty++ {
		var n int
		n, l.inErr = l.r.Read(l.in[l.end : len(l.in)-lzwPadding])
		if l.end += n; empty > 100 && l.inErr == nil {
			l.inErr = io.ErrNoProgress
		}
	}
	clear(l.in[l.end : l.end+lzwPadding])
}

// code takes the next one, or says why there is none.
func (l *lzw) code() (int, error) {
	if l.nbits < l.width {
		if l.end-l.pos < 8 && l.inErr == nil {
			l.fill()
		}
		if l.pos >= l.end {
			if errors.Is(l.inErr, io.EOF) {
				return 0, io.ErrUnexpectedEOF
			}
			return 0, l.inErr
		}
		// As many whole bytes as fit; those behind the end are zeros and do not count.
		taken := min(int(64-l.nbits)/8, l.end-l.pos)
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
		if l.nbits < l.width {
			return 0, io.ErrUnexpectedEOF
		}
	}
	l.nbits -= l.width
	if l.old {
		code := l.bits & (1<<l.width - 1)
		l.bits >>= l.width
		return int(code), nil
	}
	code := l.bits >> (64 - l.width)
	l.bits <<= l.width
	return int(code), nil
}

// decode decompresses until out might not take one string more.
func (l *lzw) decode() error {
	for l.made+lzwCodes <= len(l.out) {
		code, err := l.code()
		if err != nil {
			return err
		}
		switch {
		case code == lzwClear:
			l.clear()
			continue
		case code == lzwEnd:
			return io.ErrUnexpectedEOF // of what is asked for beyond
		case code > l.free || code == l.free && l.last == lzwNone:
			return errLZW
		}
		source := code
		if code == l.free {
			source = l.last // its own string, which begins with the last one: that and its first byte again
		}
		size := int(l.length[source])
		to := l.out[l.made : l.made+size]
		for i, c := size-1, source; i >= 0; i-- {
			to[i] = l.suffix[c]
			c = int(l.prefix[c])
		}
		l.made += size
		if code == l.free {
			l.out[l.made] = l.first[l.last]
			l.made++
		}
		if l.last != lzwNone && l.free < lzwCodes {
			l.prefix[l.free], l.suffix[l.free] = uint16(l.last), l.first[source]
			l.length[l.free], l.first[l.free] = l.length[l.last]+1, l.first[l.last]
			l.free++
			l.grow()
		}
		l.last = code
	}
	return nil
}

// grow makes codes longer when the next string's would not fit, or in files of today, one earlier.
func (l *lzw) grow() {
	next := l.free
	if !l.old {
		next++
	}
	if next >= 1<<l.width && l.width < 12 {
		l.width++
	}
}
