package imageio_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"slices"
	"strings"
	"testing"

	"seghub/models/imageio"
	"seghub/models/imageio/tiff/tifftest"
)

// jfif is the marker that a JPEG file of its own has behind its first two bytes.
const jfif = "\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"

// TestJPEGsWithinRGB is of what QuPath and Bio-Formats write: tiles that are JPEG files, whose YCbCr the page calls RGB. Without the mark of such
// files it is what the page says (Aperio, libvips).
func TestJPEGsWithinRGB(t *testing.T) {
	const width, height = 32, 16
	own := jpegFile(t, colourful(width, height))
	want := readPlane(t, openFile(t, own), imageio.Plane{}, everything)
	page := func(block []byte, photometric uint64) []byte {
		p := with(tifftest.Grey(width, height, block), tifftest.Shorts(258, 8, 8, 8), tifftest.Shorts(259, 7), tifftest.Shorts(262, photometric), tifftest.Shorts(277, 3))
		return tifftest.File(binary.LittleEndian, false, p)
	}
	marked := slices.Insert(slices.Clone(own), 2, []byte(jfif)...)
	for name, c := range map[string]struct {
		file []byte
		same bool
	}{
		"a file, called RGB": {page(marked, 2), true}, "a file, called YCbCr": {page(marked, 6), true}, "YCbCr": {page(own, 6), true}, "RGB": {page(own, 2), false},
	} {
		got := readPlane(t, openFile(t, c.file), imageio.Plane{}, everything)
		off := 0
		for i := range got {
			off = max(off, int(got[i])-int(want[i]), int(want[i])-int(got[i]))
		}
		if off <= 2 != c.same {
			t.Errorf("%s: off by %d", name, off)
		}
	}
}

// TestJPEGsInPlanes is of what bfconvert makes of colours that lie in planes: a grey JPEG each of red, green and blue, of a page that is called YCbCr.
func TestJPEGsInPlanes(t *testing.T) {
	const width, height = 16, 8
	page := with(tifftest.Grey(width, height, nil), tifftest.Shorts(258, 8, 8, 8), tifftest.Shorts(259, 7), tifftest.Shorts(262, 6), tifftest.Shorts(277, 3), tifftest.Shorts(284, 2))
	page.Blocks = nil
	for _, level := range []uint8{200, 60, 20} {
		plane := image.NewGray(image.Rect(0, 0, width, height))
		for i := range plane.Pix {
			plane.Pix[i] = level
		}
		page.Blocks = append(page.Blocks, jpegFile(t, plane))
	}
	for name, c := range map[string]struct {
		page tifftest.Page
		want [3]uint8 // red, green and blue
	}{
		"red, green and blue": {page, [3]uint8{200, 60, 20}},
		"YCbCr":               {with(page, tifftest.Shorts(530, 1, 1)), [3]uint8{49, 255, 80}}, // by ITU-T T.871, section 7
	} {
		got := readPlane(t, openFile(t, tifftest.File(binary.LittleEndian, false, c.page)), imageio.Plane{}, everything)
		for i, want := range c.want {
			if off := int(got[i]) - int(want); off < -2 || off > 2 {
				t.Errorf("%s: %v, not %v", name, got[:3], c.want)
				break
			}
		}
	}
}

// TestJPEGsWithoutTables are the frames of a USB camera, which leave out the Huffman tables that are those of the standard.
func TestJPEGsWithoutTables(t *testing.T) {
	for name, picture := range map[string]image.Image{"colour": colourful(40, 30), "grey": gradient(40, 30)} {
		file := jpegFile(t, picture)
		want := readPlane(t, openFile(t, file), imageio.Plane{}, everything)
		at := bytes.Index(file, []byte("\xff\xc4"))
		frame := slices.Delete(slices.Clone(file), at, at+2+int(binary.BigEndian.Uint16(file[at+2:])))
		if bytes.Contains(frame, []byte("\xff\xc4")) {
			t.Fatal("more than one segment of tables")
		}
		if got := readPlane(t, openFile(t, frame), imageio.Plane{}, everything); !bytes.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got[:12], want[:12])
		}
	}
}

// TestRestartMarkersThatAreNotRead are judged by the header: where the chromas are fewer, and a scan is of one component alone, they lie elsewhere than
// the decoder looks for them.
func TestRestartMarkersThatAreNotRead(t *testing.T) {
	colour, grey := jpegFile(t, colourful(40, 30)), jpegFile(t, gradient(40, 30))
	progressive := func(file []byte) []byte { return bytes.Replace(file, []byte("\xff\xc0"), []byte("\xff\xc2"), 1) }
	restarted := func(file []byte, every byte) []byte {
		return slices.Insert(slices.Clone(file), bytes.Index(file, []byte("\xff\xda")), 0xff, 0xdd, 0, 4, 0, every)
	}
	ofOneComponent := func(file []byte) []byte {
		at := bytes.Index(file, []byte("\xff\xda"))
		return slices.Concat(file[:at], []byte{0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0}, file[at+14:])
	}
	for name, c := range map[string]struct {
		file    []byte
		refused bool
	}{
		"progressive":                     {restarted(progressive(colour), 3), true},
		"a scan of one component":         {restarted(ofOneComponent(colour), 19), true},
		"progressive, as many as it has":  {restarted(progressive(colour), 20), false},
		"progressive, without":            {progressive(colour), false},
		"progressive, grey":               {restarted(progressive(grey), 3), false},
		"one scan of all components":      {restarted(colour, 3), false},
		"an interval of 0, which is none": {restarted(progressive(colour), 0), false},
	} {
		_, err := imageio.Open(t.Context(), bytes.NewReader(c.file), int64(len(c.file)), imageio.Limits{})
		if errors.Is(err, imageio.ErrUnsupported) != c.refused || err != nil && !c.refused {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestJPEGsThatAreRefusedBeforeAnyPixel are of kinds that image/jpeg does not read.
func TestJPEGsThatAreRefusedBeforeAnyPixel(t *testing.T) {
	colour := jpegFile(t, colourful(40, 30))
	at := bytes.Index(colour, []byte("\xff\xc0"))
	thinned := slices.Clone(colour)
	thinned[at+11] = 0x31 // to a third
	frame := append([]byte{0xff, 0xc0, 0, 20, 8, 0, 30, 0, 40, 4}, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 4, 0x11, 0)
	four := slices.Concat(colour[:at], frame, colour[at+19:])
	adobe := slices.Insert(slices.Clone(four), 2, []byte("\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00")...)
	for name, c := range map[string]struct {
		file    []byte
		refused bool
	}{
		"chromas of a third": {thinned, true}, "four components of which nobody says what they are": {four, true}, "four of Adobe's": {adobe, false},
	} {
		_, err := imageio.Open(t.Context(), bytes.NewReader(c.file), int64(len(c.file)), imageio.Limits{})
		if errors.Is(err, imageio.ErrUnsupported) != c.refused || err != nil && !c.refused {
			t.Errorf("%s: %v", name, err)
		}
	}
	// What a table of codes holds is no kind of a file.
	tables := bytes.Index(colour, []byte("\xff\xc4")) + 5
	copy(colour[tables+16:], bytes.Repeat([]byte{32}, 12)) // bits of a difference of two lumas, which have 11 at most
	if err := bad(t, colour); !errors.Is(err, imageio.ErrCorrupt) {
		t.Errorf("lumas of 32 bits: %v", err)
	}
}

// TestTints is of channels that come with a colour to show them in: their samples are what they are.
func TestTints(t *testing.T) {
	const width, height = 24, 18
	pix := ramp(width, height)
	tint := func(size int, red, green, blue uint64) tifftest.Tag {
		values := make([]uint64, 0, 3*size)
		for _, brightest := range []uint64{red, green, blue} {
			for i := range size {
				values = append(values, brightest*uint64(i)/uint64(size-1))
			}
		}
		return tifftest.Shorts(320, values...)
	}
	deep := make([]byte, 0, 2*len(pix))
	for _, v := range pix {
		deep = binary.LittleEndian.AppendUint16(deep, 10*uint16(v)) // 12 bits
	}
	paletted := func(pix []byte, bits uint64, colours tifftest.Tag) []byte {
		return tifftest.File(binary.LittleEndian, false, with(tifftest.Grey(width, height, pix), tifftest.Shorts(258, bits), tifftest.Shorts(262, 3), colours))
	}
	for name, c := range map[string]struct {
		file []byte
		typ  imageio.SampleType
		want []byte
	}{
		"blue, as Fiji writes it":               {paletted(pix, 8, tint(256, 0, 0, 65280)), imageio.Uint8, pix},
		"magenta of 8 bits":                     {paletted(pix, 8, tint(256, 255, 0, 255)), imageio.Uint8, pix},
		"16 bits in green, as bfconvert has it": {paletted(deep, 16, tint(65536, 0, 65535, 0)), imageio.Uint16, deep},
		"16 bits in grey":                       {paletted(deep, 16, tint(65536, 65535, 65535, 65535)), imageio.Uint16, deep},
		"16 bits with a palette of 256 colours": {paletted(deep, 16, tint(256, 0, 65280, 0)), imageio.Uint16, deep},
	} {
		file := openFile(t, c.file)
		if page := file.Pages[0]; page.Channels != 1 || page.Type != c.typ {
			t.Errorf("%s: %d channels of %v", name, page.Channels, page.Type)
			continue
		}
		if got := readPlane(t, file, imageio.Plane{}, everything); !bytes.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got[:20], c.want[:20])
		}
	}
	colours := make([]uint64, 3*256)
	colours[1], colours[256+2], colours[512+3] = 65535, 65535, 65535
	if page := openFile(t, paletted(pix, 8, tifftest.Shorts(320, colours...))).Pages[0]; page.Channels != 3 {
		t.Error("a palette of colours is none")
	}
}

// TestLookupTablesOfImageJ are colours that run in small steps, and colours that were chosen for a picture.
func TestLookupTablesOfImageJ(t *testing.T) {
	const width, height = 24, 18
	pix := ramp(width, height)
	file := func(description string, colour func(i int) [3]int) []byte {
		values := make([]uint64, 3*256)
		for i := range 256 {
			for c, v := range colour(i) {
				values[256*c+i] = 256 * uint64(v)
			}
		}
		return tifftest.File(binary.LittleEndian, false, with(tifftest.Grey(width, height, pix), tifftest.Shorts(262, 3), tifftest.Shorts(320, values...), tifftest.Text(270, description)))
	}
	marked := func(i int) [3]int { // HiLo
		switch i {
		case 0:
			return [3]int{0, 0, 255}
		case 255:
			return [3]int{255, 0, 0}
		}
		return [3]int{i, i, i}
	}
	fire := func(i int) [3]int { return [3]int{min(255, 2*i), max(0, 2*i-256), max(0, 120-max(i-120, 120-i))} }
	chosen := func(i int) [3]int { return [3]int{i * 67 % 256, i * 101 % 256, i * 31 % 256} }
	const imageJ = "ImageJ=1.54f\n"
	for name, c := range map[string]struct {
		file     []byte
		channels int
	}{
		"HiLo": {file(imageJ, marked), 1}, "Fire": {file(imageJ, fire), 1}, "8-bit colour": {file(imageJ, chosen), 3},
		"Fire of nobody": {file("a picture", fire), 3},
	} {
		opened := openFile(t, c.file)
		if got := opened.Pages[0].Channels; got != c.channels {
			t.Errorf("%s: %d channels, want %d", name, got, c.channels)
			continue
		}
		if got := readPlane(t, opened, imageio.Plane{}, everything); c.channels == 1 && !bytes.Equal(got, pix) {
			t.Errorf("%s: %v, want %v", name, got[:20], pix[:20])
		}
	}
}

// TestTintsOfPictures is the same of other files than TIFF.
func TestTintsOfPictures(t *testing.T) {
	const width, height = 24, 18
	palette := func(red, green, blue int) (colours color.Palette) {
		for i := range 256 {
			colours = append(colours, color.RGBA{uint8(red * i / 255), uint8(green * i / 255), uint8(blue * i / 255), 255})
		}
		return colours
	}
	gifFile := func(img *image.Paletted, canvas image.Point, shared color.Palette) []byte {
		var out bytes.Buffer
		config := image.Config{Width: canvas.X, Height: canvas.Y, ColorModel: shared}
		if err := gif.EncodeAll(&out, &gif.GIF{Image: []*image.Paletted{img}, Delay: []int{0}, Config: config}); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	picture := image.NewPaletted(image.Rect(0, 0, width, height), palette(0, 255, 40))
	copy(picture.Pix, ramp(width, height))
	other := *picture
	other.Palette = palette(255, 0, 0)
	part := *picture
	part.Rect = part.Rect.Add(image.Pt(0, 1))
	for name, c := range map[string]struct{ file, want []byte }{
		"PNG":                            {pngFile(t, picture), picture.Pix},
		"BMP":                            {bmpFile(t, picture), picture.Pix},
		"GIF":                            {gifFile(picture, image.Pt(width, height), picture.Palette), picture.Pix},
		"GIF, with a palette of its own": {gifFile(&other, image.Pt(width, height), palette(9, 9, 9)[:16]), picture.Pix},
		"GIF, a part of it":              {gifFile(&part, image.Pt(width, height+1), picture.Palette), append(make([]byte, width), picture.Pix...)},
	} {
		file := openFile(t, c.file)
		if page := file.Pages[0]; page.Channels != 1 {
			t.Errorf("%s: %d channels", name, page.Channels)
		} else if got := readPlane(t, file, imageio.Plane{}, everything); !bytes.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got[:50], c.want[:50])
		}
	}
	picture.Palette[200] = color.RGBA{255, 255, 0, 255} // what is too bright is marked
	for name, file := range map[string][]byte{
		"PNG": pngFile(t, picture), "BMP": bmpFile(t, picture), "GIF": gifFile(picture, image.Pt(width, height), picture.Palette),
	} {
		if page := openFile(t, file).Pages[0]; page.Channels != 3 {
			t.Errorf("%s: a palette of colours is none", name)
		}
	}
}

// TestColourThatWasNeverWritten is black, not the green of three zeros.
func TestColourThatWasNeverWritten(t *testing.T) {
	const width, height = 16, 16
	strip := jpegFile(t, colourful(width, height/2))
	p := with(tifftest.Grey(width, height, strip), tifftest.Shorts(258, 8, 8, 8), tifftest.Shorts(259, 7), tifftest.Shorts(262, 6), tifftest.Shorts(277, 3),
		tifftest.Longs(278, height/2), tifftest.Longs(273, 8, 0), tifftest.Longs(279, uint64(len(strip)), 0))
	p.Offsets, p.Counts = 65000, 65001 // the pixels lie behind the header
	got := readPlane(t, openFile(t, tifftest.File(binary.LittleEndian, false, p)), imageio.Plane{}, everything)
	if half := len(got) / 2; !bytes.Equal(got[half:], make([]byte, half)) || bytes.Equal(got[:half], make([]byte, half)) {
		t.Errorf("%v", got[half:half+6])
	}
}

// TestPlacesOfASample are images of an OME-TIFF that have channels and depths of their own.
func TestPlacesOfASample(t *testing.T) {
	image := `<Image><Pixels DimensionOrder="XYCZT" SizeZ="2" SizeC="2" SizeT="1"><Channel Name="DAPI"/><Channel Name="GFP"/><TiffData IFD="%d" PlaneCount="4"/></Pixels></Image>`
	file := openFile(t, stackOf(planesOf(8), tifftest.Text(270, "<OME>"+fmt.Sprintf(image, 0)+fmt.Sprintf(image, 4)+"</OME>")))
	planes, err := file.Planes(imageio.Choice{Max: true})
	if err != nil || len(planes) != 4 {
		t.Fatalf("%+v, %v", planes, err)
	}
	for i, want := range []byte{30, 40, 70, 80} {
		if got := readPlane(t, file, planes[i], everything); got[0] != want {
			t.Errorf("the brightest of plane %d is %d, want %d", i, got[0], want)
		}
	}
	if beside, err := file.Beside(6, "GFP"); err != nil || beside.Page != 7 {
		t.Errorf("%+v, %v", beside, err)
	}
	for number, plane := range file.Together(4) {
		if plane.Page != 4+number {
			t.Errorf("together with page 4: %+v", plane)
		}
	}
}

// TestOMEThatIsNotQuiteXML is of what people type and programs append.
func TestOMEThatIsNotQuiteXML(t *testing.T) {
	for name, text := range map[string]string{
		"a control character":              strings.Replace(omeXML, "DAPI", "DA\x01PI", 1),
		"one in a text":                    strings.Replace(omeXML, "<Pixels", "<Description>a\x1fb</Description><Pixels", 1),
		"an & in a name":                   strings.Replace(omeXML, "GFP", "GFP & YFP", 1),
		"at its end":                       strings.Replace(omeXML, "GFP", "GFP&", 1),
		"in a text":                        strings.Replace(omeXML, "<Pixels", "<Description>R&D, a&b; and &</Description><Pixels", 1),
		"text behind it":                   omeXML + "\nsaved & closed ]]> <",
		"another XML behind it":            omeXML + strings.Replace(omeXML, "325", "500", 2),
		"a remark in front, one behind it": "<!-- a -->" + omeXML + "<!-- b",
	} {
		file := openFile(t, stackOf(planesOf(6), tifftest.Text(270, text)))
		if last := file.Pages[5]; last.Channel != 1 || last.Z != 2 || last.PixelSize != 0.325 || !strings.HasPrefix(last.ChannelName, "GFP") {
			t.Errorf("%s: %+v", name, last)
		}
	}
	for name, text := range map[string]string{
		"cut short": omeXML[:len(omeXML)-60], "of a quote that does not end": strings.Replace(omeXML, `"GFP"`, `"GFP`, 1),
		"too deep": strings.Replace(omeXML, "<Pixels", strings.Repeat("<a>", 100)+"<Pixels", 1),
	} {
		if last := openFile(t, stackOf(planesOf(6), tifftest.Text(270, text))).Pages[5]; last.Channel != 0 || last.Z != 5 || last.PixelSize != 0 {
			t.Errorf("an OME-XML that is %s: %+v", name, last)
		}
	}
}

// TestRGBByBioFormats is of pages whose colours the description counts as images.
func TestRGBByBioFormats(t *testing.T) {
	pix := ramp(12, 3)
	rgb := func(channels, depths int) tifftest.Page {
		text := fmt.Sprintf("ImageJ=\nhyperstack=true\nimages=%d\nchannels=%d\nslices=%d\nframes=1", channels*depths, channels, depths)
		return with(tifftest.Grey(4, 3, pix), tifftest.Shorts(258, 8, 8, 8), tifftest.Shorts(262, 2), tifftest.Shorts(277, 3), tifftest.Text(270, text))
	}
	deflated := with(rgb(3, 1), tifftest.Shorts(259, 8))
	deflated.Blocks = [][]byte{inZlib(t, pix)}
	for name, pages := range map[string][]tifftest.Page{"plain": {rgb(3, 1)}, "compressed": {deflated}, "two depths": {rgb(3, 2), rgb(3, 2)}} {
		file := openFile(t, tifftest.File(binary.LittleEndian, false, pages...))
		if len(file.Pages) != len(pages) || file.Pages[len(pages)-1].Z != len(pages)-1 {
			t.Errorf("%s: %+v", name, file.Pages)
		}
		if got := readPlane(t, file, imageio.Plane{}, everything); !bytes.Equal(got, pix) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestMoreThatProgramsSay(t *testing.T) {
	prefixed := strings.NewReplacer("</", "</ns0:", "<?", "<?", "<", "<ns0:", "xmlns=", "xmlns:ns0=").Replace(omeXML)
	prefixed = strings.Replace(prefixed, "<ns0:?xml", "<?xml", 1)
	const scifio = "SCIFIO=0.41.0\naxes=X,Y,Channel,Time\nimages=6\nchannels=2\nslices=1\nframes=3\nunit=micron\n"
	thor := `<ns0:OME xmlns:ns0="a"><ns0:Image><ns0:Pixels DimensionOrder="XYCZT" SizeZ="1" SizeC="2" SizeT="1" PhysicalSizeX="0.5" PhysicalSizeY="0.5">` +
		`<ns0:TiffData FirstC="0"><ns0:UUID FileName="ChanA.tif"> urn:uuid:1 </ns0:UUID></ns0:TiffData>` +
		`<ns0:TiffData FirstC="1"><ns0:UUID FileName="ChanB.tif"> urn:uuid:2 </ns0:UUID></ns0:TiffData></ns0:Pixels></ns0:Image></ns0:OME>`
	for name, c := range map[string]struct {
		file      []byte
		last      [3]int // channel, z and t of the last page
		pixelSize float64
	}{
		"OME-XML with a prefix":                             {stackOf(planesOf(6), tifftest.Text(270, prefixed)), [3]int{1, 2, 0}, 0.325},
		"OME-XML of before 2009":                            {stackOf(planesOf(6), tifftest.Text(270, strings.Replace(omeXML, "PlaneCount", "NumPlanes", 1))), [3]int{1, 2, 0}, 0.325},
		"a file of several, of which it does not say which": {stackOf(planesOf(1), tifftest.Text(270, thor)), [3]int{}, 0.5},
		"ImageJ2":                           {stackOf(planesOf(6), tifftest.Text(270, scifio), rational(282, 20_000, 1), rational(283, 20_000, 1), tifftest.Shorts(296, 3)), [3]int{1, 0, 2}, 0.5},
		"ImageJ of a picture to be printed": {stackOf(planesOf(1), tifftest.Text(270, "ImageJ=1.54f\nunit=inch\n"), rational(282, 300, 1), tifftest.Shorts(296, 2)), [3]int{}, 0},
	} {
		file := openFile(t, c.file)
		page := file.Pages[len(file.Pages)-1]
		if got := [3]int{page.Channel, page.Z, page.T}; got != c.last || file.Pages[0].PixelSize != c.pixelSize {
			t.Errorf("%s: %v of %v µm, want %v of %v", name, got, file.Pages[0].PixelSize, c.last, c.pixelSize)
		}
	}
}

// TestChannelsThatImageJ2CallsColours are five samples of a pixel.
func TestChannelsThatImageJ2CallsColours(t *testing.T) {
	page := with(tifftest.Grey(4, 3, nil), tifftest.Shorts(258, 8, 8, 8, 8, 8), tifftest.Shorts(262, 2), tifftest.Shorts(277, 5), tifftest.Shorts(284, 2),
		tifftest.Text(270, "SCIFIO=0.41.0\nimages=1\nchannels=5\nslices=1\nframes=1\n"))
	page.Blocks = planesOf(5)
	file := openFile(t, tifftest.File(binary.LittleEndian, false, page))
	if p := file.Pages[0]; p.Channels != 1 || p.Samples != 5 {
		t.Fatalf("%+v", p)
	}
	if got := readPlane(t, file, imageio.Plane{Sample: 4}, everything); got[0] != 50 {
		t.Errorf("%v", got)
	}
}

// TestChannelsThatAreCalledAlpha are those of libvips, which has all but the first be one; a pixel has but one.
func TestChannelsThatAreCalledAlpha(t *testing.T) {
	for _, c := range []struct {
		extra []uint64
		want  int
	}{{[]uint64{2, 2, 2, 2}, 5}, {[]uint64{0, 0, 0, 2}, 4}, {[]uint64{0, 0, 0, 0}, 5}} {
		page := with(tifftest.Grey(4, 3, make([]byte, 60)), tifftest.Shorts(258, 8, 8, 8, 8, 8), tifftest.Shorts(277, 5), tifftest.Shorts(338, c.extra...))
		if got := openFile(t, tifftest.File(binary.LittleEndian, false, page)).Pages[0].Samples; got != c.want {
			t.Errorf("%v: %d channels, want %d", c.extra, got, c.want)
		}
	}
}

// TestLSMCompressed is of strips whose lengths are those that they have uncompressed, so that the last seems to end behind the file.
func TestLSMCompressed(t *testing.T) {
	const width, height = 91, 45 // 4095 pixels
	lzw := zerosInLZW(90)
	p := with(tifftest.Grey(width, height, lzw), tifftest.Shorts(259, 5), tifftest.Longs(273, 8), tifftest.Longs(279, width*height),
		tifftest.Tag{ID: 34412, Kind: tifftest.Byte, Values: make([]uint64, 56)})
	p.Offsets, p.Counts = 65000, 65001 // the pixels lie behind the header
	if got := readPlane(t, openFile(t, tifftest.File(binary.LittleEndian, false, p)), imageio.Plane{}, everything); !bytes.Equal(got, make([]byte, width*height)) {
		t.Errorf("%v", got[:20])
	}
}

// zerosInLZW are n(n+1)/2 bytes: one, two more, three more, each the string before and its first byte.
func zerosInLZW(n int) (packed []byte) {
	word, held := 0, 0
	put := func(code int) {
		for word, held = word<<9|code, held+9; held >= 8; held -= 8 {
			packed = append(packed, byte(word>>(held-8)))
		}
	}
	put(256)
	put(0)
	for i := range n - 1 {
		put(258 + i)
	}
	put(257)
	return append(packed, byte(word<<(8-held)))
}
