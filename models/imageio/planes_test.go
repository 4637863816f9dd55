package imageio_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"math"
	"slices"
	"strings"
	"testing"

	"seghub/models/imageio"
	"seghub/models/imageio/tiff/tifftest"
)

func rational(id uint16, numerator, denominator uint64) tifftest.Tag {
	return tifftest.Tag{ID: id, Kind: tifftest.Rational, Values: []uint64{numerator, denominator}}
}

// planesOf are n planes of 4 x 3 pixels, each of one level.
func planesOf(n int) (all [][]byte) {
	for i := range n {
		all = append(all, bytes.Repeat([]byte{byte(10 * (i + 1))}, 12))
	}
	return all
}

func stackOf(planes [][]byte, more ...tifftest.Tag) []byte {
	pages := make([]tifftest.Page, len(planes))
	for i, pix := range planes {
		pages[i] = tifftest.Grey(4, 3, pix)
	}
	pages[0].Tags = append(pages[0].Tags, more...)
	return tifftest.File(binary.LittleEndian, false, pages...)
}

const omeXML = `<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">` +
	`<Pixels DimensionOrder="XYZCT" SizeX="4" SizeY="3" SizeZ="3" SizeC="2" SizeT="1" PhysicalSizeX="325" PhysicalSizeXUnit="nm" PhysicalSizeY="325" PhysicalSizeYUnit="nm">` +
	`<Channel Name="DAPI"/><Channel Name="GFP"/><TiffData IFD="0" PlaneCount="6"/></Pixels></Image></OME>`

// TestPagesOfWhichOMEXMLSaysNothing are projected over none of those that it speaks of: they may be of any channel, and of another size.
func TestPagesOfWhichOMEXMLSaysNothing(t *testing.T) {
	pages := []tifftest.Page{tifftest.Grey(4, 3, planesOf(1)[0], tifftest.Text(270, strings.Replace(omeXML, `SizeZ="3"`, `SizeZ="2"`, 1)))}
	for _, pix := range planesOf(6)[1:] {
		pages = append(pages, tifftest.Grey(4, 3, pix))
	}
	file := openFile(t, tifftest.File(binary.LittleEndian, false, append(pages, tifftest.Grey(2, 2, make([]byte, 4)))...))
	planes, err := file.Planes(imageio.Choice{Max: true})
	if err != nil {
		t.Fatal(err)
	}
	var brightest []byte
	for _, plane := range planes {
		brightest = append(brightest, readPlane(t, file, plane, everything)[0])
	}
	if want := []byte{20, 40, 50, 60, 0}; !bytes.Equal(brightest, want) { // the two depths of either channel, then each page by itself
		t.Errorf("the projections are of %v, not %v", brightest, want)
	}
}

func TestWhatProgramsSayOfTheirPages(t *testing.T) {
	type coordinates struct{ channel, z, t int }
	joined := func(planes [][]byte) []byte { return bytes.Join(planes, nil) }
	behind := tifftest.Page{Tags: tifftest.Grey(4, 3, nil, tifftest.Text(270, "ImageJ=1.5\nimages=6\nchannels=3\nslices=2\n")).Tags, Offsets: 273, Counts: 65000,
		Blocks: [][]byte{joined(planesOf(6))}}
	stk := tifftest.Page{Tags: tifftest.Grey(4, 3, nil, tifftest.Tag{ID: 33629, Kind: tifftest.Rational, Values: make([]uint64, 12)}).Tags, Offsets: 273, Counts: 65000,
		Blocks: [][]byte{joined(planesOf(6))}}
	axes := func(shape, axes string) []byte {
		return stackOf(planesOf(6), tifftest.Text(270, `{"shape": [`+shape+`, 3, 4], "axes": "`+axes+`YX"}`))
	}
	shapedAxes := tifftest.File(binary.LittleEndian, false, tifftest.Page{Tags: tifftest.Grey(4, 3, nil, tifftest.Text(270, `{"shape": [2, 3, 3, 4], "axes": "ZCYX", "truncated": true}`)).Tags,
		Offsets: 273, Counts: 65000, Blocks: [][]byte{joined(planesOf(6))}})
	depths := []coordinates{{0, 0, 0}, {0, 1, 0}, {0, 2, 0}, {0, 3, 0}, {0, 4, 0}, {0, 5, 0}}
	shaped := tifftest.File(binary.LittleEndian, false, tifftest.Page{Tags: tifftest.Grey(4, 3, nil, tifftest.Text(270, `{"shape": [2, 3, 3, 4], "truncated": true}`)).Tags,
		Offsets: 273, Counts: 65000, Blocks: [][]byte{joined(planesOf(6))}})
	const metaSeries = `<MetaData><prop id="spatial-calibration-state" type="bool" value="on"/><prop id="spatial-calibration-x" type="float" value="1.3622"/>` +
		`<prop id="spatial-calibration-y" type="float" value="1.3622"/><prop id="spatial-calibration-units" type="string" value="um"/></MetaData>`

	plain := map[string]bool{"Aperio": true, "MetaSeries": true, "pages of nobody": true, "Micro-Manager, stopped": true, "pixels a centimetre": true, "pixels a unit": true,
		"a printer's 300 dpi": true, "no number of a pixel": true, "Aperio with a comma": true, "pixels a millimetre": true, "pixels a micrometre": true, "MetaSeries with a comma": true,
		"Harmony": true, "Harmony in its own tag": true, "tifffile, all planes behind one page": true, "tifffile's axes, all planes behind one page": true, "tifffile's channels": true,
		"tifffile's times, channels and depths": true, "tifffile's depths and channels": true, "tifffile's axes of other pages": true, "tifffile's unknown axes": true,
		"tifffile's axes twice": true}
	for name, c := range map[string]struct {
		file      []byte
		pages     []coordinates
		pixelSize float64
		from      string
	}{
		"ImageJ": {stackOf(planesOf(6), tifftest.Text(270, "ImageJ=1.54f\nimages=6\nchannels=2\nframes=3\nunit=\\u00B5m\n"), rational(282, 40, 13)),
			[]coordinates{{0, 0, 0}, {1, 0, 0}, {0, 0, 1}, {1, 0, 1}, {0, 0, 2}, {1, 0, 2}}, 0.325, "ImageJ"},
		"ImageJ, all planes behind one page": {tifftest.File(binary.BigEndian, false, behind),
			[]coordinates{{0, 0, 0}, {1, 0, 0}, {2, 0, 0}, {0, 1, 0}, {1, 1, 0}, {2, 1, 0}}, 0, ""},
		"ImageJ of other units downwards": {stackOf(planesOf(1), tifftest.Text(270, "ImageJ=1.54f\nunit=um\nyunit=inch\n"), rational(282, 2, 1), rational(283, 2, 1)),
			[]coordinates{{}}, 0, ""},
		"ImageJ in Latin-1":                    {stackOf(planesOf(1), tifftest.Text(270, "ImageJ=1.54f\nunit=\xb5m\n"), rational(282, 2, 1)), []coordinates{{}}, 0.5, "ImageJ"},
		"tifffile, all planes behind one page": {shaped, []coordinates{{0, 0, 0}, {0, 1, 0}, {0, 2, 0}, {0, 3, 0}, {0, 4, 0}, {0, 5, 0}}, 0, ""},
		"OME-TIFF in Latin-1":                  {stackOf(planesOf(1), tifftest.Text(270, strings.NewReplacer(`"nm"`, "\"\xb5m\"", `"325"`, `"0.325"`).Replace(omeXML))), []coordinates{{}}, 0.325, "OME-XML"},
		"OME-TIFF with notes of other programs": {stackOf(planesOf(6), tifftest.Text(270, strings.Replace(omeXML, "</OME>", "<StructuredAnnotations><XMLAnnotation><Value><Pixels "+
			`SizeZ="9"/><Channel Name="other"/><TiffData IFD="3" FirstZ="2"/></Value></XMLAnnotation></StructuredAnnotations></OME>`, 1))),
			[]coordinates{{0, 0, 0}, {0, 1, 0}, {0, 2, 0}, {1, 0, 0}, {1, 1, 0}, {1, 2, 0}}, 0.325, "OME-XML"},
		"tifffile's channels":                         {axes("6", "C"), []coordinates{{0, 0, 0}, {1, 0, 0}, {2, 0, 0}, {3, 0, 0}, {4, 0, 0}, {5, 0, 0}}, 0, ""},
		"tifffile's depths and channels":              {axes("2, 3", "ZC"), []coordinates{{0, 0, 0}, {1, 0, 0}, {2, 0, 0}, {0, 1, 0}, {1, 1, 0}, {2, 1, 0}}, 0, ""},
		"tifffile's times, channels and depths":       {axes("1, 3, 2", "TCZ"), []coordinates{{0, 0, 0}, {0, 1, 0}, {1, 0, 0}, {1, 1, 0}, {2, 0, 0}, {2, 1, 0}}, 0, ""},
		"tifffile's axes, all planes behind one page": {shapedAxes, []coordinates{{0, 0, 0}, {1, 0, 0}, {2, 0, 0}, {0, 1, 0}, {1, 1, 0}, {2, 1, 0}}, 0, ""},
		"tifffile's axes of other pages":              {axes("7", "C"), depths, 0, ""},
		"tifffile's unknown axes":                     {axes("6", "Q"), depths, 0, ""},
		"tifffile's axes twice":                       {axes("2, 3", "CC"), depths, 0, ""},
		"ImageJ in ångström":                          {stackOf(planesOf(1), tifftest.Text(270, "ImageJ=1.54f\nunit=\\u00C5\n"), rational(282, 1, 2)), []coordinates{{}}, 0.0002, "ImageJ"},
		"ImageJ in a plural":                          {stackOf(planesOf(1), tifftest.Text(270, "ImageJ=1.54f\nunit=micrometers\n"), rational(282, 2, 1)), []coordinates{{}}, 0.5, "ImageJ"},
		"Aperio with a comma":                         {stackOf(planesOf(1), tifftest.Text(270, "Aperio Image Library v10\r\n4x3|AppMag = 20|MPP = 0,4990|Left = 25")), []coordinates{{}}, 0.499, "Aperio"},
		"MetaSeries with a comma":                     {stackOf(planesOf(1), tifftest.Text(270, strings.ReplaceAll(metaSeries, "1.3622", "1,3622"))), []coordinates{{}}, 1.3622, "MetaSeries"},
		"pixels a millimetre":                         {stackOf(planesOf(1), rational(282, 2_000, 1), tifftest.Shorts(296, 4)), []coordinates{{}}, 0.5, "TIFF resolution"},
		"pixels a micrometre":                         {stackOf(planesOf(1), rational(282, 2, 1), tifftest.Shorts(296, 5)), []coordinates{{}}, 0.5, "TIFF resolution"},
		"Harmony": {stackOf(planesOf(1), tifftest.Text(270, `<TiffImageDescription xmlns="http://www.perkinelmer.com/PEHH/HarmonyV5"><Type>Operette</Type></TiffImageDescription>`),
			rational(282, 1550, 1), tifftest.Shorts(296, 3)), []coordinates{{}}, 0, ""},
		"Harmony in its own tag": {stackOf(planesOf(1), rational(282, 1550, 1), tifftest.Shorts(296, 3), tifftest.Text(65500, `<Root xmlns="http://www.perkinelmer.com/PEHH/HarmonyV5"/>`)),
			[]coordinates{{}}, 0, ""},
		"Aperio":           {stackOf(planesOf(1), tifftest.Text(270, "Aperio Image Library v11\r\n4x3 (240x240) JPEG/RGB Q=30|AppMag = 20|MPP = 0.4990|Left = 25")), []coordinates{{}}, 0.499, "Aperio"},
		"ImageJ in pixels": {stackOf(planesOf(1), tifftest.Text(270, "ImageJ=1.54f\nunit=pixel\n"), rational(282, 2, 1)), []coordinates{{}}, 0, ""},
		"OME-TIFF": {stackOf(planesOf(6), tifftest.Text(270, omeXML)),
			[]coordinates{{0, 0, 0}, {0, 1, 0}, {0, 2, 0}, {1, 0, 0}, {1, 1, 0}, {1, 2, 0}}, 0.325, "OME-XML"},
		"MetaMorph": {tifftest.File(binary.LittleEndian, false, stk),
			[]coordinates{{0, 0, 0}, {0, 1, 0}, {0, 2, 0}, {0, 3, 0}, {0, 4, 0}, {0, 5, 0}}, 0, ""},
		"MetaSeries": {stackOf(planesOf(1), tifftest.Text(270, metaSeries)), []coordinates{{}}, 1.3622, "MetaSeries"},
		"Micro-Manager, stopped": {stackOf(planesOf(2), tifftest.Text(51123, `{"PixelSizeUm":0.65,"PixelSizeAffine":"1;0;0;0;1;0","Binning":"1"}`),
			rational(282, 100, 1), tifftest.Shorts(296, 3)), []coordinates{{0, 0, 0}, {0, 1, 0}}, 0.65, "Micro-Manager"},
		"pages of nobody":      {stackOf(planesOf(3)), []coordinates{{0, 0, 0}, {0, 1, 0}, {0, 2, 0}}, 0, ""},
		"pixels a centimetre":  {stackOf(planesOf(1), rational(282, 20_000, 1), tifftest.Shorts(296, 3)), []coordinates{{}}, 0.5, "TIFF resolution"},
		"pixels a unit":        {stackOf(planesOf(1), rational(282, 20_000, 1), tifftest.Shorts(296, 1)), []coordinates{{}}, 0, ""},
		"a printer's 300 dpi":  {stackOf(planesOf(1), rational(282, 300, 1), tifftest.Shorts(296, 2)), []coordinates{{}}, 0, ""},
		"no number of a pixel": {stackOf(planesOf(1), rational(282, 0, 0), tifftest.Shorts(296, 3)), []coordinates{{}}, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			file := openFile(t, c.file)
			if len(file.Pages) != len(c.pages) {
				t.Fatalf("%d pages, want %d", len(file.Pages), len(c.pages))
			}
			for i, page := range file.Pages {
				if got := (coordinates{page.Channel, page.Z, page.T}); got != c.pages[i] {
					t.Errorf("page %d is %+v, want %+v", i, got, c.pages[i])
				}
				if page.Plain != plain[name] {
					t.Errorf("page %d is of a plain stack: %t", i, page.Plain)
				}
				if math.Abs(page.PixelSize-c.pixelSize) > 1e-9 || page.PixelSizeFrom != c.from {
					t.Errorf("a pixel is %v µm by %q, want %v by %q", page.PixelSize, page.PixelSizeFrom, c.pixelSize, c.from)
				}
				if got := readPlane(t, file, imageio.Plane{Page: i}, everything); got[0] != byte(10*(i+1)) || got[11] != got[0] {
					t.Errorf("page %d holds %v", i, got)
				}
			}
		})
	}
}

// TestOMEOfColours is of pages in colour, with and without a channel that says so.
func TestOMEOfColours(t *testing.T) {
	for _, channel := range []string{"", `<Channel SamplesPerPixel="3"/>`} {
		description := `<OME><Image><Pixels DimensionOrder="XYCZT" SizeZ="2" SizeC="3" SizeT="1">` + channel + `<TiffData/></Pixels></Image></OME>`
		colour := with(tifftest.Grey(4, 3, make([]byte, 36)), tifftest.Shorts(258, 8, 8, 8), tifftest.Shorts(262, 2), tifftest.Shorts(277, 3))
		file := openFile(t, tifftest.File(binary.LittleEndian, false, with(colour, tifftest.Text(270, description)), colour))
		if second := file.Pages[1]; second.Z != 1 || second.Channel != 0 {
			t.Errorf("with %q the second page is of channel %d and depth %d", channel, second.Channel, second.Z)
		}
	}
}

// TestOMEDimensionOrders wants the axes of each order told apart: the first runs fastest.
func TestOMEDimensionOrders(t *testing.T) {
	sizes := map[byte]int{'Z': 2, 'C': 3, 'T': 2}
	for _, order := range []string{"ZCT", "ZTC", "CZT", "CTZ", "TZC", "TCZ"} {
		description := fmt.Sprintf(`<OME><Image><Pixels DimensionOrder="XY%s" SizeZ="2" SizeC="3" SizeT="2"><TiffData/></Pixels></Image></OME>`, order)
		file := openFile(t, stackOf(planesOf(12), tifftest.Text(270, description)))
		at := map[byte]int{}
		for i, page := range file.Pages {
			if page.Channel != at['C'] || page.Z != at['Z'] || page.T != at['T'] {
				t.Errorf("XY%s: page %d is of channel %d, depth %d and time %d, want %v", order, i, page.Channel, page.Z, page.T, at)
			}
			for k := range order {
				if at[order[k]]++; at[order[k]] < sizes[order[k]] {
					break
				}
				at[order[k]] = 0
			}
		}
	}
}

// TestLSM is of two depths at three times, whose three samples are channels though the page calls them red, green and blue.
func TestLSM(t *testing.T) {
	info := tifftest.Tag{ID: 34412, Kind: tifftest.Byte, Values: make([]uint64, 56)}
	info.Values[16], info.Values[24] = 2, 3
	for i, b := range binary.LittleEndian.AppendUint64(nil, math.Float64bits(0.2e-6)) {
		info.Values[40+i], info.Values[48+i] = uint64(b), uint64(b)
	}
	pages := make([]tifftest.Page, 0, 12)
	for i := range 6 {
		page := with(tifftest.Grey(4, 3, nil), tifftest.Shorts(258, 8, 8, 8), tifftest.Shorts(262, 2), tifftest.Shorts(277, 3), tifftest.Shorts(284, 2))
		page.Blocks = planesOf(3 + i)[i:]
		thumbnail := with(tifftest.Grey(2, 1, make([]byte, 2)), tifftest.Longs(254, 1))
		if i == 0 {
			page = with(page, info)
		}
		pages = append(pages, page, thumbnail)
	}
	file := openFile(t, tifftest.File(binary.LittleEndian, false, pages...))
	if len(file.Pages) != 6 {
		t.Fatalf("%d pages", len(file.Pages))
	}
	for i, page := range file.Pages {
		if page.Channels != 1 || page.Samples != 3 || page.Z != i%2 || page.T != i/2 || page.PixelSize != 0.2 || page.PixelSizeFrom != "LSM" {
			t.Errorf("page %d: %+v", i, page)
		}
		if got := readPlane(t, file, imageio.Plane{Page: i, Sample: 1}, everything); got[0] != byte(10*(i+2)) {
			t.Errorf("the second channel of page %d holds %v", i, got)
		}
	}
}

// scattered is a file that holds some bytes at some places, and nothing between.
type scattered map[int64][]byte

func (s scattered) ReadAt(p []byte, offset int64) (int, error) {
	clear(p)
	for at, held := range s {
		if from := at - offset; from > -int64(len(held)) && from < int64(len(p)) {
			copy(p[max(0, from):], held[max(0, -from):])
		}
	}
	return len(p), nil
}

// TestLSMOfMoreThan4GB is of offsets that have 32 bits, of pages that lie behind that: one of them with a channel on either side.
func TestLSMOfMoreThan4GB(t *testing.T) {
	const gigabyte, size = 1 << 30, 10 << 30
	places := [][2]int64{{gigabyte, gigabyte + 12}, {4*gigabyte - 12, 4*gigabyte + 4}, {7 * gigabyte, 7*gigabyte + 12}, {9 * gigabyte, 9*gigabyte + 12}}
	info := func(depths, times uint64) tifftest.Tag {
		tag := tifftest.Tag{ID: 34412, Kind: tifftest.Byte, Values: make([]uint64, 56)}
		tag.Values[16], tag.Values[24] = depths, times
		return tag
	}
	file := func(size int64, info tifftest.Tag) (*imageio.File, error) {
		held := scattered{}
		var pages []tifftest.Page
		for i, at := range places {
			var low []uint64
			for c, at := range at {
				held[at] = bytes.Repeat([]byte{byte(10*i + c + 1)}, 12)
				low = append(low, uint64(at)&math.MaxUint32)
			}
			pages = append(pages, with(tifftest.Grey(4, 3, nil), tifftest.Shorts(258, 8, 8), tifftest.Shorts(277, 2), tifftest.Shorts(284, 2),
				tifftest.Longs(273, low...), tifftest.Longs(279, 12, 12), info))
			pages[i].Blocks = nil // they lie elsewhere
		}
		held[0] = tifftest.File(binary.LittleEndian, false, pages...)
		return imageio.Open(t.Context(), held, size, imageio.Limits{})
	}
	for _, tag := range []tifftest.Tag{info(2, 2), info(4, 1), info(2, 1)} { // the last is of two places
		opened, err := file(size, tag)
		if err != nil {
			t.Fatal(err)
		}
		for i := range places {
			for sample := range 2 {
				want := bytes.Repeat([]byte{byte(10*i + sample + 1)}, 12)
				if got := readPlane(t, opened, imageio.Plane{Page: i, Sample: sample}, everything); !bytes.Equal(got, want) {
					t.Errorf("channel %d of page %d holds %v", sample, i, got)
				}
			}
		}
	}
	if _, err := file(size, info(1, 2)); !errors.Is(err, imageio.ErrUnsupported) {
		t.Errorf("two places at two times: %v", err)
	}
	if _, err := file(9*gigabyte+13, info(2, 2)); !errors.Is(err, imageio.ErrCorrupt) {
		t.Errorf("cut short: %v", err)
	}
}

// TestChannelsOfASlide are pages that the descriptions name.
func TestChannelsOfASlide(t *testing.T) {
	described := func(kind, name string) tifftest.Page {
		text := "<PerkinElmer-QPI-ImageDescription><Name>" + name + "</Name><ImageType>" + kind + "</ImageType></PerkinElmer-QPI-ImageDescription>"
		return tifftest.Grey(4, 3, make([]byte, 12), tifftest.Text(270, text))
	}
	file := openFile(t, tifftest.File(binary.LittleEndian, false,
		described("FullResolution", "DAPI"), described("FullResolution", "CD8"), described("Thumbnail", ""), described("ReducedResolution", "DAPI")))
	if len(file.Pages) != 2 || file.Pages[1].Channel != 1 || file.Pages[1].ChannelName != "CD8" || file.Pages[1].Z != 0 {
		t.Errorf("%+v", file.Pages)
	}
}

func TestPlanesThatAreChosen(t *testing.T) {
	file := openFile(t, stackOf(planesOf(6), tifftest.Text(270, omeXML)))
	for _, c := range []struct {
		choice imageio.Choice
		want   string
	}{
		{imageio.Choice{}, "[0 1 2 3 4 5]"},
		{imageio.Choice{Pages: "all"}, "[0 1 2 3 4 5]"},
		{imageio.Choice{Pages: "first"}, "[0]"},
		{imageio.Choice{Pages: "2-3, 6"}, "[1 2 5]"},
		{imageio.Choice{Channel: "gfp"}, "[3 4 5]"},
		{imageio.Choice{Channel: "0", Pages: "3-4"}, "[2]"},
		{imageio.Choice{Max: true}, "[0 3]"},
		{imageio.Choice{Max: true, Channel: "GFP"}, "[3]"},
		{imageio.Choice{Max: true, Pages: "first"}, "[0]"},
		{imageio.Choice{Max: true, Pages: "1-3"}, "[0]"},
		{imageio.Choice{Max: true, Pages: "4-6,1-3"}, "[0 3]"},
		{imageio.Choice{Max: true, Pages: "3-6", Channel: "GFP"}, "[3]"},
		{imageio.Choice{Max: true, Pages: "3-6"}, "refused"},
		{imageio.Choice{Max: true, Pages: "5", Channel: "GFP"}, "[4]"}, // a receipt names the first of its pages
		{imageio.Choice{Max: true, Pages: "2-3"}, "refused"},
		{imageio.Choice{Channel: "RFP"}, "refused"},
		{imageio.Choice{Channel: "2"}, "refused"},
		{imageio.Choice{Pages: "7"}, "refused"},
		{imageio.Choice{Pages: "5-6", Channel: "0"}, "refused"},
	} {
		planes, err := file.Planes(c.choice)
		var pages []int
		for _, p := range planes {
			pages = append(pages, p.Page)
		}
		got := fmt.Sprint(pages)
		if err != nil {
			got = "refused"
		}
		if got != c.want {
			t.Errorf("%+v: %s, %v, want %s", c.choice, got, err, c.want)
		}
	}
}

// TestWhatOlympusSays has a stack of FluoView, whose channels change before its depths, and a picture of analySIS with the resolution of a screen.
func TestWhatOlympusSays(t *testing.T) {
	le := binary.LittleEndian
	text := func(s string, size int) []byte { return append([]byte(s), make([]byte, size-len(s))...) }
	header := make([]byte, 284)
	for _, axis := range []struct {
		name   string
		length uint32
		step   float64
		unit   string
	}{{"X", 4, 0.25, "\xb5m"}, {"Y", 3, 0.25, "\xb5m"}, {"Ch", 2, 1, "Ch"}, {"Z", 3, 0.7, "um"}} {
		header = append(header, text(axis.name, 16)...)
		header = le.AppendUint32(header, axis.length)
		header = le.AppendUint64(header, 0) // its origin
		header = le.AppendUint64(header, math.Float64bits(axis.step))
		header = append(header, text(axis.unit, 64)...)
	}
	header = append(header, make([]byte, 6*100)...)
	values := make([]uint64, len(header))
	for i, b := range header {
		values[i] = uint64(b)
	}
	file := openFile(t, stackOf(planesOf(6), tifftest.Tag{ID: 34361, Kind: tifftest.Byte, Values: values}))
	for i, p := range file.Pages {
		if p.Channel != i%2 || p.Z != i/2 || p.T != 0 || p.PixelSize != 0.25 || p.PixelSizeFrom != "FluoView" || p.Plain {
			t.Errorf("page %d is %+v", i, p)
		}
	}
	file = openFile(t, stackOf(planesOf(5), tifftest.Tag{ID: 34361, Kind: tifftest.Byte, Values: values}))
	if p := file.Pages[4]; p.Channel != 0 || p.Z != 4 || p.PixelSize != 0.25 {
		t.Errorf("of pages that the axes do not make: %+v", p)
	}

	analySIS := func(at int) []byte {
		return stackOf(planesOf(1), rational(282, 72, 1), rational(283, 72, 1), tifftest.Shorts(296, 2), tifftest.Longs(33560, uint64(at)))
	}
	at := len(analySIS(0))
	data := append(analySIS(at), text("SIS0", 58)...)
	data = le.AppendUint16(data, 2) // pieces: one of another kind, and the one that tells
	data = append(data, 10, 0, 1, 0, 0, 0, 0, 0, 1, 0, 1, 0)
	data = le.AppendUint32(data, uint32(len(data)+4))
	data = append(data, text("", 10)...)
	data = append(data, 0xf7, 0xff) // in 10^-9 m
	for range 2 {
		data = le.AppendUint64(data, math.Float64bits(322.5))
	}
	if p := openFile(t, data).Pages[0]; p.PixelSize != 0.3225 || p.PixelSizeFrom != "Olympus SIS" {
		t.Errorf("a pixel is %v by %q", p.PixelSize, p.PixelSizeFrom)
	}
	if p := openFile(t, data[:at+80]).Pages[0]; p.PixelSize != 0 {
		t.Errorf("of a tag that leads nowhere: %v by %q", p.PixelSize, p.PixelSizeFrom)
	}
}

// TestWhatGen5Says has a picture of two channels, which was stitched, and one of two depths, which was made smaller since.
func TestWhatGen5Says(t *testing.T) {
	page := func(colour string, width int) tifftest.Page {
		return tifftest.Grey(4, 3, make([]byte, 12), tifftest.Text(270, fmt.Sprintf(`<?xml version="1.0"?><BTIImageMetaData><ImageReference><Well>B3</Well></ImageReference>`+
			`<ImageAcquisition><PixelWidth>%d</PixelWidth><PixelHeight>3</PixelHeight><ImageWidthMicrons>2.6</ImageWidthMicrons>`+
			`<ImageHeightMicrons>1.95</ImageHeightMicrons><Channel Color="%s"><LED>365</LED></Channel></ImageAcquisition></BTIImageMetaData>`, width, colour)))
	}
	file := openFile(t, tifftest.File(binary.LittleEndian, false, page("Stitched[DAPI 377,447]", 4), page("Bright Field", 4)))
	for i, name := range []string{"DAPI", "Bright Field"} {
		p := file.Pages[i]
		if p.Channel != i || p.ChannelName != name || p.Z != 0 || p.PixelSize != 0.65 || p.PixelSizeFrom != "BioTek" || p.Plain {
			t.Errorf("page %d is %+v", i, p)
		}
	}
	file = openFile(t, tifftest.File(binary.LittleEndian, false, page("GFP 469,525", 8), page("GFP 469,525", 8)))
	if p := file.Pages[1]; p.Channel != 0 || p.Z != 1 || p.PixelSize != 0 || !p.Plain {
		t.Errorf("%+v", p)
	}
}

// counted keeps count of what is read of a file.
type counted struct {
	*bytes.Reader
	bytes int
}

func (c *counted) ReadAt(p []byte, offset int64) (int, error) {
	c.bytes += len(p)
	return c.Reader.ReadAt(p, offset)
}

// TestWhatMetaMorphSaysOfItsPixels has pixels that are as high as they are wide, and others, whose size is not one number.
func TestWhatMetaMorphSaysOfItsPixels(t *testing.T) {
	const unit = "um\x00\x00"
	for height, want := range map[uint32]float64{325: 0.325, 650: 0} {
		made := func(behind int) []byte {
			at := uint64(behind)
			uic1 := tifftest.Tag{ID: 33628, Kind: tifftest.Rational, Values: []uint64{3, 1, 4, at, 5, at + 8, 6, at + 16}}
			uic2 := tifftest.Tag{ID: 33629, Kind: tifftest.Rational, Values: make([]uint64, 2)}
			return tifftest.File(binary.LittleEndian, false, tifftest.Grey(4, 3, make([]byte, 12), uic1, uic2))
		}
		data := made(len(made(0)))
		for _, v := range []uint32{325, 1000, height, 1000, uint32(len(unit))} {
			data = binary.LittleEndian.AppendUint32(data, v)
		}
		page := openFile(t, append(data, unit...)).Pages[0]
		if from := map[bool]string{true: "MetaMorph"}[want > 0]; page.PixelSize != want || page.PixelSizeFrom != from {
			t.Errorf("of %d: %v, %q", height, page.PixelSize, page.PixelSizeFrom)
		}
	}
}

// TestLongDescriptionsAreReadOnce has a stack of MetaMorph that nobody calibrated: what it says of each plane lies in the description of the first.
func TestLongDescriptionsAreReadOnce(t *testing.T) {
	const planes = 50
	long := tifftest.Text(270, "<MetaData>"+strings.Repeat(" ", 100_000))
	count := tifftest.Tag{ID: 33629, Kind: tifftest.Rational, Values: make([]uint64, 2*planes)}
	file := tifftest.File(binary.LittleEndian, false, tifftest.Page{Tags: tifftest.Grey(4, 3, nil, long, count).Tags, Offsets: 273, Counts: 65000,
		Blocks: [][]byte{make([]byte, planes*12)}})
	source := &counted{Reader: bytes.NewReader(file)}
	opened, err := imageio.Open(context.Background(), source, int64(len(file)), imageio.Limits{})
	if err != nil || len(opened.Pages) != planes {
		t.Fatal(opened, err)
	}
	if few := 10; source.bytes > few*len(file) {
		t.Errorf("%d bytes were read of a file of %d", source.bytes, len(file))
	}
}

func TestProjection(t *testing.T) {
	planes := planesOf(3)
	planes[0][5], planes[1][6] = 99, 77
	file := openFile(t, stackOf(planes))
	got := readPlane(t, file, imageio.Plane{Max: true}, everything)
	want := bytes.Repeat([]byte{30}, 12)
	want[5], want[6] = 99, 77
	if !bytes.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestProjectionOfManyPages has so many that not all of their decompressors are kept.
func TestProjectionOfManyPages(t *testing.T) {
	var pages []tifftest.Page
	for i := range 200 {
		pix := bytes.Repeat([]byte{byte(i)}, 12)
		pix[i%12] = 200 + byte(i%12)
		packed := append([]byte{11}, pix...) // PackBits: 12 bytes as they are
		pages = append(pages, with(tifftest.Grey(4, 3, packed), tifftest.Shorts(259, 32773)))
	}
	file := openFile(t, tifftest.File(binary.LittleEndian, false, pages...))
	plane := imageio.Plane{Max: true}
	if memory, err := file.Memory(plane); err != nil || memory > imageio.MuchMemory {
		t.Errorf("%d bytes, %v", memory, err)
	}
	want := []byte{200, 201, 202, 203, 204, 205, 206, 207, 208, 209, 210, 211}
	if got := readPlane(t, file, plane, everything); !bytes.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestSamplesThatAreChosen also wants a channel of one pixel's samples found by its number.
func TestSamplesThatAreChosen(t *testing.T) {
	pix := []byte{1, 2, 3, 4, 5, 6}
	page := with(tifftest.Grey(2, 1, pix), tifftest.Shorts(277, 3), tifftest.Shorts(258, 8, 8, 8))
	file := openFile(t, tifftest.File(binary.LittleEndian, false, page))
	planes, err := file.Planes(imageio.Choice{Channel: "2"})
	if err != nil || len(planes) != 1 {
		t.Fatal(planes, err)
	}
	if got := readPlane(t, file, planes[0], everything); !bytes.Equal(got, []byte{3, 6}) {
		t.Errorf("%v", got)
	}
}

// TestTiledPagesThatAreNoPyramid are a large one, one of half its sides, and another large one.
func TestTiledPagesThatAreNoPyramid(t *testing.T) {
	tiled := func(width, height int) tifftest.Page {
		p := with(tifftest.Grey(width, height, nil), tifftest.Longs(322, 16), tifftest.Longs(323, 16))
		p.Blocks = cutTiles(ramp(width, height), width, height, 16)
		p.Offsets, p.Counts = 324, 325
		return p
	}
	file := openFile(t, tifftest.File(binary.LittleEndian, false, tiled(64, 64), tiled(32, 32), tiled(64, 64)))
	if len(file.Pages) != 3 || len(file.Pages[0].Reduced) != 0 {
		t.Errorf("%d pages, the first with %v", len(file.Pages), file.Pages[0].Reduced)
	}
	pyramid := openFile(t, tifftest.File(binary.LittleEndian, false, tiled(64, 64), tiled(32, 32), tiled(16, 16)))
	if len(pyramid.Pages) != 1 || len(pyramid.Pages[0].Reduced) != 2 {
		t.Fatalf("%d pages, the first with %v", len(pyramid.Pages), pyramid.Pages[0].Reduced)
	}
	r, err := pyramid.Reader(context.Background(), imageio.Plane{Level: 2}, imageio.NewBudget(1<<30))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got := make([]byte, 16*16)
	if err := r.Read(context.Background(), got, image.Rect(0, 0, 16, 16)); err != nil || !bytes.Equal(got, ramp(16, 16)) {
		t.Errorf("the smallest version is another, %v", err)
	}
}

// TestChannelsOfSeveralSeries has an overview and two places of a sample, of which each has its channels in an order of its own.
func TestChannelsOfSeveralSeries(t *testing.T) {
	image := func(first int, names ...string) string {
		text := fmt.Sprintf(`<Image><Pixels DimensionOrder="XYZCT" SizeZ="1" SizeT="1" SizeC="%d">`, len(names))
		for _, name := range names {
			text += `<Channel Name="` + name + `"/>`
		}
		return text + fmt.Sprintf(`<TiffData IFD="%d" PlaneCount="%d"/></Pixels></Image>`, first, len(names))
	}
	file := openFile(t, stackOf(planesOf(5), tifftest.Text(270, `<OME>`+image(0, "BF")+image(1, "DAPI", "GFP")+image(3, "GFP", "DAPI")+`</OME>`)))
	for name, want := range map[string][]imageio.Plane{
		"dapi": {{Page: 1}, {Page: 4}}, "GFP": {{Page: 2}, {Page: 3}}, "BF": {{}}, "1": {{Page: 2}, {Page: 4}},
	} {
		if got, err := file.Planes(imageio.Choice{Channel: name}); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, want)
		}
	}
	for page, want := range [][]string{{"BF"}, {"DAPI", "GFP"}, {"DAPI", "GFP"}, {"GFP", "DAPI"}, {"GFP", "DAPI"}} {
		if got := file.Channels(page); !slices.Equal(got, want) {
			t.Errorf("channels beside page %d are %q, want %q", page, got, want)
		}
	}
	if got, err := file.Beside(3, "DAPI"); err != nil || got.Page != 4 {
		t.Errorf("beside the second place is %+v, %v", got, err)
	}
	if got, err := file.Beside(0, "DAPI"); err == nil {
		t.Errorf("beside the overview is %+v", got)
	}
}

// TestSamplesHaveNoNames asks for one of several samples by its number, which their page is called.
func TestSamplesHaveNoNames(t *testing.T) {
	four := with(tifftest.Grey(4, 3, make([]byte, 48)), tifftest.Shorts(277, 4), tifftest.Shorts(258, 8, 8, 8, 8),
		tifftest.Text(270, `<OME><Image><Pixels DimensionOrder="XYZCT" SizeZ="1" SizeT="1" SizeC="4"><Channel Name="1"/></Pixels></Image></OME>`))
	file := openFile(t, tifftest.File(binary.LittleEndian, false, four))
	planes, err := file.Planes(imageio.Choice{Channel: "1"})
	if want := []imageio.Plane{{Sample: 1}}; err != nil || !slices.Equal(planes, want) {
		t.Errorf("%+v, %v", planes, err)
	}
}

func TestChannelsBesideAPage(t *testing.T) {
	digits := strings.NewReplacer("DAPI", "1", "GFP", "2").Replace(omeXML)
	four := with(tifftest.Grey(4, 3, make([]byte, 48)), tifftest.Shorts(277, 4), tifftest.Shorts(258, 8, 8, 8, 8))
	for name, c := range map[string]struct {
		file     []byte
		channels []string
		page     int
		channel  string
		want     imageio.Plane
		together []imageio.Plane
	}{
		"of an OME-TIFF":  {stackOf(planesOf(6), tifftest.Text(270, omeXML)), []string{"DAPI", "GFP"}, 4, "dapi", imageio.Plane{Page: 1}, []imageio.Plane{{Page: 1}, {Page: 4}}},
		"its own":         {stackOf(planesOf(6), tifftest.Text(270, omeXML)), []string{"DAPI", "GFP"}, 4, "", imageio.Plane{Page: 4}, []imageio.Plane{{Page: 1}, {Page: 4}}},
		"names of digits": {stackOf(planesOf(6), tifftest.Text(270, digits)), []string{"1", "2"}, 3, "1", imageio.Plane{}, []imageio.Plane{{}, {Page: 3}}},
		"of a grey page":  {stackOf(planesOf(1)), []string{""}, 0, "0", imageio.Plane{}, []imageio.Plane{{}}},
		"a sample": {tifftest.File(binary.LittleEndian, false, four), make([]string, 4), 0, "2", imageio.Plane{Sample: 2},
			[]imageio.Plane{{}, {Sample: 1}, {Sample: 2}, {Sample: 3}}},
	} {
		t.Run(name, func(t *testing.T) {
			file, err := imageio.Open(t.Context(), bytes.NewReader(c.file), int64(len(c.file)), imageio.Limits{Pixels: 1e6, Pages: 100})
			if err != nil {
				t.Fatal(err)
			}
			if got := file.Channels(c.page); !slices.Equal(got, c.channels) {
				t.Errorf("channels %q, want %q", got, c.channels)
			}
			if got, err := file.Beside(c.page, c.channel); err != nil || got != c.want {
				t.Errorf("%+v, %v, want %+v", got, err, c.want)
			}
			var together []imageio.Plane
			for _, plane := range file.Together(c.page) {
				together = append(together, plane)
			}
			if !slices.Equal(together, c.together) {
				t.Errorf("together %+v, want %+v", together, c.together)
			}
		})
	}
}
