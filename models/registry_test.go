package models_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"seghub/models"
	"seghub/models/modeltest"
)

func TestReadSpec(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.onnx")
	if err := modeltest.Write(path, modeltest.Options{ID: "mean", Height: 32, Width: 48, Channels: 3, Weights: 5 << 20}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got, err := models.ReadSpec(path)
	if err != nil {
		t.Fatal(err)
	}
	want := models.Spec{
		ID:          "mean",
		Title:       "Test model mean",
		Description: "Takes the mean of the channels for a probability.",
		Input:       models.Input{Name: "image", Height: 32, Width: 48, Channels: 3, Scaling: models.ScalingFit},
		OutputName:  "probability",
		Threshold:   0.5,
		Precision:   "fp32",
		Batch:       models.Batch{Alone: 4, Shared: 2, Max: 8},
		TrainedOn:   []models.TrainingSet{{Name: "none", Licence: "CC0-1.0"}},
		Scores:      map[string]models.Score{"none": {}},
		Path:        path,
		SHA256:      fmt.Sprintf("%x", sha256.Sum256(file)),
		SizeBytes:   info.Size(),
		Version:     got.Version,
	}
	if got.Version == "" {
		t.Error("a file has no version")
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestOpenGoesOnBehindABrokenFile(t *testing.T) {
	dir := t.TempDir()
	write := func(name, id string) {
		t.Helper()
		if err := modeltest.Write(filepath.Join(dir, name), modeltest.Options{ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	write("1.onnx", "zebra")
	write("2.onnx", "ant")
	write("3.onnx", "zebra")
	for name, content := range map[string]string{"0.onnx": "no model", "README.md": "# Weights", "._1.onnx": "what macOS keeps of 1.onnx"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}

	var log bytes.Buffer
	registry, err := models.Open(dir, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}

	var ids []string
	for _, spec := range registry.List() {
		ids = append(ids, spec.ID+" "+filepath.Base(spec.Path))
	}
	if want := []string{"ant 2.onnx", "zebra 1.onnx"}; !reflect.DeepEqual(ids, want) {
		t.Errorf("got %q, want %q", ids, want)
	}
	if spec, ok := registry.Get("ant"); !ok || spec.ID != "ant" {
		t.Errorf("Get(ant) is %v, %v", spec, ok)
	}
	if _, ok := registry.Get("bee"); ok {
		t.Error("there is a model bee")
	}
	for _, sentence := range []string{"the file is no ONNX model, or is damaged", "its id zebra is that of 1.onnx"} {
		if !strings.Contains(log.String(), sentence) {
			t.Errorf("the log does not say %q:\n%s", sentence, &log)
		}
	}
	if strings.Contains(log.String(), "._1.onnx") {
		t.Errorf("the log is about a file that is no model's:\n%s", &log)
	}
}

func TestOpenWantsAFolder(t *testing.T) {
	if _, err := models.Open(filepath.Join(t.TempDir(), "none"), slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a folder that is not there was opened")
	}
}
