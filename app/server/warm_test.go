package server

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"seghub/app/config"
	"seghub/models"
	"seghub/models/modeltest"
)

// await asks again and again until the answer is yes.
func await(tb testing.TB, what string, yes func() bool) {
	tb.Helper()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	limit := time.After(patience)
	for !yes() {
		select {
		case <-again.C:
		case <-limit:
			tb.Fatalf("not in time: %s", what)
		}
	}
}

// Whoever mistypes a model's name, as for `seghub segment`, is told those that there are.
func TestAMistypedModelIsToldTheOthers(t *testing.T) {
	folder := t.TempDir()
	for _, id := range []string{"cells", "nuclei"} {
		if err := modeltest.Write(filepath.Join(folder, id+".onnx"), modeltest.Options{ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	s := &server{cfg: config.Config{Inference: config.Inference{Models: folder}, Warm: []string{"cell"}}}
	var err error
	if s.models, err = models.Open(folder, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	if err := s.loadModels(t.Context()); err == nil || !strings.Contains(err.Error(), `"cell"`) || !strings.Contains(err.Error(), "which has cells, nuclei") {
		t.Errorf("%v", err)
	}
}

// A hub whose only model is replaced by one that ONNX Runtime does not take could run no job, and says so until it has another.
func TestAHubWithoutAModelThatLoadsIsNotReady(t *testing.T) {
	c := settings(t)
	c.Models, c.Warm = t.TempDir(), nil
	put := func(name string, o modeltest.Options) {
		t.Helper()
		unfinished := filepath.Join(t.TempDir(), "model")
		if err := errors.Join(modeltest.Write(unfinished, o), os.Rename(unfinished, filepath.Join(c.Models, name))); err != nil {
			t.Fatal(err)
		}
	}
	put("one.onnx", modeltest.Options{ID: model})
	base, _ := serve(t, c)
	says := func(words string) func() bool {
		return func() bool { return strings.Contains(readiness(t, base), words) }
	}
	await(t, "a hub that is ready", says(`"ready"`))
	put("one.onnx", modeltest.Options{ID: model, Reduce: "ReduceNothing"})
	await(t, "a hub that says what is wrong with its model", says("ReduceNothing"))
	put("two.onnx", modeltest.Options{ID: "other"})
	await(t, "a hub that has another", says(`"ready"`))
}

// readiness is what /readyz answers.
func readiness(t *testing.T, base string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/readyz", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A hub that has no model is given one, works with it, and has none again: all without a restart.
func TestAModelComesAndGoesWithoutARestart(t *testing.T) {
	c := settings(t)
	c.Models, c.Warm = t.TempDir(), nil // it takes what comes
	base, _ := serve(t, c)
	u := newUser(t, base, "Ada")
	listed := func() (known, loaded bool) {
		var answer struct {
			Models []struct {
				ID     string
				Loaded bool
			}
		}
		if err := json.Unmarshal(u.get("/api/v1/models"), &answer); err != nil {
			t.Fatal(err)
		}
		for _, m := range answer.Models {
			known, loaded = known || m.ID == model, loaded || m.Loaded
		}
		return known, loaded
	}
	if known, _ := listed(); known {
		t.Fatal("an empty folder has a model")
	}
	u.upload(http.StatusBadRequest, samplePNG(t, 0))

	path := filepath.Join(c.Models, "new.onnx")
	if err := modeltest.Write(path, modeltest.Options{ID: model}); err != nil {
		t.Fatal(err)
	}
	await(t, "the new model is loaded, unasked", func() bool { _, loaded := listed(); return loaded })
	live := u.connect("")
	if answer := u.upload(http.StatusAccepted, samplePNG(t, 0)); len(answer.Accepted) != 1 {
		t.Fatalf("answer %+v", answer)
	}
	for _, f := range live.untilEnded(1) {
		if f.Type == "job" && ended(f.Job.State) && f.Job.Error != nil {
			t.Errorf("the job failed: %+v", f.Job.Error)
		}
	}

	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	await(t, "the model is gone", func() bool { known, _ := listed(); return !known })
	u.upload(http.StatusBadRequest, samplePNG(t, 0))
}
