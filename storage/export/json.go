package export

import (
	"encoding/json"
	"math"
	"strconv"

	"seghub/models/mask"
)

// The pieces of JSON that there are many of are appended, not encoded: a picture may have tens of thousands of objects with hundreds of
// points each.

// appendString appends a JSON string.
func appendString(b []byte, s string) []byte {
	quoted, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string cannot fail
	}
	return append(b, quoted...)
}

// appendNumber appends a number, or null for one that JSON does not know.
func appendNumber(b []byte, v float64) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return append(b, "null"...)
	}
	return strconv.AppendFloat(b, v, 'g', -1, 64)
}

// appendRing appends a closed ring, [[x,y],...], with its first point at the end as well.
func appendRing(b []byte, ring []mask.Point) []byte {
	b = append(b, '[')
	for _, p := range ring {
		b = append(appendPoint(b, p), ',')
	}
	return append(appendPoint(b, ring[0]), ']')
}

func appendPoint(b []byte, p mask.Point) []byte {
	b = strconv.AppendInt(append(b, '['), int64(p[0]), 10)
	b = strconv.AppendInt(append(b, ','), int64(p[1]), 10)
	return append(b, ']')
}
