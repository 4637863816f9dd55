package scroll_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"testing"

	"pgregory.net/rapid"

	"seghub/models/imageio/scroll"
)

// counted are rows of width bytes, each of its own number.
type counted struct {
	next  int
	fails int // at this row
	ended *int
}

var errTorn = errors.New("torn")

func (c *counted) Make(dst []byte) error {
	if c.next == c.fails {
		return errTorn
	}
	for x := range dst {
		dst[x] = byte(c.next + x)
	}
	c.next++
	return nil
}

func (c *counted) End() { *c.ended++ }

func TestAnyOrderGivesTheSameRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width, height := rapid.IntRange(1, 9).Draw(t, "width"), rapid.IntRange(1, 300).Draw(t, "height")
		keep := rapid.IntRange(1, height).Draw(t, "keep")
		var s scroll.Scroll
		opened, ended := 0, 0
		for range rapid.IntRange(1, 20).Draw(t, "reads") {
			x, y := rapid.IntRange(0, width-1).Draw(t, "x"), rapid.IntRange(0, height-1).Draw(t, "y")
			area := image.Rect(x, y, rapid.IntRange(x+1, width).Draw(t, "right"), rapid.IntRange(y+1, height).Draw(t, "bottom"))
			if !s.Reaches(area.Min.Y) {
				s.Open(&counted{fails: -1, ended: &ended}, 1, width, keep)
				opened++
			}
			got := make([]byte, area.Dx()*area.Dy())
			if err := s.Read(context.Background(), got, area.Dx(), area); err != nil {
				t.Fatal(err)
			}
			var want []byte
			for y := area.Min.Y; y < area.Max.Y; y++ {
				for x := area.Min.X; x < area.Max.X; x++ {
					want = append(want, byte(x+y))
				}
			}
			if !bytes.Equal(got, want) {
				t.Fatalf("%v holds %v, want %v", area, got, want)
			}
		}
		if s.Close(); ended != opened {
			t.Errorf("%d were opened and %d ended", opened, ended)
		}
	})
}

func TestNothingIsOpenBehindAnError(t *testing.T) {
	ended := 0
	var s scroll.Scroll
	s.Open(&counted{fails: 5, ended: &ended}, 1, 4, 10)
	if err := s.Read(context.Background(), make([]byte, 40), 4, image.Rect(0, 0, 4, 10)); !errors.Is(err, errTorn) || s.Reaches(0) || ended != 1 {
		t.Errorf("%v, ended %d times", err, ended)
	}
	s.Open(&counted{fails: -1, ended: &ended}, 1, 4, 10)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Read(ctx, make([]byte, 40), 4, image.Rect(0, 0, 4, 10)); !errors.Is(err, context.Canceled) || s.Reaches(0) || ended != 2 {
		t.Errorf("%v, ended %d times", err, ended)
	}
}
