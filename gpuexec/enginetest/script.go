// Package enginetest is a scripted gpuexec.Engine: it needs no device and no model file, does what the test tells it to,
// and remembers what it was asked. By default it answers at once, with the brightest channel of each pixel.
//
//	script := &enginetest.Script{}
//	gate := script.Hold()                        // every run waits ...
//	pool := gpuexec.New(gpuexec.Config{NewEngine: script.NewEngine, ...})
//	call := gate.Await(t)                        // ... until the test has seen it
//	gate.Release(t)
//
// An engine obeys its contract and checks that its caller does: Misuse tells of calls that overlap or follow Close.
package enginetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"seghub/gpuexec"
	"seghub/models"
)

// Call is one Run that an engine was asked for.
type Call struct {
	Slot   int
	Life   int // which engine of the slot, from 1
	Model  models.Spec
	Images int // N of the input
	Input  models.Tensor
}

// Script makes engines and says what they do. The functions are set before the first engine is made; nil means success. They
// are called on the worker's goroutine, without a lock held.
type Script struct {
	// New is asked before the life-th engine of a slot is made, from 1.
	New func(slot, life int) error
	// Load is asked before a model counts as loaded.
	Load func(ctx context.Context, slot int, model models.Spec) error
	// Run is asked before the output is made. One that blocks returns ctx.Err() when ctx ends.
	Run func(ctx context.Context, call Call) error

	mu      sync.Mutex
	lives   map[int]int // by slot; guarded by mu
	open    int         // guarded by mu
	calls   []Call      // guarded by mu
	loads   []string    // guarded by mu
	unloads []string    // guarded by mu
	misuse  []string    // guarded by mu
}

// NewEngine is a gpuexec.NewEngine.
func (s *Script) NewEngine(slot int) (gpuexec.Engine, error) {
	s.mu.Lock()
	if s.lives == nil {
		s.lives = make(map[int]int)
	}
	s.lives[slot]++
	life := s.lives[slot]
	s.mu.Unlock()
	if s.New != nil {
		if err := s.New(slot, life); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	s.open++
	s.mu.Unlock()
	return &engine{script: s, slot: slot, life: life}, nil
}

// Calls returns the runs so far, in the order in which they began.
func (s *Script) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// Loads returns "slot model" or, when it has one, "slot model version" of each load so far.
func (s *Script) Loads() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.loads)
}

// Unloads returns "slot model" of each unload so far.
func (s *Script) Unloads() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.unloads)
}

// Open returns how many engines were made and not closed.
func (s *Script) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

// Misuse returns how callers broke the contract of gpuexec.Engine.
func (s *Script) Misuse() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.misuse)
}

// Output is what an engine makes of in, so many values a pixel: the brightest of its channels.
func Output(in models.Tensor, outputs int) models.Tensor {
	out := models.Tensor{N: in.N, H: in.H, W: in.W, C: outputs, Pix: make([]uint8, in.N*in.H*in.W*outputs)}
	for i := range out.Pix {
		pixel := i / outputs
		out.Pix[i] = slices.Max(in.Pix[pixel*in.C : (pixel+1)*in.C])
	}
	return out
}

type engine struct {
	script     *Script
	slot, life int

	busy   bool // guarded by script.mu
	closed bool // guarded by script.mu
}

// enter marks the engine busy and returns what marks it free again.
func (e *engine) enter(what string) (leave func()) {
	s := e.script
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.busy || e.closed {
		s.misuse = append(s.misuse, fmt.Sprintf("slot %d, engine %d: %s while busy %t, closed %t", e.slot, e.life, what, e.busy, e.closed))
	}
	e.busy = true
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		e.busy = false
	}
}

// Load makes the model ready, as the script says.
func (e *engine) Load(ctx context.Context, model models.Spec) error {
	defer e.enter("Load")()
	s := e.script
	if s.Load != nil {
		if err := s.Load(ctx, e.slot, model); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loads = append(s.loads, strings.TrimSpace(fmt.Sprintf("%d %s %s", e.slot, model.ID, model.Version)))
	return nil
}

// Unload forgets the model.
func (e *engine) Unload(id string) error {
	defer e.enter("Unload")()
	s := e.script
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unloads = append(s.unloads, fmt.Sprintf("%d %s", e.slot, id))
	return nil
}

// Run makes Output of in, as the script says.
func (e *engine) Run(ctx context.Context, model models.Spec, in models.Tensor) (models.Tensor, error) {
	defer e.enter("Run")()
	s := e.script
	call := Call{Slot: e.slot, Life: e.life, Model: model, Images: in.N, Input: in}
	s.mu.Lock()
	s.calls = append(s.calls, call)
	s.mu.Unlock()
	if s.Run != nil {
		if err := s.Run(ctx, call); err != nil {
			return models.Tensor{}, err
		}
	}
	if ctx.Err() != nil {
		return models.Tensor{}, ctx.Err()
	}
	return Output(in, model.Outputs()), nil
}

// Close ends the engine.
func (e *engine) Close() error {
	defer e.enter("Close")()
	s := e.script
	s.mu.Lock()
	defer s.mu.Unlock()
	e.closed = true
	s.open--
	return nil
}
