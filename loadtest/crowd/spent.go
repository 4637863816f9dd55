package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/shirou/gopsutil/v4/process"

	"seghub/loadtest/processes"
)

// Spent is what something took: the driver shares the machine with the hub that it measures, so that both are told apart.
type Spent struct {
	Seconds float64 `json:"seconds"`
	Hub     float64 `json:"hub_core_seconds"` // of the hub and its Redis; 0 where they are not at hand
	Driver  float64 `json:"driver_core_seconds"`
}

// spend does something and tells what that took.
func spend(hub *processes.Hub, do func() error) (Spent, error) {
	before, err := spentUntilNow(hub)
	if err != nil {
		return Spent{}, err
	}
	began := time.Now()
	doing := do()
	after, err := spentUntilNow(hub)
	return Spent{time.Since(began).Seconds(), after.Hub - before.Hub, after.Driver - before.Driver}, errors.Join(doing, err)
}

// spentUntilNow is what both have used since they began.
func spentUntilNow(hub *processes.Hub) (s Spent, err error) {
	if s.Driver, err = ownTime(); err == nil && hub != nil {
		s.Hub, err = hub.CPU()
	}
	return s, err
}

// ownTime is how many seconds of a processor this process has used.
func ownTime() (float64, error) {
	p, err := process.NewProcess(int32(os.Getpid()))
	if err != nil {
		return 0, fmt.Errorf("own processor time: %w", err)
	}
	used, err := p.Times()
	if err != nil {
		return 0, fmt.Errorf("own processor time: %w", err)
	}
	return used.User + used.System, nil
}
