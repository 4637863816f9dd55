package evaluate

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/png"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"seghub/gpuexec/enginetest"
	"seghub/models"
)

const side = 64

// model is one that enginetest answers for: the brighter a pixel, the likelier object.
var model = models.Spec{
	ID: "bright", Threshold: 0.5,
	Input: models.Input{Height: side, Width: side, Channels: 1, Scaling: models.ScalingFit},
}

// bodies says which of two discs that touch the pixel belongs to, from 1; 0 for none.
func bodies(x, y int) uint16 {
	for i, centre := range []float64{18, 45} {
		if math.Hypot(float64(x)-centre, float64(y)-32) < 14 {
			return uint16(i + 1)
		}
	}
	return 0
}

// image8 draws bodies of one grey on a ground of another.
func image8(object, ground uint8) image.Image {
	img := image.NewGray(image.Rect(0, 0, side, side))
	for i := range img.Pix {
		img.Pix[i] = ground
		if bodies(i%side, i/side) != 0 {
			img.Pix[i] = object
		}
	}
	return img
}

// labels draws the number of each body that keep lets through.
func labels(size int, keep func(id uint16) bool) image.Image {
	img := image.NewGray16(image.Rect(0, 0, size, size))
	for y := range size {
		for x := range size {
			if id := bodies(x, y); keep(id) {
				img.SetGray16(x, y, color.Gray16{Y: id})
			}
		}
	}
	return img
}

func all(uint16) bool { return true }

// write encodes img into a file below data.
func write(t *testing.T, img image.Image, data string, path ...string) {
	t.Helper()
	file := filepath.Join(append([]string{data}, path...)...)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	var encoded bytes.Buffer
	if err := png.Encode(&encoded, img); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, encoded.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// someData is a data folder in which every set has images that belong to it, and some that do not.
func someData(t *testing.T) string {
	t.Helper()
	data := t.TempDir()
	bright, dark, truth := image8(200, 20), image8(20, 200), labels(side, all)
	write(t, bright, data, "nuclei_val", "images", "a.png")
	write(t, truth, data, "nuclei_val", "masks", "a.png")
	// Only the first body is true here.
	write(t, bright, data, "nuclei_val", "images", "b.png")
	write(t, labels(side, func(id uint16) bool { return id == 1 }), data, "nuclei_val", "masks", "b.png")
	// The model takes the bright ground for object.
	write(t, dark, data, "dic_cells", "images", "cho33.png")
	write(t, truth, data, "dic_cells", "masks", "cho33.png")
	// One that training learns from; it has no mask, so that reading it would fail.
	write(t, dark, data, "dic_cells", "images", "cho32.png")
	write(t, bright, data, "spheroids", "images", "spheroseg_one.png")
	write(t, truth, data, "spheroids", "masks", "spheroseg_one.png")
	return data
}

func TestRunScoresEachSet(t *testing.T) {
	script := &enginetest.Script{}
	var out strings.Builder
	if err := Run(t.Context(), &out, someData(t), []models.Spec{model}, script.NewEngine); err != nil {
		t.Fatal(err)
	}
	// On b.png the scores are those of one hit and one made up, in bodies of nearly one size: Dice and F1 2/3, IoU and AP 1/2.
	want := []string{
		"nuclei_val|experts|2|bright|0.833|0.750|0.833|0.833|0.750|0.750",
		"nuclei_val|experts|2|Otsu|0.833|0.750|0.833|0.833|0.750|0.750",
		"dic_cells_kept_fields|experts|1|bright|0.000|0.000|0.000|0.000|0.000|0.000",
		"dic_cells_kept_fields|experts|1|Otsu|1.000|1.000|1.000|1.000|1.000|1.000",
		"spheroids_other_source_pseudo|pseudo-labels|1|bright|1.000|1.000|1.000|1.000|1.000|1.000",
		"spheroids_other_source_pseudo|pseudo-labels|1|Otsu|1.000|1.000|1.000|1.000|1.000|1.000",
	}
	sets, nuclei, _ := strings.Cut(out.String(), "\n| nuclei ")
	if got := rows(sets); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	// Both images are grey, and their objects have a median diameter of 28.
	for _, row := range []string{"| fluorescence   |      2 | bright | 0.833 | 0.833 | 0.833 | 0.750 |", "| 16 to 32 px    |      2 | Otsu   | 0.833 |"} {
		if !strings.Contains(nuclei, row) {
			t.Errorf("%s\nhas not %s", nuclei, row)
		}
	}
	if strings.Contains(nuclei, "tissue  ") || strings.Contains(nuclei, "under 16 px") {
		t.Errorf("%s\nhas parts without images", nuclei)
	}
	if n := len(script.Calls()); n != 4 {
		t.Errorf("the engine ran %d times for 4 images", n)
	}
	checkEngine(t, script)
}

// TestAModelThatDoesNotLoadKeepsNoOtherFromBeingScored has the table of the others, and then the error.
func TestAModelThatDoesNotLoadKeepsNoOtherFromBeingScored(t *testing.T) {
	broken := errors.New("not a registered operator")
	script := &enginetest.Script{Load: func(_ context.Context, _ int, model models.Spec, _ int) error {
		if model.ID == "newer" {
			return broken
		}
		return nil
	}}
	newer := model
	newer.ID = "newer"
	var out strings.Builder
	err := Run(t.Context(), &out, someData(t), []models.Spec{newer, model}, script.NewEngine)
	sets, _, _ := strings.Cut(out.String(), "\n| nuclei ")
	if !errors.Is(err, broken) || len(rows(sets)) != 6 {
		t.Errorf("%v, and the table\n%s", err, out.String())
	}
	checkEngine(t, script)
}

// rows are the cells of the table's rows but the last, which is a time, without the head.
func rows(markdown string) []string {
	var list []string
	for _, line := range strings.Split(markdown, "\n") {
		if !strings.HasPrefix(line, "| ") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "| "), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		list = append(list, strings.Join(cells[:len(cells)-1], "|"))
	}
	return list[1:]
}

// checkEngine wants every engine closed, and used as it must be.
func checkEngine(t *testing.T, script *enginetest.Script) {
	t.Helper()
	if script.Open() != 0 || len(script.Misuse()) > 0 {
		t.Errorf("%d engines are open; misused: %v", script.Open(), script.Misuse())
	}
}

func TestRunFails(t *testing.T) {
	broken := errors.New("the device is on fire")
	cases := []struct {
		name   string
		spoil  func(t *testing.T, data string)
		script enginetest.Script
		models []models.Spec
		want   error
		says   string
	}{
		{name: "no data", spoil: func(t *testing.T, data string) { remove(t, data) }, want: ErrNoImages, says: filepath.Join("nuclei_val", "images")},
		{name: "a set is absent", spoil: func(t *testing.T, data string) { remove(t, data, "dic_cells", "images", "cho33.png") }, want: ErrNoImages, says: "dic_cells_kept_fields"},
		{name: "no model", models: []models.Spec{}, want: ErrNoModels},
		{name: "a mask is absent", spoil: func(t *testing.T, data string) { remove(t, data, "nuclei_val", "masks", "b.png") }, want: fs.ErrNotExist, says: "b.png"},
		{name: "a mask of 8 bits", spoil: func(t *testing.T, data string) {
			write(t, image8(1, 0), data, "nuclei_val", "masks", "a.png")
		}, want: ErrMask, says: "a.png"},
		{name: "a mask that is no picture", spoil: func(t *testing.T, data string) {
			if err := os.WriteFile(filepath.Join(data, "nuclei_val", "masks", "a.png"), []byte("mask"), 0o644); err != nil {
				t.Fatal(err)
			}
		}, want: ErrMask, says: "a.png"},
		{name: "a mask of another size", spoil: func(t *testing.T, data string) {
			write(t, labels(side-1, all), data, "nuclei_val", "masks", "a.png")
		}, want: ErrMask, says: "63x63"},
		{name: "no engine", script: enginetest.Script{New: func(int, int) error { return broken }}, want: broken},
		{name: "a model that does not load", script: enginetest.Script{Load: func(context.Context, int, models.Spec, int) error { return broken }}, want: broken},
		{name: "a run that fails", script: enginetest.Script{Run: func(context.Context, enginetest.Call) error { return broken }}, want: broken, says: "a.png"},
	}
	for i := range cases {
		c := &cases[i] // a script holds a lock
		t.Run(c.name, func(t *testing.T) {
			data := someData(t)
			if c.spoil != nil {
				c.spoil(t, data)
			}
			if c.models == nil {
				c.models = []models.Spec{model}
			}
			var out strings.Builder
			err := Run(t.Context(), &out, data, c.models, c.script.NewEngine)
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v", err)
			}
			checkEngine(t, &c.script)
		})
	}
}

func remove(t *testing.T, path ...string) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(path...)); err != nil {
		t.Fatal(err)
	}
}

func TestRunStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	script := &enginetest.Script{Run: func(ctx context.Context, _ enginetest.Call) error {
		cancel()
		return ctx.Err()
	}}
	var out strings.Builder
	if err := Run(ctx, &out, someData(t), []models.Spec{model}, script.NewEngine); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if n := len(script.Calls()); n != 1 {
		t.Errorf("%d runs", n)
	}
	checkEngine(t, script)
}

// full is a writer without room.
type full struct{}

var errFull = errors.New("no space left")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestRunSaysThatNothingWasWritten(t *testing.T) {
	script := &enginetest.Script{}
	if err := Run(t.Context(), full{}, someData(t), []models.Spec{model}, script.NewEngine); !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}
	checkEngine(t, script)
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		of   []float64
		want float64
	}{{[]float64{3}, 3}, {[]float64{9, 1}, 5}, {[]float64{100, 1, 2}, 2}, {[]float64{4, 100, 1, 2}, 3}} {
		if got := median(c.of); got != c.want {
			t.Errorf("median of %v is %g, want %g", c.of, got, c.want)
		}
	}
}
