package export

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"image"
	"io"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/image/tiff"

	"seghub/models/mask"
)

// TestReadersOpenAllFormats has the programs that the formats are made for read them, and compares with the label maps pixel by pixel.
func TestReadersOpenAllFormats(t *testing.T) {
	python := os.Getenv("CLIENT_PYTHON")
	if python == "" {
		python = "python3"
	}
	if exec.Command(python, "-c", "import cv2, numpy, openpyxl, pycocotools, roifile, shapely, tifffile").Run() != nil {
		t.Skipf("left out: the readers of exports; %s lacks something of clients/python/requirements-test.txt", python)
	}
	data, err := exported("all",
		segmented("cells.png", 1, 201, 157), segmented("cells.tif", 2, 64, 200), corners(), sieve(60),
		segmented("=1+1.png", 3, 50, 50), empty("../../nothing"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "all.zip")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	said, err := exec.Command(python, "testdata/readers.py", path).CombinedOutput()
	t.Logf("%s", said)
	if err != nil {
		t.Error(err)
	}
}

func TestObjectsThatMeetAtCornersBecomeValidPolygons(t *testing.T) {
	p := corners()
	for i, want := range [][]int{{1, 1}, {1, 1, 1, 1}, {2}} { // rings of each polygon
		var rings []int
		area := 0
		for _, polygon := range polygonsOf(&p.Objects[i]) {
			rings = append(rings, len(polygon))
			for _, ring := range polygon {
				area += doubleArea(ring)
			}
			if touch(polygon[:1]) {
				t.Errorf("object %d: a shell passes a point twice: %v", i+1, polygon[0])
			}
		}
		if !slices.Equal(rings, want) || area != 2*p.Objects[i].Area {
			t.Errorf("object %d: polygons of %v rings, want %v; twice the area is %d", i+1, rings, want, area)
		}
	}
}

// TestManyOfOneName: the next name does not cost more the more there were.
func TestDocumentsOfOneAndOfSeveral(t *testing.T) {
	one, two := segmented("a.png", 1, 40, 40), segmented("b.png", 2, 40, 40)
	for _, test := range []struct {
		format, mediaType, extension string
		files                        []string // of the zip of two
	}{
		{"geojson", "application/geo+json", ".geojson", []string{"a.geojson", "b.geojson"}},
		{"imagej", "application/zip", ".RoiSet.zip", []string{"a.RoiSet.zip", "b.RoiSet.zip"}},
		{"masks", "application/zip", ".zip", []string{"a.png", "b.png"}},
		{"labels", "application/zip", ".zip", []string{"a.tif", "b.tif"}},
		{"yolo", "application/zip", ".zip", []string{"labels/a.txt", "labels/b.txt", "data.yaml"}},
	} {
		if kind, err := KindOf(test.format, 1); err != nil || kind != (Kind{test.mediaType, test.extension, false}) {
			t.Errorf("%s of one: %+v, %v", test.format, kind, err)
		}
		if kind, err := KindOf(test.format, 2); err != nil || kind != zipped {
			t.Errorf("%s of two: %+v, %v", test.format, kind, err)
		}
		if data, err := exported(test.format, one); err != nil || len(data) == 0 {
			t.Errorf("%s of one: %v", test.format, err)
		}
		data, err := exported(test.format, one, two)
		if err != nil {
			t.Fatal(err)
		}
		archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		var files []string
		for _, f := range archive.File {
			files = append(files, f.Name)
		}
		if !slices.Equal(files, test.files) {
			t.Errorf("%s of two: %v, want %v", test.format, files, test.files)
		}
	}
}

// TestArchivesAreReadFromFrontToBack looks for files whose end only the directory of an archive tells: Java's ZipInputStream, with which
// ImageJ reads archives, refuses them.
func TestArchivesAreReadFromFrontToBack(t *testing.T) {
	var look func(of string, data []byte) int
	look = func(of string, data []byte) (files int) {
		archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatalf("%s: %v", of, err)
		}
		for _, f := range archive.File {
			files++
			const sizeBehind = 1 << 3
			if f.Flags&sizeBehind != 0 && f.Method != zip.Deflate {
				t.Errorf("%s: %s ends where nothing before it says", of, f.Name)
			}
			if filepath.Ext(f.Name) != ".zip" {
				continue
			}
			r, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			inner, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			files += look(of+": "+f.Name, inner)
		}
		return files
	}
	one, two := segmented("a.png", 1, 40, 40), segmented("b.png", 2, 40, 40)
	for _, format := range []string{"yolo", "geojson", "imagej", "masks", "labels", "all"} {
		data, err := exported(format, one, two)
		if err != nil {
			t.Fatal(err)
		}
		if files := look(format, data); files < 2 {
			t.Errorf("%s of two pictures has %d files", format, files)
		}
	}
}

func TestEveryFormatOfNothing(t *testing.T) {
	for _, format := range Formats() {
		data, err := exported(format)
		if err != nil || len(data) == 0 {
			t.Errorf("%s: %d bytes, %v", format, len(data), err)
		}
	}
	for _, name := range []string{"", "tiff", "COCO"} {
		if _, err := New(io.Discard, name, 1, ""); !errors.Is(err, ErrFormat) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestExportsNeedNoDisk has what waits for the end wait where the disk takes nothing, and where it takes no more.
func TestExportsNeedNoDisk(t *testing.T) {
	pictures := []*drawn{segmented("a.png", 1, 40, 40), segmented("b.png", 2, 40, 40)}
	for _, format := range Formats() {
		var out bytes.Buffer
		e, err := New(&out, format, len(pictures), t.TempDir()+"/none")
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range pictures {
			if err := e.Add(t.Context(), p.Picture); err != nil {
				t.Errorf("%s: %v", format, err)
			}
		}
		if err := e.Close(); err != nil {
			t.Errorf("%s: %v", format, err)
		}
		want, err := exported(format, pictures...)
		if err != nil || out.Len() == 0 || format == "csv" && out.String() != string(want) {
			t.Errorf("%s: %d bytes, not %d; %v", format, out.Len(), len(want), err)
		}
	}

	s := newSpool(t.TempDir())
	defer s.Close()
	piece := strings.Repeat("0123456789", 10_000)
	for i := range 3 {
		if _, err := s.WriteString(piece); err != nil || s.Flush() != nil {
			t.Fatal(err)
		}
		if i == 0 {
			s.full = io.ErrShortWrite
			s.memory.WriteByte('.') // the disk did not take this
		}
	}
	content, err := s.reader()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(content); err != nil || string(got) != piece+"."+piece+piece {
		t.Errorf("%d bytes, or in another order; %v", len(got), err)
	}
}

// TestROIsBeyondTheirBoxAreShapes has an object on either side of where ImageJ's numbers of 16 bits end.
func TestROIsBeyondTheirBoxAreShapes(t *testing.T) {
	const near, far = 59_990, 70_000
	for _, left := range []int{near, far} {
		object := mask.Object{ID: 1, Area: 20, BBox: [4]int{left, 3, 10, 2},
			Polygon: []mask.Point{{left, 3}, {left + 10, 3}, {left + 10, 5}, {left, 5}}}
		p := pictureOf("wide.png", far+100, 9, []mask.Object{object})
		data := roi(&p, &object, "0001")
		be := binary.BigEndian
		floats := be.Uint32(data[roiShapeSize:])
		if left == near {
			if floats != 0 || data[roiType] != typeTraced || be.Uint16(data[roiLeft:]) != near || be.Uint16(data[roiRight:]) != near+10 {
				t.Errorf("near: kind %d from %d", data[roiType], be.Uint16(data[roiLeft:]))
			}
			continue
		}
		var shape []float32
		for i := range int(floats) {
			shape = append(shape, math.Float32frombits(be.Uint32(data[roiHeader+4*i:])))
		}
		want := []float32{segmentMove, far, 3, segmentLine, far + 10, 3, segmentLine, far + 10, 5, segmentLine, far, 5, segmentClose}
		if data[roiType] != typeRect || !slices.Equal(shape, want) {
			t.Errorf("far: kind %d of %v, want %v", data[roiType], shape, want)
		}
	}
}

// TestROIsOfAProjectionAreOnAllSlices has a page of a stack, and the projection of it.
func TestROIsOfAProjectionAreOnAllSlices(t *testing.T) {
	be := binary.BigEndian
	for z, want := range map[int][2]uint32{1: {2, 2}, -1: {0, 0}} {
		p := corners()
		p.Pages, p.Image.Page, p.Channel, p.Z, p.T = 3, 1, 0, z, 0
		data := roi(&p.Picture, &p.Objects[0], "0001")
		if got := [2]uint32{be.Uint32(data[roiPosition:]), be.Uint32(data[be.Uint32(data[roiHeader2:])+header2Z:])}; got != want {
			t.Errorf("at depth %d: position and slice %d, want %d", z, got, want)
		}
	}
}

// TestPagesOfChannelsThatTifffileTells lie where QuPath and ImageJ have them, which do not heed its axes: as a time, and as a slice.
func TestPagesOfChannelsThatTifffileTells(t *testing.T) {
	p := segmented("a.tif", 1, 40, 40)
	p.Pages, p.Image.Page, p.Channel, p.Z, p.T, p.Plain = 6, 4, 1, 1, 0, true
	data, err := exported("geojson", p)
	if want := `"plane":{"c":-1,"z":0,"t":4}`; err != nil || !strings.Contains(string(data), want) {
		t.Errorf("there is no %s in %s, %v", want, data, err)
	}
	be := binary.BigEndian
	own := roi(&p.Picture, &p.Objects[0], "0001")
	second := own[be.Uint32(own[roiHeader2:]):]
	if got := [3]uint32{be.Uint32(second[header2C:]), be.Uint32(second[header2Z:]), be.Uint32(second[header2T:])}; got != [3]uint32{1, 5, 1} {
		t.Errorf("the ROI is of channel, slice and frame %d", got)
	}
}

// TestIntensitiesHaveTheNumberOfTheirChannel has one channel of several that was segmented, a picture of colours, and one of which nothing is known.
func TestIntensitiesHaveTheNumberOfTheirChannel(t *testing.T) {
	for _, c := range []struct {
		channel int
		means   []float64
		want    []string
	}{
		{1, []float64{7}, []string{"Channel 2: Mean"}},
		{0, []float64{7, 8, 9}, []string{"Channel 1: Mean", "Channel 2: Mean", "Channel 3: Mean"}},
		{-1, []float64{7}, []string{"Channel 1: Mean"}},
	} {
		p := corners()
		p.Channel = c.channel
		for i := range p.Objects {
			p.Objects[i].MeanIntensity, p.Objects[i].SDIntensity, p.Objects[i].IntegratedIntensity = c.means, c.means, c.means
		}
		var file bytes.Buffer
		if err := writeGeoJSON(t.Context(), &file, &p.Picture); err != nil {
			t.Fatal(err)
		}
		var read struct {
			Features []struct {
				Properties struct{ Measurements map[string]float64 }
			}
		}
		if err := json.Unmarshal(file.Bytes(), &read); err != nil {
			t.Fatal(err)
		}
		var got []string
		for name := range read.Features[0].Properties.Measurements {
			if strings.HasSuffix(name, ": Mean") {
				got = append(got, name)
			}
		}
		if slices.Sort(got); !slices.Equal(got, c.want) {
			t.Errorf("of channel %d: %q, want %q", c.channel, got, c.want)
		}
	}
}

// TestClosedPathsStayWithinTheirObjects walks along those of a sheet with ten thousand holes, and of bodies with some: each step is along a row,
// a column or a diagonal, and each pixel on its way the object's.
func TestClosedPathsStayWithinTheirObjects(t *testing.T) {
	for _, p := range []*drawn{sieve(300), segmented("a.png", 1, 301, 207), corners()} {
		for i := range p.Objects {
			o := &p.Objects[i]
			path := closedPath(o)
			for k, at := range path {
				to := path[(k+1)%len(path)]
				dx, dy := to[0]-at[0], to[1]-at[1]
				steps := max(dx, -dx, dy, -dy)
				if dx != 0 && dy != 0 && dx != dy && dx != -dy {
					t.Fatalf("%s: object %d: from %v to %v", p.Image.Filename, o.ID, at, to)
				}
				for s := range steps {
					x, y := at[0]+s*dx/steps, at[1]+s*dy/steps
					if int(p.labels[y*p.Image.Width+x]) != o.ID {
						t.Fatalf("%s: the path of object %d leaves it at %d,%d", p.Image.Filename, o.ID, x, y)
					}
				}
			}
		}
	}
}

// TestYOLOFindsItsImages holds data.yaml to naming no path: Ultralytics takes the folder of the file then.
func TestYOLOFindsItsImages(t *testing.T) {
	data, err := exported("yolo", segmented("a.png", 1, 40, 40))
	if err != nil {
		t.Fatal(err)
	}
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	file, err := archive.Open("data.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(file)
	_, keys, _ := strings.Cut(string(text), "\n") // the first line is a comment
	if want := "train: images\nval: images\nnames:\n  0: \"unet_nuclei\"\n"; err != nil || keys != want {
		t.Errorf("data.yaml says %q, want %q; %v", keys, want, err)
	}
}

// TestTablesTakeWhatIsWidest has rows with one channel before rows with three, of which the head must know.
// TestTextsHaveLargeNumbersInDigits has an object of more than a million pixels.
// TestTablesTellResultsApart exports one file three times: another page, and twice the same with nothing found the second time.
// endless is a writer that keeps count.
type endless struct{ bytes int64 }

func (e *endless) Write(p []byte) (int, error) {
	e.bytes += int64(len(p))
	return len(p), nil
}

// TestPicturesAreNotKept exports pictures in all formats at once and looks at what the process holds of those after the first few,
// which fill the buffers.
func TestPicturesAreNotKept(t *testing.T) {
	const first, pictures = 5, 25
	p := segmented("a.png", 1, 60, 60)
	out := &endless{}
	e, err := New(out, "all", pictures, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var before int64
	for i := range pictures {
		if i == first {
			before = held()
		}
		if err := e.Add(context.Background(), p.Picture); err != nil {
			t.Fatal(err)
		}
	}
	// What is left is a name, and of tables a row, for each: far below what its objects take.
	if kept := (held() - before) / (pictures - first); kept > 3<<10 {
		t.Errorf("%d bytes are kept of a picture", kept)
	}
	if err := e.Close(); err != nil || out.bytes == 0 {
		t.Errorf("%d bytes, %v", out.bytes, err)
	}
}

func held() int64 {
	for range 3 { // what lies in pools outlives two
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestAnExportEndsWithItsContext(t *testing.T) {
	e, err := New(io.Discard, "all", 1, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := e.Add(ctx, segmented("a.png", 1, 20, 20).Picture); !errors.Is(err, context.Canceled) {
		t.Errorf("added with %v", err)
	}
}

// TestLabelsAreThePixels holds the label map against the pixels that the objects were made of.
func TestLabelsAreThePixels(t *testing.T) {
	for _, p := range []*drawn{segmented("a.png", 1, 301, 207), corners(), empty("nothing.png")} {
		size := 0.65
		p.Image.PixelSize = &size
		var file bytes.Buffer
		if err := WriteLabels(context.Background(), &file, &p.Picture); err != nil {
			t.Fatal(err)
		}
		img, err := tiff.Decode(&file)
		if err != nil {
			t.Fatal(err)
		}
		grey := img.(*image.Gray16)
		for i, want := range p.labels {
			if x, y := i%p.Image.Width, i/p.Image.Width; grey.Gray16At(x, y).Y != want {
				t.Fatalf("%s: pixel %d,%d is %d, want %d", p.Image.Filename, x, y, grey.Gray16At(x, y).Y, want)
			}
		}
	}
	p := corners()
	p.Objects[2].ID = 70_000
	var file bytes.Buffer
	if err := WriteLabels(context.Background(), &file, &p.Picture); err != nil || !bytes.Contains(file.Bytes(), []byte{1, 1, 3, 0, 1, 0, 0, 0, 32}[1:]) {
		t.Errorf("an id above 65,535: %v, no 32 bits", err)
	}
}

// TestLabelMapsTellThePixelSize reads the resolution as TIFF has it: pixels a centimetre, one number of 32 bits over another.
func TestLabelMapsTellThePixelSize(t *testing.T) {
	for _, size := range []float64{0.005, 0.0645, 0.65, 2.3, 10, 10_000} {
		p := corners()
		p.Image.PixelSize = &size
		var file bytes.Buffer
		if err := WriteLabels(context.Background(), &file, &p.Picture); err != nil {
			t.Fatal(err)
		}
		le, data := binary.LittleEndian, file.Bytes()
		directory := data[le.Uint32(data[4:]):]
		told := map[uint16]float64{} // by tag: what its two numbers say of a pixel's side, in µm
		for i := range int(le.Uint16(directory)) {
			const rational = 5
			if tag := directory[2+12*i:]; le.Uint16(tag[2:]) == rational {
				two := data[le.Uint32(tag[8:]):]
				told[le.Uint16(tag)] = 1e4 * float64(le.Uint32(two[4:])) / float64(le.Uint32(two))
			}
		}
		for _, tag := range []uint16{282, 283} {
			if math.Abs(told[tag]/size-1) > 1e-8 {
				t.Errorf("tag %d tells of pixels of %v µm, want %v", tag, told[tag], size)
			}
		}
	}
}

// TestPagesAreFoundByTheirReaders has the pages of a plain stack and of one whose depths are told, and a name twice.
func TestPagesAreFoundByTheirReaders(t *testing.T) {
	page := func(name string, plain bool) *drawn {
		p := segmented(name, 1, 40, 40)
		p.Pages, p.Image.Page, p.Z, p.T, p.Plain = 3, 1, 1, 0, plain
		return p
	}
	for plain, want := range map[bool]map[string]int{true: {"c": -1, "z": 0, "t": 1}, false: {"c": -1, "z": 1, "t": 0}} {
		var is struct {
			Features []struct {
				Geometry struct{ Plane map[string]int }
			}
		}
		data, err := exported("geojson", page("a.tif", plain))
		if err != nil || json.Unmarshal(data, &is) != nil || !maps.Equal(is.Features[0].Geometry.Plane, want) {
			t.Errorf("plain %t: %v, %v", plain, is, err)
		}
	}
	var document struct {
		Images []struct {
			FileName string `json:"file_name"`
			Source   string
		}
	}
	data, err := exported("coco", segmented("a.tif", 1, 40, 40), segmented("a.tif", 2, 40, 40), segmented("a-2.tif", 1, 40, 40), page("b.tif", true))
	if err != nil || json.Unmarshal(data, &document) != nil {
		t.Fatal(err)
	}
	var names []string
	for _, image := range document.Images {
		names = append(names, image.Source+" "+image.FileName)
	}
	if want := []string{"a.tif a.tif", "a.tif a-2.tif", "a-2.tif a-2-2.tif", "b.tif b-page-2.tif"}; !slices.Equal(names, want) {
		t.Errorf("images are called %q, want %q", names, want)
	}
}

func TestIDsOfFeaturesStay(t *testing.T) {
	id := func(job string, object int) string { return string(appendUUID(nil, job, object)) }
	if id("j", 1) == id("j", 2) || id("j", 1) == id("k", 1) {
		t.Error("objects share an id")
	}
	var feature struct{ Features []struct{ ID string } }
	data, err := exported("geojson", segmented("a.png", 1, 40, 40))
	if err != nil || json.Unmarshal(data, &feature) != nil || feature.Features[0].ID != id("job-a.png", 1) {
		t.Errorf("%v, %v", feature.Features, err)
	}
}

func BenchmarkGeoJSON(b *testing.B) {
	p := segmented("a.png", 1, 1000, 1000)
	out := &endless{}
	for b.Loop() {
		if err := writeGeoJSON(context.Background(), out, &p.Picture); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(out.bytes / int64(b.N))
}
