package ort

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"seghub/gpuexec"
	"seghub/models"
	"seghub/models/modeltest"
)

// floatModel writes a model whose graph computes in float32, with codec in its spec.
func floatModel(t testing.TB, o modeltest.FloatOptions, codec models.Codec) models.Spec {
	t.Helper()
	spec := models.Spec{
		ID: "float", Title: "Float", Threshold: 0.5, Precision: "fp32", Codec: &codec, OutputName: codec.OutputName,
		Input: models.Input{Height: int(o.Height), Width: int(o.Width), Channels: int(o.Channels), Scaling: models.ScalingFit},
		Batch: models.Batch{Alone: 4, Shared: 4, Max: 4},
	}
	if codec.Border != nil {
		spec.BorderName = codec.OutputName
	}
	graph := modeltest.NewFloat(o).Bytes()
	file, err := os.Create(filepath.Join(t.TempDir(), "float.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := models.WriteSpec(file, strings.NewReader(string(graph)), int64(len(graph)), spec); err != nil {
		t.Fatal(err)
	}
	spec, err = models.ReadSpec(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// A float graph's probability is that of the same arithmetic done here, in any layout and however many images it takes a run.
func TestFloatGraphsRun(t *testing.T) {
	border := 2
	spread := models.Step{Operation: models.ScaleLinear, Gain: []float64{1. / 255}, Offset: []float64{0}}
	cases := []struct {
		name  string
		graph modeltest.FloatOptions
		codec models.Codec
	}{
		{"channels first", modeltest.FloatOptions{Height: 4, Width: 6, Channels: 3}, models.Codec{InputLayout: "nchw", OutputLayout: "nchw"}},
		{"channels last", modeltest.FloatOptions{Height: 4, Width: 6, Channels: 3, Layout: "nhwc"}, models.Codec{InputLayout: "nhwc", OutputLayout: "nhwc"}},
		{"columns before lines", modeltest.FloatOptions{Height: 4, Width: 6, Channels: 1, Layout: "nwh"}, models.Codec{InputLayout: "nwh", OutputLayout: "nwh"}},
		{"one image a run", modeltest.FloatOptions{Height: 4, Width: 6, Channels: 1, Batch: 1}, models.Codec{InputLayout: "nchw", OutputLayout: "nchw"}},
		{"a border", modeltest.FloatOptions{Height: 4, Width: 6, Channels: 1, Gain: []float32{-1, 1, 0.5}, Offset: []float32{1, 0, 0}},
			models.Codec{InputLayout: "nchw", OutputLayout: "nchw", Channel: 1, Border: &border}},
	}
	r := openCPU(t, 1)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.codec.OutputName, c.codec.Before = "out", []models.Step{spread}
			model := floatModel(t, c.graph, c.codec)
			in := noise(model, 3, 5)
			out := run(t, newEngine(t, r, 0), model, in)
			if out.N != 3 || out.H != 4 || out.W != 6 || out.C != model.Outputs() {
				t.Fatalf("the output is [%d,%d,%d,%d]", out.N, out.H, out.W, out.C)
			}
			for i := range 3 * 4 * 6 {
				sum := 0
				for _, v := range in.Pix[i*in.C : (i+1)*in.C] {
					sum += int(v)
				}
				mean := float64(sum) / float64(in.C)
				want := []float64{mean, mean / 2}[:out.C]
				got := out.Pix[i*out.C : (i+1)*out.C]
				for k := range want {
					if math.Abs(float64(got[k])-want[k]) > 0.51 { // rounded
						t.Fatalf("pixel %d is %v, want %v", i, got, want)
					}
				}
			}
		})
	}
}

func TestRunFloatsLeavesTheValuesAlone(t *testing.T) {
	model := floatModel(t, modeltest.FloatOptions{Height: 1, Width: 2, Channels: 3, Gain: []float32{10, -1}, Offset: []float32{0, 1}},
		models.Codec{InputLayout: "nchw", OutputLayout: "nchw", OutputName: "out",
			After: []models.Step{{Operation: models.Sigmoid}}})
	r := openCPU(t, 1)
	out, shape, err := r.RunFloats(context.Background(), model, []float32{1, 2, 3, 6, 2, 4}, []int64{1, 3, 1, 2})
	if err != nil || !slices.Equal(shape, []int64{1, 2, 1, 2}) || !slices.Equal(out, []float32{20, 40, -1, -3}) {
		t.Errorf("%v: %v of shape %v", err, out, shape)
	}
	if _, _, err := r.RunFloats(context.Background(), model, []float32{1, 2}, []int64{1, 1, 1, 2}); err == nil {
		t.Error("a graph of three channels took one")
	}
}

func TestAGraphThatLiesOfItsOutputIsRefused(t *testing.T) {
	model := floatModel(t, modeltest.FloatOptions{Height: 4, Width: 6, Channels: 1, Layout: "nchw"},
		models.Codec{InputLayout: "nchw", OutputLayout: "nchw", OutputName: "out"})
	model.Codec.OutputLayout = "nhw"
	_, err := gpuexec.OpenWarm(t.Context(), newEngine(t, openCPU(t, 1), 0), model, 1)
	if err == nil || !strings.Contains(err.Error(), `has not the axes "nhw"`) {
		t.Error(err)
	}
}
