package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	onnx "github.com/yalue/onnxruntime_go"

	"seghub/gpuexec"
	"seghub/models"
)

// raw is a session with options of the caller's own, which the engine does not offer.
type raw struct {
	model models.Spec
	onnx  *onnx.DynamicAdvancedSession
}

// openRaw opens a session on the CUDA provider with these options, or, on the CPU, without any.
func (b *bench) openRaw(model models.Spec, provider map[string]string) (_ *raw, err error) {
	if model.Codec != nil {
		return nil, fmt.Errorf("%s takes no bytes", model.ID)
	}
	options, err := onnx.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, options.Destroy()) }()
	if number, isGPU := strings.CutPrefix(b.Device, "cuda:"); isGPU {
		cuda, err := onnx.NewCUDAProviderOptions()
		if err != nil {
			return nil, err
		}
		defer cuda.Destroy()
		all := map[string]string{"device_id": number}
		for name, value := range provider {
			all[name] = value
		}
		if err := errors.Join(cuda.Update(all), options.AppendExecutionProviderCUDA(cuda)); err != nil {
			return nil, err
		}
	}
	session, err := onnx.NewDynamicAdvancedSession(model.Path, []string{model.Input.Name}, model.Tensors(), options)
	if err != nil {
		return nil, err
	}
	return &raw{model, session}, nil
}

// run runs n rows and returns how long that took.
func (r *raw) run(n int) (time.Duration, error) {
	in := input(r.model, n)
	tensor, err := onnx.NewTensor(onnx.NewShape(int64(in.N), int64(in.H), int64(in.W), int64(in.C)), in.Pix)
	if err != nil {
		return 0, err
	}
	defer tensor.Destroy()
	outputs := make([]onnx.Value, r.model.Outputs())
	began := time.Now()
	err = r.onnx.Run([]onnx.Value{tensor}, outputs)
	took := time.Since(began)
	for _, out := range outputs {
		if out != nil {
			err = errors.Join(err, out.Destroy())
		}
	}
	return took, err
}

// fastest is the least time of so many runs.
func (r *raw) fastest(n, runs int) (least time.Duration, err error) {
	for i := range runs {
		took, err := r.run(n)
		if err != nil {
			return 0, err
		}
		if i == 0 || took < least {
			least = took
		}
	}
	return least, nil
}

func (r *raw) close() error { return r.onnx.Destroy() }

// onCard tells whether times mean anything.
func (s settings) onCard() bool { return s.Device != gpuexec.CPU }

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
