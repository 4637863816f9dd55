package tiff

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"sync"
)

// fax decompresses what CCITT, today's ITU-T, has for fax machines: recommendations T.4 (Group 3, with lines of one or two dimensions)
// and T.6 (Group 4). Black is 1; the photometric interpretation is what makes a picture of that. golang.org/x/image/ccitt has no
// lines of two dimensions in Group 3, and none without the codes that end them, which is TIFF's compression 2.
type fax struct {
	r          *bufio.Reader
	bits       uint64 // the next bit highest
	nbits      int    // of them, how many are valid; those behind the end are zeros, and counted too
	missing    int    // of those, how many lie behind the end
	width      int
	group4     bool
	aligned    bool // each line begins with a whole byte
	ended      bool // each line begins with the code for the end of one
	dimensions bool // behind that, a bit says of how many dimensions the line is

	above, line []int // where the colour changes, from white on
	row         []byte
}

var errFax = errors.New("an impossible code of CCITT")

func newFax(r io.Reader, l *Layout) *fax {
	options := l.directory.Uint(T4Options, 0)
	return &fax{
		r: bufio.NewReaderSize(r, pieceSize), width: l.Block.X, group4: l.compression == fax4, aligned: l.compression == faxRLE,
		ended: l.compression == fax3, dimensions: l.compression == fax3 && options&1 != 0, row: make([]byte, (l.Block.X+7)/8),
	}
}

func (*fax) end() {}

// next gives the next line, whose length n is.
func (f *fax) next(int) ([]byte, error) {
	if f.aligned {
		f.skip(f.nbits % 8)
	}
	twoDimensions := f.group4
	if f.ended && f.skipEnd() && f.dimensions {
		twoDimensions = f.take(1) == 0
	}
	f.above, f.line = f.line, f.above[:0]
	read := f.readRuns
	if twoDimensions {
		read = f.readModes
	}
	if err := read(); err != nil {
		return nil, err
	}
	f.paint()
	return f.row, nil
}

// peek gives the next n bits, 13 at most, without taking them.
func (f *fax) peek(n int) int {
	for f.nbits < n {
		b, err := f.r.ReadByte()
		if err != nil {
			b = 0
			f.missing += 8
		}
		f.bits |= uint64(b) << (56 - f.nbits)
		f.nbits += 8
	}
	return int(f.bits >> (64 - n))
}

func (f *fax) skip(n int) {
	f.bits <<= n
	f.nbits -= n
}

func (f *fax) take(n int) int {
	v := f.peek(n)
	f.skip(n)
	return v
}

// exhausted tells whether bits were taken that are not there.
func (f *fax) exhausted() bool { return f.missing > f.nbits }

// skipEnd takes the code that ends a line, if it comes next: eleven zeros or more, and a one.
func (f *fax) skipEnd() bool {
	if f.peek(11) != 0 {
		return false
	}
	for f.take(1) == 0 {
		if f.exhausted() {
			return false
		}
	}
	return true
}

// readRuns reads a line of one dimension: runs of white and black in turn.
func (f *fax) readRuns() error {
	for at, colour := 0, 0; at < f.width; colour ^= 1 {
		run, err := f.run(colour)
		if err != nil {
			return err
		}
		at = min(at+run, f.width)
		f.line = append(f.line, at)
	}
	return nil
}

// run reads one: some codes of 64 pixels and more, and one of less.
func (f *fax) run(colour int) (length int, err error) {
	for length <= f.width {
		code := faxCodes()[colour][f.peek(faxLongest)]
		if code.bits == 0 {
			return 0, f.impossible()
		}
		f.skip(int(code.bits))
		if f.exhausted() {
			return 0, io.ErrUnexpectedEOF
		}
		if length += int(code.run); code.run < 64 {
			return length, nil
		}
	}
	return 0, errFax
}

func (f *fax) impossible() error {
	if f.missing > 0 {
		return io.ErrUnexpectedEOF
	}
	return errFax
}

// readModes reads a line of two dimensions: where its colours change, relative to the line above (T.4, section 4.2).
func (f *fax) readModes() error {
	at, colour, next := -1, 0, 0
	for at < f.width {
		// b1 is the first change above, right of at, to the colour that is not the present one, and b2 the one behind it.
		for next > 0 && f.change(next-1) > at {
			next--
		}
		for f.change(next) <= at && f.change(next) < f.width || next&1 != colour {
			next++
		}
		b1, b2 := f.change(next), f.change(next+1)
		mode := faxModes[f.peek(7)]
		f.skip(int(mode.bits))
		switch {
		case mode.bits == 0:
			return f.impossible()
		case f.exhausted():
			return io.ErrUnexpectedEOF
		case mode.kind == faxPass:
			at = b2
		case mode.kind == faxHorizontal:
			at = max(at, 0)
			for range 2 {
				run, err := f.run(colour)
				if err != nil {
					return err
				}
				at = min(at+run, f.width)
				f.line = append(f.line, at)
				colour ^= 1
			}
		default:
			to := min(b1+int(mode.shift), f.width)
			if to < max(at, 0) {
				return errFax
			}
			f.line = append(f.line, to)
			at, colour = to, colour^1
		}
	}
	return nil
}

// change is where the colour of the line above changes for the i-th time; behind the last, at its end.
func (f *fax) change(i int) int {
	if i < len(f.above) {
		return f.above[i]
	}
	return f.width
}

// paint makes bits of the line.
func (f *fax) paint() {
	clear(f.row)
	for i := 0; i < len(f.line); i += 2 {
		from, to := f.line[i], f.width
		if i+1 < len(f.line) {
			to = f.line[i+1]
		}
		for ; from < to && from%8 != 0; from++ {
			f.row[from/8] |= 0x80 >> (from % 8)
		}
		for ; to-from >= 8; from += 8 {
			f.row[from/8] = 0xff
		}
		for ; from < to; from++ {
			f.row[from/8] |= 0x80 >> (from % 8)
		}
	}
}

const (
	faxPass = iota
	faxHorizontal
	faxVertical
)

// faxMode is a code of T.4's table 4.
type faxMode struct{ kind, bits, shift int8 }

// faxModes are those that seven bits begin with.
var faxModes = func() (modes [1 << 7]faxMode) {
	for code, mode := range map[string]faxMode{
		"0001": {kind: faxPass}, "001": {kind: faxHorizontal}, "1": {kind: faxVertical},
		"011": {kind: faxVertical, shift: 1}, "000011": {kind: faxVertical, shift: 2}, "0000011": {kind: faxVertical, shift: 3},
		"010": {kind: faxVertical, shift: -1}, "000010": {kind: faxVertical, shift: -2}, "0000010": {kind: faxVertical, shift: -3},
	} {
		mode.bits = int8(len(code))
		spread(modes[:], code, mode)
	}
	return modes
}()

// faxRun is a code of T.4's tables 2 and 3.
type faxRun struct {
	run  uint16
	bits uint8 // 0 of what is no code
}

// faxLongest is the longest code of a run, in bits.
const faxLongest = 13

// faxCodes are the runs of white and of black that so many bits begin with.
var faxCodes = sync.OnceValue(func() *[2][1 << faxLongest]faxRun {
	codes := new([2][1 << faxLongest]faxRun)
	for colour, list := range [2]string{faxWhite, faxBlack} {
		for i, code := range strings.Fields(list + faxBoth) {
			run := i
			if i >= 64 {
				run = (i - 63) * 64
			}
			spread(codes[colour][:], code, faxRun{uint16(run), uint8(len(code))})
		}
	}
	return codes
})

// spread puts v wherever the bits begin with the code.
func spread[T any](table []T, code string, v T) {
	first, rest := 0, len(table)
	for _, bit := range code {
		rest /= 2
		first += rest * int(bit-'0')
	}
	for i := range rest {
		table[first+i] = v
	}
}

// The codes of the runs of 0 to 63, and of 64, 128 and so on to 1728, and then of both colours to 2560: T.4, tables 2 and 3.
const faxWhite = `
	00110101 000111 0111 1000 1011 1100 1110 1111 10011 10100 00111 01000 001000 000011 110100 110101 101010 101011
	0100111 0001100 0001000 0010111 0000011 0000100 0101000 0101011 0010011 0100100 0011000 00000010 00000011 00011010
	00011011 00010010 00010011 00010100 00010101 00010110 00010111 00101000 00101001 00101010 00101011 00101100 00101101
	00000100 00000101 00001010 00001011 01010010 01010011 01010100 01010101 00100100 00100101 01011000 01011001 01011010
	01011011 01001010 01001011 00110010 00110011 00110100 11011 10010 010111 0110111 00110110 00110111 01100100 01100101
	01101000 01100111 011001100 011001101 011010010 011010011 011010100 011010101 011010110 011010111 011011000 011011001
	011011010 011011011 010011000 010011001 010011010 011000 010011011
`

const faxBlack = `
	0000110111 010 11 10 011 0011 0010 00011 000101 000100 0000100 0000101 0000111 00000100 00000111 000011000 0000010111
	0000011000 0000001000 00001100111 00001101000 00001101100 00000110111 00000101000 00000010111 00000011000 000011001010
	000011001011 000011001100 000011001101 000001101000 000001101001 000001101010 000001101011 000011010010 000011010011
	000011010100 000011010101 000011010110 000011010111 000001101100 000001101101 000011011010 000011011011 000001010100
	000001010101 000001010110 000001010111 000001100100 000001100101 000001010010 000001010011 000000100100 000000110111
	000000111000 000000100111 000000101000 000001011000 000001011001 000000101011 000000101100 000001011010 000001100110
	000001100111 0000001111 000011001000 000011001001 000001011011 000000110011 000000110100 000000110101 0000001101100
	0000001101101 0000001001010 0000001001011 0000001001100 0000001001101 0000001110010 0000001110011 0000001110100
	0000001110101 0000001110110 0000001110111 0000001010010 0000001010011 0000001010100 0000001010101 0000001011010
	0000001011011 0000001100100 0000001100101
`

const faxBoth = `
	00000001000 00000001100 00000001101 000000010010 000000010011 000000010100 000000010101 000000010110 000000010111
	000000011100 000000011101 000000011110 000000011111
`
