package ort

import (
	"context"
	"fmt"
	"runtime"

	onnx "github.com/yalue/onnxruntime_go"

	"seghub/models"
)

// session is one model, loaded by one engine.
type session struct {
	model models.Spec
	onnx  *onnx.DynamicAdvancedSession
}

func (e *engine) open(model models.Spec) (*session, error) {
	options, err := e.options()
	if err != nil {
		return nil, err
	}
	defer release(options)
	s, err := onnx.NewDynamicAdvancedSession(model.Path, []string{model.Input.Name}, model.Tensors(), options)
	if err != nil {
		return nil, err
	}
	return &session{model: model, onnx: s}, nil
}

func (e *engine) options() (*onnx.SessionOptions, error) {
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
			return e.runtime.device.appendCUDA(options, e.stream)
		},
	} {
		if err := set(); err != nil {
			release(options)
			return nil, err
		}
	}
	return options, nil
}

// run maps uint8 [N,H,W,C] to uint8 [N,H,W,outputs].
func (s *session) run(ctx context.Context, in models.Tensor) (models.Tensor, error) {
	switch codec := s.model.Codec; {
	case codec == nil:
		return s.runBytes(ctx, in)
	case codec.OneByOne:
		return in.InPortions(1, func(row models.Tensor) (models.Tensor, error) { return s.runCodec(ctx, row) })
	}
	return s.runCodec(ctx, in)
}

// runCodec runs a graph that computes in float32.
func (s *session) runCodec(ctx context.Context, in models.Tensor) (models.Tensor, error) {
	values, shape := s.model.Codec.Encode(in)
	values, shape, err := s.runFloats(ctx, values, shape)
	if err != nil {
		return models.Tensor{}, err
	}
	return s.model.Codec.Decode(values, shape, in.N, in.H, in.W)
}

// runFloats gives the graph values and returns what it makes of them, of whatever shape that is.
func (s *session) runFloats(ctx context.Context, values []float32, shape []int64) ([]float32, []int64, error) {
	var pinned runtime.Pinner
	defer pinned.Unpin()
	pinned.Pin(&values[0])
	input, err := onnx.NewTensor(onnx.NewShape(shape...), values)
	if err != nil {
		return nil, nil, err
	}
	defer release(input)
	outputs := []onnx.Value{nil} // made by ONNX Runtime
	err = s.execute(ctx, input, outputs)
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
func (s *session) runBytes(ctx context.Context, in models.Tensor) (models.Tensor, error) {
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
	if err := s.execute(ctx, input, outputs); err != nil {
		return models.Tensor{}, err
	}
	return interleave(planes), nil
}

// execute runs the graph. When ctx ends it has ONNX Runtime stop, which it does between two nodes of the graph.
func (s *session) execute(ctx context.Context, input onnx.Value, outputs []onnx.Value) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	options, err := onnx.NewRunOptions()
	if err != nil {
		return err
	}
	defer release(options)

	terminated := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(terminated)
		_ = options.Terminate() // if it fails, the run ends by itself
	})
	err = s.onnx.RunWithOptions([]onnx.Value{input}, outputs, options)
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

func (s *session) close() error { return s.onnx.Destroy() }

func shape(t models.Tensor) onnx.Shape {
	return onnx.NewShape(int64(t.N), int64(t.H), int64(t.W), int64(t.C))
}

// release frees what ONNX Runtime has made. That fails only for what was freed before.
func release(made interface{ Destroy() error }) { _ = made.Destroy() }
