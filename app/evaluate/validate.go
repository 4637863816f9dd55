package evaluate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"seghub/gpuexec"
	"seghub/models"
	"seghub/models/imageio"
)

// needed is the mean Dice that a variant must exceed against its parent to take its place.
const needed = 0.99

// Why a variant is not, or cannot be, let in its parent's place; wrapped errors say more.
var (
	ErrDiffers   = errors.New("its masks are not its parent's")
	ErrNoVariant = errors.New("not a variant of the other model")
)

// Find returns the model that name means: an .onnx file, or the id of one in the folder. The error wraps ErrNoModels when
// the folder has none of that id, or is that of a file that cannot be used.
func Find(name, folder string, log *slog.Logger) (models.Spec, error) {
	if strings.EqualFold(filepath.Ext(name), ".onnx") {
		spec, err := models.ReadSpec(name)
		if err != nil {
			return models.Spec{}, fmt.Errorf("%s: %w", name, err)
		}
		return spec, nil
	}
	registry, err := models.Open(folder, log)
	if err != nil {
		return models.Spec{}, err
	}
	spec, ok := registry.Get(name)
	if !ok {
		return models.Spec{}, fmt.Errorf("%w called %s in %s; a file's name ends in .onnx", ErrNoModels, name, folder)
	}
	return spec, nil
}

// Validate compares the masks of variant, such as the int8 of a model, with those of its parent on every image in the
// folder, and writes to w how alike they are and what the variant saves. The error wraps ErrDiffers when the variant may
// not ship in its parent's place, ErrNoVariant when the two take or give different things, ErrNoImages, or is that of an
// image or an engine. It takes two engines at once, whose caller closes what is behind them.
func Validate(ctx context.Context, w io.Writer, parent, variant models.Spec, folder string, newEngine gpuexec.NewEngine) (err error) {
	if err := mustBeVariant(parent, variant); err != nil {
		return err
	}
	images, others, err := list(folder)
	if err != nil {
		return err
	}
	// An engine belongs to one thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var both [2]contender
	for i, model := range []models.Spec{parent, variant} {
		// One each: both models may have the same id.
		engine, failed := newEngine(i)
		if failed != nil {
			return failed
		}
		defer func() { err = errors.Join(err, engine.Close()) }()
		session, failed := gpuexec.OpenWarm(ctx, engine, model, 1)
		if failed != nil {
			return failed
		}
		defer func() { err = errors.Join(err, session.Close()) }()
		watch := &stopwatch{Session: session}
		both[i] = contender{method: byModel(watch, model), watch: watch}
	}
	var c comparison
	for _, path := range images {
		if err := c.try(ctx, path, both); err != nil {
			return err
		}
	}
	if err := c.write(w, parent, variant, others); err != nil {
		return err
	}
	if alike := mean(c.dice); alike <= needed {
		return fmt.Errorf("%s may not ship in place of %s: %w: the mean Dice is %.4f, and must be above %g",
			variant.ID, parent.ID, ErrDiffers, alike, needed)
	}
	_, err = fmt.Fprintf(w, "\n%s may ship in place of %s: the mean Dice of their masks is above %g.\n", variant.ID, parent.ID, needed)
	return err
}

// mustBeVariant wants both models to take the same input and to give the same outputs.
func mustBeVariant(parent, variant models.Spec) error {
	a, b := parent.Input, variant.Input
	a.Name, b.Name = "", "" // in the graph; no concern of an image
	if a != b {
		return fmt.Errorf("%s is %w: it takes %s, and %s takes %s", variant.ID, ErrNoVariant, inWords(b), parent.ID, inWords(a))
	}
	if parent.Outputs() != variant.Outputs() {
		return fmt.Errorf("%s is %w: it has %d outputs, and %s has %d", variant.ID, ErrNoVariant, variant.Outputs(), parent.ID, parent.Outputs())
	}
	return nil
}

func inWords(in models.Input) string {
	return fmt.Sprintf("%dx%d pixels (channels %d, scaling %s)", in.Width, in.Height, in.Channels, in.Scaling)
}

// list names the images in the folder, and counts the other files in it. Folders in it are not looked into.
func list(folder string) (images []string, others int, err error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, 0, fmt.Errorf("list the images: %w", err)
	}
	for _, entry := range entries {
		if entry.IsDir() {
			continue
		}
		path := filepath.Join(folder, entry.Name())
		err := readHeader(path)
		switch {
		case err == nil:
			images = append(images, path)
		case errors.Is(err, imageio.ErrUnsupported):
			others++
		default:
			return nil, 0, fmt.Errorf("%s: %w", path, err)
		}
	}
	if len(images) == 0 {
		return nil, 0, fmt.Errorf("%w: there is none in %s that can be read", ErrNoImages, folder)
	}
	return images, others, nil
}

func readHeader(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = imageio.ReadHeader(file)
	return err
}
