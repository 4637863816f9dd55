// Package status tells what the hub is doing at this moment: slots, line, workers and memory, as
// GET /stats, the socket's stats frames and the metrics show it.
package status

import (
	"context"
	"fmt"

	"seghub/gpuexec"
	"seghub/sessions"
)

// Stats is the stats object of the contract, as one session sees it.
type Stats struct {
	Slots   Slots    `json:"slots"`
	Waiting int      `json:"waiting"`
	Workers []Worker `json:"workers"`
	Memory  Memory   `json:"memory"`
}

// Slots counts the rights to run.
type Slots struct {
	Total  int `json:"total"`
	Active int `json:"active"`
}

// Worker is what one worker is doing.
type Worker struct {
	Slot         int                 `json:"slot"`
	Device       string              `json:"device"`
	State        gpuexec.WorkerState `json:"state"`
	SessionIsYou bool                `json:"session_is_you"`
	Model        *string             `json:"model"` // of the batch it runs, null when idle
	ImagesDone   int64               `json:"images_done"`
}

// Memory is that of the device the workers run on: the GPU's, or without one the host's.
type Memory struct {
	UsedBytes  uint64   `json:"used_bytes"`
	TotalBytes uint64   `json:"total_bytes"` // 0 when it cannot be measured
	Pressure   Pressure `json:"pressure"`
}

// Pressure says how full the memory is.
type Pressure string

// The levels of pressure and where they begin, as fractions of the total.
const (
	PressureNormal   Pressure = "normal"
	PressureHigh     Pressure = "high"     // from highFraction
	PressureCritical Pressure = "critical" // from criticalFraction

	highFraction     = 0.83
	criticalFraction = 0.90
)

// NewMemory derives the pressure from used and total bytes.
func NewMemory(used, total uint64) Memory {
	m := Memory{UsedBytes: used, TotalBytes: total, Pressure: PressureNormal}
	switch full := float64(used) / float64(max(total, 1)); {
	case total == 0:
	case full >= criticalFraction:
		m.Pressure = PressureCritical
	case full >= highFraction:
		m.Pressure = PressureHigh
	}
	return m
}

// Source is where a Snapshot comes from.
type Source struct {
	Admission func(context.Context) (sessions.Stats, error)
	Workers   func() []gpuexec.WorkerStat
	Memory    func(context.Context) (Memory, error)
}

// Snapshot is the state of the hub at one moment.
type Snapshot struct {
	Admission sessions.Stats
	Workers   []gpuexec.WorkerStat
	Memory    Memory
}

// Take reads a Snapshot.
func (s Source) Take(ctx context.Context) (Snapshot, error) {
	admission, err := s.Admission(ctx)
	if err != nil {
		return Snapshot{}, fmt.Errorf("status: %w", err)
	}
	memory, err := s.Memory(ctx)
	if err != nil {
		return Snapshot{}, fmt.Errorf("status: memory: %w", err)
	}
	return Snapshot{Admission: admission, Workers: s.Workers(), Memory: memory}, nil
}

// Active counts the slots that have an owner.
func (s Snapshot) Active() int {
	active := 0
	for _, slot := range s.Admission.Slots {
		if slot.Session != "" {
			active++
		}
	}
	return active
}

// For is the snapshot as session may see it: whose the other slots are stays hidden.
func (s Snapshot) For(session string) Stats {
	owners := make(map[int]string, len(s.Admission.Slots))
	for _, slot := range s.Admission.Slots {
		owners[slot.Slot] = slot.Session
	}
	workers := make([]Worker, len(s.Workers))
	for i, w := range s.Workers {
		workers[i] = Worker{
			Slot:         w.Slot,
			Device:       w.Device,
			State:        w.State,
			SessionIsYou: session != "" && owners[w.Slot] == session,
			ImagesDone:   w.ImagesDone,
		}
		if w.Model != "" {
			workers[i].Model = &w.Model
		}
	}
	return Stats{
		Slots:   Slots{Total: len(s.Admission.Slots), Active: s.Active()},
		Waiting: s.Admission.Waiting,
		Workers: workers,
		Memory:  s.Memory,
	}
}
