package evaluate

import (
	"context"
	"errors"
	"image"
	"image/color"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"seghub/gpuexec/enginetest"
	"seghub/gpuexec/ort/orttest"
	"seghub/models"
	"seghub/models/imageio"
	"seghub/models/modeltest"
)

// somePair are a model that takes a pixel's mean channel for its probability and one that takes its greatest: grey bodies
// are the same to both, coloured ones are not.
func somePair(t *testing.T) (parent, variant models.Spec) {
	t.Helper()
	read := func(o modeltest.Options) models.Spec {
		path := filepath.Join(t.TempDir(), o.ID+".onnx")
		if err := modeltest.Write(path, o); err != nil {
			t.Fatal(err)
		}
		spec, err := models.ReadSpec(path)
		if err != nil {
			t.Fatal(err)
		}
		return spec
	}
	parent = read(modeltest.Options{ID: "mean", Channels: 3, Weights: 300_000})
	return parent, read(modeltest.Options{ID: "greatest", Channels: 3, Reduce: "ReduceMax", Weights: 30_000})
}

// coloured draws the bodies in red.
func coloured() image.Image {
	img := image.NewRGBA(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			c := color.RGBA{A: 255}
			if bodies(x, y) != 0 {
				c.R = 200
			}
			img.SetRGBA(x, y, c)
		}
	}
	return img
}

// someImages is a folder of images that a mean and a greatest channel agree on, one of them without any body, and a file
// and a folder that are no images.
func someImages(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	write(t, image8(200, 20), folder, "grey.png")
	write(t, image8(20, 20), folder, "empty.png")
	write(t, coloured(), folder, "masks", "coloured.png")
	if err := os.WriteFile(filepath.Join(folder, "notes.txt"), []byte("two wells"), 0o644); err != nil {
		t.Fatal(err)
	}
	return folder
}

func TestValidateLetsAlikeMasksPass(t *testing.T) {
	parent, variant := somePair(t)
	var out strings.Builder
	if err := Validate(t.Context(), &out, parent, variant, someImages(t), orttest.Open(t, 1).NewEngine); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"mean 1.0000 of 2 images", "0 below 0.99", "1 other files in the folder are no images",
		"| mean     | fp32      |  0.3 |", "greatest runs ", "and takes 10 % of its space",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report has no %q:\n%s", want, out.String())
		}
	}
	if last := lastLine(out.String()); last != "greatest may ship in place of mean: the mean Dice of their masks is above 0.99." {
		t.Errorf("the last line is %q", last)
	}
	if strings.Contains(out.String(), "| grey.png") {
		t.Errorf("an image that they agree on is listed:\n%s", out.String())
	}
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

func TestValidateNamesTheImagesThatDiffer(t *testing.T) {
	parent, variant := somePair(t)
	folder := someImages(t)
	write(t, coloured(), folder, "coloured.png")
	var out strings.Builder
	err := Validate(t.Context(), &out, parent, variant, folder, orttest.Open(t, 1).NewEngine)
	if !errors.Is(err, ErrDiffers) || !strings.HasPrefix(err.Error(), "greatest may not ship in place of mean") {
		t.Errorf("got %v", err)
	}
	for _, want := range []string{"| coloured.png | 0.0000 |", "mean 0.6667 of 3 images; worst 0.0000, coloured.png; 1 below 0.99"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report has no %q:\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "may ship") {
		t.Errorf("the report lets it ship:\n%s", out.String())
	}
}

func TestValidateTellsTwoFilesOfOneIDApart(t *testing.T) {
	parent, variant := somePair(t)
	variant.ID = parent.ID
	folder := someImages(t)
	write(t, coloured(), folder, "coloured.png")
	var out strings.Builder
	if err := Validate(t.Context(), &out, parent, variant, folder, orttest.Open(t, 1).NewEngine); !errors.Is(err, ErrDiffers) {
		t.Errorf("got %v", err)
	}
}

// Which of the two is first changes from image to image, so that neither has what is in the caches by then to itself.
func TestValidateTakesTurns(t *testing.T) {
	script := &enginetest.Script{}
	var out strings.Builder
	folder := someImages(t)
	write(t, image8(200, 20), folder, "third.png")
	if err := Validate(t.Context(), &out, model, model, folder, script.NewEngine); err != nil {
		t.Fatal(err)
	}
	var slots []int
	for _, call := range script.Calls() {
		slots = append(slots, call.Slot)
	}
	if want := []int{0, 1, 1, 0, 0, 1}; !slices.Equal(slots, want) {
		t.Errorf("the engines ran in the order %v, want %v", slots, want)
	}
	if loads := script.Loads(); len(loads) != 2 {
		t.Errorf("loaded %v", loads)
	}
	checkEngine(t, script)
}

func TestSpeedIsTheMedianOfEachImagesRatio(t *testing.T) {
	c := comparison{names: make([]string, 3), took: [2][]float64{{10, 400, 30}, {5, 100, 30}}}
	if got := c.speed(); got != 2 {
		t.Errorf("got %g", got)
	}
}

func TestValidateFails(t *testing.T) {
	broken := errors.New("the device is on fire")
	larger, two := model, model
	larger.ID, larger.Input.Height = "larger", 2*side
	two.ID, two.BorderName = "two", "border"
	cases := []struct {
		name    string
		spoil   func(t *testing.T, folder string)
		script  enginetest.Script
		variant models.Spec
		want    error
		says    string
	}{
		{name: "no folder", spoil: func(t *testing.T, folder string) { remove(t, folder) }, want: fs.ErrNotExist, says: "list the images"},
		{name: "no images", spoil: func(t *testing.T, folder string) {
			remove(t, folder, "grey.png")
			remove(t, folder, "empty.png")
		}, want: ErrNoImages, says: "that can be read"},
		{name: "half an image", spoil: func(t *testing.T, folder string) {
			whole, err := os.ReadFile(filepath.Join(folder, "grey.png"))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(folder, "half.png"), whole[:len(whole)/2], 0o644); err != nil {
				t.Fatal(err)
			}
		}, want: imageio.ErrCorrupt, says: "half.png"},
		{name: "another input", variant: larger, want: ErrNoVariant, says: `takes 64x128 pixels (channels 1, scaling fit), and bright takes 64x64`},
		{name: "another output", variant: two, want: ErrNoVariant, says: "it has 2 outputs, and bright has 1"},
		{name: "no second engine", script: enginetest.Script{New: func(slot, _ int) error {
			if slot == 1 {
				return broken
			}
			return nil
		}}, want: broken},
		{name: "a model that does not load", script: enginetest.Script{Load: func(context.Context, int, models.Spec, int) error { return broken }}, want: broken},
		{name: "a run that fails", script: enginetest.Script{Run: func(context.Context, enginetest.Call) error { return broken }}, want: broken, says: "empty.png"},
	}
	for i := range cases {
		c := &cases[i] // a script holds a lock
		t.Run(c.name, func(t *testing.T) {
			folder := someImages(t)
			if c.spoil != nil {
				c.spoil(t, folder)
			}
			if c.variant.ID == "" {
				c.variant = model
			}
			var out strings.Builder
			err := Validate(t.Context(), &out, model, c.variant, folder, c.script.NewEngine)
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v", err)
			}
			checkEngine(t, &c.script)
		})
	}
}

func TestValidateSaysThatNothingWasWritten(t *testing.T) {
	script := &enginetest.Script{}
	if err := Validate(t.Context(), full{}, model, model, someImages(t), script.NewEngine); !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}
	checkEngine(t, script)
}

func TestFind(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "a.onnx")
	if err := modeltest.Write(path, modeltest.Options{ID: "one"}); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	for _, name := range []string{"one", path} {
		if spec, err := Find(name, folder, log); err != nil || spec.ID != "one" || spec.Path != path {
			t.Errorf("%s: %v, %v", name, spec, err)
		}
	}
	for name, want := range map[string]error{"two": ErrNoModels, filepath.Join(folder, "b.onnx"): fs.ErrNotExist} {
		if _, err := Find(name, folder, log); !errors.Is(err, want) || !regexp.MustCompile("two|b.onnx").MatchString(err.Error()) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.WriteFile(path, []byte("no model"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Find(path, folder, log); !errors.Is(err, models.ErrInvalid) || !strings.Contains(err.Error(), path) {
		t.Errorf("a broken file: %v", err)
	}
	if _, err := Find("one", filepath.Join(folder, "absent"), log); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
}
