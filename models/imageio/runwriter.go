package imageio

import (
	"encoding/binary"
	"math/bits"
	"sync"
)

// runWriter compresses runs of the bytes 0, 1, 2 and 255 into one zlib stream of one block.
type runWriter struct {
	out  []byte
	bits uint64 // not in out yet, the first lowest
	n    uint   // how many they are
	a, b uint64 // the two halves of the checksum (RFC 1950)

	tables *runTables
}

const (
	longestRun = 258 // of one length
	shortest   = 3
	endOfBlock = 256
)

// runCode has the bits of each symbol (RFC 1951, 3.2.5), by which the commonest comes first: most of a mask is a run of zeros that goes on.
// The only distance is 1, and takes one bit. The lengths are those of a complete code.
var runCode = func() (lengths [286]uint8) {
	lengths[285] = 2 // a run of 258
	lengths[0] = 3
	lengths[1], lengths[255], lengths[filterUp] = 4, 4, 4
	for symbol := endOfBlock; symbol < 285; symbol++ {
		switch {
		case 257 <= symbol && symbol < 265:
			lengths[symbol] = 5 // runs of 3 to 10
		case 265 <= symbol && symbol < 268:
			lengths[symbol] = 6 // to 16
		default:
			lengths[symbol] = 7 // longer ones, and the end
		}
	}
	return lengths
}()

// code is bits to be written, the first lowest.
type code struct {
	bits uint64
	n    uint
}

// runTables are the codes of the bytes, of a run of each length with its distance, and of the end; and what a stream begins with.
type runTables struct {
	literals [256]code
	runs     [longestRun + 1]code
	end      code
	begin    runWriter
}

var theRunTables = sync.OnceValue(func() *runTables {
	codes := canonical(runCode[:])
	var t runTables
	copy(t.literals[:], codes)
	t.end = codes[endOfBlock]
	length := shortest
	for symbol := 257; symbol < 285; symbol++ {
		extra := uint(max(0, (symbol-261)/4))
		for more := range uint64(1) << extra {
			c := codes[symbol]
			if length < longestRun {
				t.runs[length] = code{c.bits | more<<c.n, c.n + extra + 1}
			}
			length++
		}
	}
	t.runs[longestRun] = code{codes[285].bits, codes[285].n + 1}
	t.begin = runWriter{out: []byte{0x78, 0x01}, a: 1}
	t.begin.writeCode()
	return &t
})

// canonical gives each symbol its code (RFC 1951, 3.2.2).
func canonical(lengths []uint8) []code {
	codes := make([]code, len(lengths))
	next := uint16(0) // from the highest bit on
	for n := uint8(1); n <= 15; n++ {
		for symbol, length := range lengths {
			if length == n {
				codes[symbol] = code{uint64(bits.Reverse16(next)), uint(n)}
				next += 1 << (16 - n)
			}
		}
	}
	return codes
}

// writeCode begins the block with runCode (RFC 1951, 3.2.7).
func (w *runWriter) writeCode() {
	const zeros = 18 // 11 to 138 lengths that are 0
	order := []uint8{16, 17, zeros, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}
	var lengths [19]uint8
	for _, symbol := range []uint8{1, 2, 3, 4, 5, 6, 7, zeros} {
		lengths[symbol] = 3
	}
	w.put(code{1 | 2<<1, 3}) // the last block, with a code of its own
	w.put(code{uint64(len(runCode) - 257), 5})
	w.put(code{0, 5}) // one distance
	w.put(code{uint64(len(order) - 4), 4})
	for _, symbol := range order {
		w.put(code{uint64(lengths[symbol]), 3})
	}
	codes := canonical(lengths[:])
	all := append(runCode[:], 1) // the distance's
	for len(all) > 0 {
		n := 0
		for n < len(all) && n < 138 && all[n] == 0 {
			n++
		}
		if n > 0 {
			w.put(codes[zeros])
			w.put(code{uint64(n - 11), 7})
		} else {
			n = 1
			w.put(codes[all[0]])
		}
		all = all[n:]
	}
}

func newRunWriter() *runWriter {
	tables := theRunTables()
	w := tables.begin
	w.tables = tables
	w.out = append(make([]byte, 0, 8<<10), w.out...)
	return &w
}

// run adds n times the same byte.
func (w *runWriter) run(value uint8, n int) {
	t := w.tables
	w.count(value, n)
	for literals := 1; n > 0; literals = n {
		for ; literals > 0; literals-- {
			w.put(t.literals[value])
			n--
		}
		for n >= shortest {
			length := min(n, longestRun)
			w.put(t.runs[length])
			n -= length
		}
	}
}

// count adds n times a byte to the checksum: to its first half that often, to its second the first half after each.
func (w *runWriter) count(value uint8, n int) {
	const (
		base = 65521
		most = 1 << 24 // so that nothing overflows
	)
	for v := uint64(value); n > 0; n -= most {
		k := uint64(min(n, most))
		w.b = (w.b + k*w.a + v*(k*(k+1)/2)) % base
		w.a = (w.a + k*v) % base
	}
}

// end completes the stream.
func (w *runWriter) end() []byte {
	w.put(w.tables.end)
	w.put(code{0, 7}) // up to a whole byte
	w.n &^= 7
	for ; w.n > 0; w.n -= 8 {
		w.out = append(w.out, byte(w.bits))
		w.bits >>= 8
	}
	return binary.BigEndian.AppendUint32(w.out, uint32(w.b<<16|w.a))
}

// put writes 32 bits at most.
func (w *runWriter) put(c code) {
	w.bits |= c.bits << w.n
	if w.n += c.n; w.n >= 32 {
		w.out = binary.LittleEndian.AppendUint32(w.out, uint32(w.bits))
		w.bits >>= 32
		w.n -= 32
	}
}
