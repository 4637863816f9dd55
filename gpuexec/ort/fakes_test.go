package ort

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/encoding/protowire"

	"seghub/gpuexec"
	"seghub/models"
	"seghub/models/modeltest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

// library is the ONNX Runtime to test with.
func library(t testing.TB) string {
	t.Helper()
	path := os.Getenv("SEGHUB_ORT_LIBRARY")
	if path == "" {
		path = DefaultLibrary()
	}
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		t.Skip("left out: ONNX Runtime library is absent: run scripts/fetch-onnxruntime")
	}
	return path
}

// openCPU opens the library for slots engines on the CPU; it is closed when the test ends.
func openCPU(t testing.TB, slots int) *Runtime {
	t.Helper()
	r, err := Open(library(t), gpuexec.CPU, slots, quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// newEngine makes an engine that is closed when the test ends.
func newEngine(t testing.TB, r *Runtime, slot int) gpuexec.Engine {
	t.Helper()
	e, err := r.NewEngine(slot)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// meanModel is a model whose probability is the mean of the channels.
func meanModel(t testing.TB, o modeltest.Options) models.Spec {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mean.onnx")
	if err := modeltest.Write(path, o); err != nil {
		t.Fatal(err)
	}
	spec, err := models.ReadSpec(path)
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// longModel writes a model of many equal steps: Cast(float) -> Sin, so many times -> Cast(uint8). One run takes long, each
// step of it a moment. The numbers of the fields are those of onnx.proto.
func longModel(t testing.TB, side, steps int) models.Spec {
	t.Helper()
	const float, uint8Type = 1, 2
	text := func(b []byte, field protowire.Number, s string) []byte {
		return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), s)
	}
	number := func(b []byte, field protowire.Number, v uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
	}
	message := func(b []byte, field protowire.Number, m []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), m)
	}
	node := func(operator, from, to string) []byte { return text(text(text(nil, 1, from), 2, to), 4, operator) }
	cast := func(from, to string, elements uint64) []byte {
		attribute := number(number(text(nil, 1, "to"), 3, elements), 20, 2)
		return message(node("Cast", from, to), 5, attribute)
	}
	value := func(name string) []byte {
		shape := message(nil, 1, text(nil, 2, "N"))
		for _, d := range []int{side, side, 1} {
			shape = message(shape, 1, number(nil, 1, uint64(d)))
		}
		tensor := message(number(nil, 1, uint8Type), 2, shape)
		return message(text(nil, 1, name), 2, message(nil, 1, tensor))
	}
	name := func(step int) string { return "step" + strconv.Itoa(step) }
	graph := message(nil, 1, cast("image", name(0), float))
	for step := range steps {
		graph = message(graph, 1, node("Sin", name(step), name(step+1)))
	}
	graph = message(graph, 1, cast(name(steps), "probability", uint8Type))
	graph = message(message(text(graph, 2, "long"), 11, value("image")), 12, value("probability"))
	file := message(number(nil, 1, 8), 7, graph)
	file = message(file, 8, number(nil, 2, 17))
	path := filepath.Join(t.TempDir(), "long.onnx")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return models.Spec{
		ID: "long", Path: path, OutputName: "probability",
		Input: models.Input{Name: "image", Height: side, Width: side, Channels: 1, Scaling: models.ScalingFit},
	}
}

// noise is n images for model.
func noise(model models.Spec, n int, seed uint32) models.Tensor {
	in := models.Tensor{N: n, H: model.Input.Height, W: model.Input.Width, C: model.Input.Channels}
	in.Pix = make([]uint8, in.N*in.H*in.W*in.C)
	for i := range in.Pix {
		seed = seed*1664525 + 1013904223 // the generator of Numerical Recipes
		in.Pix[i] = uint8(seed >> 24)
	}
	return in
}

// openSession opens a session that is closed when the test ends, before its engine.
func openSession(t testing.TB, e gpuexec.Engine, model models.Spec, rows int) gpuexec.Session {
	t.Helper()
	s, err := e.Open(t.Context(), model, rows)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// run opens the model for as many rows as in has, and runs it once.
func run(t testing.TB, e gpuexec.Engine, model models.Spec, in models.Tensor) models.Tensor {
	t.Helper()
	return runOn(t, openSession(t, e, model, in.N), in)
}

func runOn(t testing.TB, s gpuexec.Session, in models.Tensor) models.Tensor {
	t.Helper()
	out, err := s.Run(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
