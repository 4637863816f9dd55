package results

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"

	"seghub/models/mask"
)

// change is what some edits in a row have made of a label map.
type change struct {
	Objects []mask.Object `json:"objects"` // that are new or other than before, by id
	Spans   []span        `json:"spans"`   // theirs, in reading order
	Removed []int32       `json:"removed"` // ascending
	Next    int32         `json:"next"`    // an id that no object has
	Summary mask.Summary  `json:"summary"` // of the whole picture afterwards
}

// span is a mask.Span as JSON: y, x0, x1, id.
type span [4]int32

func (s span) span() mask.Span { return mask.Span{Y: s[0], X0: s[1], X1: s[2], ID: s[3]} }

func spansOf(list []mask.Span) []span {
	out := make([]span, len(list))
	for i, s := range list {
		out[i] = span{s.Y, s.X0, s.X1, s.ID}
	}
	return out
}

// object is the place of an object among those that are new or other.
func (a change) object(id int) (place int, is bool) {
	return slices.BinarySearchFunc(a.Objects, id, func(o mask.Object, id int) int { return o.ID - id })
}

// then is a with b after it.
func (a change) then(b change) change {
	replaced := map[int32]bool{}
	for _, o := range b.Objects {
		replaced[int32(o.ID)] = true
	}
	removed := a.Removed
	for _, id := range b.Removed {
		replaced[id] = true
		removed = append(slices.Clip(removed), id)
	}
	slices.Sort(removed)
	c := change{Removed: slices.Compact(removed), Next: b.Next, Summary: b.Summary, Objects: slices.Clone(b.Objects), Spans: slices.Clone(b.Spans)}
	for _, o := range a.Objects {
		if !replaced[int32(o.ID)] {
			c.Objects = append(c.Objects, o)
		}
	}
	for _, s := range a.Spans {
		if !replaced[s[3]] {
			c.Spans = append(c.Spans, s)
		}
	}
	slices.SortFunc(c.Objects, func(a, b mask.Object) int { return a.ID - b.ID })
	slices.SortFunc(c.Spans, func(a, b span) int { return mask.ReadingOrder(a.span(), b.span()) })
	return c
}

var (
	packer   = sync.OnceValues(func() (*zstd.Encoder, error) { return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest)) })
	unpacker = sync.OnceValues(func() (*zstd.Decoder, error) { return zstd.NewReader(nil, zstd.WithDecoderConcurrency(0)) })
)

// pack is v as JSON, compressed.
func pack(v any) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	encoder, err := packer()
	if err != nil {
		return nil, err
	}
	return encoder.EncodeAll(data, nil), nil
}

// unpack reads what pack made.
func unpack(data []byte, v any) error {
	decoder, err := unpacker()
	if err != nil {
		return err
	}
	if data, err = decoder.DecodeAll(data, nil); err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	return json.Unmarshal(data, v)
}
