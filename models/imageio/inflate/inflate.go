package inflate

import (
	"encoding/binary"
	"fmt"
)

var errNoCode = fmt.Errorf("%w: bits of no code, or a copy of what is before the beginning", ErrCorrupt)

// inflate decompresses a block with codes until it ends or out is full. All that it works with is in local variables: most of a
// picture's time is spent here.
func (r *Reader) inflate() error {
	r.fill(2 * inTurn)
	in, out := r.in, r.out
	pos, bits, nbits, made := r.pos, r.bits, r.nbits, r.made
	literals, distances := r.literals, r.distances
	full := len(out) - slack
	stop := r.end - inTurn // there has to be more in in
	if r.sourceErr != nil {
		stop = r.end
	}
	for made < full && pos <= stop {
		bits |= binary.LittleEndian.Uint64(in[pos:]) << (nbits & 63)
		pos += int(63-nbits) >> 3
		nbits |= 56

		// 56 bits are enough for four looks at literals.
		e := literals[bits&(1<<literalBits-1)]
		if e >= isLiteral {
			binary.LittleEndian.PutUint16(out[made:], uint16(e>>valueShift))
			made += int(e >> countShift & small)
			bits >>= e & takes
			nbits -= uint(e & takes)
			e = literals[bits&(1<<literalBits-1)]
			if e >= isLiteral {
				binary.LittleEndian.PutUint16(out[made:], uint16(e>>valueShift))
				made += int(e >> countShift & small)
				bits >>= e & takes
				nbits -= uint(e & takes)
				e = literals[bits&(1<<literalBits-1)]
				if e >= isLiteral {
					binary.LittleEndian.PutUint16(out[made:], uint16(e>>valueShift))
					made += int(e >> countShift & small)
					bits >>= e & takes
					nbits -= uint(e & takes)
					e = literals[bits&(1<<literalBits-1)]
					if e >= isLiteral {
						binary.LittleEndian.PutUint16(out[made:], uint16(e>>valueShift))
						made += int(e >> countShift & small)
						bits >>= e & takes
						nbits -= uint(e & takes)
						continue
					}
				}
			}
			// A length and a distance take 48 bits at most.
			bits |= binary.LittleEndian.Uint64(in[pos:]) << (nbits & 63)
			pos += int(63-nbits) >> 3
			nbits |= 56
		}
		if e&isLink != 0 {
			bits >>= literalBits
			nbits -= literalBits
			e = literals[uint64(e>>valueShift&0xffff)+bits&(1<<(e>>subShift&small)-1)]
			if e >= isLiteral {
				out[made] = uint8(e >> valueShift)
				made++
				bits >>= e & takes
				nbits -= uint(e & takes)
				continue
			}
		}
		bits >>= e & takes
		nbits -= uint(e & takes)
		if e&isLength == 0 {
			r.pos, r.bits, r.nbits, r.made = pos, bits, nbits, made
			if e == 0 {
				return errNoCode
			}
			r.endBlock()
			return nil
		}
		extra := e >> extraShift & small
		length := int(e>>valueShift&0xffff) + int(bits&(1<<extra-1))
		bits >>= extra
		nbits -= uint(extra)

		e = distances[bits&(1<<distanceBits-1)]
		if e&isLink != 0 {
			bits >>= distanceBits
			nbits -= distanceBits
			e = distances[uint64(e>>valueShift&0xffff)+bits&(1<<(e>>subShift&small)-1)]
		}
		bits >>= e & takes
		nbits -= uint(e & takes)
		extra = e >> extraShift & small
		distance := int(e>>valueShift&0xffff) + int(bits&(1<<extra-1))
		bits >>= extra
		nbits -= uint(extra)
		if e == 0 || distance > made {
			r.pos, r.bits, r.nbits = pos, bits, nbits
			return errNoCode
		}
		if distance >= 8 && length <= 16 { // nearly all, where there is noise
			from, to := out[made-distance:], out[made:]
			binary.LittleEndian.PutUint64(to, binary.LittleEndian.Uint64(from))
			binary.LittleEndian.PutUint64(to[8:], binary.LittleEndian.Uint64(from[8:]))
		} else {
			repeat(out, made, distance, length)
		}
		made += length
	}
	r.pos, r.bits, r.nbits, r.made = pos, bits, nbits, made
	return nil
}

// repeat copies length bytes that lie distance before at to there. It may write seven bytes more.
func repeat(out []byte, at, distance, length int) {
	from := out[at-distance:]
	to := out[at:]
	switch {
	case distance >= 8 && length <= 64:
		for i := 0; i < length; i += 8 {
			binary.LittleEndian.PutUint64(to[i:], binary.LittleEndian.Uint64(from[i:]))
		}
	case distance == 1:
		word := uint64(from[0]) * 0x0101010101010101
		for i := 0; i < length; i += 8 {
			binary.LittleEndian.PutUint64(to[i:], word)
		}
	case distance >= length:
		copy(to[:length], from)
	default:
		for i := range length {
			to[i] = from[i]
		}
	}
}
