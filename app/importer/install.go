package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"

	"seghub/gpuexec"
	"seghub/models"
)

// install tries c and puts it into the folder, whole or not at all.
func install(ctx context.Context, w io.Writer, folder string, c candidate, rt Runtime) (err error) {
	registry, err := models.Open(folder, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	path := filepath.Join(folder, c.spec.ID+".onnx")
	if other, taken := registry.Get(c.spec.ID); taken {
		return refuse("there is a model %s already, in %s: give another --id, or remove that file first", c.spec.ID, other.Path)
	}
	// The registry looks at *.onnx alone.
	file, err := os.CreateTemp(folder, ".import-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name()) // err says what went wrong
		}
	}()
	if err := write(file, c); err != nil {
		return err
	}
	if err := try(ctx, w, file.Name(), c.proof, rt); err != nil {
		return err
	}
	if c.spec.Codec != nil && c.spec.Batch.Max > 1 { // others are of our own exporter
		if err := runOneByOneIfNeeded(ctx, w, file.Name(), c, rt); err != nil {
			return err
		}
	}
	if _, err := os.Lstat(path); err == nil {
		return refuse("there is a file %s already, which is no usable model: remove it first", path)
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "Model %s is in %s. A running hub has it within seconds; its page and GET /api/v1/models list it.\n", c.spec.ID, path)
	return err
}

// runOneByOneIfNeeded writes the model at path anew where it cannot run two images at once, though its graph leaves open how many there are: who
// exports a model tries it with one, and a shape may have stayed in the graph as it was then. A worker on a GPU runs several.
func runOneByOneIfNeeded(ctx context.Context, w io.Writer, path string, c candidate, rt Runtime) error {
	spec, err := models.ReadSpec(path)
	if err != nil {
		return err
	}
	together, err := runsTogether(ctx, spec, rt)
	if err != nil || together {
		return err
	}
	c.spec.Batch = oneByOne
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	if err := write(file, c); err != nil {
		return err
	}
	_, err = fmt.Fprintln(w, "It runs one image at a time: two at once it cannot run, or gives them other values than each alone.")
	return err
}

// runsTogether tells whether two images in one run give what each gives alone. The error is that of a run of one, or ctx's.
func runsTogether(ctx context.Context, spec models.Spec, rt Runtime) (bool, error) {
	up := everyLevel(spec.Input)
	down := everyLevel(spec.Input)
	slices.Reverse(down.Pix)
	both := models.Tensor{N: 2, H: up.H, W: up.W, C: up.C, Pix: slices.Concat(up.Pix, down.Pix)}
	var alone []models.Planes
	for _, picture := range []models.Tensor{up, down} {
		values, shape := spec.Codec.Encode(picture)
		images, err := run(ctx, spec, values, shape, rt)
		if err != nil {
			return false, err
		}
		alone = append(alone, images...)
	}
	values, shape := spec.Codec.Encode(both)
	together, err := run(ctx, spec, values, shape, rt)
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if err != nil || len(together) != len(alone) {
		return false, nil // the graph's own business: alone each runs
	}
	for i, p := range together {
		var d difference
		d.add(p.Pix, alone[i].Pix, absolute, relative)
		if d.beyond > 0 {
			return false, nil
		}
	}
	return true, nil
}

func write(file *os.File, c candidate) error {
	err := models.WriteSpec(file, c.graph, c.size, c.spec)
	if errors.Is(err, models.ErrInvalid) {
		err = refuse("%w", err)
	}
	if err == nil {
		err = file.Chmod(0o644) // the hub may be run by another user
	}
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// try reads the model at path as the registry does, and runs it as a worker does.
func try(ctx context.Context, w io.Writer, path string, proof *proof, rt Runtime) error {
	spec, err := models.ReadSpec(path)
	if errors.Is(err, models.ErrInvalid) {
		return refuse("%w", err)
	}
	if err != nil {
		return err
	}
	engine, err := rt.NewEngine(0)
	if err != nil {
		return err
	}
	session, err := gpuexec.OpenWarm(ctx, engine, spec, 1) // which runs it on a black image
	if err == nil {
		err = session.Close()
	}
	err = errors.Join(err, engine.Close())
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return refuse("ONNX Runtime cannot run it: %w", err)
	}
	if spec.Codec == nil {
		return nil
	}
	if proof != nil {
		if err := proof.check(ctx, w, spec, rt); err != nil {
			return err
		}
	}
	return givesProbabilities(ctx, spec, rt)
}

// givesProbabilities runs the model on a picture of every level and wants values from 0 to 1.
func givesProbabilities(ctx context.Context, spec models.Spec, rt Runtime) error {
	values, shape := spec.Codec.Encode(everyLevel(spec.Input))
	images, err := run(ctx, spec, values, shape, rt)
	if err != nil {
		return err
	}
	for _, p := range images {
		for _, plane := range spec.Codec.Probabilities(p) {
			if err := areProbabilities(plane); err != nil {
				return err
			}
		}
	}
	return nil
}

// everyLevel is a picture from black to white.
func everyLevel(in models.Input) models.Tensor {
	picture := models.Tensor{N: 1, H: in.Height, W: in.Width, C: in.Channels, Pix: make([]uint8, in.Height*in.Width*in.Channels)}
	for i := range picture.Pix {
		picture.Pix[i] = uint8(255 * i / len(picture.Pix))
	}
	return picture
}

// slack is how far beyond 0 and 1 a probability may lie by rounding.
const slack = 0.01

func areProbabilities(values []float32) error {
	least, most := values[0], values[0]
	for _, v := range values {
		if math.IsNaN(float64(v)) {
			return refuse("its output is not a number somewhere")
		}
		least, most = min(least, v), max(most, v)
	}
	if least < -slack || most > 1+slack {
		return refuse("its output ranges from %.3g to %.3g, and a probability from 0 to 1: an activation is missing, such as sigmoid or softmax, or it is no segmentation model", least, most)
	}
	return nil
}

// run gives the graph values and takes its answer apart.
func run(ctx context.Context, spec models.Spec, values []float32, shape []int64, rt Runtime) ([]models.Planes, error) {
	values, shape, err := rt.RunFloats(ctx, spec, values, shape)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, refuse("ONNX Runtime cannot run it: %w", err)
	}
	images, err := spec.Codec.OutputLayout.Split(values, shape)
	if err != nil {
		return nil, refuse("its output: %w", err)
	}
	return images, nil
}
