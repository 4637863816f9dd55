package models_test

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"seghub/models"
	"seghub/models/modeltest"
)

func number(v float64) *float64 { return &v }

func channel(c int) *int { return &c }

// near wants got to be want to 1e-4.
func near(t *testing.T, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i := range got {
		if math.Abs(float64(got[i]-want[i])) > 1e-4 {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
}

func TestSteps(t *testing.T) {
	// Two channels of four pixels.
	const eps = 1e-6
	cases := []struct {
		name string
		step models.Step
		want []float32
	}{
		{"one gain for all", models.Step{Operation: models.ScaleLinear, Gain: []float64{2}, Offset: []float64{1}},
			[]float32{1, 3, 5, 7, 21, 21, 21, 61}},
		{"a gain a channel", models.Step{Operation: models.ScaleLinear, Gain: []float64{1, 0.1}, Offset: []float64{0, -1}},
			[]float32{0, 1, 2, 3, 0, 0, 0, 2}},
		// Means 1.5 and 15; deviations sqrt(1.25) and sqrt(75).
		{"variance of each channel", models.Step{Operation: models.ZeroMeanUnitVariance, Eps: eps},
			[]float32{-1.341641, -0.447214, 0.447214, 1.341641, -0.577350, -0.577350, -0.577350, 1.732051}},
		// Mean 8.25, mean of squares (0+1+4+9+100+100+100+900)/8 = 151.75: deviation sqrt(83.6875).
		{"variance of all", models.Step{Operation: models.ZeroMeanUnitVariance, Eps: eps, Together: true},
			[]float32{-0.901828, -0.792515, -0.683203, -0.573890, 0.191297, 0.191297, 0.191297, 2.377546}},
		{"range of each channel", models.Step{Operation: models.ScaleRange, High: 100, Eps: eps},
			[]float32{0, 0.333333, 0.666667, 1, 0, 0, 0, 1}},
		// Of 0 1 2 3: ranks 0.75 and 2.25. Of 10 10 10 30: 10 and 15.
		{"quartiles of each channel", models.Step{Operation: models.ScaleRange, Low: 25, High: 75, Eps: eps},
			[]float32{-0.5, 0.166667, 0.833333, 1.5, 0, 0, 0, 4}},
		{"range of all", models.Step{Operation: models.ScaleRange, High: 100, Eps: eps, Together: true},
			[]float32{0, 0.033333, 0.066667, 0.1, 0.333333, 0.333333, 0.333333, 1}},
		{"a flat range", models.Step{Operation: models.ScaleRange, Low: 0, High: 50, Eps: 0.1},
			[]float32{0, 0.625, 1.25, 1.875, 0, 0, 0, 200}},
		{"clip", models.Step{Operation: models.Clip, Min: number(1), Max: number(10)}, []float32{1, 1, 2, 3, 10, 10, 10, 10}},
		{"clip above", models.Step{Operation: models.Clip, Max: number(2)}, []float32{0, 1, 2, 2, 2, 2, 2, 2}},
		{"sigmoid", models.Step{Operation: models.Sigmoid}, []float32{0.5, 0.731059, 0.880797, 0.952574, 0.999955, 0.999955, 0.999955, 1}},
		{"softmax", models.Step{Operation: models.Softmax}, []float32{0.000045, 0.000123, 0.000335, 0, 0.999955, 0.999877, 0.999665, 1}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := models.Planes{C: 2, H: 2, W: 2, Pix: []float32{0, 1, 2, 3, 10, 10, 10, 30}}
			models.Apply([]models.Step{c.step}, p)
			near(t, p.Pix, c.want)
		})
	}
}

func TestSoftmaxOfLargeValues(t *testing.T) {
	p := models.Planes{C: 2, H: 1, W: 1, Pix: []float32{1000, 1000}}
	models.Apply([]models.Step{{Operation: models.Softmax}}, p)
	near(t, p.Pix, []float32{0.5, 0.5})
}

// What a layout joins it takes apart again, and nhwc is how a Tensor lies.
func TestLayouts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := models.Layout(rapid.SampledFrom([]string{"nchw", "nhwc", "nwhc", "chwn", "nhw", "wnh"}).Draw(t, "layout"))
		size := rapid.IntRange(1, 4)
		n, c, h, w := size.Draw(t, "n"), size.Draw(t, "c"), size.Draw(t, "h"), size.Draw(t, "w")
		if len(l) == 3 {
			c = 1
		}
		images := make([]models.Planes, n)
		count := float32(0)
		for i := range images {
			images[i] = models.Planes{C: c, H: h, W: w, Pix: make([]float32, c*h*w)}
			for k := range images[i].Pix {
				images[i].Pix[k] = count
				count++
			}
		}
		values, shape := l.Join(images)
		apart, err := l.Split(values, shape)
		if err != nil {
			t.Fatal(err)
		}
		for i := range images {
			if apart[i].C != c || apart[i].H != h || apart[i].W != w || !slices.Equal(apart[i].Pix, images[i].Pix) {
				t.Fatalf("image %d is %v, was %v", i, apart[i], images[i])
			}
		}
		if sorted := slices.Sorted(slices.Values(values)); len(slices.Compact(sorted)) != len(values) {
			t.Fatalf("a value came twice: %v", values)
		}
	})
	if l := models.Layout("nhcc"); l.Valid() || models.Layout("nchww").Valid() || models.Layout("").Valid() || models.Layout("nchz").Valid() {
		t.Error("a layout is valid that has not each axis once")
	}
}

func TestSplitRefuses(t *testing.T) {
	for _, shape := range [][]int64{{1, 1, 2}, {1, 1, 2, 3}, {1, 0, 2, 2}, {-1, -1, 2, 2}, {1 << 31, 1 << 31, 1, 4}, nil} {
		if _, err := models.Layout("nchw").Split(make([]float32, 4), shape); err == nil {
			t.Errorf("taken: %v", shape)
		}
	}
}

func TestCodec(t *testing.T) {
	codec := &models.Codec{
		InputLayout: "nchw", Before: []models.Step{{Operation: models.ScaleLinear, Gain: []float64{1, 1, 2}, Offset: []float64{0}}},
		OutputLayout: "nhwc", After: []models.Step{{Operation: models.ScaleLinear, Gain: []float64{0.01}, Offset: []float64{0}}},
		Channel: 1, Border: channel(0),
	}
	values, shape := codec.Encode(models.Tensor{N: 2, H: 1, W: 2, C: 3, Pix: []uint8{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}})
	if !slices.Equal(shape, []int64{2, 3, 1, 2}) || !slices.Equal(values, []float32{1, 4, 2, 5, 6, 12, 7, 10, 8, 11, 18, 24}) {
		t.Errorf("encoded %v: %v", shape, values)
	}
	nan := float32(math.NaN())
	out, err := codec.Decode([]float32{0, 50, 100, 20, 200, -3, nan, 0.1}, []int64{2, 1, 2, 2}, 2, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	if out.N != 2 || out.C != 2 || !bytes.Equal(out.Pix, []uint8{128, 0, 51, 255, 0, 255, 0, 0}) {
		t.Errorf("decoded %+v", out)
	}
	for _, c := range []struct {
		shape []int64
		want  string
	}{
		{[]int64{1, 1, 2, 2}, "1 images for 2"},
		{[]int64{2, 2, 1, 2}, "1x2 pixels for an image of 2x1"},
		{[]int64{2, 1, 2, 1}, "gave 1 channels, and channel 1 is wanted"},
		{[]int64{2, 1, 2}, "has not the axes"},
	} {
		n := int64(1)
		for _, d := range c.shape {
			n *= d
		}
		if _, err := codec.Decode(make([]float32, n), c.shape, 2, 1, 2); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v", c.shape, err)
		}
	}
}

// floatSpec is the spec of modeltest.NewFloat(FloatOptions{}).
func floatSpec() models.Spec {
	return models.Spec{
		ID: "float", Title: "Float", Threshold: 0.5, Precision: "fp32",
		Input:      models.Input{Height: 64, Width: 64, Channels: 1, Scaling: models.ScalingFit},
		Batch:      models.Batch{Alone: 1, Shared: 1, Max: 1},
		Codec:      &models.Codec{InputLayout: "nchw", OutputName: "out", OutputLayout: "nchw", After: []models.Step{{Operation: models.Sigmoid}}},
		OutputName: "out",
	}
}

// written is the spec that the model's file has once spec was written into it.
func written(t *testing.T, m modeltest.Model, spec models.Spec) (models.Spec, error) {
	t.Helper()
	file := m.Bytes()
	var out bytes.Buffer
	if err := models.WriteSpec(&out, bytes.NewReader(file), int64(len(file)), spec); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "m.onnx")
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return models.ReadSpec(path)
}

func TestWriteSpecIsRead(t *testing.T) {
	spec := floatSpec()
	spec.Codec.Border, spec.BorderName = channel(1), "out"
	spec.Description, spec.MinArea, spec.Split = "Of floats.", 30, true
	spec.Input.Scaling, spec.Diameter = models.ScalingNative, &models.Diameter{Best: 28, Least: 12, Most: 60}
	spec.Batch = models.Batch{Alone: 2, Shared: 1, Max: 4}
	spec.TrainedOn, spec.Scores = []models.TrainingSet{{Name: "floats", Licence: "CC0", Images: 3}}, map[string]models.Score{"floats": {Dice: 0.5, IoU: 0.3}}
	got, err := written(t, modeltest.NewFloat(modeltest.FloatOptions{Gain: []float32{1, 2}, Spec: `{"id":"old"}`}), spec)
	if err != nil {
		t.Fatal(err)
	}
	spec.Input.Name = "raw"                                                                                 // as the graph has it
	spec.Path, spec.SHA256, spec.SizeBytes, spec.Version = got.Path, got.SHA256, got.SizeBytes, got.Version // the file's
	if !reflect.DeepEqual(got, spec) {
		t.Errorf("read %+v\nwritten %+v", got, spec)
	}
	got, err = written(t, modeltest.NewFloat(modeltest.FloatOptions{Batch: 1, WeightsAsInputs: true}), floatSpec())
	if err != nil || !got.Codec.OneByOne {
		t.Errorf("%v: %+v", err, got.Codec)
	}
}

func TestWriteSpecOfAFlowIsRead(t *testing.T) {
	spec := floatSpec()
	spec.Codec.Channel, spec.Codec.Flow, spec.Flow = 2, &models.Flow{Down: 0, Right: 1, Unit: 5}, true
	got, err := written(t, modeltest.NewFloat(modeltest.FloatOptions{Gain: []float32{1, 2, 3}}), spec)
	if err != nil {
		t.Fatal(err)
	}
	if got.Objects() != models.ObjectsByFlow || got.Outputs() != 3 || *got.Codec.Flow != *spec.Codec.Flow || !slices.Equal(got.Tensors(), []string{"out"}) {
		t.Errorf("%+v, codec %+v", got, got.Codec)
	}
}

// A Cellpose-like output: flow down and right in fifths, then the logit.
func TestDecodeAFlow(t *testing.T) {
	nan := float32(math.NaN())
	codec := models.Codec{OutputLayout: "nchw", Channel: 2, Flow: &models.Flow{Down: 0, Right: 1, Unit: 5},
		After: []models.Step{{Operation: models.Sigmoid}}}
	out, err := codec.Decode([]float32{5, -5, 0, 2.5, -50, nan, 0, 100, -100}, []int64{1, 3, 1, 3}, 1, 1, 3)
	if err != nil {
		t.Fatal(err)
	}
	if want := []uint8{128, 255, 192, 255, 1, 1, 0, 128, 128}; out.C != 3 || !slices.Equal(out.Pix, want) {
		t.Errorf("[%d channels] %v, want %v", out.C, out.Pix, want)
	}
}

func TestWriteSpecReplacesTheOneThatWasThere(t *testing.T) {
	file := modeltest.New(modeltest.Options{}).Bytes()
	spec := models.Spec{ID: "new", OutputName: "probability"}
	var out bytes.Buffer
	if err := models.WriteSpec(&out, bytes.NewReader(file), int64(len(file)), spec); err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(out.Bytes(), []byte("seghub.spec")); n != 1 {
		t.Errorf("%d specs", n)
	}
	if err := models.WriteSpec(&out, bytes.NewReader(file[:50]), 50, spec); err == nil {
		t.Error("half a file was copied")
	}
}

func TestReadSpecRefusesACodec(t *testing.T) {
	cases := []struct {
		graph modeltest.FloatOptions
		spoil func(*models.Spec)
		want  string
	}{
		{spoil: func(s *models.Spec) { s.Codec.InputLayout = "nchz" }, want: `input layout "nchz"`},
		{spoil: func(s *models.Spec) { s.Codec.OutputLayout = "nch" }, want: `output layout "nch"`},
		{spoil: func(s *models.Spec) { s.Codec.InputLayout, s.Input.Channels = "nhw", 3 }, want: "no room for 3 channels"},
		{spoil: func(s *models.Spec) { s.Codec.OutputName = "" }, want: "output_name is missing"},
		{spoil: func(s *models.Spec) { s.Codec.OutputName = "mask" }, want: `no output "mask"`},
		{spoil: func(s *models.Spec) { s.Codec.Channel = -1 }, want: "two different channels"},
		{spoil: func(s *models.Spec) { s.Codec.Channel = 1 }, want: "with a channel 1"},
		{spoil: func(s *models.Spec) { s.Codec.Border = channel(0) }, want: "two different channels"},
		{spoil: func(s *models.Spec) { s.Codec.Border = channel(1) }, want: "objects by border, not by threshold"},
		{spoil: func(s *models.Spec) { s.Codec.Flow, s.Flow = &models.Flow{Down: 0, Right: 1, Unit: 5}, true }, want: "three different channels"},
		{spoil: func(s *models.Spec) { s.Codec.Flow, s.Flow = &models.Flow{Down: 1, Right: 2}, true }, want: "the unit of the flow is 0"},
		{spoil: func(s *models.Spec) { s.Codec.Flow, s.Flow = &models.Flow{Down: 1, Right: 2, Unit: 5}, true }, want: "with a channel 2"},
		{spoil: func(s *models.Spec) { s.Codec.Flow = &models.Flow{Down: 1, Right: 2, Unit: 5} }, want: "objects by flow, not by threshold"},
		{spoil: func(s *models.Spec) {
			s.Codec.Flow, s.Codec.Border, s.Flow = &models.Flow{Down: 1, Right: 2, Unit: 5}, channel(1), true
		}, want: "one of them is enough"},
		{spoil: func(s *models.Spec) { s.Codec.Before = make([]models.Step, 17) }, want: "more than 16 steps"},
		{spoil: func(s *models.Spec) { s.Codec.Before = []models.Step{{Operation: "magic"}} }, want: `step "magic" is unknown`},
		{spoil: func(s *models.Spec) {
			s.Codec.Before = []models.Step{{Operation: models.ScaleLinear, Gain: []float64{1, 2}}}
		}, want: "step scale_linear"},
		{spoil: func(s *models.Spec) { s.Codec.Before = []models.Step{{Operation: models.ScaleRange, High: 100}} }, want: "step scale_range"},
		{spoil: func(s *models.Spec) { s.Codec.Before = []models.Step{{Operation: models.ZeroMeanUnitVariance}} }, want: "step zero_mean_unit_variance"},
		{spoil: func(s *models.Spec) { s.Codec.After = []models.Step{{Operation: models.Clip}} }, want: "step clip"},
		{graph: modeltest.FloatOptions{Channels: 3}, want: `input "raw" is float32 [N,3,64,64], not float32 [N,1,64,64]`},
		{graph: modeltest.FloatOptions{Height: 32}, want: "not float32 [N,1,64,64]"},
		{graph: modeltest.FloatOptions{Batch: 4}, want: "with N open or 1"},
		{graph: modeltest.FloatOptions{Layout: "nhw"}, want: "float32 [N,64,64]"},
	}
	for _, c := range cases {
		t.Run(c.want, func(t *testing.T) {
			spec := floatSpec()
			if c.spoil != nil {
				c.spoil(&spec)
			}
			if _, err := written(t, modeltest.NewFloat(c.graph), spec); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Error(err)
			}
		})
	}
}

func TestAnOutputMayBeWithoutAShape(t *testing.T) {
	m := modeltest.NewFloat(modeltest.FloatOptions{})
	m.Outputs[0].Dims = nil
	if _, err := written(t, m, floatSpec()); err != nil {
		t.Error(err)
	}
}

func TestReadGraph(t *testing.T) {
	read := func(m modeltest.Model) (models.Graph, error) {
		file := m.Bytes()
		return models.ReadGraph(bytes.NewReader(file), int64(len(file)))
	}
	graph, err := read(modeltest.NewFloat(modeltest.FloatOptions{WeightsAsInputs: true}))
	if err != nil || len(graph.Inputs) != 1 || graph.Inputs[0].Name != "raw" || !slices.Equal(graph.Outputs[0].Dims, []int64{-1, 1, 64, 64}) {
		t.Errorf("%v: %+v", err, graph)
	}
	if _, err := read(modeltest.NewFloat(modeltest.FloatOptions{External: true})); err == nil || !strings.Contains(err.Error(), "in a file of their own") {
		t.Error(err)
	}
	if _, err := models.ReadGraph(strings.NewReader("not a model"), 11); err == nil {
		t.Error("text was taken for a model")
	}
}

// A spec's JSON says nothing of a codec that is not there.
func TestASpecWithoutACodecHasNone(t *testing.T) {
	file := modeltest.New(modeltest.Options{}).Bytes()
	var out bytes.Buffer
	if err := models.WriteSpec(&out, bytes.NewReader(file), int64(len(file)), models.Spec{}); err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(out.String(), `{"format"`)
	var spec map[string]any
	if err := json.Unmarshal([]byte(`{"format"`+text), &spec); err != nil {
		t.Fatal(err)
	}
	if _, there := spec["codec"]; there {
		t.Error(text)
	}
}
