package imageio_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"os"
	"slices"
	"testing"

	"seghub/models/imageio"
	"seghub/models/imageio/tiff/tifftest"
)

// bitmapFile is a BMP of 40 bytes of header and what comes behind it.
func bitmapFile(width, height, bits, compression int, palette, pixels []byte) []byte {
	le := binary.LittleEndian
	file := append([]byte("BM"), make([]byte, 8)...)
	file = le.AppendUint32(file, uint32(54+len(palette)))
	file = le.AppendUint32(file, 40)
	file = le.AppendUint32(le.AppendUint32(file, uint32(width)), uint32(height))
	file = le.AppendUint16(le.AppendUint16(file, 1), uint16(bits))
	file = le.AppendUint32(file, uint32(compression))
	file = append(file, make([]byte, 12)...)
	file = append(le.AppendUint32(file, uint32(len(palette)/4)), 0, 0, 0, 0)
	return append(append(file, palette...), pixels...)
}

func TestBitmaps(t *testing.T) {
	// Blue, green, red and a byte of nothing.
	colours := []byte{0, 0, 0, 0, 255, 0, 0, 0, 0, 255, 0, 0, 0, 0, 255, 0}
	black, blue, green, red := []byte{0, 0, 0}, []byte{0, 0, 255}, []byte{0, 255, 0}, []byte{255, 0, 0}
	join := func(pixels ...[]byte) []byte { return bytes.Join(pixels, nil) }
	masks := []byte{0, 0xf8, 0, 0, 0xe0, 7, 0, 0, 0x1f, 0, 0, 0} // 5, 6 and 5 bits
	for name, c := range map[string]struct {
		file []byte
		want []byte
	}{
		// The bottom row comes first.
		"RLE8": {bitmapFile(4, 2, 8, 1, colours, []byte{3, 1, 1, 2, 0, 0, 0, 3, 3, 0, 1, 0, 0, 1}), join(red, black, blue, black, blue, blue, blue, green)},
		"RLE8 with a jump": {bitmapFile(3, 2, 8, 1, colours, []byte{1, 3, 0, 2, 1, 1, 1, 2, 0, 1}),
			join(black, black, green, red, black, black)},
		"RLE4":                  {bitmapFile(4, 1, 4, 2, colours, []byte{3, 0x12, 1, 0x30, 0, 1}), join(blue, green, blue, red)},
		"RLE4 as they are":      {bitmapFile(4, 1, 4, 2, colours, []byte{0, 4, 0x12, 0x30, 0, 1}), join(blue, green, red, black)},
		"16 bits":               {bitmapFile(2, 1, 16, 0, nil, []byte{0x1f, 0, 0, 0x7c}), join(blue, red)},
		"16 bits with masks":    {bitmapFile(2, 1, 16, 3, masks, []byte{0x1f, 0, 0xe0, 7}), join(blue, green)},
		"2 bits":                {bitmapFile(4, 1, 2, 0, colours, []byte{0b00_01_10_11, 0, 0, 0}), join(black, blue, green, red)},
		"from the top to below": {bitmapFile(1, -2, 24, 0, nil, []byte{255, 0, 0, 0, 0, 255, 0, 0}), join(blue, green)},
	} {
		t.Run(name, func(t *testing.T) {
			if got := readPlane(t, openFile(t, c.file), imageio.Plane{}, everything); !bytes.Equal(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
	if err := bad(t, bitmapFile(4, 2, 8, 1, colours, []byte{3, 1, 0})); !errors.Is(err, imageio.ErrCorrupt) {
		t.Errorf("runs that are cut short: %v", err)
	}
	if err := bad(t, bitmapFile(4, 2, 8, 4, colours, nil)); !errors.Is(err, imageio.ErrUnsupported) {
		t.Errorf("a JPEG in a BMP: %v", err)
	}
}

// TestTheFirstFrameOfAGIF lies within a canvas that is larger.
func TestTheFirstFrameOfAGIF(t *testing.T) {
	palette := color.Palette{color.Black, color.NRGBA{9, 8, 7, 255}}
	first := image.NewPaletted(image.Rect(1, 1, 3, 2), palette)
	first.Pix = []uint8{1, 1}
	second := image.NewPaletted(image.Rect(0, 0, 4, 3), palette)
	var file bytes.Buffer
	err := gif.EncodeAll(&file, &gif.GIF{Image: []*image.Paletted{first, second}, Delay: []int{1, 1}, Config: image.Config{Width: 4, Height: 3, ColorModel: palette}})
	if err != nil {
		t.Fatal(err)
	}
	got := readPlane(t, openFile(t, file.Bytes()), imageio.Plane{}, everything)
	want := make([]byte, 4*3*3)
	copy(want[3*(4+1):], []byte{9, 8, 7, 9, 8, 7})
	if !bytes.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestAGIFWhoseScreenIsTooSmall is as large as its first frame, wherever that is said to lie.
func TestAGIFWhoseScreenIsTooSmall(t *testing.T) {
	picture := image.NewPaletted(image.Rect(5, 0, 5+16, 8), color.Palette{color.Black, color.NRGBA{9, 8, 7, 255}})
	for i := range picture.Pix {
		picture.Pix[i] = uint8(i % 2)
	}
	want := bytes.Repeat([]byte{0, 0, 0, 9, 8, 7}, 16*8/2)
	var whole bytes.Buffer
	if err := gif.EncodeAll(&whole, &gif.GIF{Image: []*image.Paletted{picture}, Delay: []int{0}, Config: image.Config{Width: 21, Height: 8}}); err != nil {
		t.Fatal(err)
	}
	for _, screen := range []string{"\x00\x00\x00\x00", "\x00\x00\x08\x00", "\x0f\x00\x09\x00", "\x40\x00\x07\x00"} {
		file := openFile(t, append(append(bytes.Clone(whole.Bytes()[:6]), screen...), whole.Bytes()[10:]...))
		if page := file.Pages[0]; page.Width != 16 || page.Height != 8 {
			t.Errorf("%x: %dx%d", screen, page.Width, page.Height)
		} else if got := readPlane(t, file, imageio.Plane{}, everything); !bytes.Equal(got, want) {
			t.Errorf("%x: %v", screen, got[:12])
		}
	}
}

// TestOrientationByWhateverSaysIt is of files that say by XMP, or as older programs do, how they are to be turned: 6, a quarter to the
// right.
func TestOrientationByWhateverSaysIt(t *testing.T) {
	const xmp = "<x:xmpmeta><rdf:Description tiff:Orientation=\"6\"/></x:xmpmeta>"
	const exif = "II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00"
	deflated := func(text string) string { return string(inZlib(t, []byte(text))) }
	picture := gradient(16, 8)
	withChunk := func(name, data string) []byte {
		file := pngFile(t, picture)
		chunk := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
		chunk = append(append(chunk, name...), data...)
		return slices.Insert(file, 33, binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(chunk[4:]))...) // behind the header
	}
	packet := "http://ns.adobe.com/xap/1.0/\x00" + xmp
	app1 := append(binary.BigEndian.AppendUint16([]byte{0xff, 0xe1}, uint16(len(packet)+2)), packet...)
	profile := "\nexif\n      28\n" + hex.EncodeToString([]byte("Exif\x00\x00"+exif))
	for name, file := range map[string][]byte{
		"JPEG":                   slices.Insert(jpegFile(t, picture), 2, app1...),
		"PNG":                    withChunk("iTXt", "XML:com.adobe.xmp\x00\x00\x00\x00\x00"+xmp),
		"PNG, compressed":        withChunk("iTXt", "XML:com.adobe.xmp\x00\x01\x00\x00\x00"+deflated(xmp)),
		"PNG, a raw profile":     withChunk("zTXt", "Raw profile type exif\x00\x00"+deflated(profile)),
		"PNG, one as it is":      withChunk("tEXt", "Raw profile type APP1\x00"+profile),
		"TIFF":                   tifftest.File(binary.LittleEndian, false, tifftest.Grey(16, 8, picture.Pix, tifftest.Text(700, xmp))),
		"TIFF that knows better": tifftest.File(binary.LittleEndian, false, tifftest.Grey(16, 8, picture.Pix, tifftest.Shorts(274, 6), tifftest.Text(700, "tiff:Orientation=\"3\""))),
	} {
		opened := openFile(t, file)
		if page := opened.Pages[0]; page.Width != 8 || page.Height != 16 {
			t.Errorf("%s: %dx%d", name, page.Width, page.Height)
			continue
		}
		got := readPlane(t, opened, imageio.Plane{}, everything)
		if got[0] > 10 || got[len(got)-1] < 245 {
			t.Errorf("%s: from %d at the top to %d at the bottom", name, got[0], got[len(got)-1])
		}
	}
	webp, err := os.ReadFile("testdata/kinds/exif_6.webp")
	if err != nil {
		t.Fatal(err)
	}
	turned := openFile(t, webp).Pages[0]
	at := bytes.LastIndex(webp, []byte("EXIF"))
	webp = append(binary.LittleEndian.AppendUint32(append(webp[:at:at], "XMP "...), uint32(len(xmp))), xmp...)
	if page := openFile(t, webp).Pages[0]; page.Width != turned.Width || page.Height != turned.Height {
		t.Errorf("WebP: %dx%d, want %dx%d", page.Width, page.Height, turned.Width, turned.Height)
	}
}

func TestStrangersAreRefusedByName(t *testing.T) {
	padded := func(begin string) []byte { return append([]byte(begin), make([]byte, 200)...) }
	dicom := make([]byte, 200)
	copy(dicom[128:], "DICM")
	tar, nii := make([]byte, 512), make([]byte, 400)
	copy(tar[257:], "ustar")
	copy(nii[344:], "n+1\x00")
	for name, c := range map[string]struct {
		file []byte
		says string
	}{
		"czi": {padded("ZISRAWFILE"), "ZEN"}, "nd2": {padded("\xda\xce\xbe\x0a"), "NIS-Elements"}, "oib": {padded("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "FluoView"},
		"lif": {padded("\x70\x00\x00\x00\x10\x00\x00\x00\x2a"), "LAS X"}, "dcm": {dicom, "DICOM"}, "oir": {padded("OLYMPUSRAWFORMAT"), ".oir"}, "cr3": {padded("\x00\x00\x00\x18ftypcrx "), "camera"},
		"heic": {padded("\x00\x00\x00\x18ftypheic"), "HEIC"}, "mp4": {padded("\x00\x00\x00\x18ftypisom"), "film"}, "jls": {[]byte("\xff\xd8\xff\xf7\x00\x0b\x08"), "JPEG-LS"},
		"svg": {[]byte("<?xml version=\"1.0\"?>\n<!-- by hand -->\n<svg/>"), "SVG"}, "companion": {[]byte("<?xml version=\"1.0\"?><OME xmlns=\"a\">"), ".ome.tif"}, "text": {[]byte("well;area\n"), "TIFF"},
		"npy": {padded("\x93NUMPY\x01"), "tifffile"}, "raf": {padded("FUJIFILMCCD-RAW "), "develop"}, "rw2": {padded("IIU\x00"), "develop"}, "jxr": {padded("II\xbc\x01"), "JPEG XR"},
		"pgm": {[]byte("P5\t2 2 255 abcd"), "Netpbm"}, "tar": {tar, "unpack"}, "7z": {padded("7z\xbc\xaf\x27\x1c"), "unpack"}, "html": {[]byte("<!DOCTYPE html>\n<html>"), "web page"},
		"lfs": {[]byte("version https://git-lfs.github.com/spec/v1\n"), "git lfs pull"}, "nii": {nii, "NIfTI"}, "zip": {padded("PK\x03\x04"), "OME-Zarr"}, "prefixed": {[]byte("<OME:OME xmlns:OME=\"a\">"), ".ome.tif"},
		"cgbi": {padded("\x89PNG\r\n\x1a\n\x00\x00\x00\x04CgBI"), "CgBI"}, "hevm": {padded("\x00\x00\x00\x18ftyphevm"), "HEIC"}, "bmp": {bitmapFile(4, 2, 24, 5, nil, make([]byte, 50)), "PNG"},
	} {
		err := bad(t, c.file)
		var refused *imageio.Refusal
		if !errors.Is(err, imageio.ErrUnsupported) || !errors.As(err, &refused) || !bytes.Contains([]byte(refused.Detail), []byte(c.says)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := imageio.JudgeName("Cells.VSI"); !errors.Is(err, imageio.ErrUnsupported) {
		t.Errorf("a thumbnail in place of a slide: %v", err)
	}
	if err := imageio.JudgeName("a.czi.tif"); err != nil {
		t.Errorf("a TIFF: %v", err)
	}
}
