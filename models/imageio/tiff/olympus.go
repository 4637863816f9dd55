package tiff

import (
	"bytes"
	"encoding/binary"
	"math"
)

// Axis is one along which the pixels and pages of a file lie.
type Axis struct {
	Name   string
	Length int
	Step   float64 // in Unit, from one to the next
	Unit   string
}

// FluoViewAxes are those that Olympus' FluoView and Andor's iQ tell in the tag MMHeader: x, y, and those of the pages, that which changes with
// each page first. Nobody has published the format; it is as tifffile and Bio-Formats know it.
func (d *Directory) FluoViewAxes() []Axis {
	const begin, most, size = 284, 10, 100 // in bytes, of the axes
	const name, length, step, unit = 0, 16, 28, 36
	header, err := d.Bytes(FluoView, begin+most*size)
	if err != nil || len(header) < begin+most*size {
		return nil
	}
	var axes []Axis
	for a := header[begin:]; len(a) >= size; a = a[size:] {
		if n := d.file.order.Uint32(a[length:]); n > 0 && n <= math.MaxInt32 {
			axes = append(axes, Axis{
				Name: fixed(a[name:length]), Length: int(n), Step: math.Float64frombits(d.file.order.Uint64(a[step:])), Unit: fixed(a[unit:size]),
			})
		}
	}
	return axes
}

// fixed is a text in a field of a fixed size.
func fixed(field []byte) string {
	text, _, _ := bytes.Cut(field, []byte{0})
	return decoded(bytes.TrimSpace(text))
}

// SISCalibration is how wide and how high a pixel is in metres, as Olympus' analySIS and its successors tell it, whose resolution is of a screen; 0
// where the tag does not say. Like FluoViewAxes, it is as others know it: a list of pieces, of which the first kind has a power of ten and
// the two sides.
func (d *Directory) SISCalibration() (width, height float64) {
	const general, start, piece, sides = 1, 60, 8, 28
	le, f := binary.LittleEndian, d.file
	at := int64(d.Uint(SIS, 0))
	var head [start]byte
	if at == 0 || f.read(head[:], at) != nil || string(head[:4]) != "SIS0" {
		return 0, 0
	}
	pieces := make([]byte, piece*int(le.Uint16(head[start-2:])))
	if f.read(pieces, at+start) != nil {
		return 0, 0
	}
	for ; len(pieces) > 0; pieces = pieces[piece:] {
		var p [sides]byte
		if le.Uint16(pieces) != general || f.read(p[:], int64(le.Uint32(pieces[4:]))) != nil {
			continue
		}
		unit := math.Pow10(int(int16(le.Uint16(p[10:]))))
		return unit * math.Float64frombits(le.Uint64(p[12:])), unit * math.Float64frombits(le.Uint64(p[20:]))
	}
	return 0, 0
}
