package importer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// array is a NumPy array in C order.
type array struct {
	shape  []int64
	values []float32
}

// maxValues is 1 GiB of float32.
const maxValues = 1 << 28

var (
	errNPY      = errors.New("is no .npy file that can be read")
	npyType     = regexp.MustCompile(`'descr': *'([<|=])([fiub])([1248])'`)
	npyFortran  = regexp.MustCompile(`'fortran_order': *(True|False)`)
	npyShape    = regexp.MustCompile(`'shape': *\(([0-9, ]*)\)`)
	npyElements = map[string]func([]byte) float64{
		"f4": func(b []byte) float64 { return float64(math.Float32frombits(binary.LittleEndian.Uint32(b))) },
		"f8": func(b []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b)) },
		"u1": func(b []byte) float64 { return float64(b[0]) },
		"b1": func(b []byte) float64 { return float64(b[0]) },
		"i1": func(b []byte) float64 { return float64(int8(b[0])) },
		"u2": func(b []byte) float64 { return float64(binary.LittleEndian.Uint16(b)) },
		"i2": func(b []byte) float64 { return float64(int16(binary.LittleEndian.Uint16(b))) },
		"u4": func(b []byte) float64 { return float64(binary.LittleEndian.Uint32(b)) },
		"i4": func(b []byte) float64 { return float64(int32(binary.LittleEndian.Uint32(b))) },
		"u8": func(b []byte) float64 { return float64(binary.LittleEndian.Uint64(b)) },
		"i8": func(b []byte) float64 { return float64(int64(binary.LittleEndian.Uint64(b))) },
	}
)

// readNPY reads an array of little-endian numbers or booleans, as numpy.save writes it
// (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html).
func readNPY(file []byte) (array, error) {
	header, data, err := splitNPY(file)
	if err != nil {
		return array{}, err
	}
	kind, fortran, dims := npyType.FindStringSubmatch(header), npyFortran.FindStringSubmatch(header), npyShape.FindStringSubmatch(header)
	if kind == nil || fortran == nil || dims == nil {
		return array{}, fmt.Errorf("%w: its header is %.200q", errNPY, header)
	}
	element := npyElements[kind[2]+kind[3]]
	width, _ := strconv.Atoi(kind[3]) // a digit
	if element == nil || kind[1] == "|" && width > 1 {
		return array{}, fmt.Errorf("%w: its elements are of type %s", errNPY, kind[2]+kind[3])
	}
	a := array{}
	total := int64(1)
	for _, text := range strings.FieldsFunc(dims[1], func(r rune) bool { return r == ',' || r == ' ' }) {
		d, err := strconv.ParseInt(text, 10, 32)
		if err != nil || d < 1 || d > maxValues/total {
			return array{}, fmt.Errorf("%w: its shape is (%s)", errNPY, dims[1])
		}
		a.shape = append(a.shape, d)
		total *= d
	}
	if int64(len(data)) != total*int64(width) {
		return array{}, fmt.Errorf("%w: it has %d bytes instead of %d", errNPY, len(data), total*int64(width))
	}
	a.values = make([]float32, total)
	for i := range a.values {
		a.values[i] = float32(element(data[i*width:]))
	}
	if fortran[1] == "True" {
		a.values = fromFortran(a.values, a.shape)
	}
	return a, nil
}

// splitNPY parts the header's text from the array's bytes.
func splitNPY(file []byte) (header string, data []byte, err error) {
	const magic = "\x93NUMPY"
	if len(file) < 12 || !bytes.HasPrefix(file, []byte(magic)) {
		return "", nil, errNPY
	}
	length, begin := uint64(binary.LittleEndian.Uint16(file[8:])), uint64(10)
	switch file[6] {
	case 1:
	case 2, 3:
		length, begin = uint64(binary.LittleEndian.Uint32(file[8:])), 12
	default:
		return "", nil, fmt.Errorf("%w: its version is %d", errNPY, file[6])
	}
	if begin+length > uint64(len(file)) {
		return "", nil, fmt.Errorf("%w: it ends in its header", errNPY)
	}
	return string(file[begin : begin+length]), file[begin+length:], nil
}

// fromFortran orders values, whose first index runs fastest, so that the last one does.
func fromFortran(values []float32, shape []int64) []float32 {
	ordered := make([]float32, 0, len(values))
	index := make([]int64, len(shape))
	for range values {
		at, stride := int64(0), int64(1)
		for axis, i := range index {
			at += i * stride
			stride *= shape[axis]
		}
		ordered = append(ordered, values[at])
		for axis := len(index) - 1; axis >= 0; axis-- {
			if index[axis]++; index[axis] < shape[axis] {
				break
			}
			index[axis] = 0
		}
	}
	return ordered
}
