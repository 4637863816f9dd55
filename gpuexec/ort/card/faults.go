package main

import (
	"context"
	"errors"
	"os"

	"seghub/gpuexec"
	"seghub/gpuexec/cuda/trap"
	"seghub/models"
)

// outOfMemory asks for runs that cannot fit.
type outOfMemory struct{}

type shortage struct {
	ArenaSays    string `json:"arena_says"`     // where the session's own limit was too low
	DeviceSays   string `json:"device_says"`    // where the device had no more
	DeviceRows   int    `json:"device_rows"`    // that one run had then
	Told         bool   `json:"told"`           // the engine called that a lack of memory
	WorksAfter   bool   `json:"works_after"`    // a small run, on the same engine's device
	ErrorOfAfter string `json:"error_of_after"` // why it did not
}

// mostRows is where asking for ever longer runs ends.
const mostRows = 1 << 14

func (outOfMemory) Run(s *settings) error {
	if !s.onCard() {
		return result{Why: "the device is the CPU, whose lack of memory would end other programs"}.print()
	}
	return s.with(s.Device, func(b *bench) error {
		model := b.models[0]
		var found shortage
		limited, err := b.openRaw(model, map[string]string{"gpu_mem_limit": "33554432", "arena_extend_strategy": "kSameAsRequested"})
		if err == nil {
			_, err = limited.run(max(2, model.Batch.Max))
			err = errors.Join(err, limited.close())
		}
		found.ArenaSays = text(err)

		// Rows are doubled until the device has no more; an arena's own limit comes first where the hub sets one.
		for n := 64; n <= mostRows; n *= 2 {
			err = b.session(model, n, func(gpuexec.Session) error { return nil })
			if err != nil {
				found.DeviceSays, found.DeviceRows, found.Told = err.Error(), n, errors.Is(err, gpuexec.ErrOutOfMemory)
				break
			}
		}
		if !errors.Is(err, gpuexec.ErrDeviceLost) {
			err = b.session(model, 1, func(session gpuexec.Session) error {
				_, err := session.Run(context.Background(), input(model, 1))
				return err
			})
			found.WorksAfter, found.ErrorOfAfter = err == nil, text(err)
		}
		return result{Judged: true, OK: found.Told && found.WorksAfter && found.ArenaSays != "", Found: found}.print()
	})
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// poison breaks the context under a session.
type poison struct{}

type poisoned struct {
	TrapCode int32  `json:"trap_code"` // that the driver answered
	Says     string `json:"says"`      // the run after it
	Told     bool   `json:"told"`      // the engine called the device lost
}

func (poison) Run(s *settings) error {
	if !s.onCard() {
		return result{Why: "the device is the CPU, which has no context to break"}.print()
	}
	return s.with(s.Device, func(b *bench) error {
		return b.session(b.models[0], 1, func(session gpuexec.Session) error {
			r := breakAndRun(b.models[0], session)
			if err := r.print(); err != nil {
				return err
			}
			os.Exit(0) // as the hub does: no other call into ONNX Runtime may follow
			return nil
		})
	})
}

func breakAndRun(model models.Spec, session gpuexec.Session) result {
	code, err := trap.Spring()
	if err != nil {
		return result{Why: err.Error()}
	}
	_, err = session.Run(context.Background(), input(model, 1))
	found := poisoned{TrapCode: code, Says: text(err), Told: errors.Is(err, gpuexec.ErrDeviceLost)}
	return result{Judged: true, OK: found.Told, Found: found}
}
