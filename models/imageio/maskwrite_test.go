package imageio_test

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"io"
	"testing"

	"pgregory.net/rapid"

	"seghub/models/imageio"
	"seghub/models/mask"
)

// spansOf are the runs of samples that are not 0.
func spansOf(width int, pix []uint8) []mask.Span {
	var spans []mask.Span
	for i, v := range pix {
		y, x := int32(i/width), int32(i%width)
		if last := len(spans) - 1; v > 0 && last >= 0 && spans[last].Y == y && spans[last].X1 == x {
			spans[last].X1++
		} else if v > 0 {
			spans = append(spans, mask.Span{Y: y, X0: x, X1: x + 1})
		}
	}
	return spans
}

func TestEncodeMaskIsOneChannelOf8Bits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.OneOf(rapid.IntRange(1, 40), rapid.IntRange(1, 2000)).Draw(t, "width")
		height := rapid.IntRange(1, 6).Draw(t, "height")
		want := make([]uint8, width*height)
		// Runs of any length, so that edges lie above each other, or not.
		for i, value := 0, uint8(0); i < len(want); value = ^value {
			n := rapid.OneOf(rapid.IntRange(1, 20), rapid.IntRange(1, width), rapid.Just(width)).Draw(t, "run")
			for end := min(len(want), i+n); i < end; i++ {
				want[i] = value
			}
		}
		spans := spansOf(width, want)
		// Objects may touch.
		if n := len(spans); n > 0 && spans[n-1].X1-spans[n-1].X0 > 1 {
			whole := spans[n-1]
			spans[n-1].X1--
			spans = append(spans, mask.Span{Y: whole.Y, X0: whole.X1 - 1, X1: whole.X1})
		}
		var out bytes.Buffer
		if err := imageio.EncodeMask(&out, width, height, spans); err != nil {
			t.Fatal(err)
		}
		decoded, err := png.Decode(&out)
		if err != nil {
			t.Fatal(err)
		}
		grey, ok := decoded.(*image.Gray)
		if !ok || grey.Rect != image.Rect(0, 0, width, height) || !bytes.Equal(grey.Pix, want) {
			t.Errorf("%dx%d: got %T %v back, want %v", width, height, decoded, decoded, want)
		}
	})
}

func TestEncodeMaskRefusesWhatAreNoSpans(t *testing.T) {
	for name, spans := range map[string][]mask.Span{
		"below the picture":    {{Y: 4, X0: 0, X1: 1}},
		"above the picture":    {{Y: -1, X0: 0, X1: 1}},
		"upwards":              {{Y: 2, X0: 0, X1: 1}, {Y: 1, X0: 0, X1: 1}},
		"overlapping":          {{Y: 1, X0: 0, X1: 3}, {Y: 1, X0: 2, X1: 5}},
		"right of the picture": {{Y: 1, X0: 3, X1: 7}},
	} {
		if err := imageio.EncodeMask(io.Discard, 6, 4, spans); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for _, size := range [][2]int{{0, 1}, {1, 0}, {-1, 1}} {
		if err := imageio.EncodeMask(io.Discard, size[0], size[1], nil); err == nil {
			t.Errorf("%v was taken", size)
		}
	}
}

func TestEncodeMaskTellsTheWritersError(t *testing.T) {
	full := errors.New("the disk is full")
	for room := range 60 {
		if err := imageio.EncodeMask(&lossyWriter{room, full}, 3, 2, nil); !errors.Is(err, full) {
			t.Errorf("room for %d bytes: %v", room, err)
		}
	}
}

func BenchmarkEncodeMask1024(b *testing.B) {
	spans := spansOf(1024, disc(1024))
	for b.Loop() {
		if err := imageio.EncodeMask(io.Discard, 1024, 1024, spans); err != nil {
			b.Fatal(err)
		}
	}
}
