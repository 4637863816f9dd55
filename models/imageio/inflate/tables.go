package inflate

import (
	"fmt"
	"sync"
)

// fixedTables are those of RFC 1951, 3.2.6.
var fixedTables = sync.OnceValues(func() (*literalTable, *distanceTable) {
	var lengths [maxLiterals + 2]uint8
	for symbol := range lengths {
		switch {
		case symbol < 144:
			lengths[symbol] = 8
		case symbol < 256:
			lengths[symbol] = 9
		case symbol < 280:
			lengths[symbol] = 7
		default:
			lengths[symbol] = 8
		}
	}
	literals, distances := new(literalTable), new(distanceTable)
	build(literals[:], literalBits, lengths[:], literalEntries[:])
	joinLiterals(literals)
	for symbol := range lengths[:maxDistance+2] {
		lengths[symbol] = 5
	}
	build(distances[:], distanceBits, lengths[:maxDistance+2], distanceEntries[:])
	return literals, distances
})

// The code of the lengths of codes: 0 to 15 are lengths, the others repeat (RFC 1951, 3.2.7).
const (
	lengthSymbols = 19
	lengthBits    = 7

	repeatLast   = 16 // 3 to 6 times
	repeatZero   = 17 // 3 to 10 times
	repeatZeroes = 18 // 11 to 138 times
)

var lengthOrder = [lengthSymbols]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// readTables reads the codes that a block begins with.
func (r *Reader) readTables() error {
	literals, distances, given := r.take(5)+257, r.take(5)+1, r.take(4)+4
	if literals > maxLiterals || distances > maxDistance {
		return fmt.Errorf("%w: too many codes", ErrCorrupt)
	}
	var first [lengthSymbols]uint8
	for _, symbol := range lengthOrder[:given] {
		first[symbol] = uint8(r.take(3))
	}
	var table [1 << lengthBits]entry
	// The bytes of the literals' entries are what these symbols stand for, too.
	if !build(table[:], lengthBits, first[:], literalEntries[:lengthSymbols]) {
		return fmt.Errorf("%w: a wrong code of lengths", ErrCorrupt)
	}
	var all [maxLiterals + maxDistance]uint8
	lengths := all[:literals+distances]
	if err := r.readLengths(&table, lengths); err != nil {
		return err
	}
	r.literals, r.distances = &r.own.literals, &r.own.distances
	if !build(r.literals[:], literalBits, lengths[:literals], literalEntries[:]) ||
		!build(r.distances[:], distanceBits, lengths[literals:], distanceEntries[:]) {
		return fmt.Errorf("%w: a wrong code", ErrCorrupt)
	}
	joinLiterals(r.literals)
	return nil
}

func (r *Reader) readLengths(table *[1 << lengthBits]entry, lengths []uint8) error {
	for i := 0; i < len(lengths); {
		if r.nbits < lengthBits && r.pos <= r.end {
			r.refill()
		}
		e := table[r.bits&(1<<lengthBits-1)]
		if e == 0 {
			return fmt.Errorf("%w: a length of no code", ErrCorrupt)
		}
		r.take(uint(e & takes))
		symbol := uint8(e >> valueShift)
		value, times := symbol, 1
		switch symbol {
		case repeatLast:
			if i == 0 {
				return fmt.Errorf("%w: nothing to repeat", ErrCorrupt)
			}
			value, times = lengths[i-1], 3+r.take(2)
		case repeatZero:
			value, times = 0, 3+r.take(3)
		case repeatZeroes:
			value, times = 0, 11+r.take(7)
		}
		if times > len(lengths)-i {
			return fmt.Errorf("%w: too many lengths", ErrCorrupt)
		}
		for range times {
			lengths[i] = value
			i++
		}
	}
	return nil
}
