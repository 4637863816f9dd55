package imageio_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"math"
	"math/bits"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"seghub/models/imageio"
	"seghub/models/imageio/tiff/tifftest"
)

// ramp is a picture in which no two neighbours are the same.
func ramp(width, height int) []byte {
	pix := make([]byte, width*height)
	for i := range pix {
		pix[i] = byte(i%width*3 + i/width*7)
	}
	return pix
}

// with is p with its tag of that number replaced, or the tag behind the others.
func with(p tifftest.Page, tags ...tifftest.Tag) tifftest.Page {
	p.Tags = append([]tifftest.Tag(nil), p.Tags...)
next:
	for _, t := range tags {
		for i := range p.Tags {
			if p.Tags[i].ID == t.ID {
				p.Tags[i] = t
				continue next
			}
		}
		p.Tags = append(p.Tags, t)
	}
	return p
}

// TestOddTIFFs are files that programs do write and that are easily read wrong.
func TestOddTIFFs(t *testing.T) {
	const width, height = 24, 18
	pix := ramp(width, height)
	plain := tifftest.Grey(width, height, pix)
	reversed, inverted := make([]byte, len(pix)), make([]byte, len(pix))
	for i, v := range pix {
		reversed[i], inverted[i] = bits.Reverse8(v), ^v
	}
	unsorted := plain
	unsorted.Tags = append([]tifftest.Tag{tifftest.Text(270, "well B03")}, plain.Tags...)
	unsorted.Tags[1], unsorted.Tags[4] = unsorted.Tags[4], unsorted.Tags[1]
	rows := func(n int) (strips [][]byte) {
		for at := 0; at < height; at += n {
			strips = append(strips, pix[at*width:min(at+n, height)*width])
		}
		return strips
	}
	strips := with(plain, tifftest.Longs(278, 5))
	strips.Blocks = rows(5)
	tiles := with(plain, tifftest.Longs(322, 16), tifftest.Longs(323, 16))
	tiles.Blocks = cutTiles(pix, width, height, 16)
	tilesInTileTags := tiles
	tilesInTileTags.Offsets, tilesInTileTags.Counts = 324, 325
	noCounts := plain
	noCounts.Counts = 65000
	sparse := with(plain, tifftest.Longs(278, 9), tifftest.Longs(273, 8, 0), tifftest.Longs(279, 9*width, 0))
	sparse.Offsets, sparse.Counts = 65000, 65001 // the pixels lie behind the header
	sparse.Blocks = [][]byte{pix[:9*width]}
	halfBlack := append(append([]byte{}, pix[:9*width]...), make([]byte, 9*width)...)
	withoutPhotometric := plain
	withoutPhotometric.Tags = append(append([]tifftest.Tag{}, plain.Tags[:4]...), plain.Tags[5:]...)

	// Deflated strips of which the file says where they begin, and not how long they are.
	deflated := with(strips, tifftest.Shorts(259, 8))
	deflated.Blocks, deflated.Counts = nil, 65000
	for _, strip := range strips.Blocks {
		deflated.Blocks = append(deflated.Blocks, inZlib(t, strip))
	}
	ofNine := tifftest.Text(270, "ImageJ=1.54f\nimages=9\nslices=9\n")
	countsOfZero := with(deflated, tifftest.Longs(279, 0, 0, 0, 0))

	for name, c := range map[string]struct {
		page tifftest.Page
		want []byte
	}{
		"FillOrder 2":                       {with(tifftest.Grey(width, height, reversed), tifftest.Shorts(266, 2)), pix},
		"white is zero":                     {with(plain, tifftest.Shorts(262, 0)), inverted},
		"no photometric interpretation":     {withoutPhotometric, pix},
		"tags twice, the first counts":      {tifftest.Grey(width, height, pix, tifftest.Longs(256, 7), tifftest.Text(270, "a"), tifftest.Text(270, "b")), pix},
		"tags in no order":                  {unsorted, pix},
		"a predictor without a compression": {with(plain, tifftest.Shorts(317, 2)), pix},
		"a private tag of no known type":    {with(plain, tifftest.Tag{ID: 65001, Kind: 99, Values: []uint64{1}}), pix},
		"strips, the last one shorter":      {strips, pix},
		"tiles under the tags of strips":    {tiles, pix},
		"tiles":                             {tilesInTileTags, pix},
		"no StripByteCounts":                {noCounts, pix},
		"nor of what is deflated":           {deflated, pix},
		"or all of them 0":                  {countsOfZero, pix},
		"the light alone of CIE L*a*b*":     {with(plain, tifftest.Shorts(262, 8)), pix},
		"a strip that was never written":    {sparse, halfBlack},
		"RowsPerStrip beyond the image":     {with(plain, tifftest.Longs(278, math.MaxUint32)), pix},
		"RowsPerStrip 1 of a single strip":  {with(plain, tifftest.Longs(278, 1)), pix},
		"one plane of ImageJ's nine":        {with(plain, ofNine), pix},
		"tiles of one of them":              {with(tilesInTileTags, ofNine), pix},
	} {
		for kind, file := range map[string][]byte{
			"little-endian": tifftest.File(binary.LittleEndian, false, c.page), "big-endian": tifftest.File(binary.BigEndian, false, c.page),
			"BigTIFF": tifftest.File(binary.LittleEndian, true, c.page),
		} {
			if name == "a strip that was never written" && kind == "BigTIFF" {
				continue // its pixels lie elsewhere
			}
			t.Run(name+"/"+kind, func(t *testing.T) {
				opened := openFile(t, file)
				if got := readPlane(t, opened, imageio.Plane{}, everything); !bytes.Equal(got, c.want) {
					t.Errorf("%v, want %v", got[:30], c.want[:30])
				}
			})
		}
	}
}

func inZlib(t *testing.T, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	if _, err := w.Write(data); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// cutTiles are the tiles of a picture of 8 bits, the last of a row and of a column filled up.
func cutTiles(pix []byte, width, height, side int) (tiles [][]byte) {
	for top := 0; top < height; top += side {
		for left := 0; left < width; left += side {
			tile := make([]byte, side*side)
			for y := top; y < min(top+side, height); y++ {
				copy(tile[(y-top)*side:][:min(side, width-left)], pix[y*width+left:])
			}
			tiles = append(tiles, tile)
		}
	}
	return tiles
}

// bad opens and reads a file that is no good in some way, with a budget of 64 MB, and gives the reason; nil when it could be read.
func bad(t *testing.T, file []byte) error {
	t.Helper()
	ctx := context.Background()
	budget := imageio.NewBudget(64e6)
	opened, err := imageio.Open(ctx, bytes.NewReader(file), int64(len(file)), imageio.Limits{Pixels: 400e6, Pages: 10_000, Memory: budget.Bytes()})
	if err == nil {
		for i := range min(3, len(opened.Pages)) {
			var r imageio.Reader
			if r, err = opened.Reader(ctx, imageio.Plane{Page: i}, budget); err != nil {
				break
			}
			page := opened.Pages[i]
			row := make([]byte, page.Width*page.PixelBytes())
			for y := 0; y < page.Height && err == nil; y++ {
				err = r.Read(ctx, row, image.Rect(0, y, page.Width, y+1))
			}
			r.Close()
			if err != nil {
				break
			}
		}
	}
	var refused *imageio.Refusal
	if err != nil && (!errors.As(err, &refused) || refused.Detail == "" || strings.Contains(refused.Detail, "runtime error")) {
		t.Errorf("an error of no kind: %v", err)
	}
	return err
}

func TestBadTIFFs(t *testing.T) {
	const width, height = 20, 16
	plain := tifftest.Grey(width, height, ramp(width, height))
	file := func(pages ...tifftest.Page) []byte { return tifftest.File(binary.LittleEndian, false, pages...) }
	circle := file(plain, plain)
	copy(circle[len(circle)-4:], circle[4:8])
	strips := func(offsets, counts tifftest.Tag, more ...tifftest.Tag) []byte {
		p := with(plain, append(more, offsets, counts)...)
		p.Offsets, p.Counts = 65000, 65001
		return file(p)
	}
	twoOf := func(planes int) []byte { // of which two are there
		p := with(plain, tifftest.Text(270, fmt.Sprintf("ImageJ=1.5\nimages=%d\n", planes)))
		p.Blocks = [][]byte{ramp(width, 2*height)}
		return file(p)
	}
	many := make([]uint64, height)
	for i := range many {
		many[i] = 8
	}
	sameBlock := strips(tifftest.Longs(273, many...), tifftest.Longs(279, repeated(width, height)...), tifftest.Longs(278, 1))
	for name, c := range map[string]struct {
		file []byte
		want error
	}{
		"a circle of directories":    {circle, imageio.ErrCorrupt},
		"RowsPerStrip 0":             {file(with(plain, tifftest.Longs(278, 0))), imageio.ErrCorrupt},
		"one strip of four":          {file(with(tifftest.Grey(width, height, ramp(width, 4)), tifftest.Longs(278, 4))), imageio.ErrCorrupt},
		"strips of no bytes":         {strips(tifftest.Longs(273, 0), tifftest.Longs(279, 0)), imageio.ErrCorrupt},
		"2^31 strips":                {strips(tifftest.Longs(273, 8), tifftest.Longs(279, 9), tifftest.Longs(257, 1<<31-1), tifftest.Longs(278, 1)), imageio.ErrCorrupt},
		"strips over each other":     {sameBlock, nil},
		"4 GB in 1 KB":               {strips(tifftest.Longs(273, 8), tifftest.Longs(279, math.MaxUint32), tifftest.Longs(256, 65536), tifftest.Longs(257, 65536)), imageio.ErrCorrupt},
		"an offset past the end":     {strips(tifftest.Longs(273, 1<<30), tifftest.Longs(279, 320)), imageio.ErrCorrupt},
		"no pixels at all":           {file(tifftest.Page{Tags: plain.Tags}), imageio.ErrCorrupt},
		"a tile of 2^31 pixels":      {file(with(plain, tifftest.Longs(322, 1<<31-1), tifftest.Longs(323, 1<<31-1))), imageio.ErrCorrupt},
		"a deflated tile of 2^30":    {file(with(plain, tifftest.Shorts(259, 8), tifftest.Longs(322, 1<<30), tifftest.Longs(323, 1<<30))), imageio.ErrTooLarge},
		"a pixel of 65,536 values":   {file(with(plain, tifftest.Longs(277, 65536))), imageio.ErrCorrupt},
		"70 bits a value":            {file(with(plain, tifftest.Shorts(258, 70))), imageio.ErrUnsupported},
		"a palette of two colours":   {file(with(plain, tifftest.Shorts(262, 3), tifftest.Shorts(320, 1, 2, 3, 4, 5, 6))), imageio.ErrCorrupt},
		"CCITT of 8 bits":            {file(with(plain, tifftest.Shorts(259, 4))), imageio.ErrCorrupt},
		"no JPEG":                    {file(with(plain, tifftest.Shorts(259, 7))), imageio.ErrCorrupt},
		"no deflate":                 {file(with(plain, tifftest.Shorts(259, 8))), imageio.ErrCorrupt},
		"WebP in planes":             {file(with(plain, tifftest.Shorts(259, 50001), tifftest.Shorts(277, 3), tifftest.Shorts(258, 8, 8, 8), tifftest.Shorts(284, 2))), imageio.ErrUnsupported},
		"no zstd":                    {file(with(plain, tifftest.Shorts(259, 50000))), imageio.ErrCorrupt},
		"JBIG":                       {file(with(plain, tifftest.Shorts(259, 34661))), imageio.ErrUnsupported},
		"several depths a page":      {file(with(plain, tifftest.Longs(32997, 4))), imageio.ErrUnsupported},
		"complex numbers":            {file(with(plain, tifftest.Shorts(258, 32), tifftest.Shorts(339, 6))), imageio.ErrUnsupported},
		"a width below zero":         {file(with(plain, tifftest.Tag{ID: 256, Kind: 9, Values: []uint64{math.MaxUint32}})), imageio.ErrTooLarge},
		"different bits of a pixel":  {file(with(plain, tifftest.Shorts(277, 3), tifftest.Shorts(258, 5, 6, 5))), imageio.ErrUnsupported},
		"ImageJ with planes missing": {twoOf(9), imageio.ErrCorrupt},
		"ImageJ of 10^9 planes":      {twoOf(1_000_000_000), imageio.ErrTooLarge},
		"XML without an end":         {file(with(plain, tifftest.Text(270, "<OME><Image><Pixels SizeZ=\"0\" SizeC=\"-1\" SizeT=\"9999999\"><TiffData"))), nil},
		"XML of a million depths":    {file(with(plain, tifftest.Text(270, "<OME>"+strings.Repeat("<a>", 1_000_000)))), nil},
		"XML with a bomb of names":   {file(with(plain, tifftest.Text(270, "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><OME>&b;</OME>"))), nil},
	} {
		t.Run(name, func(t *testing.T) {
			if err := bad(t, c.file); !errors.Is(err, c.want) || c.want == nil && err != nil {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
}

func repeated(v uint64, n int) []uint64 {
	values := make([]uint64, n)
	for i := range values {
		values[i] = v
	}
	return values
}

func TestFilesOfTooManyPages(t *testing.T) {
	pages := make([]tifftest.Page, 10_001)
	for i := range pages {
		pages[i] = tifftest.Grey(1, 1, []byte{1})
	}
	if err := bad(t, tifftest.File(binary.LittleEndian, false, pages...)); !errors.Is(err, imageio.ErrTooLarge) {
		t.Errorf("10,001 pages: %v", err)
	}
	if err := bad(t, tifftest.File(binary.LittleEndian, false, pages[1:]...)); err != nil {
		t.Errorf("10,000 pages: %v", err)
	}
}

// TestPagesThatWereNeverWritten has a film that ends before it should: its last page leads to where the next would be.
func TestPagesThatWereNeverWritten(t *testing.T) {
	for _, big := range []bool{false, true} {
		data := tifftest.File(binary.LittleEndian, big, tifftest.Grey(4, 3, planesOf(1)[0]), tifftest.Grey(4, 3, planesOf(2)[1]))
		end := len(data) // the file's last bytes are the way on
		if big {
			binary.LittleEndian.PutUint64(data[end-8:], uint64(end))
		} else {
			binary.LittleEndian.PutUint32(data[end-4:], uint32(end))
		}
		if err := bad(t, data); !errors.Is(err, imageio.ErrCorrupt) {
			t.Errorf("without room for the next: %v", err)
		}
		file := openFile(t, append(data, make([]byte, 100)...))
		if len(file.Pages) != 2 || !bytes.Equal(readPlane(t, file, imageio.Plane{Page: 1}, everything), planesOf(2)[1]) {
			t.Errorf("%d pages", len(file.Pages))
		}
	}
}

// TestCutFiles cuts files of every format short: none is read as if it were whole, and none by a panic.
func TestCutFiles(t *testing.T) {
	deep := drawnOn(image.NewGray16(image.Rect(0, 0, 60, 40)), noisy(60, 40))
	stack := tifftest.File(binary.BigEndian, true, tifftest.Grey(60, 40, ramp(60, 40)), tifftest.Grey(50, 30, ramp(50, 30)))
	for name, file := range map[string][]byte{
		"PNG": pngFile(t, deep), "JPEG": jpegFile(t, colourful(60, 40)), "BMP": bmpFile(t, colourful(60, 40)), "TIFF": stack,
	} {
		for end := 0; end < len(file)-1; end += 64 {
			if err := bad(t, file[:end]); !errors.Is(err, imageio.ErrCorrupt) && !(errors.Is(err, imageio.ErrUnsupported) && end < 4) {
				t.Errorf("%s cut at %d of %d bytes: %v", name, end, len(file), err)
			}
		}
	}
}

// TestCutKinds cuts the stored files of every codec, and one whose picture lies below a thumbnail, which must not be taken for it.
func TestCutKinds(t *testing.T) {
	paths, err := filepath.Glob("testdata/kinds/*.*")
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		if ext := filepath.Ext(path); ext == ".raw" || ext == ".json" {
			continue
		}
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for end := 64; end < len(file)-8; end += 64 {
			if err := bad(t, file[:end]); !errors.Is(err, imageio.ErrCorrupt) {
				t.Errorf("%s cut at %d of %d bytes: %v", path, end, len(file), err)
			}
		}
	}
	described := tifftest.File(binary.LittleEndian, false, tifftest.Grey(4, 3, make([]byte, 12), tifftest.Text(270, strings.Repeat("<OME>", 100))))
	behind := int(binary.LittleEndian.Uint32(described[4:])) // the directory, in front of which the description lies
	moved := append(append([]byte{}, described[:8+12]...), described[behind:]...)
	binary.LittleEndian.PutUint32(moved[4:], 8+12)
	if err := bad(t, moved); !errors.Is(err, imageio.ErrCorrupt) {
		t.Errorf("a description behind the end: %v", err)
	}
}

func TestValuesThatAreNoNumbers(t *testing.T) {
	values := []float32{1, 2, float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 3, 4, 5}
	for name, values := range map[string][]float32{
		"some": values, "all": {float32(math.NaN()), float32(math.NaN())}, "one value": {7, 7, 7, 7}, "black": {0, 0, 0},
	} {
		var pix []byte
		for _, v := range values {
			pix = binary.LittleEndian.AppendUint32(pix, math.Float32bits(v))
		}
		page := with(tifftest.Grey(len(values), 1, pix), tifftest.Shorts(258, 32), tifftest.Shorts(339, 3))
		file := openFile(t, tifftest.File(binary.LittleEndian, false, page))
		levels := survey(t, file)
		got := make([]byte, len(values))
		levels.Map(got, pix)
		want := map[string][]byte{"some": {0, 64, 0, 255, 0, 128, 191, 255}, "all": {0, 0}, "one value": {0, 0, 0, 0}, "black": {0, 0, 0}}[name]
		if !bytes.Equal(got, want) {
			t.Errorf("%s: %v become %v, want %v", name, values, got, want)
		}
	}
}

func TestExtremeShapes(t *testing.T) {
	for _, size := range [][2]int{{1, 100_000}, {100_000, 1}} {
		pix := ramp(size[0], size[1])
		file := openFile(t, tifftest.File(binary.LittleEndian, false, tifftest.Grey(size[0], size[1], pix)))
		if got := readPlane(t, file, imageio.Plane{}, everything); !bytes.Equal(got, pix) {
			t.Errorf("%v is not what was written", size)
		}
		survey(t, file)
	}
}
