// Package tifftest writes TIFF files for tests: as well-formed, or as odd, as a test wants them.
package tifftest

import (
	"encoding/binary"
)

// Kinds of values.
const (
	Byte     = 1
	ASCII    = 2
	Short    = 3
	Long     = 4
	Rational = 5
	Long8    = 16
)

// Tag is one entry of a directory. Of Rational, two values make one.
type Tag struct {
	ID, Kind uint16
	Values   []uint64
}

// Text is a Tag of ASCII.
func Text(id uint16, text string) Tag {
	t := Tag{ID: id, Kind: ASCII}
	for _, b := range []byte(text + "\x00") {
		t.Values = append(t.Values, uint64(b))
	}
	return t
}

// Shorts is a Tag of numbers below 65,536.
func Shorts(id uint16, values ...uint64) Tag { return Tag{id, Short, values} }

// Longs is a Tag of numbers of 32 bits.
func Longs(id uint16, values ...uint64) Tag { return Tag{id, Long, values} }

// Page is a directory and the bytes of its blocks, whose offsets and lengths go under Offsets and the Counts tag; 0 for those of strips.
type Page struct {
	Tags            []Tag // in the order in which they are written; none is added
	Blocks          [][]byte
	Offsets, Counts uint16
}

// Grey is a page of 8 bits in one strip, with more tags behind its own.
func Grey(width, height int, pix []byte, more ...Tag) Page {
	return Page{Tags: append([]Tag{
		Longs(256, uint64(width)), Longs(257, uint64(height)), Shorts(258, 8), Shorts(259, 1), Shorts(262, 1), Longs(278, uint64(height)),
	}, more...), Blocks: [][]byte{pix}}
}

// File lays the pages out behind each other: of each its blocks, then its directory.
func File(order binary.ByteOrder, big bool, pages ...Page) []byte {
	w := &writer{order: order.(appender), big: big}
	w.header()
	link := len(w.out) - w.offsetSize()
	for _, p := range pages {
		link = w.page(p, link)
	}
	return w.out
}

type appender interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

type writer struct {
	order appender
	big   bool
	out   []byte
}

func (w *writer) offsetSize() int {
	if w.big {
		return 8
	}
	return 4
}

func (w *writer) header() {
	mark := "II"
	if w.order == appender(binary.BigEndian) {
		mark = "MM"
	}
	w.out = append(w.out, mark...)
	if w.big {
		w.out = w.order.AppendUint16(w.out, 43)
		w.out = w.order.AppendUint16(w.out, 8)
		w.out = w.order.AppendUint16(w.out, 0)
	} else {
		w.out = w.order.AppendUint16(w.out, 42)
	}
	w.offset(0)
}

func (w *writer) offset(v uint64) {
	if w.big {
		w.out = w.order.AppendUint64(w.out, v)
	} else {
		w.out = w.order.AppendUint32(w.out, uint32(v))
	}
}

// page writes one, puts where it lies at link, and gives the place of its own link to the next.
func (w *writer) page(p Page, link int) int {
	var offsets, counts []uint64
	for _, block := range p.Blocks {
		offsets, counts = append(offsets, uint64(len(w.out))), append(counts, uint64(len(block)))
		w.out = append(w.out, block...)
	}
	if p.Offsets == 0 {
		p.Offsets, p.Counts = 273, 279
	}
	tags := append([]Tag(nil), p.Tags...)
	if len(p.Blocks) > 0 {
		tags = append(tags, Longs(p.Offsets, offsets...), Longs(p.Counts, counts...))
	}
	values := make([][]byte, len(tags))
	for i, t := range tags {
		if values[i] = w.values(t); len(values[i]) > w.offsetSize() {
			at := uint64(len(w.out))
			w.out = append(w.out, values[i]...)
			values[i] = nil
			if w.big {
				values[i] = w.order.AppendUint64(nil, at)
			} else {
				values[i] = w.order.AppendUint32(nil, uint32(at))
			}
		}
	}
	at := uint64(len(w.out))
	if w.big {
		w.order.PutUint64(w.out[link:], at)
		w.out = w.order.AppendUint64(w.out, uint64(len(tags)))
	} else {
		w.order.PutUint32(w.out[link:], uint32(at))
		w.out = w.order.AppendUint16(w.out, uint16(len(tags)))
	}
	for i, t := range tags {
		w.out = w.order.AppendUint16(w.order.AppendUint16(w.out, t.ID), t.Kind)
		count := uint64(len(t.Values))
		if t.Kind == Rational {
			count /= 2
		}
		w.offset(count)
		w.out = append(append(w.out, values[i]...), make([]byte, w.offsetSize()-len(values[i]))...)
	}
	w.offset(0)
	return len(w.out) - w.offsetSize()
}

func (w *writer) values(t Tag) (data []byte) {
	for _, v := range t.Values {
		switch t.Kind {
		case Byte, ASCII:
			data = append(data, byte(v))
		case Short:
			data = w.order.AppendUint16(data, uint16(v))
		case Long8:
			data = w.order.AppendUint64(data, v)
		default:
			data = w.order.AppendUint32(data, uint32(v))
		}
	}
	return data
}
