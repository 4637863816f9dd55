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
	ArenaSays  string `json:"arena_says"`  // of a session whose own limit was far too low
	ShareSays  string `json:"share_says"`  // of a worker's engine whose run was larger than its share
	ShareRows  int    `json:"share_rows"`  // that it had
	ShareTold  bool   `json:"share_told"`  // the engine called that a lack of memory
	DeviceSays string `json:"device_says"` // of a worker's engine when others had filled the device
	DeviceTold bool   `json:"device_told"`
	AfterSays  string `json:"after_says"` // of a small run, when there was room again; empty when it worked
}

const (
	mostRows    = 1 << 14 // where asking for ever longer runs ends
	mostBallast = 256     // sessions that fill the device
)

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

		nothing := func(gpuexec.Session) error { return nil }
		for found.ShareRows = 64; found.ShareRows <= mostRows; found.ShareRows *= 2 {
			if err = b.session(model, found.ShareRows, nothing); err != nil {
				break
			}
		}
		found.ShareSays, found.ShareTold = text(err), errors.Is(err, gpuexec.ErrOutOfMemory)

		if !errors.Is(err, gpuexec.ErrDeviceLost) {
			err = b.whenFull(model, func(rows int) error { return b.session(model, rows, nothing) })
			found.DeviceSays, found.DeviceTold = text(err), errors.Is(err, gpuexec.ErrOutOfMemory)
		}
		if !errors.Is(err, gpuexec.ErrDeviceLost) {
			found.AfterSays = text(b.session(model, 1, func(session gpuexec.Session) error {
				_, err := session.Run(context.Background(), input(model, 1))
				return err
			}))
		}
		return result{Judged: true, OK: found.ArenaSays != "" && found.ShareTold && found.DeviceTold && found.AfterSays == "", Found: found}.print()
	})
}

// whenFull has sessions without a limit of their own fill the device, calls do with the number of rows for which there was no room, and
// frees it again. It returns do's error.
func (b *bench) whenFull(model models.Spec, do func(rows int) error) (err error) {
	var ballast []*raw
	defer func() {
		for _, r := range ballast {
			err = errors.Join(err, r.close())
		}
	}()
	rows := 256
	for len(ballast) < mostBallast {
		r, failed := b.openRaw(model, map[string]string{"arena_extend_strategy": "kSameAsRequested"})
		if failed == nil {
			ballast = append(ballast, r)
			_, failed = r.run(rows)
		}
		if failed == nil {
			continue
		}
		if rows <= 16 {
			return do(rows)
		}
		rows /= 4 // into what is left
	}
	return errors.New("the device was not full")
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
