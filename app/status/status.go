// Package status tells what the hub is doing at this moment: slots, line, workers and memory, as
// GET /stats, the socket's stats frames and the metrics show it.
package status

import (
	"context"
	"fmt"

	"seghub/gpuexec"
	"seghub/gpuexec/budget"
	"seghub/sessions"
)

// Stats is the stats object of the contract, as one session sees it.
type Stats struct {
	Slots   Slots    `json:"slots"`
	Waiting int      `json:"waiting"`
	Workers []Worker `json:"workers"`
	Memory  Memory   `json:"memory"`
	Nodes   []Node   `json:"nodes"` // all that share the line, by name
	// GPUUnused is why workers run on the CPU though their machine has a GPU; null where they run on it, or are to run on the CPU.
	GPUUnused *string `json:"gpu_unused"`
}

// Node is one of the hubs that share the line.
type Node struct {
	Name     string `json:"name"`
	Slots    int    `json:"slots"`
	Open     int    `json:"open"`     // of the slots, those whose worker is up and warm
	Active   int    `json:"active"`   // of the slots, those that somebody holds
	Draining bool   `json:"draining"` // it goes down
}

// Slots counts the rights to run on the node that is asked.
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
	HelpsYou     bool                `json:"helps_you"` // the slot is not yours, its worker has your images
	Model        *string             `json:"model"`     // of the batch it runs, null when idle
	ImagesDone   int64               `json:"images_done"`
}

// Memory is that of the device the workers run on: the GPU's, or without one the host's.
type Memory struct {
	UsedBytes    uint64          `json:"used_bytes"`   // by everybody
	TotalBytes   uint64          `json:"total_bytes"`  // 0 when it cannot be measured
	BudgetBytes  uint64          `json:"budget_bytes"` // what models may take together; 0 when it cannot be measured
	BookedBytes  uint64          `json:"booked_bytes"` // what they have booked
	Pressure     budget.Pressure `json:"pressure"`
	Breaker      Breaker         `json:"breaker"`
	Utilisation  *int            `json:"utilisation"`   // of the GPU, percent; null on the CPU
	TemperatureC *int            `json:"temperature_c"` // of the GPU; null on the CPU
}

// Breaker tells whether new work is taken: it opens when memory is nearly full.
type Breaker string

// The states of a breaker.
const (
	BreakerClosed Breaker = "closed"
	BreakerOpen   Breaker = "open"
)

func newMemory(s budget.State) Memory {
	m := Memory{
		UsedBytes: s.UsedBytes, TotalBytes: s.TotalBytes, BudgetBytes: s.BudgetBytes, BookedBytes: s.BookedBytes,
		Pressure: s.Pressure, Breaker: BreakerClosed, Utilisation: s.Utilisation, TemperatureC: s.TemperatureC,
	}
	if s.BreakerOpen {
		m.Breaker = BreakerOpen
	}
	return m
}

// Source is where a Snapshot comes from.
type Source struct {
	Admission func(context.Context) (sessions.Stats, error)
	Workers   func() []gpuexec.WorkerStat
	Memory    func() budget.State
	GPUUnused string // why; empty where it is in use, or there is none
}

// Snapshot is the state of the hub at one moment.
type Snapshot struct {
	Admission sessions.Stats
	Workers   []gpuexec.WorkerStat
	Memory    Memory
	GPUUnused string
}

// Take reads a Snapshot.
func (s Source) Take(ctx context.Context) (Snapshot, error) {
	admission, err := s.Admission(ctx)
	if err != nil {
		return Snapshot{}, fmt.Errorf("status: %w", err)
	}
	return Snapshot{Admission: admission, Workers: s.Workers(), Memory: newMemory(s.Memory()), GPUUnused: s.GPUUnused}, nil
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
	slots := make(map[int]sessions.SlotStat, len(s.Admission.Slots))
	for _, slot := range s.Admission.Slots {
		slots[slot.Slot] = slot
	}
	workers := make([]Worker, len(s.Workers))
	for i, w := range s.Workers {
		batchOf := w.Slot
		if w.Helps != nil {
			batchOf = *w.Helps
		}
		workers[i] = Worker{
			Slot:         w.Slot,
			Device:       w.Device,
			State:        w.State,
			SessionIsYou: session != "" && slots[w.Slot].Session == session,
			HelpsYou:     session != "" && slots[w.Slot].Session != session && slots[batchOf].InHand == session,
			ImagesDone:   w.ImagesDone,
		}
		if w.Model != "" {
			workers[i].Model = &w.Model
		}
	}
	nodes := make([]Node, len(s.Admission.Nodes))
	for i, n := range s.Admission.Nodes {
		nodes[i] = Node{Name: n.Node, Slots: n.Slots, Open: n.Open, Active: n.Active, Draining: n.Draining}
	}
	stats := Stats{
		Slots:   Slots{Total: len(s.Admission.Slots), Active: s.Active()},
		Waiting: s.Admission.Waiting,
		Workers: workers,
		Memory:  s.Memory,
		Nodes:   nodes,
	}
	if s.GPUUnused != "" {
		stats.GPUUnused = &s.GPUUnused
	}
	return stats
}
