package ort

import (
	"context"
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
	outputs := []string{model.OutputName, model.BorderName}[:model.Outputs()]
	s, err := onnx.NewDynamicAdvancedSession(model.Path, []string{model.Input.Name}, outputs, options)
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

// run maps uint8 [N,H,W,C] to uint8 [N,H,W,outputs]. When ctx ends it has ONNX Runtime stop, which it does between two nodes
// of the graph.
func (s *session) run(ctx context.Context, in models.Tensor) (models.Tensor, error) {
	if err := ctx.Err(); err != nil {
		return models.Tensor{}, err
	}
	// ONNX Runtime reads and writes Go's memory: it keeps the addresses between the calls below.
	var pinned runtime.Pinner
	defer pinned.Unpin()
	pinned.Pin(&in.Pix[0])
	input, err := onnx.NewTensor(shape(in), in.Pix)
	if err != nil {
		return models.Tensor{}, err
	}
	defer release(input)
	planes := make([]models.Tensor, s.model.Outputs())
	outputs := make([]onnx.Value, len(planes))
	for i := range planes {
		planes[i] = models.Tensor{N: in.N, H: in.H, W: in.W, C: 1, Pix: make([]uint8, in.N*in.H*in.W)}
		pinned.Pin(&planes[i].Pix[0])
		output, err := onnx.NewTensor(shape(planes[i]), planes[i].Pix)
		if err != nil {
			return models.Tensor{}, err
		}
		defer release(output)
		outputs[i] = output
	}
	options, err := onnx.NewRunOptions()
	if err != nil {
		return models.Tensor{}, err
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
	return interleave(planes), err
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
