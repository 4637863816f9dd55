package tune

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"seghub/gpuexec"
	"seghub/gpuexec/enginetest"
	"seghub/models"
)

var update = flag.Bool("update", false, "write the golden file anew")

func model(id string, most int) models.Spec {
	return models.Spec{
		ID: id, Version: "1", OutputName: "probability",
		Input: models.Input{Name: "image", Height: 4, Width: 4, Channels: 1, Scaling: models.ScalingFit},
		Batch: models.Batch{Alone: 1, Shared: 1, Max: most},
	}
}

// config measures models on script, one run a pass.
func config(script *enginetest.Script, workers int, list ...models.Spec) Config {
	return Config{
		NewEngine: script.NewEngine, Models: list, Workers: workers, Time: time.Nanosecond,
		InUse: func() (uint64, error) { return 0, nil },
		Steps: func(int) func(string) { return func(string) {} },
	}
}

func run(t *testing.T, c Config) []Point {
	t.Helper()
	var heard []Point
	points, err := Run(t.Context(), c, func(of []Point) error { heard = append(heard, of...); return nil })
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(heard, points) {
		t.Errorf("on the way %v were heard of, at the end there are %v", heard, points)
	}
	return points
}

func TestEveryNumberOfRowsOnEveryNumberOfWorkersHasItsTurn(t *testing.T) {
	script := &enginetest.Script{}
	c := config(script, 2, model("a", 4), model("b", 1))
	steps, total := 0, 0
	c.Steps = func(n int) func(string) {
		total = n
		return func(string) { steps++ }
	}
	var got []string
	for _, p := range run(t, c) {
		got = append(got, fmt.Sprintf("%s %d %d", p.Model, p.Workers, p.N))
		if p.PerSecond <= 0 || p.P50 <= 0 || p.P95 < p.P50 || p.OutOfMemory {
			t.Errorf("point %+v", p)
		}
	}
	if want := "a 1 1,a 1 2,a 1 3,a 1 4,a 2 1,a 2 2,a 2 3,a 2 4,b 1 1,b 2 1"; strings.Join(got, ",") != want {
		t.Errorf("points %s, want %s", strings.Join(got, ","), want)
	}
	if steps != total || total != 20 {
		t.Errorf("%d steps of %d that were announced", steps, total)
	}
	if m := script.Misuse(); len(m) > 0 || script.Open() > 0 {
		t.Errorf("misuse %v; %d engines are open", m, script.Open())
	}
}

func TestWhatDoesNotFitIsSkippedWithAllThatIsLarger(t *testing.T) {
	for name, script := range map[string]*enginetest.Script{
		"when a session is opened": {Load: func(_ context.Context, _ int, _ models.Spec, rows int) error { return full(rows) }},
		"when it runs":             {Run: func(_ context.Context, call enginetest.Call) error { return full(call.Rows) }},
	} {
		t.Run(name, func(t *testing.T) {
			points := run(t, config(script, 1, model("a", 6)))
			for _, p := range points {
				if p.OutOfMemory != (p.N >= 3) {
					t.Errorf("N=%d: out of memory %t", p.N, p.OutOfMemory)
				}
			}
			if rows := Rows(points)["a"]; len(rows) != 1 || rows[0].MaxSafe != 2 {
				t.Errorf("rows %+v", rows)
			}
			for _, load := range script.Loads() {
				if strings.Contains(load, "a/4") || strings.Contains(load, "a/6") {
					t.Errorf("%s was tried", load)
				}
			}
			if m := script.Misuse(); len(m) > 0 || script.Open() > 0 {
				t.Errorf("misuse %v; %d engines are open", m, script.Open())
			}
		})
	}
}

func full(rows int) error {
	if rows < 3 {
		return nil
	}
	return fmt.Errorf("%w: the arena is at its limit", gpuexec.ErrOutOfMemory)
}

func TestAModelThatNeverFitsHasNoRow(t *testing.T) {
	script := &enginetest.Script{Run: enginetest.OutOfMemory(-1)}
	if rows := Rows(run(t, config(script, 2, model("a", 2)))); len(rows) != 0 {
		t.Errorf("rows %+v", rows)
	}
}

func TestALostDeviceEndsTheSweepWithoutAnotherCall(t *testing.T) {
	script := &enginetest.Script{Run: enginetest.Poison}
	_, err := Run(t.Context(), config(script, 1, model("a", 4)), func([]Point) error { return nil })
	if !errors.Is(err, gpuexec.ErrDeviceLost) {
		t.Errorf("error %v", err)
	}
	if m := script.Misuse(); len(m) > 0 {
		t.Errorf("misuse %v", m)
	}
}

func TestTheEndOfTheContextEndsTheSweep(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	script := &enginetest.Script{Run: func(ctx context.Context, _ enginetest.Call) error {
		cancel()
		<-ctx.Done()
		return ctx.Err()
	}}
	if _, err := Run(ctx, config(script, 2, model("a", 4)), func([]Point) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if script.Open() > 0 {
		t.Errorf("%d engines are open", script.Open())
	}
}

func TestMemoryIsThatOfOneMoreSession(t *testing.T) {
	const weights, oneRow, own = 100, 7, 5000
	var used, runs, engines atomic.Int64
	script := &enginetest.Script{
		New: func(int, int) error { // the library's own comes with the first session
			engines.Add(1)
			runs.Store(0)
			return nil
		},
		Load: func(context.Context, int, models.Spec, int) error {
			if engines.Load() == 1 {
				used.Add(own)
			}
			used.Add(weights)
			return nil
		},
		Run: func(_ context.Context, call enginetest.Call) error {
			if runs.Add(1) == 1 {
				used.Add(int64(oneRow * call.Rows))
			}
			return nil
		},
	}
	c := config(script, 2, model("a", 1))
	c.InUse = func() (uint64, error) { return uint64(used.Load()), nil }
	points := run(t, c)
	if p := points[1]; p.WeightsBytes != weights || p.RunBytes != oneRow || p.PeakBytes < weights {
		t.Errorf("point %+v", p)
	}
}

func TestTheSmallestNumberOfRowsWithinThreePercentOfTheBestIsTaken(t *testing.T) {
	points := []Point{
		{Model: "a", Workers: 1, N: 1, PerSecond: 50},
		{Model: "a", Workers: 1, N: 2, PerSecond: 97.5, WeightsBytes: 10, RunBytes: 20},
		{Model: "a", Workers: 1, N: 4, PerSecond: 100},
		{Model: "a", Workers: 1, N: 8, PerSecond: 90},
		{Model: "a", Workers: 4, N: 1, PerSecond: 96},
		{Model: "a", Workers: 4, N: 2, PerSecond: 100},
		{Model: "a", Workers: 4, N: 4, OutOfMemory: true},
		{Model: "b", Workers: 1, N: 1, OutOfMemory: true},
	}
	want := map[string][]models.BatchRow{"a": {
		{ConcurrentUsers: 1, Optimal: 2, MaxSafe: 8, WeightsBytes: 10, RunBytes: 20},
		{ConcurrentUsers: 4, Optimal: 2, MaxSafe: 2},
	}}
	if got := Rows(points); !reflect.DeepEqual(got, want) {
		t.Errorf("rows %+v, want %+v", got, want)
	}
}

func TestRowsOfOtherModelsStayIfTheyAreOfTheSameDevice(t *testing.T) {
	a := map[string][]models.BatchRow{"a": {{ConcurrentUsers: 1, Optimal: 2, MaxSafe: 4}}}
	b := map[string][]models.BatchRow{"b": {{ConcurrentUsers: 1, Optimal: 3, MaxSafe: 6}}}
	for _, c := range []struct {
		name, device string
		before       string // what lies there
		kept         bool
	}{
		{name: "same device", device: "here", kept: true},
		{name: "another device", device: "elsewhere"},
		{name: "no table", device: "here", before: "no JSON"},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := t.TempDir()
			if err := Save(folder, "here", a); err != nil {
				t.Fatal(err)
			}
			if c.before != "" {
				if err := os.WriteFile(filepath.Join(folder, models.BatchFile), []byte(c.before), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := Save(folder, c.device, b); err != nil {
				t.Fatal(err)
			}
			table, err := models.ReadBatches(folder, c.device)
			if err != nil {
				t.Fatal(err)
			}
			if _, has := table.Models["a"]; has != c.kept || !reflect.DeepEqual(table.Models["b"], b["b"]) {
				t.Errorf("table %+v", table)
			}
		})
	}
}

func TestTable(t *testing.T) {
	points := []Point{
		{Model: "hrnet", Workers: 1, N: 1, PerSecond: 20.5, P50: 48 * time.Millisecond, P95: 51 * time.Millisecond, PeakBytes: 300 << 20},
		{Model: "hrnet", Workers: 1, N: 2, PerSecond: 31.25, P50: 64 * time.Millisecond, P95: 70 * time.Millisecond, PeakBytes: 410 << 20},
		{Model: "hrnet", Workers: 1, N: 3, OutOfMemory: true},
		{Model: "hrnet", Workers: 2, N: 1, PerSecond: 30, P50: 66 * time.Millisecond, P95: 71 * time.Millisecond},
		{Model: "hrnet", Workers: 2, N: 2, OutOfMemory: true},
		{Model: "unet", Workers: 1, N: 1, PerSecond: 3},
		{Model: "unet", Workers: 1, N: 2, PerSecond: 2},
	}
	var out bytes.Buffer
	if err := errors.Join(WriteHead(&out), WritePoints(&out, points), WriteRows(&out, Rows(points))); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", "table.txt")
	if *update {
		if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), want) {
		t.Errorf("the table is not what it was:\n%s", out.String())
	}
}
