package models

import (
	"errors"
	"fmt"
	"io"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// message is a part of a file that holds one protobuf message, or a text.
type message struct {
	r          io.ReaderAt
	begin, end int64
}

// field is one field of a message. The message or text that it may hold has not been read.
type field struct {
	number  protowire.Number
	varint  uint64  // of a field that is a number
	message message // of a field that is not; empty otherwise
}

// maxText is the longest text that is read.
const maxText = 1 << 20

// errWire is what is said of a message that is none.
var errWire = fmt.Errorf("%w: the file is no ONNX model, or is damaged", ErrInvalid)

// fields calls visit for each field of m in the order of the file. It reads only the few bytes before each
// field's content.
func (m message) fields(visit func(field) error) error {
	for at := m.begin; at < m.end; {
		f, next, err := m.next(at)
		if err != nil {
			return err
		}
		if err := visit(f); err != nil {
			return err
		}
		at = next
	}
	return nil
}

// next reads the field at at and returns where the one after it begins.
func (m message) next(at int64) (f field, next int64, err error) {
	// A tag and a number or length are at most ten bytes each.
	var head [20]byte
	n, err := m.r.ReadAt(head[:min(int64(len(head)), m.end-at)], at)
	if err != nil && !errors.Is(err, io.EOF) {
		return field{}, 0, err
	}
	number, kind, tagLength := protowire.ConsumeTag(head[:n])
	if tagLength < 0 {
		return field{}, 0, errWire
	}
	at += int64(tagLength)
	rest := head[tagLength:n]
	f.number = number
	switch kind {
	case protowire.VarintType:
		v, length := protowire.ConsumeVarint(rest)
		if length < 0 {
			return field{}, 0, errWire
		}
		f.varint = v
		at += int64(length)
	case protowire.BytesType:
		v, length := protowire.ConsumeVarint(rest)
		if length < 0 || v > math.MaxInt64 {
			return field{}, 0, errWire
		}
		at += int64(length)
		if int64(v) > m.end-at {
			return field{}, 0, errWire
		}
		f.message = message{m.r, at, at + int64(v)}
		at += int64(v)
	case protowire.Fixed32Type:
		at += 4
	case protowire.Fixed64Type:
		at += 8
	default: // groups, which ONNX has never had
		return field{}, 0, errWire
	}
	if at > m.end {
		return field{}, 0, errWire
	}
	return f, at, nil
}

// text reads f's content.
func (f field) text() (string, error) {
	length := f.message.end - f.message.begin
	if length > maxText {
		return "", fmt.Errorf("%w: a text of %d bytes, at most %d are read", ErrInvalid, length, maxText)
	}
	text := make([]byte, length)
	if length == 0 {
		return "", nil
	}
	if _, err := f.message.r.ReadAt(text, f.message.begin); err != nil {
		return "", fmt.Errorf("read a text: %w", err)
	}
	return string(text), nil
}
