package lane

import (
	"context"
	"errors"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"seghub/gpuexec"
	"seghub/gpuexec/enginetest"
	"seghub/models"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	model = models.Spec{ID: "a", Input: models.Input{Height: 2, Width: 2, Channels: 1}}
	in    = models.Tensor{N: 1, H: 2, W: 2, C: 1, Pix: make([]uint8, 4)}
)

func TestASessionTakesThePlaceOfTheOneBefore(t *testing.T) {
	script := &enginetest.Script{}
	l, err := Start(script.NewEngine, 3)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{2, 1} {
		if err := errors.Join(l.Open(t.Context(), model, n), l.Warm(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := l.Run(t.Context(), in); err != nil || out.N != 1 {
		t.Errorf("a run gave %d rows, %v", out.N, err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if got := script.Unloads(); !slices.Equal(got, []string{"3 a/2", "3 a/1"}) || script.Open() > 0 || len(script.Misuse()) > 0 {
		t.Errorf("closed %v; %d engines are open; misuse %v", got, script.Open(), script.Misuse())
	}
}

func TestNothingIsAskedOfADeviceThatIsLost(t *testing.T) {
	script := &enginetest.Script{Run: enginetest.Poison}
	l, err := Start(script.NewEngine, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Open(t.Context(), model, 1); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := l.Run(t.Context(), in); !errors.Is(err, gpuexec.ErrDeviceLost) {
			t.Errorf("error %v", err)
		}
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if calls := len(script.Calls()); calls != 1 || len(script.Misuse()) > 0 {
		t.Errorf("%d runs, misuse %v", calls, script.Misuse())
	}
}

func TestAnEngineThatCannotBeMadeLeavesNoThread(t *testing.T) {
	script := &enginetest.Script{New: func(int, int) error { return context.DeadlineExceeded }}
	if _, err := Start(script.NewEngine, 0); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}
