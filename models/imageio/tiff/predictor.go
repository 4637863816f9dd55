package tiff

import (
	"encoding/binary"

	"seghub/models/imageio/refusal"
)

func (l *Layout) judgePredictor() error {
	if !l.hasPredictor() {
		l.predictor = 1 // left over from what the file was before
		return nil
	}
	l.predictor = l.directory.Uint(Predictor, 1)
	whole := l.Bits == 8 || l.Bits == 16 || l.Bits == 32 || l.Bits == 64
	switch {
	case l.predictor == 0:
		l.predictor = 1
	case l.predictor > 3:
		return refusal.Unsupported("This TIFF is compressed with the unknown predictor %d: save it without compression.", l.predictor)
	case l.predictor == 2 && !whole, l.predictor == 3 && l.format != floating:
		return refusal.Unsupported("This TIFF is compressed with predictor %d on values of %d bits: save it without compression.", l.predictor, l.Bits)
	}
	return nil
}

// unpredict undoes, in place, what a predictor did to a row of samples of so many bytes, of which stride follow each other until
// one of the same kind. Of predictor 3 the result is little-endian, whatever order is.
func unpredict(row []byte, predictor uint64, stride, size int, order binary.ByteOrder) {
	switch {
	case predictor == 3:
		unpredictFloats(row, stride, size)
	case predictor != 2:
	case size == 1:
		for i := stride; i < len(row); i++ {
			row[i] += row[i-stride]
		}
	case size == 2 && order == binary.LittleEndian && stride == 1:
		v := uint16(0)
		for ; len(row) >= 2; row = row[2:] {
			v += binary.LittleEndian.Uint16(row)
			binary.LittleEndian.PutUint16(row, v)
		}
	case size == 2:
		for i := 2 * stride; i+2 <= len(row); i += 2 {
			order.PutUint16(row[i:], order.Uint16(row[i:])+order.Uint16(row[i-2*stride:]))
		}
	case size == 4:
		for i := 4 * stride; i+4 <= len(row); i += 4 {
			order.PutUint32(row[i:], order.Uint32(row[i:])+order.Uint32(row[i-4*stride:]))
		}
	case size == 8:
		for i := 8 * stride; i+8 <= len(row); i += 8 {
			order.PutUint64(row[i:], order.Uint64(row[i:])+order.Uint64(row[i-8*stride:]))
		}
	}
}

// unpredictFloats undoes Technical Note 3 of Adobe Photoshop's TIFF (2005): the bytes of all samples, the highest of each first, as
// differences.
func unpredictFloats(row []byte, stride, size int) {
	for i := stride; i < len(row); i++ {
		row[i] += row[i-stride]
	}
	planes := append([]byte(nil), row...)
	count := len(row) / size
	for b := range size {
		plane := planes[(size-1-b)*count:]
		for i := range count {
			row[i*size+b] = plane[i]
		}
	}
}
