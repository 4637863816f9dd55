package tiff

import (
	"encoding/binary"
	"errors"
	"io"
)

// lzw decompresses TIFF's LZW (TIFF 6.0, section 13): codes of 9 to 12 bits, the highest bit first, which grow one code early.
// golang.org/x/image/tiff/lzw does the same byte by byte; docs/adr/0017 says why it is here.
//
// Files of before TIFF 5.0 have the lowest bit first, and their codes grow when they must; their first byte gives them away.
type lzw struct {
	r     io.Reader
	in    []byte // up to stop of the block; behind that are zeros
	stop  int
	inErr error

	at    uint // of the next code, in bits of in
	width uint // of it
	old   bool

	free    int       // the code that the next string gets
	grown   lzwString // that string; of no length behind a clear
	strings [lzwCodes]lzwString
	first   int // the strings lie in out from here on,
	last    int // and up to here when every code is taken

	out         []byte // begins with each byte once: the strings of the codes below lzwClear
	given, made int    // out[given:made] has been decompressed and not been given
	err         error
}

// lzwString is what a code stands for: so many bytes of out. A new string is the one before and the byte that follows it, so that
// it lies there already.
type lzwString uint64

func newLZWString(begin, length int) lzwString { return lzwString(begin)<<16 | lzwString(length) }

func (s lzwString) begin() int { return int(s >> 16) }

func (s lzwString) length() int { return int(s & 0xffff) }

const (
	lzwClear   = 256
	lzwEnd     = 257
	lzwStrings = 258 // the first code that is a string
	lzwCodes   = 1 << 12

	lzwPadding = 8                       // behind the input and the output, so that words can be read and written there
	lzwAhead   = 1 << 16                 // bytes that are decompressed at once, at least
	lzwKept    = 1 << 20                 // a longer out is not kept for the next block
	lzwReach   = lzwCodes * lzwCodes / 2 // the most bytes that strings lie in: each is one longer than the one before
)

var errLZW = errors.New("an impossible code of LZW")

func newLZW() *lzw {
	l := &lzw{in: make([]byte, 1<<14+lzwPadding)}
	for i := range lzwClear {
		l.strings[i] = newLZWString(i, 1)
	}
	return l
}

// reset begins with a block.
func (l *lzw) reset(r io.Reader) {
	l.r, l.inErr, l.err = r, nil, nil
	l.stop, l.at, l.given, l.made = 0, 0, lzwClear, lzwClear
	if l.out == nil {
		l.out = make([]byte, lzwClear+lzwAhead+lzwCodes+lzwPadding)
		for i := range lzwClear {
			l.out[i] = byte(i)
		}
	}
	l.fill()
	l.old = l.stop > 1 && l.in[0] == 0 && l.in[1]&1 == 1
	l.clear()
}

func (l *lzw) end() {
	if l.r = nil; len(l.out) > lzwKept {
		l.out = nil
	}
	lzws.Put(l)
}

func (l *lzw) clear() { l.free, l.width, l.grown, l.first = lzwStrings, 9, 0, l.made }

func (l *lzw) next(n int) ([]byte, error) {
	for l.made-l.given < n && l.err == nil {
		if !l.hasRoom() {
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

// hasRoom tells whether out can take the longest string.
func (l *lzw) hasRoom() bool { return l.made+lzwCodes+lzwPadding <= len(l.out) }

// makeRoom sees to it that out can take what is missing of n bytes, and the longest string. What it keeps is what strings lie in and
// what has not been given; between these may lie what is neither, when every code is taken.
func (l *lzw) makeRoom(n int) {
	begin, strung := min(l.first, l.given), l.made
	if l.free == lzwCodes {
		strung = l.last
	}
	between := max(0, l.given-strung)
	kept := l.made - begin - between
	old := l.out
	if need := lzwClear + kept + max(kept/2, n+lzwAhead) + lzwCodes + lzwPadding; len(old) < need {
		l.out = make([]byte, need)
		copy(l.out, old[:lzwClear])
	}
	to := lzwClear + copy(l.out[lzwClear:], old[begin:strung])
	copy(l.out[to:], old[strung+between:l.made])

	back := begin - lzwClear
	for i := lzwStrings; i < l.free; i++ {
		l.strings[i] -= newLZWString(back, 0)
	}
	l.grown -= newLZWString(back, 0)
	l.first -= back
	l.last -= back
	l.given -= back + between
	l.made -= back + between
}

// fill reads on; at the end of the block the error stays.
func (l *lzw) fill() {
	l.stop = copy(l.in, l.in[l.at/8:l.stop])
	l.at %= 8
	for empty := 0; l.stop < len(l.in)/2 && l.inErr == nil; empty++ {
		var n int
		n, l.inErr = l.r.Read(l.in[l.stop : len(l.in)-lzwPadding])
		if l.stop += n; empty > 100 && l.inErr == nil {
			l.inErr = io.ErrNoProgress
		}
	}
	clear(l.in[l.stop : l.stop+lzwPadding])
}

// rest is how many bytes of in have not been taken.
func (l *lzw) rest() int { return l.stop - int(l.at/8) }

// take gives the next code, or says why there is none.
func (l *lzw) take() (code int, err error) {
	if l.rest() < lzwPadding && l.inErr == nil {
		l.fill()
	}
	if int(l.at+l.width) > 8*l.stop {
		if l.inErr == nil || errors.Is(l.inErr, io.EOF) {
			return 0, io.ErrUnexpectedEOF
		}
		return 0, l.inErr
	}
	word, shift := l.in[l.at/8:], l.at%8
	l.at += l.width
	if l.old {
		return int(binary.LittleEndian.Uint64(word) >> shift & (1<<l.width - 1)), nil
	}
	return int(binary.BigEndian.Uint64(word) << shift >> (64 - l.width)), nil
}

// decode decompresses until out might not take one string more.
func (l *lzw) decode() error {
	for l.hasRoom() {
		if !l.old && l.rest() >= lzwPadding && l.grown > 0 {
			if l.decodeFast(); !l.hasRoom() {
				break
			}
		}
		code, err := l.take()
		if err == nil {
			err = l.step(code)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// step does what a code says.
func (l *lzw) step(code int) error {
	fresh := l.grown > 0 && l.free < lzwCodes
	switch {
	case code == lzwClear:
		l.clear()
		return nil
	case code == lzwEnd:
		return io.ErrUnexpectedEOF // of what is asked for beyond
	case code > l.free || code == l.free && !fresh:
		return errLZW
	}
	if fresh {
		l.add()
	}
	s := l.strings[code]
	// The last byte by itself: of the string that is made here, it is the first one, which was not there yet.
	last := s.length() - 1
	copy(l.out[l.made:l.made+last], l.out[s.begin():])
	l.out[l.made+last] = l.out[s.begin()+last]
	l.grown = newLZWString(l.made, s.length()+1)
	l.made += s.length()
	return nil
}

// add gives the free code to the string that has grown. Codes become longer when the next would not fit, or in files of today, one
// earlier.
func (l *lzw) add() {
	l.strings[l.free] = l.grown
	if l.free++; l.free == lzwCodes {
		l.last = l.made + 1
	}
	next := l.free
	if !l.old {
		next++
	}
	if next >= 1<<l.width && l.width < 12 {
		l.width++
	}
}

// decodeFast does the same as decode with what it needs at hand, while there are words to be read, and free codes of one width. A code
// that is out of the ordinary, or of a long string, is left to be taken: what is more in this loop takes registers from it.
func (l *lzw) decodeFast() {
	in, out, strings := l.in[:l.stop], l.out, &l.strings
	at, made, free, grown := l.at, l.made, l.free, l.grown
	shift := 64 - l.width
	last := min(1<<l.width-2, free+(8*(len(in)-lzwPadding)-int(at))/int(l.width))
	full := len(out) - lzwCodes - lzwPadding
	for free < last && made <= full {
		code := int(binary.BigEndian.Uint64(in[at/8:]) << (at % 8) >> (shift & 63))
		if code >= free || code&^1 == lzwClear {
			break // or the end
		}
		s := strings[code&(lzwCodes-1)]
		if s.length() > 8 {
			break
		}
		at += 64 - shift
		strings[free&(lzwCodes-1)] = grown
		free++
		binary.LittleEndian.PutUint64(out[made:], binary.LittleEndian.Uint64(out[s.begin():]))
		grown = newLZWString(made, s.length()+1)
		made += s.length()
	}
	l.at, l.made, l.free, l.grown = at, made, free, grown
}
