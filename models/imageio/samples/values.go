package samples

import "encoding/binary"

// Values appends the samples that src holds to dst.
func (t Type) Values(dst []float64, src []byte) []float64 {
	switch t {
	case Uint8:
		for _, v := range src {
			dst = append(dst, float64(v))
		}
	case Uint16:
		for ; len(src) >= 2; src = src[2:] {
			dst = append(dst, float64(binary.LittleEndian.Uint16(src)))
		}
	default:
		for size := t.Size(); len(src) >= size; src = src[size:] {
			dst = append(dst, t.Value(src))
		}
	}
	return dst
}
