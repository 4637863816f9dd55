package ort

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	onnx "github.com/yalue/onnxruntime_go"

	"seghub/models/modeltest"
)

// cudart is the CUDA runtime of a machine with COUNT GPUs, the first of which is such as a GTX 1080, and on which cudaGetDeviceCount ends with
// CODE.
const cudart = `
int cudaDriverGetVersion(int *v) { *v = 12040; return 0; }
int cudaRuntimeGetVersion(int *v) { *v = 13000; return 0; }
int cudaGetDeviceCount(int *count) { *count = COUNT; return CODE; }
const char *cudaGetErrorString(int code) { return "what the runtime says"; }
int cudaSetDevice() { return 0; }
int cudaSetDeviceFlags() { return 0; }
int cudaStreamCreateWithFlags() { return 0; }
int cudaStreamDestroy() { return 0; }
int cudaMemGetInfo() { return 0; }
int cudaPeekAtLastError() { return 0; }
int cudaGetLastError() { return 0; }
int cudaGetDeviceProperties(char *p, int d) { p[0] = d ? 'N' : 'O'; p[1] = 0; return 0; }
int cudaDeviceGetAttribute(int *v, int attribute, int d) { *v = attribute == 75 ? d ? 8 : 6 : attribute == 76; return 0; }
`

// fakes is a folder with ONNX Runtime, a provider that needs a library which the table of needed ones does not have, and
// everything that these two need. Processes that the test starts look for libraries there.
type fakes struct {
	t      *testing.T
	folder string
}

func newFakes(t *testing.T) fakes {
	t.Helper()
	if _, err := exec.LookPath("cc"); err != nil {
		t.Skip("left out: there is no C compiler to build stand-ins for CUDA's libraries with")
	}
	f := fakes{t, t.TempDir()}
	if err := os.Symlink(library(t), f.core()); err != nil {
		t.Fatal(err)
	}
	f.build("libfurther.so.7", "")
	empty, err := os.ReadFile(filepath.Join(f.folder, "libfurther.so.7"))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range needed {
		if err := os.WriteFile(filepath.Join(f.folder, w.file), empty, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	f.build(cudaProvider, "", "-L"+f.folder, "-Wl,--no-as-needed", "-l:libfurther.so.7", "-l:libcublas.so.13")
	t.Setenv("LD_LIBRARY_PATH", f.folder)
	return f
}

func (f fakes) core() string { return filepath.Join(f.folder, "libonnxruntime.so.1") }

// build makes a library of C source in place of the one that was there.
func (f fakes) build(file, source string, options ...string) {
	f.t.Helper()
	code := filepath.Join(f.t.TempDir(), "source.c")
	if err := os.WriteFile(code, []byte(source+"\n"), 0o600); err != nil {
		f.t.Fatal(err)
	}
	arguments := append([]string{"-shared", "-fPIC", "-w", "-o", filepath.Join(f.folder, file), code}, options...)
	if out, err := exec.Command("cc", arguments...).CombinedOutput(); err != nil {
		f.t.Fatalf("%v: %s", err, out)
	}
}

func (f fakes) remove(file string) {
	f.t.Helper()
	if err := os.Remove(filepath.Join(f.folder, file)); err != nil {
		f.t.Fatal(err)
	}
}

func TestEachMissingLibraryIsNamedAlone(t *testing.T) {
	for _, file := range []string{driverLibrary, "libcudart.so.13", "libcublasLt.so.13", "libcublas.so.13", "libcudnn.so.9", "libcurand.so.10",
		"libfurther.so.7", sharedProvider, cudaProvider} {
		t.Run(file, func(t *testing.T) {
			f := newFakes(t)
			f.remove(file)
			d := Diagnose(t.Context(), f.core(), 0)
			if !slices.Equal(d.Missing, Lacking{{File: file}}) || d.Works {
				t.Fatalf("%+v", d)
			}
			if err := d.Err(); !errors.Is(err, ErrNoGPU) || !strings.Contains(err.Error(), file) {
				t.Errorf("%v", err)
			}
			if d.Version != version {
				t.Errorf("ONNX Runtime %q", d.Version)
			}
		})
	}
}

// cuBLAS needs cuBLASLt: that is what is missing then, not both.
func TestALibraryThatLacksAnotherNamesTheOther(t *testing.T) {
	f := newFakes(t)
	f.build("libcublas.so.13", "", "-L"+f.folder, "-Wl,--no-as-needed", "-l:libcublasLt.so.13")
	f.remove("libcublasLt.so.13")
	if d := Diagnose(t.Context(), f.core(), 0); !slices.Equal(d.Missing, Lacking{{File: "libcublasLt.so.13"}}) {
		t.Errorf("%+v", d)
	}
}

func TestALibraryThatDoesNotLoadIsSaidToBeThere(t *testing.T) {
	f := newFakes(t)
	if err := os.WriteFile(filepath.Join(f.folder, "libcudnn.so.9"), []byte("half of a download"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := Diagnose(t.Context(), f.core(), 0).Err()
	if err == nil || !strings.Contains(err.Error(), "cuDNN 9 (libcudnn.so.9), which is there and does not load: ") {
		t.Errorf("%v", err)
	}
}

func TestARuntimeThatFindsNoGPUSaysWhatToDo(t *testing.T) {
	for code, remedy := range map[string]string{
		"0":   "nvidia-smi must list the GPU",
		"35":  "driver of version 580",
		"46":  "nvidia-smi -c DEFAULT",
		"100": "--gpus all",
		"304": "nvidia-smi must show",
		"802": "nvidia-fabricmanager",
		"803": "restart the machine",
		"804": "driver of version 580",
		"999": "nvidia_uvm",
	} {
		t.Run(code, func(t *testing.T) {
			f := newFakes(t)
			f.build("libcudart.so.13", cudart, "-DCOUNT=0", "-DCODE="+code)
			d := Diagnose(t.Context(), f.core(), 0)
			if d.Works || len(d.Missing) > 0 || !strings.Contains(d.Remedy, remedy) {
				t.Errorf("%+v", d)
			}
			if d.Driver.String() != "12.4" || d.CUDA.String() != "13.0" {
				t.Errorf("driver for CUDA %s, CUDA %s", d.Driver, d.CUDA)
			}
		})
	}
}

func TestAGPUThatIsTooOldForCUDAIsSaidToBe(t *testing.T) {
	f := newFakes(t)
	f.build("libcudart.so.13", cudart, "-DCOUNT=1", "-DCODE=0")
	d := Diagnose(t.Context(), f.core(), 0)
	if d.Works || !strings.Contains(d.Problem, "compute capability 6.1") || !strings.Contains(d.Remedy, "RTX 20") {
		t.Errorf("%+v", d)
	}
	// Where CUDA counts an old card that is fast before a newer one.
	f.build("libcudart.so.13", cudart, "-DCOUNT=2", "-DCODE=0")
	if d := Diagnose(t.Context(), f.core(), 0); d.Remedy != "set SEGHUB_DEVICE=cuda:1, which is N" {
		t.Errorf("%+v", d)
	}
}

func TestALibraryThatEndsItsProcessEndsTheProbeAlone(t *testing.T) {
	f := newFakes(t)
	f.build("libcudart.so.13", `
#include <stdio.h>
#include <stdlib.h>
__attribute__((constructor)) static void start(void) { puts("not a report"); fputs("\n  the card fell off the bus\n", stderr); abort(); }`)
	d := Diagnose(t.Context(), f.core(), 0)
	if d.Works || d.Err() == nil {
		t.Fatalf("%+v", d)
	}
	for _, part := range []string{"load libcudart.so.13", "abort", "the card fell off the bus"} {
		if !strings.Contains(d.Err().Error(), part) {
			t.Errorf("%q does not say %q", d.Err(), part)
		}
	}
}

func TestAProbeThatDoesNotComeBackIsEnded(t *testing.T) {
	f := newFakes(t)
	f.build("libcudart.so.13", "#include <unistd.h>\n__attribute__((constructor)) static void start(void) { for (;;) pause(); }")
	defer func(d time.Duration) { probeWithin = d }(probeWithin)
	probeWithin = time.Second
	if err := Diagnose(t.Context(), f.core(), 0).Err(); err == nil || !strings.Contains(err.Error(), "did not come back") {
		t.Errorf("%v", err)
	}
}

func TestDiagnosisOfTheCPU(t *testing.T) {
	d := DiagnoseCPU(t.Context(), library(t))
	if d.Version != version || d.Problem != "" || len(d.Missing) > 0 {
		t.Errorf("%+v", d)
	}
	path := filepath.Join(t.TempDir(), "libonnxruntime.so.1")
	if err := os.WriteFile(path, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	if d := DiagnoseCPU(t.Context(), path); d.Version != "" || !strings.Contains(d.Problem, "load ONNX Runtime") {
		t.Errorf("%+v", d)
	}
}

func TestTheSentenceSaysWhatToInstall(t *testing.T) {
	for name, c := range map[string]struct {
		diagnosis Diagnosis
		want      string
	}{
		"driver": {Diagnosis{Missing: Lacking{{File: driverLibrary}}},
			"no GPU can be used: this machine lacks the NVIDIA driver (libcuda.so.1); " +
				"install nvidia-driver-580 or later with apt, or start the container with --gpus all"},
		"two of one package": {Diagnosis{Missing: Lacking{{File: "libcublasLt.so.13"}, {File: "libcublas.so.13"}}},
			"no GPU can be used: this machine lacks cuBLASLt 13 (libcublasLt.so.13) and cuBLAS 13 (libcublas.so.13); install libcublas-13-0 with apt " +
				"(or nvidia-cublas with pip, and its nvidia/*/lib folders on LD_LIBRARY_PATH)"},
		"provider": {Diagnosis{Missing: Lacking{{File: sharedProvider}, {File: cudaProvider}}},
			"no GPU can be used: this machine lacks ONNX Runtime's provider interface (libonnxruntime_providers_shared.so) and " +
				"ONNX Runtime's CUDA provider (libonnxruntime_providers_cuda.so); run `make runtime GPU=1`"},
		"everything": {Diagnosis{Missing: Lacking{{File: driverLibrary}, {File: "libcudart.so.13"}, {File: "libcudnn.so.9"}, {File: cudaProvider}}},
			"no GPU can be used: this machine lacks the NVIDIA driver (libcuda.so.1), cudart 13 (libcudart.so.13), cuDNN 9 (libcudnn.so.9) and " +
				"ONNX Runtime's CUDA provider (libonnxruntime_providers_cuda.so); " +
				"install nvidia-driver-580 or later with apt, or start the container with --gpus all; " +
				"install cuda-cudart-13-0 and libcudnn9-cuda-13 with apt (or nvidia-cuda-runtime and nvidia-cudnn-cu13 with pip, " +
				"and its nvidia/*/lib folders on LD_LIBRARY_PATH); run `make runtime GPU=1`"},
		"unknown": {Diagnosis{Missing: Lacking{{File: "libfurther.so.7"}}},
			"no GPU can be used: this machine lacks libfurther.so.7"},
		"problem": {Diagnosis{Problem: "it broke", Remedy: "mend it"},
			"no GPU can be used: it broke; mend it"},
		"problem of an unknown kind": {Diagnosis{Problem: "it broke"},
			"no GPU can be used: it broke"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := c.diagnosis.Err(); err == nil || err.Error() != c.want {
				t.Errorf("%v\nwant %s", err, c.want)
			}
		})
	}
	if err := (Diagnosis{Works: true}).Err(); err != nil {
		t.Error(err)
	}
}

func TestAnObstacleIsCutForThePageBetweenCharacters(t *testing.T) {
	for name, c := range map[string]struct {
		diagnosis Diagnosis
		want      string
	}{
		"short":          {Diagnosis{Problem: "it broke", Remedy: "mend it"}, "it broke; mend it"},
		"long":           {Diagnosis{Problem: strings.Repeat("é", 100), Remedy: "mend it"}, "mend it"},
		"long and alone": {Diagnosis{Problem: "x" + strings.Repeat("é", 100)}, "x" + strings.Repeat("é", 59)},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.diagnosis.brief(); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// The probe's model is a model, and its convolution one: of ones, over ones.
func TestTheProbesConvolution(t *testing.T) {
	openCPU(t, 1)
	session, err := onnx.NewDynamicAdvancedSessionWithONNXData(convolution(), []string{"x"}, []string{"y"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer release(session)
	ones := make([]float32, convolved*convolved)
	for i := range ones {
		ones[i] = 1
	}
	input, err := onnx.NewTensor(onnx.NewShape(1, 1, convolved, convolved), ones)
	if err != nil {
		t.Fatal(err)
	}
	defer release(input)
	output := []onnx.Value{nil}
	if err := session.Run([]onnx.Value{input}, output); err != nil {
		t.Fatal(err)
	}
	defer release(output[0])
	y := output[0].(*onnx.Tensor[float32]).GetData()
	if y[0] != 4 || y[1] != 6 || y[convolved+1] != 9 {
		t.Errorf("a corner is %g, an edge %g, the middle %g; want 4, 6, 9", y[0], y[1], y[convolved+1])
	}
}

// TestModelsAreTriedBeforeAHubWould tells of a model that reads well, and that ONNX Runtime does not take.
func TestModelsAreTriedBeforeAHubWould(t *testing.T) {
	folder := t.TempDir()
	good, bad, gone := filepath.Join(folder, "good.onnx"), filepath.Join(folder, "bad.onnx"), filepath.Join(folder, "gone.onnx")
	err := errors.Join(modeltest.Write(good, modeltest.Options{ID: "good"}), modeltest.Write(bad, modeltest.Options{ID: "bad", Reduce: "ReduceNothing"}))
	if err != nil {
		t.Fatal(err)
	}
	refused := TryModels(t.Context(), library(t), []string{bad, good, gone})
	if len(refused) != 2 || !strings.Contains(refused[bad], "ReduceNothing") || refused[gone] == "" {
		t.Errorf("refused %q", refused)
	}
	if refused := TryModels(t.Context(), filepath.Join(folder, "absent.so"), []string{bad}); len(refused) != 0 {
		t.Errorf("without the library: refused %q", refused)
	}
}
