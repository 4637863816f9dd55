package bench

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"seghub/app/config"
	"seghub/gpuexec"
	"seghub/gpuexec/ort"
	"seghub/models"
)

const weights = "../../models/weights"

// small is the least that measures every path once.
func small(t *testing.T) Config {
	t.Helper()
	if _, err := os.Stat(ort.DefaultLibrary()); err != nil {
		t.Skip("left out: ONNX Runtime library is absent; scripts/fetch-onnxruntime gets it")
	}
	registry, err := models.Open(weights, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	spec, known := registry.Get("unet_spherohq")
	if !known {
		t.Fatal("the model is not there")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Config{
		Command: []string{self, "bench-part"},
		Part:    Part{Inference: config.Inference{Models: weights, Device: gpuexec.CPU}, Images: 2},
		Models:  []models.Spec{spec}, Sessions: []int{2}, Images: 2, Rounds: 1, Sockets: 3, Objects: 100,
		Steps: func(int) func(string) { return func(string) {} },
	}
}

func TestEveryPathIsMeasuredBesideTheOthers(t *testing.T) {
	var names []string
	c := small(t)
	announced := 0
	c.Steps = func(total int) func(string) {
		announced = total
		return func(name string) { names = append(names, name) }
	}
	r, err := Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if len(names) != announced {
		t.Errorf("%d steps were announced, %d done: %s", announced, len(names), strings.Join(names, "; "))
	}
	if r.Device == "" || r.Hub.ReadySeconds <= 0 || r.Hub.IdleResidentBytes < mib || r.Hub.Sockets != 3 {
		t.Errorf("report %+v", r)
	}
	if len(r.Rows) != len(Paths) {
		t.Fatalf("%d rows, want one a path", len(r.Rows))
	}
	for i, row := range r.Rows {
		masks := slices.Contains([]Path{PathPool, PathHub}, row.Path)
		switch {
		case row.Error != "":
			t.Errorf("%s failed: %s", row.Path, row.Error)
		case row.Path != Paths[i] || row.Images != 4 || row.Seconds <= 0 || row.P50 <= 0 || row.P95 < row.P50 || row.CoreMS <= 0 || row.ResidentBytes < mib:
			t.Errorf("row %+v", row)
		case masks != (row.Mask != nil) || masks && (row.Mask.P50 <= 0 || row.Mask.P95 > row.P95):
			t.Errorf("%s: the time from inference to mask is %+v", row.Path, row.Mask)
		}
	}
	if a := r.Again; a.Error != "" || a.Sessions != 2 || a.Requests != 16 || a.P50 <= 0 || a.P95 < a.P50 {
		t.Errorf("measured again: %+v", a)
	}
	if len(r.Alone) != 1 || r.Alone[0].P50 <= r.Alone[0].Mask.P50 || r.Alone[0].Mask.P50 <= 0 {
		t.Errorf("one image at a time: %+v", r.Alone)
	}
}

func TestARunThatIsEndedLeavesNothing(t *testing.T) {
	c := small(t)
	t.Setenv("TMPDIR", t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	c.Steps = func(int) func(string) {
		return func(name string) {
			if strings.HasPrefix(name, "one image") {
				cancel()
			}
		}
	}
	if _, err := Run(ctx, c); !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(os.TempDir(), "seghub-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestAPartThatDoesNotStartSaysWhy(t *testing.T) {
	c := small(t)
	c.Part.ORTLibrary = "no such library"
	_, err := Run(t.Context(), c)
	if err == nil || !strings.Contains(err.Error(), "no such library") {
		t.Errorf("error %v", err)
	}
}

func TestWhatAPathFailsAtIsAWordInItsRows(t *testing.T) {
	contenders := map[Path]contender{}
	for _, path := range Paths {
		contenders[path] = &fake{wall: time.Second, fails: path == PathLock}
	}
	rows := measure(t.Context(), scenario{"m", []string{"m", "m"}}, 3, contenders, gpu{}, func(string) {})
	for _, row := range rows {
		failed := row.Path == PathLock
		if failed != (row.Error != "") || !failed && (row.Images != 3 || row.ImagesPerSecond != 1 || row.OfBare != 1) {
			t.Errorf("row %+v", row)
		}
	}
}

// fake is a path that does nothing.
type fake struct {
	wall  time.Duration
	fails bool
}

func (f *fake) open(context.Context, []string) error { return nil }

func (f *fake) round(context.Context) (outcome, error) {
	if f.fails {
		return outcome{}, errors.New("no more memory")
	}
	return outcome{Wall: f.wall, Latencies: []time.Duration{f.wall}}, nil
}

func (f *fake) processes() processes { return nil }
func (f *fake) close() error         { return nil }
