package imageio

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// inColour is what a decoder gave, grey or not.
func inColour(p picture, err error) (picture, error) {
	if p.channels == 1 {
		p = p.coloured()
	}
	return p, err
}

// byStandard reads a PNG file by image/png alone.
func byStandard(file []byte) (picture, error) {
	return inColour(standard(png.Decode)(&withoutNotes{r: bufio.NewReader(bytes.NewReader(file))}, alive))
}

func alive() error { return nil }

// byRows reads a PNG file as a Reader does, from the first row to the last. It is a decoder.
func byRows(r io.Reader, alive func() error) (picture, error) {
	file := bufio.NewReader(r)
	head, _ := file.Peek(pngHeaderEnd)
	form, ok := newPNGForm(head)
	if !ok {
		return decodePNG(file, alive)
	}
	rows, err := form.open(file)
	if err != nil {
		return picture{}, err
	}
	defer rows.End()
	page := form.page()
	p := picture{width: form.width, height: form.height, channels: page.Channels, typ: page.Type, pix: make([]byte, page.Bytes())}
	for y := range form.height {
		if err := rows.Make(p.pix[y*form.line():][:form.line()]); err != nil {
			return picture{}, err
		}
	}
	return p, nil
}

// forms are pictures of every kind that is read here, and some that are not.
func forms(width, height int, random *rand.Rand) map[string]image.Image {
	rect := image.Rect(0, 0, width, height)
	grey, deepGrey := image.NewGray(rect), image.NewGray16(rect)
	seeThrough, deepSeeThrough := image.NewNRGBA(rect), image.NewNRGBA64(rect)
	opaque, deepOpaque := image.NewNRGBA(rect), image.NewNRGBA64(rect)
	paletted := image.NewPaletted(rect, color.Palette{color.Black, color.White, color.NRGBA{9, 8, 7, 255}})
	for _, pix := range [][]uint8{grey.Pix, deepGrey.Pix, seeThrough.Pix, deepSeeThrough.Pix} {
		for i := range pix {
			// Smooth in places, so that image/png chooses every filter.
			pix[i] = uint8(i*3/width + random.IntN(1+i%7))
		}
	}
	for i := range paletted.Pix {
		paletted.Pix[i] = uint8(random.IntN(3))
	}
	copy(opaque.Pix, seeThrough.Pix)
	for i := 3; i < len(opaque.Pix); i += 4 {
		opaque.Pix[i] = 255
	}
	copy(deepOpaque.Pix, deepSeeThrough.Pix)
	for i := 6; i < len(deepOpaque.Pix); i += 8 {
		deepOpaque.Pix[i], deepOpaque.Pix[i+1] = 255, 255
	}
	return map[string]image.Image{
		"grey": grey, "deep grey": deepGrey, "RGBA": seeThrough, "deep RGBA": deepSeeThrough,
		"RGB": opaque, "deep RGB": deepOpaque, "palette": paletted,
	}
}

func encoded(t interface{ Fatal(...any) }, img image.Image, level png.CompressionLevel) []byte {
	var file bytes.Buffer
	encoder := png.Encoder{CompressionLevel: level}
	if err := encoder.Encode(&file, img); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// refiltered is a PNG file of the form with rows of any filters and bytes, and chunks of any length.
func refiltered(form pngForm, rows []byte, chunk int) []byte {
	var compressed bytes.Buffer
	z := zlib.NewWriter(&compressed)
	_, _ = z.Write(rows)
	_ = z.Close()
	var file bytes.Buffer
	out := chunkWriter{w: &file}
	out.begin(form.width, form.height, uint8(8*form.bytes), map[int]uint8{1: colourGrey, 2: colourGreyAlpha, 3: colourRGB, 4: colourRGBA}[form.samples])
	out.chunk("tEXt", []byte("Comment\x00made up"))
	for data := compressed.Bytes(); len(data) > 0; data = data[min(chunk, len(data)):] {
		out.chunk("IDAT", data[:min(chunk, len(data))])
	}
	out.chunk("tIME", make([]byte, 7))
	out.chunk("IEND", nil)
	return file.Bytes()
}

func TestPNGIsReadAsByTheStandardLibrary(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for _, size := range [][2]int{{1, 1}, {7, 3}, {200, 67}, {1025, 9}, {20_000, 2}} {
		for name, img := range forms(size[0], size[1], random) {
			file := encoded(t, img, png.DefaultCompression)
			want, err := byStandard(file)
			if err != nil {
				t.Fatal(err)
			}
			for kind, r := range map[string]io.Reader{"whole": bytes.NewReader(file), "by the byte": iotest.OneByteReader(bytes.NewReader(file))} {
				got, err := inColour(byRows(r, alive))
				if err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("%s of %v, %s: %dx%dx%d, %v", name, size, kind, got.width, got.height, got.channels, err)
				}
			}
		}
	}
}

// TestPNGRowsOfAnyFilter also wants equal colours to become grey, and every filter to do what that of image/png does.
func TestPNGRowsOfAnyFilter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		form := pngForm{
			width: rapid.IntRange(1, 40).Draw(t, "width"), height: rapid.IntRange(1, 9).Draw(t, "height"),
			samples: rapid.IntRange(1, 4).Draw(t, "samples"), bytes: rapid.IntRange(1, 2).Draw(t, "bytes"),
		}
		row := 1 + form.width*form.bytesPerPixel()
		missing := rapid.SampledFrom([]int{0, 0, 0, -1, 1}).Draw(t, "missing")
		rows := rapid.SliceOfN(rapid.Byte(), row*form.height-missing, row*form.height-missing).Draw(t, "rows")
		most := rapid.SampledFrom([]uint8{5, 5, 5, 6}).Draw(t, "filters")
		for i := 0; i < len(rows); i += row {
			rows[i] %= most
		}
		file := refiltered(form, rows, rapid.IntRange(1, 300).Draw(t, "chunk"))
		for range rapid.SampledFrom([]int{0, 0, 1, 2}).Draw(t, "changes") {
			file[rapid.IntRange(0, len(file)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
		}
		agree(t, file)
	})
}

// agree wants the picture that image/png gives, or an error where that has one.
func agree(t interface{ Errorf(string, ...any) }, file []byte) {
	got, err := inColour(byRows(bytes.NewReader(file), alive))
	want, wantErr := byStandard(file)
	if err == nil && wantErr != nil && (strings.Contains(wantErr.Error(), "too much pixel data") || hasMoreRows(file)) {
		return // whether bytes behind the compressed data are an error depends there on a buffer's size, and rows too many are one
	}
	if (err == nil) != (wantErr == nil) || err == nil && !reflect.DeepEqual(got, want) {
		t.Errorf("%dx%dx%d, %v; image/png gives %dx%dx%d, %v", got.width, got.height, got.channels, err, want.width, want.height, want.channels, wantErr)
	}
}

// hasMoreRows tells whether a file that is read row by row holds more than its header says.
func hasMoreRows(file []byte) bool {
	form, ok := newPNGForm(file)
	if !ok {
		return false
	}
	rows, err := form.open(bufio.NewReader(bytes.NewReader(file)))
	if err != nil {
		return false
	}
	defer rows.End()
	_, err = rows.inflater.Next(form.height*(1+form.width*form.bytesPerPixel()) + 1)
	return err == nil
}

func FuzzDecodePNG(f *testing.F) {
	random := rand.New(rand.NewPCG(7, 8))
	for _, img := range forms(9, 5, random) {
		f.Add(encoded(f, img, png.BestCompression))
	}
	f.Add(refiltered(pngForm{3, 2, 2, 1}, make([]byte, 14), 5))
	f.Fuzz(func(t *testing.T, file []byte) {
		file = withRightSums(file)
		if config, err := png.DecodeConfig(bytes.NewReader(file)); err == nil && config.Width > 1<<16/config.Height {
			return
		}
		agree(t, file)
	})
}

// withRightSums sets the checksums of the chunks, which a fuzzer would never find.
func withRightSums(file []byte) []byte {
	file = bytes.Clone(file)
	for at := len(pngMagic); len(file)-at >= 12; {
		length := int(binary.BigEndian.Uint32(file[at:]))
		if length > len(file)-at-12 {
			break
		}
		end := at + 8 + length
		binary.BigEndian.PutUint32(file[end:], crc32.ChecksumIEEE(file[at+4:end]))
		at = end + 4
	}
	return file
}

func TestPNGChunksInNoOrder(t *testing.T) {
	form := pngForm{2, 1, 1, 1}
	whole := refiltered(form, make([]byte, 3), 100)
	var chunks [][]byte
	for rest := whole[len(pngMagic):]; len(rest) > 0; {
		n := 12 + int(binary.BigEndian.Uint32(rest))
		chunks = append(chunks, rest[:n])
		rest = rest[n:]
	}
	extra := func(name string, data []byte) []byte {
		var out bytes.Buffer
		w := chunkWriter{w: &out}
		w.chunk(name, data)
		return out.Bytes()
	}
	for _, more := range [][]byte{
		chunks[0], chunks[2], extra("IDAT", nil), extra("PLTE", make([]byte, 3)), extra("PLTE", make([]byte, 4)), extra("PLTE", nil),
		extra("tRNS", make([]byte, 2)), extra("tRNS", make([]byte, 6)), extra("tRNS", make([]byte, 3)), extra("IEND", nil),
		extra("IEND", []byte{1}), extra("teXt", make([]byte, 9000)), {0xff, 0xff, 0xff, 0xff, 't', 'e', 'X', 't'},
	} {
		for place := range len(chunks) + 1 {
			file := []byte(pngMagic)
			for i, chunk := range chunks {
				if i == place {
					file = append(file, more...)
				}
				file = append(file, chunk...)
			}
			agree(t, file)
			colourful := bytes.Replace(withRightSums(append([]byte{}, file...)), []byte("\x08\x00\x00\x00\x00"), []byte("\x08\x02\x00\x00\x00"), 1)
			agree(t, withRightSums(colourful))
		}
	}
}

// byOpen reads all of a file.
func byOpen(file []byte) ([]byte, error) {
	opened, err := Open(context.Background(), bytes.NewReader(file), int64(len(file)), Limits{})
	if err != nil {
		return nil, err
	}
	r, err := opened.Reader(context.Background(), Plane{}, NewBudget(1<<30))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	pix := make([]byte, opened.Pages[0].Bytes())
	return pix, r.Read(context.Background(), pix, opened.Pages[0].Bounds())
}

// TestWhatPNGsHoldBesidesThePicture is of a palette that nothing refers to, of data in the chunk that ends the file and of rows too many: libpng
// passes them over. What their checksums do not fit is damaged all the same, and so are fewer rows.
func TestWhatPNGsHoldBesidesThePicture(t *testing.T) {
	const width, height = 8, 3
	file := func(depth uint8, colour uint8, rows int, palette, end []byte) []byte {
		var file, compressed bytes.Buffer
		z := zlib.NewWriter(&compressed)
		line := width * int(depth) / 8
		if colour == colourGreyAlpha {
			line *= 2
		}
		for range rows {
			_, _ = z.Write(append([]byte{filterNone}, bytes.Repeat([]byte{0xff}, line)...))
		}
		_ = z.Close()
		out := chunkWriter{w: &file}
		out.begin(width, height, depth, colour)
		if palette != nil {
			out.chunk("PLTE", palette)
		}
		out.chunk("IDAT", compressed.Bytes())
		out.chunk("IEND", end)
		return file.Bytes()
	}
	changed := func(file []byte, behind string) []byte {
		file[bytes.Index(file, []byte(behind))+len(behind)] ^= 1
		return file
	}
	palette, end := make([]byte, 6), []byte("the end")
	many := file(8, colourGrey, 100_000, nil, nil)
	for name, c := range map[string]struct {
		file []byte
		read bool
	}{
		"a palette in grey":             {file(8, colourGrey, height, palette, nil), true},
		"in grey of 16 bits":            {file(16, colourGrey, height, make([]byte, 5), nil), true},
		"in grey with an alpha":         {file(8, colourGreyAlpha, height, palette, nil), true},
		"in grey of 1 bit":              {file(1, colourGrey, height, palette, nil), true},
		"one that is damaged":           {changed(file(8, colourGrey, height, palette, nil), "PLTE"), false},
		"one of 1 bit that is damaged":  {changed(file(1, colourGrey, height, palette, nil), "PLTE"), false},
		"an end that holds something":   {file(8, colourGrey, height, nil, end), true},
		"of 1 bit":                      {file(1, colourGrey, height, nil, end), true},
		"an end that is damaged":        {changed(file(8, colourGrey, height, nil, end), "IEND"), false},
		"of 1 bit, and damaged":         {changed(file(1, colourGrey, height, nil, end), "IEND"), false},
		"more rows":                     {file(8, colourGrey, height+1, nil, nil), true},
		"many more":                     {many, true},
		"more rows, in damaged data":    {changed(bytes.Clone(many), string(many[:500])), false},
		"fewer rows":                    {file(8, colourGrey, height-1, nil, nil), false},
		"more rows in a file cut short": {file(8, colourGrey, height+1, nil, nil)[:70], false},
		"a palette in a file cut short": {file(8, colourGrey, height, palette, nil)[:50], false},
	} {
		p, err := byOpen(c.file)
		if c.read && (len(p) < width*height || bytes.IndexByte(p, 0) >= 0) {
			t.Errorf("%s: %v", name, p)
		}
		if c.read != (err == nil) || !c.read && !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestALargePNGIsReadInParts is of one with more rows than are kept, each of which begins with its number.
func TestALargePNGIsReadInParts(t *testing.T) {
	form := pngForm{width: 4096, height: 9000, samples: 1, bytes: 1}
	stored := make([]byte, form.height*(1+form.width))
	for y := range form.height {
		binary.BigEndian.PutUint16(stored[y*(1+form.width)+1:], uint16(y))
	}
	file := refiltered(form, stored, 1<<20)
	opened, err := Open(context.Background(), bytes.NewReader(file), int64(len(file)), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if page := opened.Pages[0]; page.Memory >= page.Bytes() {
		t.Errorf("it takes %d bytes, and %d as a whole", page.Memory, page.Bytes())
	}
	r, err := opened.Reader(context.Background(), Plane{}, NewBudget(opened.Pages[0].Memory))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, y := range []int{0, 8990, 8000, 100, 101} {
		part := make([]byte, 4*5)
		if err := r.Read(context.Background(), part, image.Rect(0, y, 4, y+5)); err != nil {
			t.Fatal(err)
		}
		for k := range 5 {
			if got := binary.BigEndian.Uint16(part[4*k:]); int(got) != y+k {
				t.Errorf("row %d is row %d", y+k, got)
			}
		}
	}
}

// TestAPNGIsReadAsFarAsIsWanted is of a file that is damaged below.
func TestAPNGIsReadAsFarAsIsWanted(t *testing.T) {
	img := noisyScenes(600, rand.New(rand.NewPCG(1, 2)))["grey"]
	file := encoded(t, img, png.DefaultCompression)
	file[len(file)*3/4] ^= 0xff
	opened, err := Open(context.Background(), bytes.NewReader(file), int64(len(file)), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := opened.Reader(context.Background(), Plane{}, NewBudget(1<<30))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	upper := make([]byte, 600*100)
	if err := r.Read(context.Background(), upper, image.Rect(0, 0, 600, 100)); err != nil || !bytes.Equal(upper, img.(*image.Gray).Pix[:len(upper)]) {
		t.Errorf("the upper rows are not what they were, %v", err)
	}
	if err := r.Read(context.Background(), make([]byte, 600*600), image.Rect(0, 0, 600, 600)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("all rows: %v", err)
	}
	if err := r.Read(context.Background(), upper, image.Rect(0, 0, 600, 100)); err != nil {
		t.Errorf("the upper rows, again: %v", err)
	}
}

func BenchmarkDecodePNG1024(b *testing.B) {
	random := rand.New(rand.NewPCG(9, 10))
	const side = 1024
	for name, img := range noisyScenes(side, random) {
		file := encoded(b, img, png.DefaultCompression)
		for by, decode := range map[string]decoder{"hub": byRows, "standard": standard(png.Decode)} {
			b.Run(name+"/"+by, func(b *testing.B) {
				b.SetBytes(int64(len(file)))
				for b.Loop() {
					if _, err := decode(bytes.NewReader(file), alive); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// noisyScenes are as microscopes give them: a smooth scene with the noise of a camera.
func noisyScenes(side int, random *rand.Rand) map[string]image.Image {
	rect := image.Rect(0, 0, side, side)
	grey, deepGrey, colour := image.NewGray(rect), image.NewGray16(rect), image.NewNRGBA(rect)
	for y := range side {
		for x := range side {
			level := 90 + 40*float64(x*(side-x)+y*(side-y))/float64(side*side)
			value := func(gain, noise float64) float64 { return gain * (level + noise*random.NormFloat64()) }
			grey.SetGray(x, y, color.Gray{uint8(value(1, 5))})
			deepGrey.SetGray16(x, y, color.Gray16{uint16(value(16, 3))})
			colour.SetNRGBA(x, y, color.NRGBA{uint8(value(1, 4)), uint8(value(0.8, 4)), uint8(value(1.2, 4)), 255})
		}
	}
	return map[string]image.Image{"grey": grey, "deep": deepGrey, "colour": colour}
}
