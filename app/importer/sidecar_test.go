package importer

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"seghub/gpuexec/ort/orttest"
	"seghub/models"
	"seghub/models/modeltest"
)

const goodYAML = `
id: my_model
title: My model
description: Finds bright bodies.
size: [64, 80]
channels: 1
layout: nchw
scaling: fit
min: 0
max: 1
activation: none
threshold: 0.4
`

// beside writes a model and the YAML beside it.
func beside(t *testing.T, m modeltest.Model, yaml string) string {
	t.Helper()
	folder := t.TempDir()
	file(t, folder, "model.yaml", []byte(yaml))
	return file(t, folder, "model.onnx", m.Bytes())
}

// answer is what an engine gives for in.
func answer(t *testing.T, rt Runtime, spec models.Spec, in models.Tensor) models.Tensor {
	t.Helper()
	engine, err := rt.NewEngine(0)
	if err != nil {
		t.Fatal(err)
	}
	session, err := engine.Open(t.Context(), spec, in.N)
	if err != nil {
		t.Fatal(err)
	}
	out, err := session.Run(t.Context(), in)
	err = errors.Join(err, session.Close())
	if closing := engine.Close(); err != nil || closing != nil {
		t.Fatal(err, closing)
	}
	return out
}

func TestImportBesideYAML(t *testing.T) {
	rt := orttest.Open(t, 1)
	level := func(v float64) []uint8 { return []uint8{uint8(v), uint8(v + 1)} } // rounded down or up
	cases := []struct {
		name    string
		graph   modeltest.FloatOptions
		replace []string // in goodYAML
		pixel   [3]uint8
		want    []uint8 // one of these
	}{
		{name: "a range", graph: grey, pixel: [3]uint8{100}, want: []uint8{100}},
		{name: "another range", graph: grey, replace: []string{"min: 0\nmax: 1", "min: -1\nmax: 1", "none", "sigmoid"},
			pixel: [3]uint8{200}, want: level(255 / (1 + math.Exp(1-2*200./255)))},
		{name: "mean and std", graph: grey, replace: []string{"min: 0\nmax: 1", "mean: 100\nstd: 50", "none", "sigmoid"},
			pixel: [3]uint8{120}, want: level(255 / (1 + math.Exp(-0.4)))},
		{name: "colour, channels last", graph: modeltest.FloatOptions{Layout: "nhwc", Channels: 3, Height: 64, Width: 80, Batch: 1},
			replace: []string{"channels: 1", "channels: 3", "nchw", "nhwc", "min: 0\nmax: 1", "mean: [10, 20, 30]\nstd: [1, 2, 4]", "none", "sigmoid"},
			pixel:   [3]uint8{11, 24, 26}, want: level(255 / (1 + math.Exp(-2./3)))},
		{name: "two classes", graph: modeltest.FloatOptions{Height: modeltest.Dynamic, Width: modeltest.Dynamic, Gain: []float32{-2, 3}, Offset: []float32{1, 0}},
			replace: []string{"none", "softmax\nchannel: 1\noutput: out"}, pixel: [3]uint8{51}, want: level(255 / 2.)},
		{name: "one number for the size", graph: grey, replace: []string{"[64, 80]", "80"}, pixel: [3]uint8{9}, want: []uint8{9}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			yaml := strings.NewReplacer(c.replace...).Replace(goodYAML)
			folder := t.TempDir()
			var out bytes.Buffer
			if err := Import(t.Context(), &out, Request{File: beside(t, modeltest.NewFloat(c.graph), yaml), Folder: folder}, rt); err != nil {
				t.Fatal(err)
			}
			list := listed(t, folder)
			if len(list) != 1 || list[0].ID != "my_model" || list[0].Threshold != 0.4 || list[0].Input.Width != 80 {
				t.Fatalf("%+v", list)
			}
			if path := filepath.Join(folder, "my_model.onnx"); !strings.Contains(out.String(), "my_model") || !strings.Contains(out.String(), path) {
				t.Errorf("it says %q", out.String())
			}
			in := list[0].Input
			picture := models.Tensor{N: 3, H: in.Height, W: in.Width, C: in.Channels}
			for range 3 * in.Height * in.Width {
				picture.Pix = append(picture.Pix, c.pixel[:in.Channels]...)
			}
			if got := answer(t, rt, list[0], picture); !bytes.Contains(c.want, got.Pix[:1]) || got.N != 3 {
				t.Errorf("got %d, want one of %d", got.Pix[0], c.want)
			}
		})
	}
}

// TestModelsThatRunOneImageAlone leave open how many images a run has, and can take no more than the one that they were exported with, or mix what they see
// of them: a worker on a GPU runs two.
func TestModelsThatRunOneImageAlone(t *testing.T) {
	rt := orttest.Open(t, 1)
	for name, c := range map[string]struct {
		graph modeltest.FloatOptions
		most  int
	}{
		"a shape in the graph":  {modeltest.FloatOptions{Width: 80, OneImage: true}, 1},
		"images that are mixed": {modeltest.FloatOptions{Width: 80, Gain: []float32{0.5}, AcrossImages: true}, 1},
		"each by itself":        {modeltest.FloatOptions{Width: 80}, 4},
	} {
		folder := t.TempDir()
		var out bytes.Buffer
		if err := Import(t.Context(), &out, Request{File: beside(t, modeltest.NewFloat(c.graph), goodYAML), Folder: folder}, rt); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		spec := listed(t, folder)[0]
		if spec.Batch.Max != c.most || strings.Contains(out.String(), "one image at a time") != (c.most == 1) {
			t.Errorf("%s: up to %d images in a run; it says %q", name, spec.Batch.Max, out.String())
		}
		in := models.Tensor{N: spec.Batch.Alone, H: 64, W: 80, C: 1}
		for n := range in.N {
			in.Pix = append(in.Pix, bytes.Repeat([]byte{uint8(100 * (n + 1))}, 64*80)...)
		}
		for n, got := 0, answer(t, rt, spec, in); n < in.N; n++ {
			if pix := got.Rows(n, n+1).Pix; pix[0] != uint8(100*(n+1)) {
				t.Errorf("%s: image %d is %d", name, n, pix[0])
			}
		}
	}
}

func TestABorderIsImported(t *testing.T) {
	rt := orttest.Open(t, 1)
	graph := modeltest.NewFloat(modeltest.FloatOptions{Gain: []float32{0.5, 1}, Offset: []float32{0, 0}, Width: 80})
	folder := t.TempDir()
	path := beside(t, graph, goodYAML+"channel: 1\nborder: 0\n")
	if err := Import(t.Context(), &bytes.Buffer{}, Request{File: path, Folder: folder, ID: "renamed"}, rt); err != nil {
		t.Fatal(err)
	}
	spec := listed(t, folder)[0]
	got := answer(t, rt, spec, models.Tensor{N: 1, H: 64, W: 80, C: 1, Pix: bytes.Repeat([]byte{100}, 64*80)})
	if spec.ID != "renamed" || got.C != 2 || got.Pix[0] != 100 || got.Pix[1] != 50 {
		t.Errorf("%s gives %d values, %v", spec.ID, got.C, got.Pix[:2])
	}
}

// A model like Cellpose's: flow down and right, of length 5, and a logit.
func TestAFlowIsImported(t *testing.T) {
	rt := orttest.Open(t, 1)
	graph := modeltest.NewFloat(modeltest.FloatOptions{Gain: []float32{5, -5, 10}, Offset: []float32{0, 0, -5}, Width: 80})
	folder := t.TempDir()
	yaml := strings.Replace(goodYAML, "activation: none", "activation: sigmoid\nchannel: 2\nflow: {down: 0, right: 1, unit: 5}", 1)
	if err := Import(t.Context(), &bytes.Buffer{}, Request{File: beside(t, graph, yaml), Folder: folder}, rt); err != nil {
		t.Fatal(err)
	}
	spec := listed(t, folder)[0]
	got := answer(t, rt, spec, models.Tensor{N: 1, H: 64, W: 80, C: 1, Pix: bytes.Repeat([]byte{255}, 64*80)})
	if spec.Objects() != models.ObjectsByFlow || !spec.Split || got.C != 3 || !bytes.Equal(got.Pix[:3], []byte{253, 255, 1}) {
		t.Errorf("objects by %s, %d values, %v", spec.Objects(), got.C, got.Pix[:3])
	}
}

func TestImportBesideYAMLRefuses(t *testing.T) {
	rt := orttest.Open(t, 1)
	two := modeltest.FloatOptions{Gain: []float32{1, 1}, Width: 80}
	cases := []struct {
		name    string
		graph   modeltest.FloatOptions
		replace []string
		want    string
	}{
		{name: "an unknown key", replace: []string{"title:", "tilte:"}, want: `unknown field "tilte"`},
		{name: "no id", replace: []string{"id: my_model\n", ""}, want: `id is missing: add a line such as "id: my_model"`},
		{name: "no title", replace: []string{"title: My model", ""}, want: "title is missing"},
		{name: "no size", replace: []string{"size: [64, 80]", ""}, want: "size is missing"},
		{name: "no channels", replace: []string{"channels: 1", ""}, want: "channels is missing"},
		{name: "no layout", replace: []string{"layout: nchw", ""}, want: "layout is missing"},
		{name: "no scaling", replace: []string{"scaling: fit", ""}, want: "scaling is missing"},
		{name: "no activation", replace: []string{"activation: none", ""}, want: "activation is missing"},
		{name: "no range", replace: []string{"min: 0\nmax: 1", ""}, want: "mean and std are missing, or min and max"},
		{name: "half a range", replace: []string{"min: 0\n", ""}, want: "min needs max"},
		{name: "both ranges", replace: []string{"min: 0", "mean: 1\nstd: 2\nmin: 0"}, want: "give one pair"},
		{name: "a range upside down", replace: []string{"min: 0", "min: 2"}, want: "min is not below max"},
		{name: "a std of another scale", replace: []string{"min: 0\nmax: 1", "mean: 0.485\nstd: 0.229"}, want: "multiply those of a scale of 0 to 1 by 255"},
		{name: "a mean too many", replace: []string{"min: 0\nmax: 1", "mean: [1, 2]\nstd: [3, 4]"}, want: "or one a channel"},
		{name: "another layout", replace: []string{"nchw", "chwn"}, want: `layout "chwn"`},
		{name: "another activation", replace: []string{"none", "tanh"}, want: `activation "tanh"`},
		{name: "another scaling", replace: []string{"fit", "crop"}, want: `scaling "crop"`},
		{name: "three sizes", replace: []string{"[64, 80]", "[1, 64, 80]"}, want: "size has more than"},
		{name: "half a pixel", replace: []string{"[64, 80]", "[64.5, 80]"}, want: "whole pixels"},
		{name: "a word for a number", replace: []string{"channels: 1", "channels: one"}, want: "model.yaml"},
		{name: "a wrong id", replace: []string{"my_model", "My Model"}, want: `id "My Model"`},
		{name: "four channels", replace: []string{"channels: 1", "channels: 4"}, want: "4 channels"},
		{name: "a threshold beyond reason", replace: []string{"0.4", "4"}, want: "threshold is 4"},
		{name: "another size", graph: modeltest.FloatOptions{Height: 32, Width: 80}, want: "float32 [N,1,32,80], not float32 [N,1,64,80]"},
		{name: "no such output", replace: []string{"none", "none\noutput: mask"}, want: `no output "mask"`},
		{name: "no such channel", replace: []string{"none", "none\nchannel: 3"}, want: "with a channel 3"},
		{name: "a flow without a length", graph: modeltest.FloatOptions{Gain: []float32{1, 1, 1}, Width: 80},
			replace: []string{"none", "none\nchannel: 2\nflow: {down: 0, right: 1}"}, want: "the unit of the flow is 0"},
		{name: "several channels", graph: two, want: "channel is missing"},
		{name: "weights elsewhere", graph: modeltest.FloatOptions{External: true}, want: "a file of their own"},
		{name: "no probability", replace: []string{"max: 1", "max: 255"}, want: "ranges from 0 to 254, and a probability from 0 to 1"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			folder := t.TempDir()
			if c.graph.Width == 0 && !c.graph.External {
				c.graph = grey
			}
			path := beside(t, modeltest.NewFloat(c.graph), strings.NewReplacer(c.replace...).Replace(goodYAML))
			err := Import(t.Context(), &bytes.Buffer{}, Request{File: path, Folder: folder}, rt)
			wantRefusal(t, err, folder, c.want)
		})
	}
}

func TestImportRefusesFiles(t *testing.T) {
	rt, folder, from := orttest.Open(t, 1), t.TempDir(), t.TempDir()
	refused := func(r Request, says string) {
		t.Helper()
		r.Folder = folder
		wantRefusal(t, Import(t.Context(), &bytes.Buffer{}, r, rt), folder, says)
	}
	whole := modeltest.NewFloat(grey).Bytes()
	refused(Request{File: file(t, from, "model.tflite", nil)}, "neither an ONNX file")
	refused(Request{File: file(t, from, "alone.onnx", whole)}, "alone.yaml is missing")
	refused(Request{File: file(t, from, "half.onnx", whole[:100])}, "is damaged")
	one := 1
	refused(Request{File: filepath.Join(from, "alone.onnx"), Channel: &one}, "are for packages")
	// A graph that the file describes well and that cannot be run: three gains and two offsets.
	broken := modeltest.NewFloat(modeltest.FloatOptions{Width: 80, Gain: []float32{1, 1, 1}, Offset: []float32{1, 1}})
	file(t, from, "broken.yaml", []byte(goodYAML+"channel: 0\n"))
	refused(Request{File: file(t, from, "broken.onnx", broken.Bytes())}, "ONNX Runtime cannot run it")
	if err := Import(t.Context(), &bytes.Buffer{}, Request{File: filepath.Join(from, "none.onnx"), Folder: folder}, rt); !os.IsNotExist(err) {
		t.Error(err)
	}
}

func TestImportLeavesWhatIsThere(t *testing.T) {
	rt, folder := orttest.Open(t, 1), t.TempDir()
	path := beside(t, modeltest.NewFloat(grey), goodYAML)
	if err := modeltest.Write(filepath.Join(folder, "other.onnx"), modeltest.Options{ID: "my_model"}); err != nil {
		t.Fatal(err)
	}
	err := Import(t.Context(), &bytes.Buffer{}, Request{File: path, Folder: folder}, rt)
	if err == nil || !strings.Contains(err.Error(), "there is a model my_model already, in "+filepath.Join(folder, "other.onnx")) {
		t.Error(err)
	}
	file(t, folder, "taken.onnx", []byte("not a model"))
	err = Import(t.Context(), &bytes.Buffer{}, Request{File: path, Folder: folder, ID: "taken"}, rt)
	if err == nil || !strings.Contains(err.Error(), "which is no usable model") {
		t.Error(err)
	}
	entries, _ := os.ReadDir(folder)
	if len(entries) != 2 {
		t.Errorf("%d files", len(entries))
	}
}

func TestImportEndsWithItsContext(t *testing.T) {
	rt, folder := orttest.Open(t, 1), t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := Import(ctx, &bytes.Buffer{}, Request{File: beside(t, modeltest.NewFloat(grey), goodYAML), Folder: folder}, rt)
	if !errors.Is(err, context.Canceled) || len(listed(t, folder)) > 0 {
		t.Error(err)
	}
}

func TestAnOutputOfUnknownChannelsNeedsOne(t *testing.T) {
	s, err := parseSidecar([]byte(goodYAML))
	if err != nil {
		t.Fatal(err)
	}
	graph := models.Graph{
		Inputs:  []models.Port{{Name: "raw", Dims: []int64{-1, 1, 64, 80}}},
		Outputs: []models.Port{{Name: "out"}},
	}
	if _, err := s.spec(graph); err == nil || !strings.Contains(err.Error(), "channel is missing, and output out may have several") {
		t.Error(err)
	}
	s.Channel = new(int)
	if _, err := s.spec(graph); err != nil {
		t.Error(err)
	}
}
