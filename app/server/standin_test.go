package server

import (
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"seghub/gpuexec/cuda/cudatest"
	"seghub/gpuexec/ort"
)

// onlyModel is a models folder with the tests' model alone: each of them is made warm before the hub is ready.
func onlyModel(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(weights, model+".onnx"))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, model+".onnx"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

// A hub on a GPU whose context an error poisons in the middle of ten jobs: its process ends, the parent starts it anew, and the user
// finds all ten done, each once.
func TestAHubWhoseGPUIsLostIsStartedAnew(t *testing.T) {
	needRedisServer(t)
	settings(t)
	if !ort.HasCUDAProvider("") {
		t.Skip("left out: CUDA: ONNX Runtime has no CUDA provider beside it: make runtime GPU=1 fetches it")
	}
	card := cudatest.Open(t)
	env := append(card.Environ(), "SEGHUB_DEVICE=cuda:0", "SEGHUB_MODELS="+onlyModel(t), "SEGHUB_SLOTS=2", "SEGHUB_LISTEN="+freeAddress(t),
		"SEGHUB_DATA="+t.TempDir(), "SEGHUB_REDIS=auto", "SEGHUB_NODE=here", "REDIS_URL=")
	hub := launch(t, command(t), env...)
	u := newUser(t, hub.base, "Ada")
	u.connect("")
	images := make([][]byte, 10)
	for i := range images {
		images[i] = samplePNG(t, i)
	}
	// A kernel's error is heard of when a run waits for its stream.
	card.Set(t, cudatest.Settings{Faults: []cudatest.Fault{{Call: "cudaStreamSynchronize", Code: cudatest.IllegalAddress, After: 3}}})
	u.upload(http.StatusAccepted, images...)
	card.Await(t, func(log cudatest.Log) bool { return len(log.Failed()) > 0 })
	card.Set(t, cudatest.Settings{})
	hub.ready(t)
	u.connect("").untilDone(len(images))
	u.wantAllDoneOnce(len(images))

	if err := hub.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := hub.Wait(); err != nil {
		t.Errorf("asked to stop, the hub ended with %v", err)
	}
	log := card.Log(t)
	served := 0
	for _, process := range log.Processes() {
		if of := log.Of(process); of.Syncs() > 10 { // the others were probes
			served++
			t.Logf("process %d: %d plans, %d calls that failed", process, of.Plans(), len(of.Failed()))
		}
	}
	if served != 2 {
		t.Errorf("%d processes ran models, want the one that lost its GPU and the one after it", served)
	}
}
