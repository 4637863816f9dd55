package status

import (
	"context"
	"errors"
	"testing"

	"seghub/gpuexec"
	"seghub/sessions"
)

func snapshot(t *testing.T) Snapshot {
	t.Helper()
	s, err := Source{
		Admission: func(context.Context) (sessions.Stats, error) {
			return sessions.Stats{Slots: []sessions.SlotStat{{Slot: 0, Session: "ada"}, {Slot: 1}, {Slot: 2, Session: "bob"}}, Waiting: 3}, nil
		},
		Workers: func() []gpuexec.WorkerStat {
			return []gpuexec.WorkerStat{
				{Slot: 0, Device: "cpu", State: gpuexec.WorkerBusy, Model: "unet", ImagesDone: 7},
				{Slot: 1, Device: "cpu", State: gpuexec.WorkerIdle},
				{Slot: 2, Device: "cpu", State: gpuexec.WorkerIdle},
			}
		},
		Memory: func(context.Context) (Memory, error) { return NewMemory(1, 10), nil },
	}.Take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestASessionSeesOnlyThatASlotIsItsOwn(t *testing.T) {
	got := snapshot(t).For("bob")
	if got.Slots != (Slots{Total: 3, Active: 2}) || got.Waiting != 3 {
		t.Errorf("slots %+v, waiting %d", got.Slots, got.Waiting)
	}
	for i, you := range []bool{false, false, true} {
		if got.Workers[i].SessionIsYou != you {
			t.Errorf("worker %d: session_is_you %v", i, got.Workers[i].SessionIsYou)
		}
	}
	if m := got.Workers[0].Model; m == nil || *m != "unet" {
		t.Errorf("model of the busy worker: %v", m)
	}
	if m := got.Workers[1].Model; m != nil {
		t.Errorf("model of an idle worker: %v", *m)
	}
}

func TestNobodyOwnsAFreeSlot(t *testing.T) {
	for _, w := range snapshot(t).For("").Workers {
		if w.SessionIsYou {
			t.Errorf("worker %d belongs to no session", w.Slot)
		}
	}
}

func TestPressure(t *testing.T) {
	for _, test := range []struct {
		used, total uint64
		want        Pressure
	}{
		{0, 0, PressureNormal},
		{82, 100, PressureNormal},
		{83, 100, PressureHigh},
		{89, 100, PressureHigh},
		{90, 100, PressureCritical},
	} {
		if got := NewMemory(test.used, test.total).Pressure; got != test.want {
			t.Errorf("%d of %d: %s, want %s", test.used, test.total, got, test.want)
		}
	}
}

func TestWhatCannotBeReadIsSaid(t *testing.T) {
	gone := errors.New("gone")
	good := Source{
		Admission: func(context.Context) (sessions.Stats, error) { return sessions.Stats{}, nil },
		Workers:   func() []gpuexec.WorkerStat { return nil },
		Memory:    func(context.Context) (Memory, error) { return Memory{}, nil },
	}
	noRedis, noMemory := good, good
	noRedis.Admission = func(context.Context) (sessions.Stats, error) { return sessions.Stats{}, gone }
	noMemory.Memory = func(context.Context) (Memory, error) { return Memory{}, gone }
	for _, s := range []Source{noRedis, noMemory} {
		if _, err := s.Take(t.Context()); !errors.Is(err, gone) {
			t.Errorf("error %v; want %v", err, gone)
		}
	}
}
