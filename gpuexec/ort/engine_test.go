package ort

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"seghub/gpuexec"
	"seghub/models"
	"seghub/models/modeltest"
)

func TestRunComputesTheGraph(t *testing.T) {
	model := meanModel(t, modeltest.Options{Height: 4, Width: 6, Channels: 3})
	e := newEngine(t, openCPU(t, 1), 0)
	in := noise(model, 3, 1)
	out := run(t, e, model, in)
	if out.N != 3 || out.H != 4 || out.W != 6 || out.C != 1 {
		t.Fatalf("the output is [%d,%d,%d,%d]", out.N, out.H, out.W, out.C)
	}
	for i, got := range out.Pix {
		sum := int(in.Pix[3*i]) + int(in.Pix[3*i+1]) + int(in.Pix[3*i+2])
		if want := sum / 3; int(got) != want {
			t.Fatalf("pixel %d is %d, want %d", i, got, want)
		}
	}
}

func TestTwoOutputsComeTogether(t *testing.T) {
	model := meanModel(t, modeltest.Options{Channels: 3, Border: true})
	in := noise(model, 2, 1)
	out := run(t, newEngine(t, openCPU(t, 1), 0), model, in)
	if out.N != 2 || out.C != 2 || len(out.Pix) != 2*2*64*64 {
		t.Fatalf("the output is [%d,%d,%d,%d]", out.N, out.H, out.W, out.C)
	}
	for i := range len(out.Pix) / 2 {
		a, b, c := in.Pix[3*i], in.Pix[3*i+1], in.Pix[3*i+2]
		if mean := (int(a) + int(b) + int(c)) / 3; int(out.Pix[2*i]) != mean || out.Pix[2*i+1] != max(a, b, c) {
			t.Fatalf("pixel %d of %d, %d, %d is %v", i, a, b, c, out.Pix[2*i:2*i+2])
		}
	}
}

// The shipped model runs, and gives each image of a batch what it gives it alone.
func TestABatchGivesWhatItsImagesGiveAlone(t *testing.T) {
	model := shippedModel(t)
	e := newEngine(t, openCPU(t, 1), 0)
	in := noise(model, 2, 7)
	together := run(t, e, model, in)
	size := len(in.Pix) / in.N
	for n := range in.N {
		alone := run(t, e, model, models.Tensor{N: 1, H: in.H, W: in.W, C: in.C, Pix: in.Pix[n*size : (n+1)*size]})
		part := together.Pix[n*len(alone.Pix) : (n+1)*len(alone.Pix)]
		for i := range part {
			if diff := int(part[i]) - int(alone.Pix[i]); diff < -1 || diff > 1 {
				t.Fatalf("image %d, pixel %d: %d in the batch, %d alone", n, i, part[i], alone.Pix[i])
			}
		}
	}
}

// shippedModel is one of models/weights.
func shippedModel(t testing.TB) models.Spec {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("..", "..", "models", "weights", "*.onnx"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("there are no models in models/weights: %v", err)
	}
	model, err := models.ReadSpec(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	return model
}

func TestFourEnginesAtOnceGiveWhatOneGives(t *testing.T) {
	const engines, rounds = 4, 3
	model := shippedModel(t)
	r := openCPU(t, engines)
	alone := openSession(t, newEngine(t, r, 0), model, 1)
	var inputs, want [rounds]models.Tensor
	for i := range rounds {
		inputs[i] = noise(model, 1, uint32(i))
		want[i] = runOn(t, alone, inputs[i])
	}
	var group sync.WaitGroup
	for slot := range engines {
		group.Go(func() {
			runtime.LockOSThread()
			e, err := r.NewEngine(slot)
			if err != nil {
				t.Error(err)
				return
			}
			s, err := e.Open(context.Background(), model, 1)
			if err != nil {
				t.Error(err)
				return
			}
			for i := range rounds {
				out, err := s.Run(context.Background(), inputs[i])
				if err != nil || !bytes.Equal(out.Pix, want[i].Pix) {
					t.Errorf("engine %d, image %d: error %v, or not what it is alone", slot, i, err)
				}
			}
			if err := errors.Join(s.Close(), e.Close()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

func TestTheEndOfTheContextTerminatesARun(t *testing.T) {
	// One step takes a few milliseconds, all of them take minutes: that Run returns at all shows that it was terminated.
	model := longModel(t, 512, 20_000)
	short := meanModel(t, modeltest.Options{})
	e := newEngine(t, openCPU(t, 4), 0)
	long := openSession(t, e, model, 1)
	for round := range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan time.Time, 1)
		timer := time.AfterFunc(50*time.Millisecond, func() { ended <- time.Now(); cancel() })
		_, err := long.Run(ctx, noise(model, 1, 1))
		returned := time.Now()
		timer.Stop()
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("round %d: %v", round, err)
		}
		t.Logf("round %d: the run ended %v after its context", round, returned.Sub(<-ended))
		run(t, e, short, noise(short, 1, 1)) // the engine works on
	}
	if _, err := long.Run(endedContext(), noise(model, 1, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("a run whose context had ended: %v", err)
	}
}

func endedContext() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func TestOpenRefusesWhatIsNoModel(t *testing.T) {
	model := meanModel(t, modeltest.Options{})
	e := newEngine(t, openCPU(t, 1), 0)
	broken := model
	broken.ID, broken.Path = "broken", filepath.Join(t.TempDir(), "broken.onnx")
	if err := os.WriteFile(broken.Path, []byte("not a model"), 0o600); err != nil {
		t.Fatal(err)
	}
	misnamed := model
	misnamed.ID, misnamed.OutputName = "misnamed", "no such output"
	for _, m := range []models.Spec{broken, misnamed} {
		if _, err := gpuexec.OpenWarm(t.Context(), e, m, 1); err == nil || !strings.Contains(err.Error(), m.ID) {
			t.Errorf("%s: %v", m.ID, err)
		}
	}
	openSession(t, e, model, 1)
}

// Runs, terminated ones among them, keep no memory: the process is not larger after many than after the first hundred.
func TestMemoryDoesNotGrow(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("left out: the resident memory is read from /proc, which is Linux's")
	}
	const warmup, runs, allowed = 100, 500, 16 << 20
	model := meanModel(t, modeltest.Options{Height: 512, Width: 512, Channels: 3})
	s := openSession(t, newEngine(t, openCPU(t, 1), 0), model, 4)
	in := noise(model, 4, 1) // 3 MB in, 1 MB out: a leak of either is 500 MB and more
	ended := endedContext()
	var before int64
	for n := range warmup + runs {
		if n == warmup {
			before = residentBytes(t)
		}
		runOn(t, s, in)
		if _, err := s.Run(ended, in); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	if grown := residentBytes(t) - before; grown > allowed {
		t.Errorf("%d runs added %d bytes", runs, grown)
	}
}

// residentBytes is the resident memory of this process once Go has given back what it does not use, which it does in its own time otherwise.
func residentBytes(t *testing.T) int64 {
	t.Helper()
	debug.FreeOSMemory()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}
