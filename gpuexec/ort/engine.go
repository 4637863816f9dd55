package ort

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"seghub/gpuexec"
	"seghub/gpuexec/cuda"
	"seghub/models"
)

// engine is a gpuexec.Engine: it belongs to one goroutine.
type engine struct {
	runtime  *Runtime
	slot     int
	stream   cuda.Stream         // of a GPU; its sessions run on it
	sessions map[string]*session // by model id
}

func (e *engine) openStream() (err error) {
	d := e.runtime.device
	if err := d.cuda.UseDevice(d.index); err != nil {
		return err
	}
	e.stream, err = d.cuda.NewStream()
	return err
}

// Load opens the model's session and runs it once on a black image, because a first run is slow: the arena grows, and on a
// GPU cuDNN chooses its algorithms.
func (e *engine) Load(ctx context.Context, model models.Spec) error {
	if s := e.sessions[model.ID]; s != nil && s.model.Version == model.Version {
		return nil
	}
	// The old one first: a GPU's memory may not hold both.
	if err := e.Unload(model.ID); err != nil {
		return err
	}
	s, err := e.open(model)
	if changed := model.CheckFile(); changed != nil {
		// What was opened, or could not be, is something else.
		if err == nil {
			err = s.close()
		}
		return errors.Join(fmt.Errorf("ort: open %s: %w", model.ID, changed), err)
	}
	if err != nil {
		return e.explain(fmt.Errorf("ort: open %s: %w", model.ID, err))
	}
	in := model.Input
	_, err = s.run(ctx, models.Tensor{N: 1, H: in.Height, W: in.Width, C: in.Channels, Pix: make([]uint8, in.Height*in.Width*in.Channels)})
	e.restoreSignals()
	if err != nil {
		return e.explain(errors.Join(fmt.Errorf("ort: first run of %s: %w", model.ID, err), s.close()))
	}
	e.sessions[model.ID] = s
	return nil
}

// Unload frees the model's session.
func (e *engine) Unload(id string) error {
	s := e.sessions[id]
	if s == nil {
		return nil
	}
	delete(e.sessions, id)
	if err := s.close(); err != nil {
		return e.explain(fmt.Errorf("ort: close %s: %w", id, err))
	}
	return nil
}

// Run maps uint8 [N,H,W,C] to uint8 [N,H,W,model.Outputs()].
func (e *engine) Run(ctx context.Context, model models.Spec, in models.Tensor) (models.Tensor, error) {
	if err := e.Load(ctx, model); err != nil {
		return models.Tensor{}, err
	}
	out, err := e.sessions[model.ID].run(ctx, in)
	if ctx.Err() != nil {
		return models.Tensor{}, ctx.Err()
	}
	if err != nil {
		return models.Tensor{}, e.explain(fmt.Errorf("ort: run %s on %d images: %w", model.ID, in.N, err))
	}
	return out, nil
}

// Close frees the sessions, then the stream that they ran on.
func (e *engine) Close() error {
	defer e.runtime.engineClosed()
	var errs []error
	for _, s := range e.sessions {
		errs = append(errs, s.close())
	}
	if e.stream != 0 {
		errs = append(errs, e.runtime.device.cuda.Destroy(e.stream))
	}
	return errors.Join(errs...)
}

func (e *engine) restoreSignals() {
	if e.runtime.device.cuda == nil {
		return // the CPU provider installs none
	}
	if n := e.runtime.signals.restore(); n > 0 {
		e.runtime.log.Debug("signal handlers were put back that a CUDA library had replaced", "slot", e.slot, "signals", n)
	}
}

// How ONNX Runtime's messages tell of a CUDA error.
const cudaFailure = "CUDA failure "

// How they tell that there is no memory. That leaves a CUDA context as it was.
var outOfMemory = []string{
	"out of memory",                // CUDA itself
	"ALLOC_FAILED",                 // cuBLAS and cuDNN
	"Failed to allocate memory",    // an arena
	"smaller than requested bytes", // an arena at its limit
	"bad_alloc",                    // C++
}

// explain marks an error as gpuexec.ErrOutOfMemory when it is one, and as gpuexec.ErrEngineLost when the CUDA context that it came
// from can do no more work.
func (e *engine) explain(err error) error {
	text := err.Error()
	switch {
	case slices.ContainsFunc(outOfMemory, func(sign string) bool { return strings.Contains(text, sign) }):
		return fmt.Errorf("%w: %w", gpuexec.ErrOutOfMemory, err)
	case e.runtime.device.cuda != nil && strings.Contains(text, cudaFailure):
		return fmt.Errorf("%w: %w", gpuexec.ErrEngineLost, err)
	}
	return err
}
