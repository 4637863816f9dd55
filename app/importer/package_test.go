package importer

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math"
	"os"
	"strings"
	"testing"

	"seghub/gpuexec/ort/orttest"
	"seghub/models"
	"seghub/models/modeltest"
)

// rdf04 is a description of format 0.4 whose graph's output is made a probability by sigmoid.
const rdf04 = `
format_version: 0.4.9
type: model
name: Bright Bodies
description: Finds bright bodies.
license: CC-BY-4.0
cite:
  - {text: "A paper, 2020", doi: "10.1234/abc"}
authors: [{name: Somebody}]
covers: [cover.png]
inputs:
  - axes: &axes bcyx
    data_range: [-.inf, .inf]
    data_type: float32
    name: input
    preprocessing:
      - name: zero_mean_unit_variance
        kwargs: {axes: cyx, mode: per_sample}
    shape: {min: [1, 1, 32, 32], step: [0, 0, 16, 16]}
outputs:
  - axes: *axes
    data_range: [0.0, 1.0]
    data_type: float32
    name: output
    halo: [0, 0, 8, 8]
    postprocessing:
      - name: sigmoid
    shape: {reference_tensor: input, scale: [1, 1, 1, 1], offset: [0, 0, 0, 0]}
test_inputs: [test_input.npy]
test_outputs: [test_output.npy]
weights:
  onnx: {source: weights.onnx, opset_version: 17}
  torchscript: {source: weights.pt}
`

// rdf05 is the same in format 0.5.
const rdf05 = `%YAML 1.2
---
format_version: 0.5.4
type: model
id: bright-bodies
name: Bright Bodies
description: Finds bright bodies.
license: MIT
config:
  bioimageio:
    reproducibility_tolerance:
      - {absolute_tolerance: 0.0001}
inputs:
  - id: raw
    axes:
      - {type: batch}
      - {type: channel, channel_names: [grey]}
      - {type: space, id: y, size: {min: 32, step: 16}}
      - {type: space, size: {min: 32, step: 16}}
    data: {type: float32, range: [null, null]}
    preprocessing:
      - {id: ensure_dtype, kwargs: {dtype: float32}}
      - {id: zero_mean_unit_variance, kwargs: {axes: [channel, y, x]}}
      - {id: ensure_dtype, kwargs: {dtype: float32}}
    test_tensor: {source: test_input.npy}
outputs:
  - id: probability
    axes:
      - {type: batch}
      - {type: channel, channel_names: [body]}
      - {type: space, id: y, halo: 8, size: {tensor_id: raw, axis_id: y}}
      - {type: space, id: x, halo: 8, size: {tensor_id: raw, axis_id: x}}
    data: {type: float32, range: [0.0, 1.0]}
    postprocessing:
      - id: sigmoid
      - {id: ensure_dtype, kwargs: {dtype: float32}}
    test_tensor: {source: test_output.npy}
weights:
  onnx: {source: weights.onnx, opset_version: 17}
`

// parcel is a package to be spoilt by a test.
type parcel struct {
	yaml    string
	replace []string // in yaml
	graph   modeltest.FloatOptions
	input   []float32                        // of [1,c,h,w]; those of picture
	shape   []int64                          // of input
	before  func(values []float32)           // what the description says is done; none when nil
	after   func(mean float64) float32       // of the mean of the channels, for the only channel; sigmoid when nil
	outputs []func(mean float64) float32     // of several channels, instead of after
	spoil   func(input, output []float32)    // makes the test a lie
	extra   []any                            // entries of the zip
	without string                           // entry of the zip that is left out
	rename  func(name string) (other string) // of entries
}

// normalised makes each part of so many values zero in mean and one in variance, in float64.
func normalised(part int) func([]float32) {
	return func(values []float32) {
		for from := 0; from < len(values); from += part {
			sum, squares := 0.0, 0.0
			for _, v := range values[from : from+part] {
				sum += float64(v)
				squares += float64(v) * float64(v)
			}
			mean := sum / float64(part)
			deviation := math.Sqrt(squares/float64(part) - mean*mean)
			for i := from; i < from+part; i++ {
				values[i] = float32((float64(values[i]) - mean) / deviation)
			}
		}
	}
}

const testSide = 32 // of the test tensors

// write writes the package and returns its path.
func (p parcel) write(t *testing.T, folder string) string {
	t.Helper()
	channels := int(max(1, p.graph.Channels))
	if p.input == nil {
		p.shape, p.input = picture(channels, testSide, testSide)
	}
	if p.graph.Height == 0 {
		p.graph.Height, p.graph.Width = modeltest.Dynamic, modeltest.Dynamic
	}
	input := bytes.Clone(npy(p.shape, p.input))
	values := append([]float32{}, p.input...)
	if p.before != nil {
		p.before(values)
	}
	outputs := p.outputs
	if outputs == nil {
		if p.after == nil {
			p.after = sigmoid
		}
		outputs = append(outputs, p.after)
	}
	pixels := len(values) / channels
	var output []float32
	for _, after := range outputs {
		for i := range pixels {
			mean := 0.0
			for c := range channels {
				mean += float64(values[c*pixels+i]) / float64(channels)
			}
			output = append(output, after(mean))
		}
	}
	if p.spoil != nil {
		p.spoil(values, output)
	}
	outShape := append([]int64{}, p.shape...)
	outShape[1] = int64(len(outputs))
	entries := []any{
		"rdf.yaml", strings.NewReplacer(p.replace...).Replace(p.yaml),
		"weights.onnx", modeltest.NewFloat(p.graph).Bytes(),
		"test_input.npy", input,
		"test_output.npy", npy(outShape, output),
	}
	var kept []any
	for i := 0; i < len(entries); i += 2 {
		name := entries[i].(string)
		if name == p.without {
			continue
		}
		if p.rename != nil {
			name = p.rename(name)
		}
		kept = append(kept, name, entries[i+1])
	}
	return zipped(t, folder, append(kept, p.extra...)...)
}

func TestPackagesOfBothFormats(t *testing.T) {
	rt := orttest.Open(t, 1)
	zmuv := normalised(testSide * testSide)
	hash := func(b []byte) string {
		sum := sha256.Sum256(b)
		return hex.EncodeToString(sum[:])
	}
	_, wide := picture(1, 64, 96)
	weights := hash(modeltest.NewFloat(grey).Bytes())
	channel := func(c int) *int { return &c }
	const zeroMean5 = "zero_mean_unit_variance, kwargs: {axes: [channel, y, x]}"
	cases := []struct {
		name    string
		parcel  parcel
		request Request
		want    func(t *testing.T, s models.Spec)
	}{
		{name: "0.4", parcel: parcel{yaml: rdf04, before: zmuv}, want: func(t *testing.T, s models.Spec) {
			if s.ID != "bright_bodies" || s.Title != "Bright Bodies" || s.Input.Width != 512 || s.Input.Scaling != models.ScalingNative || s.Codec.OneByOne {
				t.Errorf("%+v", s)
			}
			if want := "Finds bright bodies. Licence: CC-BY-4.0. Cite: A paper, 2020 10.1234/abc."; s.Description != want {
				t.Error(s.Description)
			}
		}},
		{name: "0.5", parcel: parcel{yaml: rdf05, before: zmuv}, want: func(t *testing.T, s models.Spec) {
			if s.ID != "bright-bodies" || s.Input.Height != 512 || s.Input.Width != 512 || s.Outputs() != 1 {
				t.Errorf("%+v", s)
			}
		}},
		{name: "another id", parcel: parcel{yaml: rdf05, before: zmuv}, request: Request{ID: "mine"}, want: func(t *testing.T, s models.Spec) {
			if s.ID != "mine" {
				t.Error(s.ID)
			}
		}},
		{name: "sums that match", parcel: parcel{yaml: rdf05, before: zmuv, replace: []string{"weights.onnx,", "weights.onnx, sha256: " + weights + ","}}},
		{name: "in a folder of the zip", parcel: parcel{yaml: rdf04, before: zmuv, rename: func(name string) string { return "Bright/" + name }}},
		{name: "in a folder that macOS packed", parcel: parcel{yaml: rdf04, before: zmuv, rename: func(name string) string { return "Bright/" + name },
			extra: []any{"__MACOSX/Bright/._rdf.yaml", "text"}}},
		{name: "in a folder that Windows packed", parcel: parcel{yaml: rdf04, before: zmuv, rename: func(name string) string { return `Bright\` + name }}},
		{name: "packed by tar", parcel: parcel{yaml: rdf04, before: zmuv, rename: func(name string) string { return "./" + name }, extra: []any{"./", ""}}},
		{name: "described by the new name", parcel: parcel{yaml: rdf05, before: zmuv, rename: func(name string) string { return strings.Replace(name, "rdf", "bioimageio", 1) }}},
		{name: "described by the old name", parcel: parcel{yaml: rdf04, before: zmuv, rename: func(name string) string { return strings.Replace(name, "rdf", "model", 1) }}},
		{name: "a fixed shape", parcel: parcel{yaml: rdf04, graph: modeltest.FloatOptions{Batch: 1, Height: 64, Width: 96}, before: normalised(64 * 96),
			input: wide, shape: []int64{1, 1, 64, 96}, replace: []string{"{min: [1, 1, 32, 32], step: [0, 0, 16, 16]}", "[1, 1, 64, 96]"}},
			want: func(t *testing.T, s models.Spec) {
				if s.Input.Height != 64 || s.Input.Width != 96 || !s.Codec.OneByOne || s.Batch.Max != 1 {
					t.Errorf("%+v", s)
				}
			}},
		{name: "fixed mean and std, 0.4", parcel: parcel{yaml: rdf04, before: func(v []float32) { copy(v, each(v, func(v float64) float32 { return float32((v - 100) / 50) })) },
			replace: []string{"axes: cyx, mode: per_sample", "axes: yx, mode: fixed, mean: [100], std: [50]"}}},
		{name: "fixed mean and std, 0.5", parcel: parcel{yaml: rdf05, before: func(v []float32) { copy(v, each(v, func(v float64) float32 { return float32((v - 100) / 50) })) },
			replace: []string{zeroMean5, "fixed_zero_mean_unit_variance, kwargs: {mean: 100, std: 50}"}}},
		{name: "fixed mean and std of colours", parcel: parcel{yaml: rdf05, graph: modeltest.FloatOptions{Channels: 3},
			before: func(v []float32) {
				for i := range v {
					v[i] = (v[i] - []float32{90, 100, 110}[i/testSide/testSide]) / []float32{40, 50, 60}[i/testSide/testSide]
				}
			},
			replace: []string{"[grey]", "[r, g, b]", zeroMean5, "fixed_zero_mean_unit_variance, kwargs: {axis: channel, mean: [90, 100, 110], std: [40, 50, 60]}"}},
			want: func(t *testing.T, s models.Spec) {
				if s.Input.Channels != 3 {
					t.Errorf("%+v", s.Input)
				}
			}},
		{name: "a halo", parcel: parcel{yaml: rdf04, before: zmuv}, want: haloOf(8)},
		{name: "a halo of each axis", parcel: parcel{yaml: rdf05, before: zmuv, replace: []string{"id: x, halo: 8", "id: x, halo: 9"}}, want: haloOf(9)},
		{name: "a halo of more than tiles can spare", parcel: parcel{yaml: rdf04, before: zmuv, replace: []string{"[0, 0, 8, 8]", "[0, 0, 400, 400]"}}, want: haloOf(85)},
		{name: "no halo", parcel: parcel{yaml: rdf05, before: zmuv, replace: []string{", halo: 8", "", ", halo: 8", ""}}, want: haloOf(0)},
		{name: "each colour by itself", parcel: parcel{yaml: rdf05, graph: modeltest.FloatOptions{Channels: 3}, before: zmuv,
			replace: []string{"[grey]", "[r, g, b]", "axes: [channel, y, x]", "axes: [y, x]"}}},
		{name: "all colours together", parcel: parcel{yaml: rdf05, graph: modeltest.FloatOptions{Channels: 3}, before: normalised(3 * testSide * testSide),
			replace: []string{"[grey]", "[r, g, b]", ", kwargs: {axes: [channel, y, x]}", ""}}},
		{name: "a range", parcel: parcel{yaml: rdf04, before: func(v []float32) {
			least, most := float32(250), float32(0)
			for _, v := range v {
				least, most = min(least, v), max(most, v)
			}
			copy(v, each(v, func(v float64) float32 { return (float32(v) - least) / (most - least) }))
		}, replace: []string{"zero_mean_unit_variance", "scale_range"}}},
		{name: "a linear scale, and no values above 1", parcel: parcel{yaml: rdf05,
			before:  func(v []float32) { copy(v, each(v, func(v float64) float32 { return float32(min(v*0.01-0.5, 1)) })) },
			replace: []string{zeroMean5 + "}", "scale_linear, kwargs: {gain: 0.01, offset: -0.5}}\n      - {id: clip, kwargs: {max: 1}}"}}},
		{name: "numbers without a point", parcel: parcel{yaml: rdf05,
			before:  func(v []float32) { copy(v, each(v, func(v float64) float32 { return float32((v - 100) / 50.1) })) },
			replace: []string{zeroMean5, "fixed_zero_mean_unit_variance, kwargs: {mean: 1e2, std: 50, eps: 1e-1}", "0.0001", "1e-05"}},
			want: func(t *testing.T, s models.Spec) {
				if s.Codec.Before[0].Gain[0] != 1/50.1 {
					t.Errorf("%+v", s.Codec.Before)
				}
			}},
		{name: "binarised", parcel: parcel{yaml: rdf04, before: zmuv, after: func(v float64) float32 {
			if sigmoid(v) > 0.7 {
				return 1
			}
			return 0
		}, replace: []string{"- name: sigmoid", "- name: sigmoid\n      - name: binarize\n        kwargs: {threshold: 0.7}"}},
			want: func(t *testing.T, s models.Spec) {
				if s.Threshold != 0.7 || len(s.Codec.After) != 1 {
					t.Errorf("threshold %g, after %+v", s.Threshold, s.Codec.After)
				}
			}},
		{name: "a foreground and a border", parcel: parcel{yaml: rdf05, before: zmuv, replace: []string{"[body]", "[border, body]"},
			graph:   modeltest.FloatOptions{Gain: []float32{-1, 1}, Offset: []float32{0, 0}},
			outputs: []func(float64) float32{func(v float64) float32 { return sigmoid(-v) }, sigmoid}},
			request: Request{Channel: channel(1), Border: channel(0)},
			want: func(t *testing.T, s models.Spec) {
				if s.Codec.Channel != 1 || *s.Codec.Border != 0 || s.Outputs() != 2 || !s.Split {
					t.Errorf("%+v", s.Codec)
				}
			}},
		{name: "classes", parcel: parcel{yaml: rdf05, before: zmuv, replace: []string{"[body]", "[ground, body]", "- id: sigmoid", "- {id: softmax, kwargs: {axis: channel}}"},
			graph:   modeltest.FloatOptions{Gain: []float32{0, 1}, Offset: []float32{0, 0}},
			outputs: []func(float64) float32{func(v float64) float32 { return sigmoid(-v) }, sigmoid}},
			request: Request{Channel: channel(1)}},
		{name: "samples of 0 to 1", parcel: parcel{yaml: rdf04, replace: []string{"[-.inf, .inf]", "[0.0, 1.0]", "zero_mean_unit_variance", "clip", "axes: cyx, mode: per_sample", "min: 0"},
			input: each(func() []float32 { _, v := picture(1, testSide, testSide); return v }(), func(v float64) float32 { return float32(v / 255) }), shape: []int64{1, 1, testSide, testSide}},
			want: func(t *testing.T, s models.Spec) {
				if s.Codec.Before[0].Gain[0] != 1./255 {
					t.Errorf("%+v", s.Codec.Before)
				}
			}},
		{name: "16 bits", parcel: parcel{yaml: rdf04, before: zmuv, replace: []string{"data_range: [-.inf, .inf]\n    data_type: float32\n    name: input", "data_type: uint16\n    name: input"}},
			want: func(t *testing.T, s models.Spec) {
				if s.Codec.Before[0].Gain[0] != 257 {
					t.Errorf("%+v", s.Codec.Before)
				}
			}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			folder := t.TempDir()
			c.request.File, c.request.Folder = c.parcel.write(t, t.TempDir()), folder
			var out bytes.Buffer
			if err := Import(t.Context(), &out, c.request, rt); err != nil {
				t.Fatal(err)
			}
			list := listed(t, folder)
			if len(list) != 1 || !strings.Contains(out.String(), "test input gives its test output") {
				t.Fatalf("%d models; it says %q", len(list), out.String())
			}
			if c.want != nil {
				c.want(t, list[0])
			}
		})
	}
}

func haloOf(pixels int) func(*testing.T, models.Spec) {
	return func(t *testing.T, s models.Spec) {
		if s.Input.Halo != pixels {
			t.Errorf("a halo of %d pixels, want %d", s.Input.Halo, pixels)
		}
	}
}

func TestPackagesAreRefused(t *testing.T) {
	rt := orttest.Open(t, 1)
	zmuv := normalised(testSide * testSide)
	const zeroMean, zeroMean5 = "zero_mean_unit_variance", "zero_mean_unit_variance, kwargs: {axes: [channel, y, x]}"
	two := modeltest.FloatOptions{Gain: []float32{1, 1}}
	cases := []struct {
		name   string
		parcel parcel
		want   []string
	}{
		{"a test that does not agree", parcel{yaml: rdf04, before: zmuv, spoil: func(_, output []float32) { output[5] += 0.25 }},
			[]string{"does not give the package's test output", "1 of 1024 values differ", "the worst by 0.25"}},
		{"preprocessing that is not described", parcel{yaml: rdf04, before: zmuv, replace: []string{"preprocessing", "preprocessing_of_old"}},
			[]string{"does not give the package's test output"}},
		{"a tolerance that is declared", parcel{yaml: rdf05, before: zmuv, spoil: func(_, output []float32) { output[5] += 0.002 }},
			[]string{"more than 0.0001 + 0.001 of the value"}},
		{"a tolerance that proves nothing", parcel{yaml: rdf05, before: zmuv, replace: []string{"0.0001", "10"}, spoil: func(_, output []float32) { output[5] += 0.5 }},
			[]string{"more than 0.05 + 0.001 of the value"}},
		{"a tolerance without a number", parcel{yaml: rdf05, before: zmuv, replace: []string{"absolute_tolerance: 0.0001", "mismatched_elements_per_million: .nan"}, spoil: func(_, output []float32) { output[5] += 0.5 }},
			[]string{"1 of 1024 values differ"}},
		{"a test without a number", parcel{yaml: rdf05, before: zmuv, spoil: func(_, output []float32) { output[5] = float32(math.NaN()) }}, []string{"1 of 1024"}},
		{"no description", parcel{yaml: rdf04, without: "rdf.yaml"}, []string{"neither a bioimageio.yaml nor an rdf.yaml"}},
		{"no weights", parcel{yaml: rdf04, without: "weights.onnx"}, []string{`"weights.onnx" and does not hold it`}},
		{"no test", parcel{yaml: rdf04, replace: []string{"test_inputs", "sample_inputs"}}, []string{"brings no test input"}},
		{"other weights", parcel{yaml: rdf04, replace: []string{"  onnx: {source: weights.onnx, opset_version: 17}\n", ""}}, []string{"weights for torchscript and none for ONNX"}},
		{"weights of two files", parcel{yaml: rdf05, replace: []string{"opset_version: 17", "external_data: {source: weights.data}"}}, []string{"lie in a file of their own"}},
		{"external weights", parcel{yaml: rdf05, graph: modeltest.FloatOptions{External: true}}, []string{"weights lie in a file of their own"}},
		{"another sum", parcel{yaml: rdf05, replace: []string{"weights.onnx,", "weights.onnx, sha256: " + strings.Repeat("0", 64) + ","}}, []string{"not the file that was described"}},
		{"another sum of the test", parcel{yaml: rdf05, replace: []string{"{source: test_input.npy}", "{source: test_input.npy, sha256: abc}"}}, []string{`"test_input.npy" in the package is not the file`}},
		{"an old format", parcel{yaml: rdf04, replace: []string{"0.4.9", "0.3.6"}}, []string{`format "0.3.6"`}},
		{"a data set", parcel{yaml: rdf04, replace: []string{"type: model", "type: dataset"}}, []string{`a "dataset", not a model`}},
		{"two inputs", parcel{yaml: rdf04, replace: []string{"outputs:\n", "  - {name: other, axes: bcyx}\noutputs:\n"}}, []string{"2 inputs instead of one image"}},
		{"three dimensions", parcel{yaml: rdf04, replace: []string{"&axes bcyx", "&axes bczyx"}}, []string{`axes "bczyx"`}},
		{"three dimensions, 0.5", parcel{yaml: rdf05, replace: []string{"id: y", "id: z"}}, []string{`an axis "z"`}},
		{"no batch", parcel{yaml: rdf04, replace: []string{"&axes bcyx", "&axes cyx"}}, []string{"not each of the axes"}},
		{"an unknown step", parcel{yaml: rdf04, replace: []string{zeroMean, "scale_mean_variance"}}, []string{`step "scale_mean_variance"`}},
		{"an unknown value of a step", parcel{yaml: rdf05, replace: []string{zeroMean5, "clip, kwargs: {min_percentile: 3}"}}, []string{`step clip has a "min_percentile"`}},
		{"a value that is no number", parcel{yaml: rdf04, replace: []string{"mode: per_sample", "mode: per_sample, eps: [1.0]"}},
			[]string{`step zero_mean_unit_variance has a "eps" of "[1]"`}},
		{"a data set's statistics", parcel{yaml: rdf04, replace: []string{"per_sample", "per_dataset"}}, []string{"statistics of a whole data set"}},
		{"a batch's statistics", parcel{yaml: rdf05, replace: []string{"axes: [channel, y, x]", "axes: [batch, y, x]"}}, []string{"statistics of a whole data set"}},
		{"statistics of lines", parcel{yaml: rdf04, replace: []string{"axes: cyx", "axes: x"}}, []string{"works along the axes [x]"}},
		{"another tensor's percentiles", parcel{yaml: rdf05, replace: []string{zeroMean5, "scale_range, kwargs: {reference_tensor: other}"}}, []string{"from another tensor"}},
		{"percentiles upside down", parcel{yaml: rdf04, replace: []string{zeroMean, "scale_range", "mode: per_sample", "mode: per_sample, min_percentile: 99, max_percentile: 1"}}, []string{"step scale_range"}},
		{"steps after binarize", parcel{yaml: rdf04, replace: []string{"- name: sigmoid", "- {name: binarize, kwargs: {threshold: 0.5}}\n      - name: sigmoid"}}, []string{"after binarize"}},
		{"bytes in between", parcel{yaml: rdf05, replace: []string{"- id: sigmoid", "- id: sigmoid\n      - {id: ensure_dtype, kwargs: {dtype: uint8}}"}}, []string{`makes the values "uint8"`}},
		{"several channels", parcel{yaml: rdf05, before: zmuv, graph: two, replace: []string{"[body]", "[body, border]"}, outputs: []func(float64) float32{sigmoid, sigmoid}},
			[]string{"2 channels (body, border)", "--channel", "--border"}},
		{"no probabilities", parcel{yaml: rdf04, before: zmuv, replace: []string{"- name: sigmoid", "- {name: scale_linear, kwargs: {gain: 9}}"}, after: func(v float64) float32 { return float32(9 * v) }},
			[]string{"and a probability from 0 to 1"}},
		{"a tile too small", parcel{yaml: rdf04, before: zmuv, graph: modeltest.FloatOptions{Height: 32, Width: 32}}, []string{"tiles of 32x32 pixels"}},
		{"weights elsewhere", parcel{yaml: rdf04, replace: []string{"source: weights.onnx", "source: https://example.com/weights.onnx"}}, []string{"download the complete package"}},
		{"a way out", parcel{yaml: rdf04, replace: []string{"source: weights.onnx", "source: ../weights.onnx"}}, []string{"a file outside of it"}},
		{"an absolute way out", parcel{yaml: rdf04, replace: []string{"source: weights.onnx", "source: /etc/hostname"}}, []string{"a file outside of it"}},
		{"a link", parcel{yaml: rdf04, without: "weights.onnx", extra: []any{"link:weights.onnx", "/etc/hostname"}}, []string{"is a link or folder"}},
		{"a file twice", parcel{yaml: rdf04, extra: []any{"weights.onnx", "another"}}, []string{`holds "weights.onnx" twice`}},
		{"an endless description", parcel{yaml: rdf04 + strings.Repeat(" ", maxYAML)}, []string{"is larger than 1048576 bytes"}},
		{"no YAML", parcel{yaml: "{"}, []string{"the package's description"}},
		{"no array", parcel{yaml: rdf04, without: "test_input.npy", extra: []any{"test_input.npy", "text"}}, []string{`"test_input.npy" in the package is no .npy file`}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			folder := t.TempDir()
			err := Import(t.Context(), &bytes.Buffer{}, Request{File: c.parcel.write(t, t.TempDir()), Folder: folder}, rt)
			wantRefusal(t, err, folder, c.want...)
		})
	}
}

func TestAZipThatIsNone(t *testing.T) {
	rt, folder := orttest.Open(t, 1), t.TempDir()
	whole, err := os.ReadFile(parcel{yaml: rdf04}.write(t, t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	for _, content := range [][]byte{nil, []byte("text"), whole[:len(whole)/2]} {
		err := Import(t.Context(), &bytes.Buffer{}, Request{File: file(t, t.TempDir(), "p.zip", content), Folder: folder}, rt)
		wantRefusal(t, err, folder, "no zip file")
	}
	// A byte of the content is another: the sum in the zip does not match.
	spoilt := bytes.Clone(whole)
	spoilt[bytes.Index(spoilt, []byte("weights.onnx"))+40] ^= 0xff
	err = Import(t.Context(), &bytes.Buffer{}, Request{File: file(t, t.TempDir(), "p.zip", spoilt), Folder: folder}, rt)
	if !errors.Is(err, ErrRefused) {
		t.Error(err)
	}
}

func TestIDsOfPackages(t *testing.T) {
	for _, c := range []struct{ id, nickname, name, want string }{
		{"affable-shark", "", "Nuclei", "affable-shark"},
		{"10.5281/zenodo.5764892", "affable-shark", "Nuclei", "affable-shark"},
		{"10.5281/zenodo.5764892", "", "Nuclei (2D) U-Net", "nuclei_2d_u-net"},
		{"", "", "  Zellkerne: Färbung ", "zellkerne_frbung"},
		{"", "", "細胞", ""},
		{"", "", strings.Repeat("a", 65), ""},
	} {
		r := rdf{ID: c.id, Name: c.name}
		r.Config.BioimageIO.Nickname = c.nickname
		if got := r.id(); got != c.want {
			t.Errorf("%q, %q: got %q, want %q", c.id, c.name, got, c.want)
		}
	}
}
