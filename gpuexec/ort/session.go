package ort

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	onnx "github.com/yalue/onnxruntime_go"

	"seghub/gpuexec"
	"seghub/models"
)

// session is one model, opened by one engine for runs of one number of rows.
type session struct {
	engine *engine
	model  models.Spec
	rows   int
	onnx   *onnx.DynamicAdvancedSession
	empty  bool // no run has taken memory since the arena was shrunk
}

func (e *engine) open(model models.Spec, rows int) (*session, error) {
	options, err := e.options(model)
	if err != nil {
		return nil, err
	}
	defer release(options)
	s, err := onnx.NewDynamicAdvancedSession(model.Path, []string{model.Input.Name}, model.Tensors(), options)
	if err != nil {
		return nil, err
	}
	return &session{engine: e, model: model, rows: rows, onnx: s, empty: true}, nil
}

// mostWarmRuns is how many runs Warm makes at most. Three were enough for every model that was looked at; other programs that take
// memory meanwhile could make it look longer.
const mostWarmRuns = 6

// Warm runs the model on black rows. On a GPU the first run plans every convolution and grows the arena piece by piece, and its end
// gives that back; the second, with the plan of its memory, takes it in one piece; of what is left over, some models take
// a little more in the third. So it goes on until a run has taken nothing. On the CPU there is nothing to plan, and what a run takes is given
// back at once, so that a node at rest holds weights alone.
func (s *session) Warm(ctx context.Context) error {
	if err := s.warmOnce(ctx, true); err != nil || !s.engine.onGPU() {
		return err
	}
	for used, runs := uint64(0), 1; runs < mostWarmRuns; runs++ {
		if err := s.warmOnce(ctx, false); err != nil {
			return err
		}
		now := s.engine.runtime.InUse()
		if now == used {
			return nil
		}
		used = now
	}
	return nil
}

func (s *session) warmOnce(ctx context.Context, shrink bool) error {
	_, err := s.run(ctx, s.black(), shrink)
	if err != nil {
		return s.failed(ctx, "warm", err)
	}
	s.engine.restoreSignals() // each new shape may load a library more
	return nil
}

// Run maps uint8 [rows,H,W,C] to uint8 [rows,H,W,model.Outputs()].
func (s *session) Run(ctx context.Context, in models.Tensor) (models.Tensor, error) {
	if in.N != s.rows {
		return models.Tensor{}, fmt.Errorf("ort: run %s: %d rows for a session of %d", s.model.ID, in.N, s.rows)
	}
	out, err := s.run(ctx, in, false)
	if err != nil {
		return models.Tensor{}, s.failed(ctx, "run", err)
	}
	return out, nil
}

// Shrink gives the arena back, which ONNX Runtime does at the end of a run alone: of one on black rows.
func (s *session) Shrink(ctx context.Context) error {
	if s.empty {
		return nil
	}
	if _, err := s.run(ctx, s.black(), true); err != nil {
		return s.failed(ctx, "shrink", err)
	}
	return nil
}

// Close frees the session.
func (s *session) Close() error {
	if err := s.onnx.Destroy(); err != nil {
		return s.engine.explain(fmt.Errorf("ort: close %s: %w", s.model.ID, err))
	}
	return nil
}

// failed is what a caller hears of err: ctx's error when that has ended.
func (s *session) failed(ctx context.Context, what string, err error) error {
	err = s.engine.explain(fmt.Errorf("ort: %s %s on %d rows: %w", what, s.model.ID, s.rows, err))
	if ctx.Err() != nil && !errors.Is(err, gpuexec.ErrDeviceLost) {
		return ctx.Err()
	}
	return err
}

func (s *session) black() models.Tensor {
	in := s.model.Input
	return models.Tensor{N: s.rows, H: in.Height, W: in.Width, C: in.Channels, Pix: make([]uint8, s.rows*in.Height*in.Width*in.Channels)}
}

func (e *engine) options(model models.Spec) (*onnx.SessionOptions, error) {
	options, err := onnx.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	for _, set := range []func() error{
		func() error { return options.SetIntraOpNumThreads(e.runtime.threads) },
		func() error { return options.SetInterOpNumThreads(1) },
		// A thread that waits for work would burn a core that another worker, or the decoder, has use for.
		func() error { return options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0") },
		func() error {
			if e.stream == 0 {
				return nil
			}
			return e.runtime.device.appendCUDA(options, e.stream, model)
		},
	} {
		if err := set(); err != nil {
			release(options)
			return nil, err
		}
	}
	return options, nil
}

// run maps uint8 [rows,H,W,C] to uint8 [rows,H,W,outputs], and gives the arena back behind it when it is to shrink.
func (s *session) run(ctx context.Context, in models.Tensor, shrink bool) (models.Tensor, error) {
	switch codec := s.model.Codec; {
	case codec == nil:
		return s.runBytes(ctx, in, shrink)
	case codec.OneByOne:
		return in.InPortions(1, func(row models.Tensor) (models.Tensor, error) { return s.runCodec(ctx, row, shrink) })
	}
	return s.runCodec(ctx, in, shrink)
}

// runCodec runs a graph that computes in float32.
func (s *session) runCodec(ctx context.Context, in models.Tensor, shrink bool) (models.Tensor, error) {
	values, shape := s.model.Codec.Encode(in)
	values, shape, err := s.runFloats(ctx, values, shape, shrink)
	if err != nil {
		return models.Tensor{}, err
	}
	return s.model.Codec.Decode(values, shape, in.N, in.H, in.W)
}

// runFloats gives the graph values and returns what it makes of them, of whatever shape that is.
func (s *session) runFloats(ctx context.Context, values []float32, shape []int64, shrink bool) ([]float32, []int64, error) {
	var pinned runtime.Pinner
	defer pinned.Unpin()
	pinned.Pin(&values[0])
	input, err := onnx.NewTensor(onnx.NewShape(shape...), values)
	if err != nil {
		return nil, nil, err
	}
	defer release(input)
	outputs := []onnx.Value{nil} // made by ONNX Runtime
	err = s.execute(ctx, input, outputs, shrink)
	if outputs[0] != nil {
		defer release(outputs[0])
	}
	if err != nil {
		return nil, nil, err
	}
	output, ok := outputs[0].(*onnx.Tensor[float32])
	if !ok {
		return nil, nil, fmt.Errorf("output %s is not float32", s.model.OutputName)
	}
	return output.GetData(), output.GetShape(), nil // a copy in Go's memory, which outlives output
}

// runBytes runs a graph that takes and gives uint8.
func (s *session) runBytes(ctx context.Context, in models.Tensor, shrink bool) (models.Tensor, error) {
	// ONNX Runtime reads and writes Go's memory: it keeps the addresses between the calls below.
	var pinned runtime.Pinner
	defer pinned.Unpin()
	pinned.Pin(&in.Pix[0])
	input, err := onnx.NewTensor(shape(in), in.Pix)
	if err != nil {
		return models.Tensor{}, err
	}
	defer release(input)
	planes := make([]models.Tensor, len(s.model.Tensors()))
	channels := s.model.Outputs() / len(planes)
	outputs := make([]onnx.Value, len(planes))
	for i := range planes {
		planes[i] = models.Tensor{N: in.N, H: in.H, W: in.W, C: channels, Pix: make([]uint8, in.N*in.H*in.W*channels)}
		pinned.Pin(&planes[i].Pix[0])
		output, err := onnx.NewTensor(shape(planes[i]), planes[i].Pix)
		if err != nil {
			return models.Tensor{}, err
		}
		defer release(output)
		outputs[i] = output
	}
	if err := s.execute(ctx, input, outputs, shrink); err != nil {
		return models.Tensor{}, err
	}
	return interleave(planes), nil
}

// The key of a run option, and its values by device: whose arenas to shrink when the run ends.
const shrinkage = "memory.enable_memory_arena_shrinkage"

// execute runs the graph. When ctx ends it has ONNX Runtime stop, which it does between two nodes of the graph.
func (s *session) execute(ctx context.Context, input onnx.Value, outputs []onnx.Value, shrink bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	options, err := onnx.NewRunOptions()
	if err != nil {
		return err
	}
	defer release(options)
	if shrink {
		if err := options.AddRunConfigEntry(shrinkage, s.engine.runtime.device.arenas()); err != nil {
			return err
		}
	}

	terminated := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(terminated)
		_ = options.Terminate() // if it fails, the run ends by itself
	})
	s.empty = false
	err = s.onnx.RunWithOptions([]onnx.Value{input}, outputs, options)
	s.empty = err == nil && shrink
	if !stop() {
		<-terminated // the options must outlive it
	}
	return err
}

// interleave makes one tensor [N,H,W,len(planes)] of as many of [N,H,W,1].
func interleave(planes []models.Tensor) models.Tensor {
	out := planes[0]
	if len(planes) == 1 {
		return out
	}
	out.C = len(planes)
	out.Pix = make([]uint8, len(planes)*len(planes[0].Pix))
	for c, plane := range planes {
		for i, v := range plane.Pix {
			out.Pix[i*len(planes)+c] = v
		}
	}
	return out
}

func shape(t models.Tensor) onnx.Shape {
	return onnx.NewShape(int64(t.N), int64(t.H), int64(t.W), int64(t.C))
}

// release frees what ONNX Runtime has made. That fails only for what was freed before.
func release(made interface{ Destroy() error }) { _ = made.Destroy() }
