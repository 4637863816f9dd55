package status

import (
	"context"
	"errors"
	"slices"
	"testing"

	"seghub/gpuexec"
	"seghub/gpuexec/budget"
	"seghub/sessions"
)

func snapshot(t *testing.T) Snapshot {
	t.Helper()
	s, err := Source{
		Admission: func(context.Context) (sessions.Stats, error) {
			return sessions.Stats{Slots: []sessions.SlotStat{{Slot: 0, Session: "ada"}, {Slot: 1, InHand: "bob"}, {Slot: 2, Session: "bob", InHand: "bob"}}, Waiting: 3,
				Nodes: []sessions.NodeStat{{Node: "one", Slots: 3, Open: 2, Active: 2}, {Node: "two", Slots: 1, Draining: true}}}, nil
		},
		Workers: func() []gpuexec.WorkerStat {
			return []gpuexec.WorkerStat{
				{Slot: 0, Device: "cpu", State: gpuexec.WorkerBusy, Model: "unet", ImagesDone: 7},
				{Slot: 1, Device: "cpu", State: gpuexec.WorkerIdle},
				{Slot: 2, Device: "cpu", State: gpuexec.WorkerIdle},
			}
		},
		Memory: func() budget.State {
			return budget.State{Usage: budget.Usage{UsedBytes: 9, TotalBytes: 10}, Pressure: budget.Critical, BreakerOpen: true, BudgetBytes: 8, BookedBytes: 3}
		},
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
	if want := []Node{{Name: "one", Slots: 3, Open: 2, Active: 2}, {Name: "two", Slots: 1, Draining: true}}; !slices.Equal(got.Nodes, want) {
		t.Errorf("nodes %+v, want %+v", got.Nodes, want)
	}
	for i, you := range []bool{false, false, true} {
		if got.Workers[i].SessionIsYou != you {
			t.Errorf("worker %d: session_is_you %v", i, got.Workers[i].SessionIsYou)
		}
		if helps := i == 1; got.Workers[i].HelpsYou != helps {
			t.Errorf("worker %d: helps_you %v", i, got.Workers[i].HelpsYou)
		}
	}
	if m := got.Workers[0].Model; m == nil || *m != "unet" {
		t.Errorf("model of the busy worker: %v", m)
	}
	if m := got.Workers[1].Model; m != nil {
		t.Errorf("model of an idle worker: %v", *m)
	}
}

func TestAWorkerMayHelpWithTheImageOfAnother(t *testing.T) {
	s := snapshot(t)
	of := 1 // whose batch is bob's
	s.Workers[0].Helps = &of
	if got := s.For("bob").Workers[0]; !got.HelpsYou || got.SessionIsYou {
		t.Errorf("%+v", got)
	}
	if got := s.For("ada").Workers[0]; got.HelpsYou {
		t.Errorf("to somebody else: %+v", got)
	}
}

func TestNobodyOwnsAFreeSlot(t *testing.T) {
	for _, w := range snapshot(t).For("").Workers {
		if w.SessionIsYou {
			t.Errorf("worker %d belongs to no session", w.Slot)
		}
	}
}

func TestWhyTheGPUIsNotUsedIsSaid(t *testing.T) {
	s := snapshot(t)
	if why := s.For("").GPUUnused; why != nil {
		t.Errorf("it is in use, or there is none: %q", *why)
	}
	s.GPUUnused = "its memory is full"
	if why := s.For("").GPUUnused; why == nil || *why != s.GPUUnused {
		t.Error(why)
	}
}

func TestMemoryIsShownAsTheBudgetHasIt(t *testing.T) {
	want := Memory{UsedBytes: 9, TotalBytes: 10, BudgetBytes: 8, BookedBytes: 3, Pressure: budget.Critical, Breaker: BreakerOpen}
	if got := snapshot(t).For("").Memory; got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestWhatCannotBeReadIsSaid(t *testing.T) {
	gone := errors.New("gone")
	s := Source{Admission: func(context.Context) (sessions.Stats, error) { return sessions.Stats{}, gone }}
	if _, err := s.Take(t.Context()); !errors.Is(err, gone) {
		t.Errorf("error %v; want %v", err, gone)
	}
}
