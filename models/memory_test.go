package models_test

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"testing"

	"seghub/models"
	"seghub/models/imageio"
)

// blank reads black, and remembers the most bytes that it was asked for at once.
type blank struct{ most int }

func (b *blank) Block() image.Point { return image.Pt(4000, 64) }

func (b *blank) Read(_ context.Context, dst []byte, _ image.Rectangle) error {
	b.most = max(b.most, len(dst))
	clear(dst)
	return nil
}

func (b *blank) Close() error { return nil }

// TestBandMemory cuts pages at several scales and compares what came with what was foretold.
func TestBandMemory(t *testing.T) {
	for _, page := range []imageio.Page{
		{Width: 1600, Height: 1500, Channels: 1, Type: imageio.Uint8},
		{Width: 1200, Height: 1500, Channels: 3, Type: imageio.Uint16},
		{Width: 300, Height: 200, Channels: 1, Type: imageio.Uint16},
	} {
		for _, factor := range []float64{1. / 16, 0.4, 1, 2.5} {
			t.Run(fmt.Sprintf("%dx%d at %g", page.Width, page.Height, factor), func(t *testing.T) {
				model := models.Spec{Input: tiled(256, 256, 1), Flow: true}
				model.Diameter = &models.Diameter{Best: 100 * factor, Least: 100 * factor, Most: 100 * factor}
				want := model.BandMemory(page, factor)
				most := model.BandMemory(page, model.Factors()...)
				const rows = 4 // by which a share of a page may be rounded
				line := int64(page.Width * page.PixelBytes())
				if want.Rows > most.Rows+rows*line || want.Samples > most.Samples+rows*line || want.Outputs > most.Outputs {
					t.Errorf("%+v at one scale, %+v at all", want, most)
				}

				reader := &blank{}
				cutter, err := models.NewCutter(t.Context(), reader, page, model.Input)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := cutter.ScaleTo(t.Context(), model, 100, nil); err != nil {
					t.Fatal(err)
				}
				reader.most = 0
				tiles, widest, samples := 0, 0, 0
				for {
					strip, err := cutter.Next(t.Context(), 1000)
					if errors.Is(err, io.EOF) {
						break
					}
					if err != nil {
						t.Fatal(err)
					}
					tiles += strip.Tiles.N
					samples += len(strip.Samples)
					widest = max(widest, strip.Tiles.N)
				}
				if tiles != cutter.Placement.Rows() {
					t.Fatalf("%d tiles of %d", tiles, cutter.Placement.Rows())
				}
				if got := int64(reader.most); got > want.Samples || got < want.Samples*3/4 {
					t.Errorf("%d bytes were read at once, %d foretold", got, want.Samples)
				}
				if pixels := int64(widest * 256 * 256); pixels*3 != want.Outputs || pixels != want.Tiles {
					t.Errorf("a row of tiles has %d pixels, %+v foretold", pixels, want)
				}
				if missing := samples == 0; missing != want.Unkept {
					t.Errorf("%d bytes of samples came, foretold: %t", samples, want.Unkept)
				}
			})
		}
	}
}
