package inflate

import "math/bits"

const (
	maxCode     = 15 // bits of the longest code
	maxLiterals = 286
	maxDistance = 30
	endOfBlock  = 256

	literalBits  = 11 // of a code that one look into the table decodes
	distanceBits = 9
)

// An entry tells what the next bits stand for. Its lowest bits say how many of them that takes:
//
//	literals   one or two bytes, and how many
//	length     base and extra bits, of a length or a distance
//	link       where the table for the bits behind these begins, and how many bits it goes by
//	end        of the block
//	0          no code
type entry = uint32

const (
	takes      = 1<<6 - 1 // bits 0 to 5
	valueShift = 8        // literals, base and link
	countShift = 24       // of literals
	extraShift = 24       // of length
	subShift   = 24       // of link
	small      = 15       // the range of these three

	isLiteral entry = 1 << 31
	isLength  entry = 1 << 30
	isLink    entry = 1 << 29
	isEnd     entry = 1 << 28
)

// The tables have room for the longest codes of as many beginnings as there are pairs of symbols.
type (
	literalTable  [1<<literalBits + maxLiterals/2<<(maxCode-literalBits)]entry
	distanceTable [1<<distanceBits + 32/2<<(maxCode-distanceBits)]entry
)

var (
	literalEntries  = makeLiteralEntries()
	distanceEntries = makeDistanceEntries()
)

// makeLiteralEntries makes what each symbol stands for, without the bits of its code (RFC 1951, 3.2.5).
func makeLiteralEntries() (entries [maxLiterals + 2]entry) {
	for v := range endOfBlock {
		entries[v] = isLiteral | 1<<countShift | entry(v)<<valueShift
	}
	entries[endOfBlock] = isEnd
	base := 3
	for symbol := endOfBlock + 1; symbol < maxLiterals-1; symbol++ {
		extra := max(0, (symbol-261)/4)
		entries[symbol] = isLength | entry(extra)<<extraShift | entry(base)<<valueShift
		base += 1 << extra
	}
	entries[maxLiterals-1] = isLength | 258<<valueShift
	return entries // the last two mean nothing
}

func makeDistanceEntries() (entries [maxDistance + 2]entry) {
	base := 1
	for symbol := range maxDistance {
		extra := max(0, symbol/2-1)
		entries[symbol] = isLength | entry(extra)<<extraShift | entry(base)<<valueShift
		base += 1 << extra
	}
	return entries
}

// build makes the canonical code of these lengths, 0 for symbols without one, in a table whose first look goes by so many bits. It
// returns false when the lengths make no code: a complete one, one code of one bit, or none at all.
func build(table []entry, first uint, lengths []uint8, entries []entry) bool {
	var count, place [maxCode + 2]int
	for _, n := range lengths {
		count[n]++
	}
	count[0] = 0
	longest, codes := uint(0), 0 // how many codes of the longest are used up
	for n := uint(1); n <= maxCode; n++ {
		place[n+1] = place[n] + count[n]
		if count[n] > 0 {
			codes = codes<<(n-longest) + count[n]
			longest = n
		}
	}
	if longest > 0 && codes != 1<<longest {
		if codes != 1 || longest != 1 {
			return false
		}
	}
	if codes != 1<<longest || longest == 0 {
		clear(table[:1<<first]) // of a complete code every entry is set
	}
	var sorted [maxLiterals + 2]uint16 // the symbols by length
	for symbol, n := range lengths {
		if n > 0 {
			sorted[place[n]] = uint16(symbol)
			place[n]++
		}
	}

	sub := max(longest, first) - first
	code, free, prefix := uint16(0), 1<<first, -1
	for _, symbol := range sorted[:place[longest]] {
		n := uint(lengths[symbol])
		// The code is sent from its highest bit on, and taken from the lowest on.
		reversed := int(bits.Reverse16(code))
		code += 1 << (16 - n)
		e := entries[symbol]
		if n <= first {
			if e != 0 {
				e |= entry(n)
			}
			for i := reversed; i < 1<<first; i += 1 << n {
				table[i] = e
			}
		} else {
			if e != 0 {
				e |= entry(n - first)
			}
			if reversed&(1<<first-1) != prefix {
				prefix = reversed & (1<<first - 1)
				table[prefix] = isLink | entry(sub)<<subShift | entry(free)<<valueShift | entry(first)
				free += 1 << sub
			}
			within := table[free-1<<sub : free]
			for i := reversed >> first; i < len(within); i += 1 << (n - first) {
				within[i] = e
			}
		}
	}
	return true
}

// joinLiterals makes one entry of two literals where their codes are short enough for one look.
func joinLiterals(table *literalTable) {
	// From the top down: what a code is followed by has a lower index, and is not joined yet.
	for i := 1<<literalBits - 1; i >= 0; i-- {
		a := table[i]
		if a < isLiteral {
			continue
		}
		b := table[i>>(a&takes)]
		if n := a&takes + b&takes; b >= isLiteral && n <= literalBits {
			const value = 0xff << valueShift
			table[i] = isLiteral | 2<<countShift | b&value<<8 | a&value | n
		}
	}
}
