package importer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"seghub/models"
)

// importPackage imports a package of the BioImage Model Zoo.
func importPackage(ctx context.Context, w io.Writer, r Request, rt Runtime) (err error) {
	file, err := models.OpenFile(r.File)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	a, text, err := openArchive(file, info.Size())
	if err != nil {
		return err
	}
	description, err := parseRDF(text)
	if err != nil {
		return err
	}
	weights, err := os.CreateTemp("", "seghub-import-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, weights.Close(), os.Remove(weights.Name())) }()
	onnx := description.Weights["onnx"]
	if err := a.unpack(weights, onnx.Source, onnx.SHA256, maxWeights); err != nil {
		return err
	}
	info, err = weights.Stat()
	if err != nil {
		return err
	}
	graph, err := models.ReadGraph(weights, info.Size())
	if err != nil {
		return refuse("the package's ONNX file: %w", err)
	}
	c := candidate{graph: weights, size: info.Size()}
	if c.spec, c.proof, err = description.read(a, graph, r); err != nil {
		return err
	}
	if len(description.Outputs) > 1 {
		fmt.Fprintf(w, "The model has %d outputs; the first is used.\n", len(description.Outputs))
	}
	return install(ctx, w, r.Folder, c, rt)
}

// read makes of the description what the hub runs the graph by, and the test that comes with it.
func (r rdf) read(a archive, graph models.Graph, request Request) (models.Spec, *proof, error) {
	if len(graph.Inputs) != 1 || len(graph.Outputs) < len(r.Outputs) {
		return models.Spec{}, nil, refuse("the graph has %d inputs and %d outputs, and the package describes %d and %d",
			len(graph.Inputs), len(graph.Outputs), len(r.Inputs), len(r.Outputs))
	}
	in, out := r.Inputs[0], r.Outputs[0]
	axes, inLayout, err := in.axes()
	if err != nil {
		return models.Spec{}, nil, err
	}
	outAxes, outLayout, err := out.axes()
	if err != nil {
		return models.Spec{}, nil, err
	}
	before, err := translate(in.Before, inLayout, cmp.Or(in.ID, in.Name))
	if err != nil {
		return models.Spec{}, nil, err
	}
	after, err := translate(out.After, outLayout, cmp.Or(out.ID, out.Name))
	if err != nil {
		return models.Spec{}, nil, err
	}
	if before.threshold != nil {
		return models.Spec{}, nil, refuse("the model takes images that are binary, which the hub's are not")
	}
	p := &proof{before: before.steps, inLayout: inLayout, threshold: after.threshold, tolerance: r.tolerance()}
	if err := p.read(a, r); err != nil {
		return models.Spec{}, nil, err
	}
	channel, err := chooseChannel(request, p.channels(outLayout), outAxes)
	if err != nil {
		return models.Spec{}, nil, err
	}
	spec := models.Spec{
		ID: cmp.Or(request.ID, r.id()), Title: r.Name, Description: r.about(), Threshold: 0.5, Precision: "fp32", Batch: batchOf(inLayout, graph),
		Input:      size(axes, graph.Inputs[0].Dims),
		OutputName: graph.Outputs[0].Name,
		Codec: &models.Codec{
			InputLayout: inLayout, Before: before.steps, OutputName: graph.Outputs[0].Name, OutputLayout: outLayout, After: after.steps,
			Channel: channel, Border: request.Border,
		},
	}
	spec.Input.Halo = min(halo(outAxes), spec.Input.MostHalo())
	if spec.ID == "" {
		return models.Spec{}, nil, refuse("the package's name gives no id: say one with --id")
	}
	if request.Border != nil {
		spec.BorderName, spec.Split = spec.OutputName, true
	}
	if after.threshold != nil {
		spec.Threshold = *after.threshold
	}
	if least, most := in.levels(); least != 0 || most != 255 {
		spec.Codec.Before = append([]models.Step{spread(least, most)}, before.steps...)
	}
	return spec, p, nil
}

// size is the input that axes and the graph's own numbers ask for: tiles at an image's own resolution, as the models of the zoo
// are trained. What they leave out is 0, which no spec may have.
func size(axes []axis, dims []int64) models.Input {
	in := models.Input{Channels: 1, Scaling: models.ScalingNative}
	for i, a := range axes {
		d := int64(-1)
		if i < len(dims) {
			d = dims[i]
		}
		switch a.letter {
		case 'c':
			if in.Channels = len(a.names); in.Channels == 0 {
				in.Channels = side(d, a.size)
			}
		case 'h':
			in.Height = side(d, a.size)
		case 'w':
			in.Width = side(d, a.size)
		}
	}
	// In 0.5 one side may be described by the other.
	in.Height, in.Width = cmp.Or(in.Height, in.Width), cmp.Or(in.Width, in.Height)
	return in
}

// halo is the larger of the two that an output's axes of space have.
func halo(axes []axis) (most int) {
	for _, a := range axes {
		if pixels, ok := toFloat(a.halo); ok && (a.letter == 'h' || a.letter == 'w') && pixels > 0 {
			most = max(most, int(min(pixels, math.MaxInt32)))
		}
	}
	return most
}

// chooseChannel is the output's only channel, or the one that was asked for.
func chooseChannel(r Request, channels int, axes []axis) (int, error) {
	if r.Channel != nil {
		return *r.Channel, nil
	}
	if channels == 1 {
		return 0, nil
	}
	named := ""
	for _, a := range axes {
		if len(a.names) > 0 {
			named = " (" + strings.Join(a.names, ", ") + ")"
		}
	}
	return 0, refuse("its output has %d channels%s: say which one is the probability of an object with --channel (the first is 0), and with --border which one tells the rims of objects, if one does", channels, named)
}
