// Package samples knows how the samples of a picture lie in memory.
package samples

import (
	"encoding/binary"
	"math"
)

// Type of a sample. Those of two bytes and more are little-endian.
type Type uint8

// The types. Samples of fewer bits lie in the next larger type: those of up to 7 bits are widened to all of 0..255, others keep
// their value. 16-bit floats become 32-bit ones, and 64-bit integers floats.
const (
	Uint8 Type = iota
	Int8
	Uint16
	Int16
	Uint32
	Int32
	Float32
	Float64
)

// Size of a sample in bytes.
func (t Type) Size() int { return [...]int{1, 1, 2, 2, 4, 4, 4, 8}[t] }

func (t Type) String() string {
	return [...]string{"uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"}[t]
}

// Value of the sample that src begins with.
func (t Type) Value(src []byte) float64 {
	switch t {
	case Uint8:
		return float64(src[0])
	case Int8:
		return float64(int8(src[0]))
	case Uint16:
		return float64(binary.LittleEndian.Uint16(src))
	case Int16:
		return float64(int16(binary.LittleEndian.Uint16(src)))
	case Uint32:
		return float64(binary.LittleEndian.Uint32(src))
	case Int32:
		return float64(int32(binary.LittleEndian.Uint32(src)))
	case Float32:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(src)))
	default:
		return math.Float64frombits(binary.LittleEndian.Uint64(src))
	}
}
