package mask_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"seghub/models/mask"
	"seghub/models/mask/masktest"
)

func TestLabelsComeBackAsTheyWereWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, o := anyMap(t), anyOptions(t)
		empty := make([]uint8, p.Width*mask.BandRows) // several bands, most of them empty
		p = mask.Probability{Width: p.Width, Height: p.Height + 2*mask.BandRows, Pix: slices.Concat(empty, p.Pix, empty)}
		s := mask.Segment(p, o)
		var file bytes.Buffer
		if err := mask.WriteLabels(&file, p.Width, p.Height, s.Spans); err != nil {
			t.Fatal(err)
		}
		labels, err := mask.ReadLabels(bytes.NewReader(file.Bytes()), int64(p.Width*p.Height))
		if err != nil {
			t.Fatal(err)
		}
		spans, err := masktest.Spans(labels)
		if err != nil || !slices.Equal(spans, s.Spans) {
			t.Errorf("spans %v, %v; want %v", spans, err, s.Spans)
		}
		if len(labels.Boxes) != len(s.Objects) {
			t.Errorf("%d boxes of %d objects", len(labels.Boxes), len(s.Objects))
		}
		for _, object := range s.Objects {
			b := labels.Boxes[int32(object.ID)]
			if got := [4]int{b.Min.X, b.Min.Y, b.Dx(), b.Dy()}; got != object.BBox {
				t.Errorf("object %d lies in %v, want %v", object.ID, got, object.BBox)
			}
		}
		if measured := mask.Measure(p.Width, p.Height, spans, rows(p)); len(measured) > 0 && !reflect.DeepEqual(measured, s.Objects) {
			t.Errorf("measured again: %+v\nwant %+v", measured, s.Objects)
		}
	})
}

// rows gives the rows of a map.
func rows(p mask.Probability) func(int32) []uint8 {
	return func(y int32) []uint8 { return p.Pix[int(y)*p.Width : (int(y)+1)*p.Width] }
}

// TestALabelMapOfTallBands has a header that tells of bands of more rows than the picture, and a frame of as much as those could hold: making room
// for it ended the process.
func TestALabelMapOfTallBands(t *testing.T) {
	const width, rows, claimed = 1 << 16, 1<<16 - 1, 90e9
	frame := binary.LittleEndian.AppendUint64([]byte{0x28, 0xb5, 0x2f, 0xfd, 0xe0}, claimed) // zstd's magic, and a size of eight bytes
	frame = append(frame, 1, 0, 0)                                                           // the last block, of nothing
	file := binary.LittleEndian.AppendUint16([]byte("SHLB\x01\x00"), rows)
	file = binary.LittleEndian.AppendUint32(file, width)
	file = binary.LittleEndian.AppendUint32(file, 1)
	file = append(file, frame...)
	file = binary.LittleEndian.AppendUint32(file, 0)
	file = binary.LittleEndian.AppendUint32(file, uint32(len(frame)))
	if _, err := mask.ReadLabels(bytes.NewReader(file), width); !errors.Is(err, mask.ErrLabels) {
		t.Errorf("it is read as %v", err)
	}
}

func FuzzReadLabels(f *testing.F) {
	var file bytes.Buffer
	s := mask.Segment(drawn("##.#", "#..#", "..##"), mask.Options{Threshold: 0.5})
	if err := mask.WriteLabels(&file, 4, 3, s.Spans); err != nil {
		f.Fatal(err)
	}
	f.Add(file.Bytes())
	f.Add(file.Bytes()[:20])
	f.Fuzz(func(t *testing.T, data []byte) {
		labels, err := mask.ReadLabels(bytes.NewReader(data), 1<<16)
		if err == nil {
			_, err = masktest.Spans(labels)
		}
		if err != nil && !errors.Is(err, mask.ErrLabels) {
			t.Errorf("an error that is no ErrLabels: %v", err)
		}
	})
}
