package ort

import (
	"context"
	"errors"
	"fmt"

	"seghub/gpuexec"
	"seghub/gpuexec/cuda"
	"seghub/models"
)

// engine is a gpuexec.Engine: it belongs to one goroutine.
type engine struct {
	runtime *Runtime
	slot    int
	stream  cuda.Stream // of a GPU; its sessions run on it
}

func (e *engine) openStream() (err error) {
	e.stream, err = e.runtime.device.newStream()
	return err
}

// Open makes a session of the model for runs of n rows.
func (e *engine) Open(_ context.Context, model models.Spec, n int) (gpuexec.Session, error) {
	s, err := e.open(model, n)
	if changed := model.CheckFile(); changed != nil {
		// What was opened, or could not be, is something else.
		if err == nil {
			err = s.Close()
		}
		return nil, errors.Join(fmt.Errorf("ort: open %s: %w", model.ID, changed), err)
	}
	if err != nil {
		return nil, e.explain(fmt.Errorf("ort: open %s: %w", model.ID, err))
	}
	return s, nil
}

// Close frees the stream.
func (e *engine) Close() error {
	defer e.runtime.engineClosed()
	if e.stream == 0 {
		return nil
	}
	return e.runtime.device.cuda.Destroy(e.stream)
}

// onGPU tells whether the engine's sessions run on one.
func (e *engine) onGPU() bool { return e.runtime.device.cuda != nil }

func (e *engine) restoreSignals() {
	if !e.onGPU() {
		return // the CPU provider installs none
	}
	if n := e.runtime.signals.restore(); n > 0 {
		e.runtime.log.Debug("signal handlers were put back that a CUDA library had replaced", "slot", e.slot, "signals", n)
	}
}

// explain says which of gpuexec's kinds an error of ONNX Runtime's is.
func (e *engine) explain(err error) error {
	if !e.onGPU() {
		return explain(err, false, nil)
	}
	// ONNX Runtime waits for the stream before it returns an error, so that a kernel's own is known by now. It clears the thread's last
	// error for each call that fails, but then waits for the device to put the error in words, which leaves a poison there once more.
	return explain(err, true, e.runtime.device.cuda.PeekAtLastError())
}
