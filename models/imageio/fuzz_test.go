package imageio_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/image/tiff"

	"seghub/models/imageio"
	"seghub/models/imageio/tiff/tifftest"
)

// FuzzRead wants a refusal or whole pages that agree with their headers, of any bytes, within a budget.
func FuzzRead(f *testing.F) {
	grey, colour := gradient(9, 5), colourful(9, 5)
	f.Add(pngFile(f, grey))
	f.Add(pngFile(f, drawnOn(image.NewGray16(grey.Rect), grey)))
	f.Add(jpegFile(f, colour))
	f.Add(tiffFile(f, grey, tiff.Deflate))
	f.Add(bmpFile(f, colour))
	f.Add(bmpFile(f, grey))
	f.Add([]byte("GIF89a\x02\x00\x02\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x02\x00\x02\x00\x00\x02\x03\x44\x02\x05\x00;"))
	for _, c := range damaged(f) {
		f.Add(c.file)
	}
	kinds, err := filepath.Glob("testdata/kinds/*.tif")
	if err != nil {
		f.Fatal(err)
	}
	for i, path := range kinds {
		if i%4 != 0 {
			continue // the smaller the corpus, the sooner each is changed
		}
		file, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(file)
	}
	f.Add(tifftest.File(binary.BigEndian, true, tifftest.Grey(6, 4, ramp(6, 4), tifftest.Shorts(274, 6), tifftest.Shorts(266, 2)), tifftest.Grey(3, 2, ramp(3, 2))))
	f.Add(tifftest.File(binary.LittleEndian, false, tifftest.Grey(6, 4, ramp(6, 4), tifftest.Text(270, "ImageJ=1.5\nimages=2\nchannels=2\n")), tifftest.Grey(6, 4, ramp(6, 4))))
	f.Fuzz(func(t *testing.T, file []byte) {
		const most = 1 << 22
		ctx, budget := context.Background(), imageio.NewBudget(64<<20)
		opened, err := imageio.Open(ctx, bytes.NewReader(file), int64(len(file)), imageio.Limits{Pixels: 1 << 16, Pages: 20, Memory: budget.Bytes()})
		if err != nil {
			refused(t, err)
			return
		}
		for i, page := range opened.Pages[:min(len(opened.Pages), 3)] {
			if page.Bytes() > most {
				continue
			}
			for _, plane := range []imageio.Plane{{Page: i}, {Page: i, Max: true}, {Page: i, Level: len(page.Reduced)}} {
				r, err := opened.Reader(ctx, plane, budget)
				if err != nil {
					refused(t, err)
					continue
				}
				area := page.Bounds()
				if plane.Level > 0 {
					area = image.Rectangle{Max: page.Reduced[plane.Level-1]}
				}
				pix := make([]byte, page.Bytes())
				if err := r.Read(ctx, pix, area); err != nil {
					refused(t, err)
				} else if levels, err := imageio.Survey(ctx, r, imageio.Page{Width: area.Dx(), Height: area.Dy(), Channels: page.Channels, Type: page.Type}); err != nil {
					refused(t, err)
				} else {
					levels.Map(make([]byte, area.Dx()*area.Dy()*page.Channels), pix)
				}
				if err := r.Close(); err != nil {
					t.Error(err)
				}
			}
		}
		if budget.TryTake(budget.Bytes(), 0) == nil {
			t.Error("not all memory was given back")
		}
	})
}

func refused(t *testing.T, err error) {
	t.Helper()
	var refusal *imageio.Refusal
	if !errors.As(err, &refusal) || refusal.Detail == "" {
		t.Errorf("an error of no kind: %v", err)
	}
}
