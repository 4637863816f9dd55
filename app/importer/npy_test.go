package importer

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
)

func TestReadNPY(t *testing.T) {
	bits := math.Float64bits(-2.5)
	cases := []struct {
		descr string
		data  []byte
		want  float32
	}{
		{"<f4", binary.LittleEndian.AppendUint32(nil, math.Float32bits(1.5)), 1.5},
		{"<f8", binary.LittleEndian.AppendUint64(nil, bits), -2.5},
		{"|u1", []byte{200}, 200},
		{"|i1", []byte{200}, -56},
		{"|b1", []byte{1}, 1},
		{"<u2", []byte{1, 2}, 513},
		{"<i2", []byte{0xff, 0xff}, -1},
		{"<u4", []byte{0, 0, 1, 0}, 65536},
		{"<i4", []byte{0xfe, 0xff, 0xff, 0xff}, -2},
		{"<u8", []byte{0, 1, 0, 0, 0, 0, 0, 0}, 256},
		{"<i8", []byte{0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, -3},
	}
	for _, c := range cases {
		a, err := readNPY(npyOf(c.descr, []int64{1}, c.data))
		if err != nil || !slices.Equal(a.shape, []int64{1}) || a.values[0] != c.want {
			t.Errorf("%s: %v, %v", c.descr, err, a)
		}
	}
}

func TestReadNPYOfFortran(t *testing.T) {
	// Of [[1,2,3],[4,5,6]].
	file := npyOf("|u1", []int64{2, 3}, []byte{1, 4, 2, 5, 3, 6})
	file = []byte(strings.Replace(string(file), "'fortran_order': False", "'fortran_order': True ", 1))
	a, err := readNPY(file)
	if err != nil || !slices.Equal(a.values, []float32{1, 2, 3, 4, 5, 6}) {
		t.Errorf("%v, %v", err, a.values)
	}
}

func TestReadNPYRefuses(t *testing.T) {
	whole := npy([]int64{1, 2}, []float32{1, 2})
	for name, file := range map[string][]byte{
		"nothing":             nil,
		"text":                []byte("this is no array at all"),
		"half a header":       whole[:40],
		"half a value":        whole[:len(whole)-2],
		"a value too many":    append(slices.Clone(whole), 0, 0, 0, 0),
		"another version":     append([]byte("\x93NUMPY\x09"), whole[7:]...),
		"other bytes first":   npyOf(">f4", []int64{1}, make([]byte, 4)),
		"words":               npyOf("<U4", []int64{1}, make([]byte, 16)),
		"half precision":      npyOf("<f2", []int64{1}, make([]byte, 2)),
		"objects":             npyOf("|O", []int64{1}, make([]byte, 8)),
		"many bytes in one":   npyOf("|f4", []int64{1}, make([]byte, 4)),
		"a side of nothing":   npyOf("|u1", []int64{0, 5}, nil),
		"more than there is":  npyOf("|u1", []int64{1 << 20, 1 << 20, 1 << 20}, nil),
		"a number of no size": npyOf("|u1", []int64{1 << 62}, nil),
	} {
		if a, err := readNPY(file); !errors.Is(err, errNPY) {
			t.Errorf("%s: %v, %v", name, err, a.shape)
		}
	}
}

// FuzzReadNPY wants an array as large as its shape, or a refusal, of any bytes.
func FuzzReadNPY(f *testing.F) {
	f.Add(npy([]int64{1, 2}, []float32{1, 2}))
	f.Add(npyOf("|u1", []int64{2, 3}, []byte{1, 4, 2, 5, 3, 6}))
	f.Add([]byte("\x93NUMPY\x02\x00\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, file []byte) {
		a, err := readNPY(file)
		if err != nil {
			return
		}
		total := int64(1)
		for _, d := range a.shape {
			total *= d
		}
		if int64(len(a.values)) != total {
			t.Errorf("%d values of shape %v", len(a.values), a.shape)
		}
	})
}
