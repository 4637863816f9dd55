package evaluate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"seghub/gpuexec"
	"seghub/models"
	"seghub/models/score"
)

// ErrNoModels says that there is nothing to score.
var ErrNoModels = errors.New("there is no usable model")

// Run scores each model on each validation set in the folder data, and writes a table in Markdown to w, the
// rows of a set as soon as they are known. engine's caller closes it. The error wraps ErrNoModels, ErrNoImages,
// when any set is absent, ErrMask, or is that of an image or the engine. Models that the engine does not open are left out, and their errors
// come at the end.
func Run(ctx context.Context, w io.Writer, data string, list []models.Spec, newEngine gpuexec.NewEngine) (err error) {
	if len(list) == 0 {
		return ErrNoModels
	}
	examples := make([][]example, len(sets))
	for i, s := range sets {
		if examples[i], err = s.examples(data); err != nil {
			return err
		}
	}
	// An engine belongs to one thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	engine, err := newEngine(0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	var methods []method
	var unusable error // models, which the others do not wait for
	for _, model := range list {
		session, failed := gpuexec.OpenWarm(ctx, engine, model, 1)
		if failed != nil {
			unusable = errors.Join(unusable, failed)
			if errors.Is(failed, gpuexec.ErrDeviceLost) || ctx.Err() != nil {
				return unusable
			}
			continue
		}
		defer func() { err = errors.Join(err, session.Close()) }()
		methods = append(methods, byModel(session, model))
	}
	if len(methods) == 0 {
		return fmt.Errorf("%w: %w", ErrNoModels, unusable)
	}
	methods = append(methods, byOtsu)

	t := table{w: w}
	t.head(methods)
	var nuclei []tally
	for i, s := range sets {
		tallies, err := tallyAll(ctx, examples[i], methods)
		if err != nil {
			return err
		}
		for k, m := range methods {
			t.row(s, m, tallies[k])
		}
		if s.inParts {
			nuclei = tallies
		}
	}
	t.legend()
	t.parts(methods, nuclei)
	return errors.Join(t.err, unusable)
}

// tallyAll tries every method on every example; the tallies are by method.
func tallyAll(ctx context.Context, examples []example, methods []method) ([]tally, error) {
	tallies := make([]tally, len(methods))
	for _, e := range examples {
		truth, err := readTruth(e.mask)
		if err != nil {
			return nil, err
		}
		for i, m := range methods {
			if err := tallies[i].try(ctx, m, e, truth); err != nil {
				return nil, fmt.Errorf("%s: %w", m.name, err)
			}
		}
	}
	return tallies, nil
}

// scores are how well a method did on an image.
type scores struct{ dice, iou, f1, f1At70, ap50, ap75 float64 }

// tally is what became of a method's images: one entry an image in each.
type tally struct {
	traits []traits
	scores []scores
	took   []float64 // milliseconds, from the file to the objects
}

func (t *tally) add(of traits, s scores, took float64) {
	t.traits = append(t.traits, of)
	t.scores = append(t.scores, s)
	t.took = append(t.took, took)
}

// mean is that of one of the scores.
func (t *tally) mean(of func(scores) float64) float64 {
	values := make([]float64, len(t.scores))
	for i, s := range t.scores {
		values[i] = of(s)
	}
	return mean(values)
}

func (t *tally) try(ctx context.Context, m method, e example, truth score.Labels) error {
	began := time.Now()
	img, err := decode(ctx, e.image)
	if err != nil {
		return err
	}
	if img.Width != truth.Width || img.Height != truth.Height {
		return fmt.Errorf("%w: %s is of %dx%d pixels, its image of %dx%d", ErrMask, e.mask, truth.Width, truth.Height, img.Width, img.Height)
	}
	segmentation, err := m.find(ctx, img)
	if err != nil {
		return fmt.Errorf("%s: %w", e.image, err)
	}
	took := float64(time.Since(began).Microseconds()) / 1e3

	found := score.LabelsOf(segmentation)
	overlap, objects := score.Compare(found, truth), score.Match(found, truth)
	t.add(traitsOf(img, truth), scores{
		dice: overlap.Dice(), iou: overlap.IoU(),
		f1: objects.At(0.5).F1(), f1At70: objects.At(0.7).F1(),
		ap50: objects.At(0.5).AP(), ap75: objects.At(0.75).AP(),
	}, took)
	return nil
}
