package inflate

import "encoding/binary"

// adlerBase is the largest prime below 1<<16.
const adlerBase = 65521

// sumOf adds data to a checksum of RFC 1950, which begins with 1.
//
// Its second half is the sum of the first half after each byte: byte i of n counts n-i times. Eight bytes at a time, the even and
// the odd ones in lanes of 16 bits: sums adds them up, and sums of sums what each adds to the second half for all words behind
// its own.
func sumOf(sum uint32, data []byte) uint32 {
	const (
		lanes  = 0x00ff00ff00ff00ff
		words  = 22 // as many as a lane of sums of sums holds: 255*22*21/2 < 1<<16
		chunk  = 8 * words
		lowest = 1<<16 - 1
	)
	a, b := uint64(sum&lowest), uint64(sum>>16)
	for len(data) >= chunk {
		var even, odd, evens, odds uint64
		block := data[:chunk]
		data = data[chunk:]
		b += chunk * a
		for ; len(block) >= 8; block = block[8:] {
			word := binary.LittleEndian.Uint64(block)
			evens += even
			odds += odd
			even += word & lanes
			odd += word >> 8 & lanes
		}
		// Byte k of a word counts 8-k times within it, and 8 times more for each word behind.
		b += 8 * (across(evens) + across(odds))
		for k := range uint64(4) {
			e, o := even>>(16*k)&lowest, odd>>(16*k)&lowest
			a += e + o
			b += (8-2*k)*e + (7-2*k)*o
		}
		a %= adlerBase
		b %= adlerBase
	}
	for _, v := range data {
		a += uint64(v)
		b += a
	}
	return uint32(b%adlerBase)<<16 | uint32(a%adlerBase)
}

// across adds up the lanes of 16 bits.
func across(lanes uint64) uint64 {
	const pair = 0x0000ffff0000ffff
	lanes = lanes&pair + lanes>>16&pair
	return lanes&(1<<32-1) + lanes>>32
}
