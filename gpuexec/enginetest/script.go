// Package enginetest is a scripted gpuexec.Engine: it needs no device and no model file, does what the test tells it to,
// and remembers what it was asked. By default it answers at once, with the brightest channel of each pixel.
//
//	script := &enginetest.Script{}
//	gate := script.Hold()                        // every run waits ...
//	pool := gpuexec.New(gpuexec.Config{NewEngine: script.NewEngine, ...})
//	call := gate.Await(t)                        // ... until the test has seen it
//	gate.Release(t)
//
// faults.go has runs that go wrong in each way that a device knows. An engine obeys its contract and checks that its caller does: Misuse
// tells of calls that overlap, follow Close, follow the loss of the device, or have another shape than their session.
package enginetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"seghub/gpuexec"
	"seghub/models"
)

// Call is one Run that a session was asked for.
type Call struct {
	Slot  int
	Life  int // which engine of the slot, from 1
	Model models.Spec
	Rows  int // of the session
	Input models.Tensor
}

// Script makes engines and says what they do. The functions are set before the first engine is made; nil means success. They
// are called on the worker's goroutine, without a lock held.
type Script struct {
	// New is asked before the life-th engine of a slot is made, from 1.
	New func(slot, life int) error
	// Load is asked before a session is open.
	Load func(ctx context.Context, slot int, model models.Spec, rows int) error
	// Run is asked before the output is made. One that blocks returns ctx.Err() when ctx ends.
	Run func(ctx context.Context, call Call) error
	// Shrink is asked before the memory of a session's runs counts as given back.
	Shrink func(ctx context.Context, slot int, model models.Spec, rows int) error

	mu      sync.Mutex
	lives   map[int]int // by slot; guarded by mu
	open    int         // guarded by mu
	calls   []Call      // guarded by mu
	loads   []string    // guarded by mu
	unloads []string    // guarded by mu
	shrinks []string    // guarded by mu
	misuse  []string    // guarded by mu
	lost    bool        // guarded by mu; a call has answered that the device is lost
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

// Loads returns "slot model/rows", with the model's version behind it when it has one, of each session so far.
func (s *Script) Loads() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.loads)
}

// Unloads returns "slot model/rows" of each session that was closed so far.
func (s *Script) Unloads() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.unloads)
}

// Shrinks returns "slot model/rows" of each Shrink so far.
func (s *Script) Shrinks() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.shrinks)
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

// Output is what a session makes of in, so many values a pixel: the brightest of its channels.
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

	busy     bool // guarded by script.mu
	closed   bool // guarded by script.mu
	sessions int  // guarded by script.mu; open
}

// enter marks the engine busy and returns what marks it free again, and notes whether its answer was that the device is lost.
func (e *engine) enter(what string) (leave func(error)) {
	s := e.script
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.busy || e.closed || s.lost {
		s.misuse = append(s.misuse, fmt.Sprintf("slot %d, engine %d: %s while busy %t, closed %t, lost %t", e.slot, e.life, what, e.busy, e.closed, s.lost))
	}
	e.busy = true
	return func(err error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		e.busy = false
		s.lost = s.lost || errors.Is(err, gpuexec.ErrDeviceLost)
	}
}

func (e *engine) name(model models.Spec, rows int) string {
	return fmt.Sprintf("%d %s/%d", e.slot, model.ID, rows)
}

// Open makes a session, as the script says.
func (e *engine) Open(ctx context.Context, model models.Spec, n int) (_ gpuexec.Session, err error) {
	leave := e.enter("Open")
	defer func() { leave(err) }()
	s := e.script
	if s.Load != nil {
		if err := s.Load(ctx, e.slot, model, n); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loads = append(s.loads, strings.TrimSpace(e.name(model, n)+" "+model.Version))
	e.sessions++
	return &session{engine: e, model: model, rows: n}, nil
}

// Close ends the engine.
func (e *engine) Close() (err error) {
	leave := e.enter("Close")
	defer func() { leave(err) }()
	s := e.script
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.sessions > 0 {
		s.misuse = append(s.misuse, fmt.Sprintf("slot %d, engine %d: closed with %d sessions open", e.slot, e.life, e.sessions))
	}
	e.closed = true
	s.open--
	return nil
}

type session struct {
	engine *engine
	model  models.Spec
	rows   int
}

// Warm does nothing.
func (o *session) Warm(context.Context) (err error) {
	leave := o.engine.enter("Warm")
	defer func() { leave(err) }()
	return nil
}

// Run makes Output of in, as the script says.
func (o *session) Run(ctx context.Context, in models.Tensor) (_ models.Tensor, err error) {
	e, s := o.engine, o.engine.script
	leave := e.enter("Run")
	defer func() { leave(err) }()
	call := Call{Slot: e.slot, Life: e.life, Model: o.model, Rows: o.rows, Input: in}
	s.mu.Lock()
	s.calls = append(s.calls, call)
	if in.N != o.rows {
		s.misuse = append(s.misuse, fmt.Sprintf("slot %d: %d rows for a session of %d", e.slot, in.N, o.rows))
	}
	s.mu.Unlock()
	if s.Run != nil {
		if err := s.Run(ctx, call); err != nil {
			return models.Tensor{}, err
		}
	}
	if ctx.Err() != nil {
		return models.Tensor{}, ctx.Err()
	}
	return Output(in, o.model.Outputs()), nil
}

// Shrink gives the memory of runs back, as the script says.
func (o *session) Shrink(ctx context.Context) (err error) {
	e, s := o.engine, o.engine.script
	leave := e.enter("Shrink")
	defer func() { leave(err) }()
	if s.Shrink != nil {
		if err := s.Shrink(ctx, e.slot, o.model, o.rows); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shrinks = append(s.shrinks, e.name(o.model, o.rows))
	return nil
}

// Close forgets the session.
func (o *session) Close() (err error) {
	e, s := o.engine, o.engine.script
	leave := e.enter("close a session")
	defer func() { leave(err) }()
	s.mu.Lock()
	defer s.mu.Unlock()
	e.sessions--
	s.unloads = append(s.unloads, e.name(o.model, o.rows))
	return nil
}
