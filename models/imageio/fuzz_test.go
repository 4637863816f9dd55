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
	for _, name := range []string{"exif_6.jpg", "exif_6.png", "exif_6.webp"} {
		file, err := os.ReadFile(filepath.Join("testdata/kinds", name))
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

// FuzzStack has pages that are sound, and in the first of them any description and any bytes of a program's own: bytes that are changed at random seldom
// leave a file of which that much can be read. It wants a refusal, or planes that lie somewhere, can be chosen, and be projected.
func FuzzStack(f *testing.F) {
	own := []uint16{0, 320, 33560, 33628, 33629, 34361, 34412, 51123, 65421, 65500} // 0 is none; the others are those that packages tiff and planes look at
	for _, text := range []string{
		omeXML, "ImageJ=1.54f\nimages=6\nchannels=2\nslices=3\nhyperstack=true\nunit=\\u00B5m\n", "SCIFIO=0.41.0\naxes=X,Y,Channel\nimages=6\nchannels=6\n",
		`{"shape": [3, 2, 3, 4], "axes": "TCYX", "truncated": true}`, "Aperio Image Library v11\r\n4x3|AppMag = 20|MPP = 0.5",
		`<MetaData><prop id="spatial-calibration-x" value="1.3"/><prop id="spatial-calibration-units" value="um"/></MetaData>`,
		"<BTIImageMetaData><ImageAcquisition><PixelWidth>4</PixelWidth><ImageWidthMicrons>2.6</ImageWidthMicrons><Channel Color=\"a\n[b 1,2]\"/>",
		"<PerkinElmer-QPI-ImageDescription><ImageType>FullResolution</ImageType><Name>DAPI</Name></PerkinElmer-QPI-ImageDescription>",
	} {
		f.Add(text, []byte{}, uint8(0), uint8(6), uint8(1))
	}
	for i := range own {
		f.Add("", bytes.Repeat([]byte{3, 0, 0, 0, 2}, 260), uint8(i), uint8(4), uint8(3))
	}
	f.Fuzz(func(t *testing.T, text string, bytesOfOwn []byte, which, count, samples uint8) {
		perPixel := 1 + int(samples)%4
		pages := make([]tifftest.Page, 1+int(count)%8)
		for i := range pages {
			pages[i] = with(tifftest.Grey(4, 3, bytes.Repeat([]byte{byte(i)}, 12*perPixel)), tifftest.Shorts(277, uint64(perPixel)))
		}
		pages[0] = with(pages[0], tifftest.Text(270, text), rational(282, 20_000, 1), rational(283, 20_000, 1))
		if id := own[int(which)%len(own)]; id > 0 && len(bytesOfOwn) > 0 {
			tag := tifftest.Tag{ID: id, Kind: []uint16{tifftest.Byte, tifftest.Long, tifftest.Rational}[int(samples/4)%3]}
			for _, b := range bytesOfOwn[:len(bytesOfOwn)/2*2] {
				tag.Values = append(tag.Values, uint64(b))
			}
			pages[0] = with(pages[0], tag)
		}
		file := tifftest.File(binary.LittleEndian, false, pages...)
		ctx, budget := context.Background(), imageio.NewBudget(64<<20)
		opened, err := imageio.Open(ctx, bytes.NewReader(file), int64(len(file)), imageio.Limits{Pixels: 1 << 16, Pages: 50, Memory: budget.Bytes()})
		if err != nil {
			refused(t, err)
			return
		}
		if len(opened.Pages) > 50 {
			t.Errorf("%d pages", len(opened.Pages))
		}
		for i, p := range opened.Pages {
			if p.Channel < 0 || p.Z < 0 || p.T < 0 || p.Image < 0 || p.Samples < 1 || p.PixelSize < 0 || len(opened.Channels(i)) == 0 {
				t.Errorf("page %d: %+v of channels %q", i, p, opened.Channels(i))
			}
		}
		for _, choice := range []imageio.Choice{{}, {Max: true}} {
			planes, err := opened.Planes(choice)
			if err != nil {
				t.Fatal(err) // all pages are there
			}
			for _, plane := range planes[:min(len(planes), 4)] {
				r, err := opened.Reader(ctx, plane, budget)
				if err != nil {
					refused(t, err)
					continue
				}
				page := opened.Pages[plane.Page]
				if err := r.Read(ctx, make([]byte, page.Bytes()), page.Bounds()); err != nil {
					refused(t, err)
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
