package models_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"seghub/models"
	"seghub/models/modeltest"
)

func TestReadSpecRefuses(t *testing.T) {
	replace := func(old, spoilt string) func(*modeltest.Model) {
		return func(m *modeltest.Model) {
			if !strings.Contains(m.Spec, old) {
				t.Fatalf("the spec has no %s: %s", old, m.Spec)
			}
			m.Spec = strings.Replace(m.Spec, old, spoilt, 1)
		}
	}
	cases := []struct {
		spoil func(*modeltest.Model)
		want  string
	}{
		{func(m *modeltest.Model) { m.Spec = "" }, "metadata has no seghub.spec"},
		{func(m *modeltest.Model) { m.Spec = "{" }, "unexpected end of JSON"},
		{replace(`"format":1`, `"format":2`), "format is 2"},
		{replace(`"id":"test"`, `"id":""`), `id ""`},
		{replace(`"id":"test"`, `"id":"../test"`), `id "../test"`},
		{replace(`"title":"Test model test"`, `"title":""`), "title is missing"},
		{replace(`"height":64`, `"height":0`), "64x0 pixels"},
		{replace(`"width":64`, `"width":10000`), "10000x64 pixels"},
		{replace(`"channels":1`, `"channels":2`), "2 channels"},
		{replace(`"scaling":"fit"`, `"scaling":"crop"`), `scaling "crop"`},
		{replace(`"threshold":0.5`, `"threshold":0`), "threshold is 0"},
		{replace(`"threshold":0.5`, `"threshold":0.5,"min_area":-1`), "min_area -1"},
		{replace(`"precision":"fp32"`, `"precision":"fp7"`), `precision "fp7"`},
		{replace(`"precision"`, `"diameter":{"best":28,"least":12,"most":60},"precision"`), "not of one that fits them"},
		{replace(`"precision"`, `"diameter":{"best":28,"least":30,"most":60},"precision"`), "diameters of 30 to 60, best 28,"},
		{replace(`"precision"`, `"diameter":{"best":0},"precision"`), "diameters of 0 to 0"},
		{replace(`"alone":4`, `"alone":0`), "batch of 0 alone"},
		{replace(`"max":8`, `"max":3`), "max, 3"},
		{replace(`"height":64`, `"height":32`), `input "image" is uint8 [N,64,64,1], not uint8 [N,32,64,1]`},
		{func(m *modeltest.Model) { m.Opset = 5 }, "version 5"},
		{func(m *modeltest.Model) { m.Inputs[0].Type = modeltest.Float }, "float32 [N,64,64,1], not uint8"},
		{func(m *modeltest.Model) { m.Inputs[0].Type = 10 }, "float16 [N,64,64,1], not uint8"},
		{func(m *modeltest.Model) { m.Inputs[0].Type = 11 }, "float64 [N,64,64,1], not uint8"},
		{func(m *modeltest.Model) { m.Inputs[0].Dims[0] = 1 }, "uint8 [1,64,64,1]"},
		{func(m *modeltest.Model) { m.Inputs[0].Dims = m.Inputs[0].Dims[:3] }, "uint8 [N,64,64], not"},
		{func(m *modeltest.Model) { m.Inputs = append(m.Inputs, m.Inputs[0]) }, "2 inputs instead of one"},
		{func(m *modeltest.Model) { m.Outputs[0].Dims[3] = 2 }, `output "probability" is uint8 [N,64,64,2]`},
		{func(m *modeltest.Model) { m.Outputs[0].Type = modeltest.Float }, `output "probability"`},
		{func(m *modeltest.Model) { *m = modeltest.New(modeltest.Options{Height: 32, Scaling: "native"}) }, "tiles of 64x32 pixels"},
		{replace(`"scaling":"fit"`, `"scaling":"fit","halo":4`), "a halo of 4 pixels"},
		{replace(`"scaling":"fit"`, `"scaling":"native","halo":11`), "a halo of 11 pixels"},
		{replace(`"scaling":"fit"`, `"scaling":"native","halo":-1`), "a halo of -1 pixels"},
		{replace(`"outputs":["probability"]`, `"outputs":["border"]`), `outputs ["border"] with objects ""`},
		{replace(`"outputs":["probability"]`, `"outputs":["probability","depth"]`), `outputs ["probability" "depth"]`},
		{replace(`"outputs":["probability"]`, `"outputs":["probability","border"]`), "1 outputs instead of 2"},
		{replace(`"outputs":["probability"]`, `"objects":"flow","outputs":["probability"]`), `outputs ["probability"] with objects "flow"`},
		{replace(`"outputs":["probability"]`, `"outputs":["flow"]`), `output "probability" is uint8 [N,64,64,1], not uint8 [N,64,64,3]`},
		{func(m *modeltest.Model) {
			*m = modeltest.New(modeltest.Options{Border: true})
			m.Outputs[1].Type = modeltest.Float
		}, `output "border"`},
	}
	for _, c := range cases {
		t.Run(c.want, func(t *testing.T) {
			m := modeltest.New(modeltest.Options{})
			c.spoil(&m)
			path := filepath.Join(t.TempDir(), "m.onnx")
			if err := m.Write(path); err != nil {
				t.Fatal(err)
			}
			spec, err := models.ReadSpec(path)
			if !errors.Is(err, models.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %+v, %v", spec, err)
			}
		})
	}
}

func TestReadSpecTellsAll(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.onnx")
	if err := modeltest.Write(path, modeltest.Options{Channels: 3, Scaling: "native", Border: true}); err != nil {
		t.Fatal(err)
	}
	spec, err := models.ReadSpec(path)
	if err != nil {
		t.Fatal(err)
	}
	want := models.Input{Name: "image", Height: 64, Width: 64, Channels: 3, Scaling: models.ScalingNative}
	if spec.Input != want || spec.OutputName != "probability" || spec.BorderName != "border" || spec.Outputs() != 2 ||
		spec.Objects() != models.ObjectsByBorder || len(spec.Tensors()) != 2 {
		t.Errorf("%+v, objects by %s of %q", spec.Input, spec.Objects(), spec.Tensors())
	}
	if len(spec.TrainedOn) != 1 || spec.TrainedOn[0].Licence != "CC0-1.0" || len(spec.Scores) != 1 {
		t.Errorf("learnt from %+v, scores %+v", spec.TrainedOn, spec.Scores)
	}
}

func TestReadSpecOfADiameter(t *testing.T) {
	path, want := filepath.Join(t.TempDir(), "m.onnx"), models.Diameter{Best: 28, Least: 12, Most: 60}
	if err := modeltest.Write(path, modeltest.Options{Scaling: "native", Diameter: &want}); err != nil {
		t.Fatal(err)
	}
	spec, err := models.ReadSpec(path)
	if err != nil || spec.Diameter == nil || *spec.Diameter != want {
		t.Errorf("%+v, %v", spec.Diameter, err)
	}
}

func TestReadSpecOfAFlow(t *testing.T) {
	for _, said := range []string{"", `"objects":"flow",`} {
		m := modeltest.New(modeltest.Options{Channels: 3, Flow: true})
		m.Spec = strings.Replace(m.Spec, `"outputs"`, said+`"outputs"`, 1)
		path := filepath.Join(t.TempDir(), "m.onnx")
		if err := m.Write(path); err != nil {
			t.Fatal(err)
		}
		spec, err := models.ReadSpec(path)
		if err != nil {
			t.Fatal(err)
		}
		if spec.Objects() != models.ObjectsByFlow || spec.Outputs() != 3 || !slices.Equal(spec.Tensors(), []string{"flow"}) {
			t.Errorf("objects by %s of %q", spec.Objects(), spec.Tensors())
		}
	}
}

func TestReadSpecTakesOpenSides(t *testing.T) {
	m := modeltest.New(modeltest.Options{})
	m.Inputs[0].Dims[1], m.Inputs[0].Dims[2] = modeltest.Dynamic, modeltest.Dynamic
	m.Outputs[0].Dims[1], m.Outputs[0].Dims[2] = modeltest.Dynamic, modeltest.Dynamic
	path := filepath.Join(t.TempDir(), "m.onnx")
	if err := m.Write(path); err != nil {
		t.Fatal(err)
	}
	if _, err := models.ReadSpec(path); err != nil {
		t.Error(err)
	}
}

func TestReadSpecOfACutFile(t *testing.T) {
	whole := modeltest.New(modeltest.Options{Weights: 100}).Bytes()
	path := filepath.Join(t.TempDir(), "m.onnx")
	for length := range whole {
		if err := os.WriteFile(path, whole[:length], 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := models.ReadSpec(path); !errors.Is(err, models.ErrInvalid) {
			t.Fatalf("the first %d of %d bytes: %v", length, len(whole), err)
		}
	}
}

func TestReadSpecOfNoFile(t *testing.T) {
	_, err := models.ReadSpec(filepath.Join(t.TempDir(), "none.onnx"))
	if !errors.Is(err, fs.ErrNotExist) || errors.Is(err, models.ErrInvalid) {
		t.Error(err)
	}
}

// TestShippedModels wants every file in weights to be usable.
func TestShippedModels(t *testing.T) {
	files, err := filepath.Glob("weights/*.onnx")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no models in weights: %v", err)
	}
	for _, file := range files {
		spec, err := models.ReadSpec(file)
		if err != nil {
			t.Errorf("%s: %v", file, err)
		} else if spec.ID+".onnx" != filepath.Base(file) || spec.SizeBytes > 15<<20 {
			t.Errorf("%s: model %s of %d bytes: not its name, or above 15 MiB", file, spec.ID, spec.SizeBytes)
		}
	}
}

// FuzzReadSpec wants a refusal or a spec within its bounds, of any bytes.
func FuzzReadSpec(f *testing.F) {
	f.Add(modeltest.New(modeltest.Options{}).Bytes())
	f.Add(modeltest.New(modeltest.Options{Channels: 3, Weights: 50}).Bytes())
	f.Add([]byte{})
	f.Add([]byte("\x3a\xff\xff\xff\xff\xff\xff\xff\xff\x7f"))
	path := filepath.Join(f.TempDir(), "m.onnx")
	f.Fuzz(func(t *testing.T, file []byte) {
		if err := os.WriteFile(path, file, 0o644); err != nil {
			t.Fatal(err)
		}
		spec, err := models.ReadSpec(path)
		switch {
		case err != nil && !errors.Is(err, models.ErrInvalid):
			t.Errorf("an error of no kind: %v", err)
		case err == nil && (spec.ID == "" || spec.Input.Height < 1 || spec.Input.Width < 1 || spec.Batch.Max < 1 || spec.Threshold <= 0):
			t.Errorf("taken: %+v", spec)
		}
	})
}
