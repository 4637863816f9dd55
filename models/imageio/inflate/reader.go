package inflate

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// ErrCorrupt is why a stream cannot be read that is whole; wrapped errors say more. A stream that ends too soon is
// io.ErrUnexpectedEOF.
var ErrCorrupt = errors.New("damaged zlib stream")

const (
	window = 32 << 10 // how far back a copy may reach
	ahead  = 96 << 10 // room for what is decompressed at once
	// slack is what one turn of the loop in inflate may write behind the place where it must end: four pairs of literals, the
	// longest copy, and the rest of its last word.
	slack = 8 + 258 + 8

	inSize  = 64 << 10
	inTurn  = 16 // bytes of in that one turn takes at most
	padding = 16 // zeros behind the last byte of the source, so that words can be read there
	// headerMost is more than the longest header of a block has, in bytes: 14 bits, 19 of 3, and at most 316 of 7 with 7 more.
	headerMost = 1 << 10
)

// Reader decompresses one stream after the other. The zero value is ready for Reset. One goroutine at a time.
type Reader struct {
	source    io.Reader
	sourceErr error // of source, io.EOF included

	in       []byte // in[pos:end] has not been taken; behind end are padding zeros
	pos, end int
	bits     uint64 // taken from in, the next bit lowest
	nbits    uint   // of them, how many are valid

	out       []byte // up to made decompressed
	given     int    // of out, up to here by Next
	made      int
	sum       uint32 // Adler-32 of all that was made
	state     state
	last      bool          // the block in hand is the last one
	rest      int           // of a stored block, in bytes
	literals  *literalTable // of the block in hand: the fixed ones, or own
	distances *distanceTable
	own       struct {
		literals  literalTable
		distances distanceTable
	}
	err error // sticky; io.EOF after the checksum
}

// state is what the stream goes on with.
type state int

const (
	atStart state = iota
	atBlock
	inStored
	inHuffman
	atEnd
)

// Reset begins with the stream that source holds. More of source may be read than the stream has.
func (r *Reader) Reset(source io.Reader) {
	const outSize = window + ahead + slack
	if r.in == nil {
		r.in = make([]byte, inSize+padding)
	}
	if len(r.out) != outSize { // none yet, or that of very long rows
		r.out = make([]byte, outSize)
	}
	r.source, r.sourceErr = source, nil
	r.pos, r.end, r.bits, r.nbits = 0, 0, 0, 0
	r.given, r.made, r.sum = 0, 0, 1
	r.state, r.last, r.rest, r.err = atStart, false, 0, nil
}

// Next gives the next n bytes, which are good until the next call. io.EOF says that the stream has ended, with the right
// checksum, and io.ErrUnexpectedEOF that fewer than n are left. The other errors wrap ErrCorrupt, or are source's.
func (r *Reader) Next(n int) ([]byte, error) {
	for r.made-r.given < n && r.err == nil {
		r.makeRoom(n)
		begin := r.made
		r.err = r.advance()
		r.sum = sumOf(r.sum, r.out[begin:r.made])
		if r.state == atEnd && r.err == nil {
			r.err = r.finish()
		}
		if 8*r.pos-int(r.nbits) > 8*r.end {
			r.err = r.cutShort() // what was made of padding is nothing
		}
	}
	switch left := r.made - r.given; {
	case left >= n:
		r.given += n
		return r.out[r.given-n : r.given], nil
	case errors.Is(r.err, io.EOF) && left > 0:
		return nil, io.ErrUnexpectedEOF
	}
	return nil, r.err
}

// makeRoom sees to it that out can take what is missing of n bytes.
func (r *Reader) makeRoom(n int) {
	if r.made+slack < len(r.out) && r.given+n+slack <= len(r.out) {
		return
	}
	keep := min(r.given, max(0, r.made-window))
	old := r.out
	if need := r.made - keep + n + slack; need > len(r.out) {
		r.out = make([]byte, need+ahead)
	}
	copy(r.out, old[keep:r.made])
	r.given -= keep
	r.made -= keep
}

// advance decompresses until out is full or a part of the stream has ended.
func (r *Reader) advance() error {
	switch r.state {
	case atStart:
		return r.zlibHeader()
	case atBlock:
		return r.blockHeader()
	case inStored:
		return r.stored()
	default:
		return r.inflate()
	}
}

// fill moves what is left of in to its beginning and adds to it until there are least bytes or no more.
func (r *Reader) fill(least int) {
	r.giveBack()
	if r.end-r.pos >= least || r.sourceErr != nil {
		return
	}
	r.end = copy(r.in, r.in[r.pos:r.end])
	r.pos = 0
	for empty := 0; r.end < least && r.sourceErr == nil; {
		n, err := r.source.Read(r.in[r.end:inSize])
		r.end += n
		r.sourceErr = err
		if empty++; n > 0 {
			empty = 0
		} else if empty > 100 && err == nil {
			r.sourceErr = io.ErrNoProgress
		}
	}
	clear(r.in[r.end : r.end+padding])
}

// refill brings the valid bits to 56 at least.
func (r *Reader) refill() {
	r.bits |= binary.LittleEndian.Uint64(r.in[r.pos:]) << (r.nbits & 63)
	r.pos += int(63-r.nbits) >> 3
	r.nbits |= 56
}

// take returns the next n bits, 16 at most. Behind the end they are zeros, which Next tells of.
func (r *Reader) take(n uint) int {
	if r.nbits < n {
		if r.pos > r.end {
			return 0
		}
		r.refill()
	}
	v := r.bits & (1<<n - 1)
	r.bits >>= n
	r.nbits -= n
	return int(v)
}

// cutShort is why the source has no more.
func (r *Reader) cutShort() error {
	if r.sourceErr == nil || errors.Is(r.sourceErr, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return r.sourceErr
}

// giveBack puts whole bytes that were taken ahead back into in. At the source's end some of them are padding.
func (r *Reader) giveBack() {
	r.pos -= int(r.nbits / 8)
	r.nbits %= 8
	r.bits &= 1<<r.nbits - 1
}

// align goes on with the next whole byte.
func (r *Reader) align() {
	r.giveBack()
	r.bits, r.nbits = 0, 0
}

func (r *Reader) zlibHeader() error {
	r.fill(headerMost)
	method, flags := r.take(8), r.take(8)
	switch {
	case method&15 != 8 || method>>4 > 7 || (method<<8|flags)%31 != 0:
		return fmt.Errorf("%w: it has no header", ErrCorrupt)
	case flags&0x20 != 0:
		return fmt.Errorf("%w: it wants a dictionary", ErrCorrupt)
	}
	r.state = atBlock
	return nil
}

// finish compares the checksum that ends the stream.
func (r *Reader) finish() error {
	r.align()
	r.fill(4)
	r.pos += 4
	if binary.BigEndian.Uint32(r.in[r.pos-4:]) != r.sum {
		return fmt.Errorf("%w: wrong checksum", ErrCorrupt)
	}
	return io.EOF
}

func (r *Reader) endBlock() {
	r.state = atBlock
	if r.last {
		r.state = atEnd
	}
}

func (r *Reader) blockHeader() error {
	r.fill(headerMost)
	r.last = r.take(1) == 1
	switch r.take(2) {
	case 0:
		r.align()
		size, complement := r.take(16), r.take(16)
		r.align()
		if size^complement != 0xffff {
			return fmt.Errorf("%w: a stored block of no length", ErrCorrupt)
		}
		r.rest, r.state = size, inStored
	case 1:
		r.literals, r.distances = fixedTables()
		r.state = inHuffman
	case 2:
		if err := r.readTables(); err != nil {
			return err
		}
		r.state = inHuffman
	default:
		return fmt.Errorf("%w: a block of no kind", ErrCorrupt)
	}
	return nil
}

// stored copies from in to out.
func (r *Reader) stored() error {
	if r.rest > 0 {
		r.fill(1)
		n := min(r.rest, r.end-r.pos, len(r.out)-slack-r.made)
		copy(r.out[r.made:], r.in[r.pos:r.pos+n])
		r.made += n
		r.pos += n
		if r.rest -= n; n == 0 {
			return r.cutShort()
		}
	}
	if r.rest == 0 {
		r.endBlock()
	}
	return nil
}
