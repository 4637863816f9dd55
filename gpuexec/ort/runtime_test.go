package ort

import (
	"bytes"
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"seghub/gpuexec"
	"seghub/gpuexec/cuda"
	"seghub/models/modeltest"
)

func TestOpenSaysHowToGetTheLibrary(t *testing.T) {
	_, err := Open(filepath.Join(t.TempDir(), "libonnxruntime.so.1"), "auto", 4, quiet)
	if !errors.Is(err, ErrLibraryAbsent) {
		t.Fatalf("Open = %v", err)
	}
	for _, hint := range []string{"make run", "SEGHUB_ORT_LIBRARY"} {
		if !strings.Contains(err.Error(), hint) {
			t.Errorf("%q does not say %s", err, hint)
		}
	}
}

func TestOpenRefusesWhatIsNoLibrary(t *testing.T) {
	path := filepath.Join(t.TempDir(), "libonnxruntime.so.1")
	if err := os.WriteFile(path, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, gpuexec.CPU, 4, quiet); err == nil {
		t.Error("a text file was loaded")
	}
}

func TestOpenOnceAndAgainAfterClose(t *testing.T) {
	path := library(t)
	for range 2 {
		r, err := Open(path, gpuexec.CPU, 2, quiet)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path, gpuexec.CPU, 2, quiet); err == nil {
			t.Error("the library was opened twice at once")
		}
		e, err := r.NewEngine(0)
		if err != nil {
			t.Fatal(err)
		}
		model := meanModel(t, modeltest.Options{})
		s, err := e.Open(t.Context(), model, 1)
		if err != nil {
			t.Fatal(err)
		}
		runOn(t, s, noise(model, 1, 1))
		if err := r.Close(); err == nil {
			t.Error("the library was freed under an open engine")
		}
		if err := errors.Join(s.Close(), e.Close()); err != nil { // in this order, and before the library
			t.Error(err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestNothingIsReported by the library, which would first write it down in the user's folder. A probe is a process that loads it anew.
func TestNothingIsReported(t *testing.T) {
	path, home := library(t), t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("TMPDIR", home)
	for _, name := range []string{"XDG_CACHE_HOME", "CI", "ORT_DISABLE_TELEMETRY"} { // where else it would write, and what keeps it back as well
		t.Setenv(name, "")
		if err := os.Unsetenv(name); err != nil {
			t.Fatal(err)
		}
	}
	if d := DiagnoseCPU(t.Context(), path); d.Version == "" {
		t.Fatalf("the library was not loaded: %+v", d)
	}
	left, err := os.ReadDir(home)
	if err != nil || len(left) > 0 {
		t.Errorf("the library left %v in the user's folder; %v", left, err)
	}
}

func TestDeviceIsChosenAndSaid(t *testing.T) {
	path := filepath.Join(t.TempDir(), "libonnxruntime.so.1") // without a provider beside it
	if err := os.Symlink(library(t), path); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	r, err := Open(path, "auto", 4, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if r.Device() != gpuexec.CPU || strings.Count(log.String(), "models run on the CPU") != 1 {
		t.Errorf("device %s, log %s", r.Device(), &log)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if _, err := Open(path, "cuda:0", 4, quiet); !errors.Is(err, ErrNoGPU) || !strings.Contains(err.Error(), cudaProvider) {
		t.Errorf("cuda:0: %v", err)
	}
	for _, wrong := range []string{"", "gpu", "cuda", "cuda:", "cuda:-1", "cuda:x", "0"} {
		if _, err := Open(path, wrong, 4, quiet); err == nil || errors.Is(err, ErrNoGPU) {
			t.Errorf("device %q: %v", wrong, err)
		}
	}
}

func TestThreadsOfAWorker(t *testing.T) {
	cores := runtime.GOMAXPROCS(0)
	for _, c := range []struct {
		device device
		slots  int
		want   int
	}{
		{device{}, 1, cores},
		{device{}, cores, 1},
		{device{}, 4 * cores, 1},
		{device{cuda: &cuda.Runtime{}}, 1, 1},
	} {
		if got := threads(c.device, c.slots); got != c.want {
			t.Errorf("%s with %d slots: %d threads, want %d", c.device, c.slots, got, c.want)
		}
	}
}

func TestProviderOptions(t *testing.T) {
	d := device{cuda: &cuda.Runtime{}, index: 2, memoryLimit: 5 << 30}
	want := map[string]string{
		"device_id":               "2",
		"gpu_mem_limit":           "5368709120",
		"arena_extend_strategy":   "kSameAsRequested",
		"cudnn_conv_algo_search":  "HEURISTIC",
		"use_tf32":                "1",
		"has_user_compute_stream": "1",
		"user_compute_stream":     "4294967297", // of 64 bits
	}
	if got := d.providerOptions(0x100000001, "fp32"); !maps.Equal(got, want) {
		t.Errorf("fp32: %v", got)
	}
	want["prefer_nhwc"] = "1"
	if got := d.providerOptions(0x100000001, "fp16"); !maps.Equal(got, want) {
		t.Errorf("fp16: %v", got)
	}
}

func TestMemoryShare(t *testing.T) {
	const gib = 1 << 30
	for _, c := range []struct {
		total uint64
		slots int
		want  uint64
	}{
		{24 * gib, 4, 5 * gib},
		{6 * gib, 1, 5 * gib},
	} {
		if got := memoryShare(c.total, c.slots); got != c.want {
			t.Errorf("memoryShare(%d, %d) = %d, want %d", c.total, c.slots, got, c.want)
		}
	}
}

func TestDefaultLibraryIsWhereTheScriptPutsIt(t *testing.T) {
	script, err := os.ReadFile(filepath.Join("..", "..", "scripts", "fetch-onnxruntime"))
	if err != nil {
		t.Fatal(err)
	}
	path := DefaultLibrary()
	for _, part := range []string{`VERSION = "` + version + `"`, `file: "` + filepath.Base(path) + `"`,
		`PROVIDER_FILES = ["` + sharedProvider + `", "` + cudaProvider + `"]`} {
		if !strings.Contains(string(script), part) {
			t.Errorf("the script has no %s", part)
		}
	}
	if !strings.Contains(path, filepath.Join("seghub", "onnxruntime", version)) {
		t.Errorf("DefaultLibrary() = %s", path)
	}
}
