package models_test

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"seghub/models"
	"seghub/models/modeltest"
)

// noticed is how long a change takes to be known at most.
const noticed = 4 * time.Second

// watched is a registry that follows a folder, on synctest's clock.
type watched struct {
	*models.Registry
	t   *testing.T
	dir string
	log *journal
}

// journal is a log that is read while it is written.
type journal struct {
	mu   sync.Mutex
	text strings.Builder // guarded by mu
}

func (j *journal) Write(line []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(line)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func watch(t *testing.T, dir string) watched {
	t.Helper()
	w := watched{t: t, dir: dir, log: &journal{}}
	var err error
	if w.Registry, err = models.Open(dir, slog.New(slog.NewTextHandler(w.log, nil))); err != nil {
		t.Fatal(err)
	}
	if err := w.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	return w
}

// write puts a model into the folder in one go; another number of weights makes it another version.
func (w watched) write(name, id string, weights int) {
	w.t.Helper()
	writeModel(w.t, filepath.Join(w.dir, name), id, weights)
}

func writeModel(t *testing.T, path, id string, weights int) {
	t.Helper()
	if err := modeltest.Write(path, modeltest.Options{ID: id, Weights: weights}); err != nil {
		t.Fatal(err)
	}
}

func (w watched) remove(name string) {
	w.t.Helper()
	if err := os.Remove(filepath.Join(w.dir, name)); err != nil {
		w.t.Fatal(err)
	}
}

func (w watched) wait(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// want compares the list with "id file" of each model.
func (w watched) want(models ...string) {
	w.t.Helper()
	var got []string
	for _, spec := range w.List() {
		got = append(got, spec.ID+" "+filepath.Base(spec.Path))
	}
	if !slices.Equal(got, models) {
		w.t.Errorf("the models are %q, want %q; the log:\n%s", got, models, w.log)
	}
}

func (w watched) told(sentence string, times int) {
	w.t.Helper()
	if n := strings.Count(w.log.String(), sentence); n != times {
		w.t.Errorf("the log says %d times %q, want %d:\n%s", n, sentence, times, w.log)
	}
}

// signalled takes the value of Changed and reports whether there was one.
func (w watched) signalled() bool {
	select {
	case <-w.Changed():
		return true
	default:
		return false
	}
}

func TestTheRegistryFollowsItsFolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		writeModel(t, filepath.Join(dir, "a.onnx"), "ant", 1)
		w := watch(t, dir)
		w.wait(noticed)
		if w.want("ant a.onnx"); w.signalled() {
			t.Error("Changed tells of what was there before")
		}

		w.write("b.onnx", "bee", 1)
		w.wait(noticed)
		if w.want("ant a.onnx", "bee b.onnx"); !w.signalled() || w.signalled() {
			t.Error("Changed does not tell of a new model once")
		}

		before, _ := w.Get("ant")
		w.write("a.onnx", "ant", 2)
		w.wait(noticed)
		after, _ := w.Get("ant")
		if before.Version == after.Version || !w.signalled() {
			t.Errorf("a replaced file: version %s, then %s", before.Version, after.Version)
		}
		if err := before.CheckFile(); !errors.Is(err, models.ErrChanged) {
			t.Errorf("CheckFile of the old spec = %v", err)
		}
		if err := after.CheckFile(); err != nil {
			t.Error(err)
		}

		w.remove("a.onnx")
		w.wait(noticed)
		if w.want("bee b.onnx"); !w.signalled() {
			t.Error("Changed does not tell that a model is gone")
		}
		if err := after.CheckFile(); !errors.Is(err, models.ErrChanged) || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("CheckFile of a model that is gone = %v", err)
		}
		w.told("A model is replaced.", 1)
		w.told("A model is gone.", 1)
	})
}

func TestAFileThatIsBeingWrittenIsNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, t.TempDir())
		whole := modeltest.New(modeltest.Options{ID: "ant", Weights: 1 << 10}).Bytes()
		const parts = 10
		for i := range parts {
			if err := os.WriteFile(filepath.Join(w.dir, "a.onnx"), whole[:(i+1)*len(whole)/parts], 0o600); err != nil {
				t.Fatal(err)
			}
			w.wait(time.Second)
			w.want()
		}
		w.wait(noticed)
		w.want("ant a.onnx")
		w.told("refused", 0)
	})
}

// The old model stays until the new one is whole, also when there is no file for a moment.
func TestAModelStaysWhileItsFileIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		writeModel(t, filepath.Join(dir, "a.onnx"), "ant", 1)
		w := watch(t, dir)
		before, _ := w.Get("ant")
		w.remove("a.onnx")
		w.wait(noticed / 2)
		w.want("ant a.onnx")
		w.write("a.onnx", "ant", 2)
		w.wait(noticed)
		w.want("ant a.onnx")
		if after, _ := w.Get("ant"); after.Version == before.Version {
			t.Error("the model is the old one")
		}
		w.told("A model is gone.", 0)
	})
}

func TestABrokenFileIsRefusedOnceAndTheOthersGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		writeModel(t, filepath.Join(dir, "b.onnx"), "bee", 1)
		w := watch(t, dir)
		if err := os.WriteFile(filepath.Join(dir, "a.onnx"), []byte("no model"), 0o600); err != nil {
			t.Fatal(err)
		}
		w.wait(5 * noticed)
		w.want("bee b.onnx")
		w.told("refused", 1)
		if w.signalled() {
			t.Error("Changed tells of a file that is no model")
		}
		w.write("a.onnx", "ant", 1)
		w.wait(noticed)
		w.want("ant a.onnx", "bee b.onnx")
	})
}

func TestTheNextFileOfAnIDTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		writeModel(t, filepath.Join(dir, "a.onnx"), "ant", 1)
		w := watch(t, dir)
		w.write("b.onnx", "ant", 2)
		w.wait(5 * noticed)
		w.want("ant a.onnx")
		w.told("its id ant is that of a.onnx", 1)
		w.remove("a.onnx")
		w.wait(noticed)
		w.want("ant b.onnx")
		w.told("A model is gone.", 0)
	})
}

func TestTheModelsStayWhileTheFolderCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "models")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		writeModel(t, filepath.Join(dir, "a.onnx"), "ant", 1)
		w := watch(t, dir)
		if err := os.Rename(dir, dir+" away"); err != nil {
			t.Fatal(err)
		}
		w.wait(5 * noticed)
		w.want("ant a.onnx")
		w.told("cannot be read", 1)
		if err := os.Rename(dir+" away", dir); err != nil {
			t.Fatal(err)
		}
		w.write("b.onnx", "bee", 1)
		w.wait(noticed)
		w.want("ant a.onnx", "bee b.onnx")
	})
}

// A link is followed: folders that are swapped as a whole, as Kubernetes does it, hold links.
func TestALinkedFileIsReplacedToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, elsewhere := t.TempDir(), t.TempDir()
		writeModel(t, filepath.Join(elsewhere, "1"), "ant", 1)
		writeModel(t, filepath.Join(elsewhere, "2"), "ant", 2)
		link := filepath.Join(dir, "a.onnx")
		if err := os.Symlink(filepath.Join(elsewhere, "1"), link); err != nil {
			t.Fatal(err)
		}
		w := watch(t, dir)
		before, _ := w.Get("ant")
		w.remove("a.onnx")
		if err := os.Symlink(filepath.Join(elsewhere, "2"), link); err != nil {
			t.Fatal(err)
		}
		w.wait(noticed)
		if after, _ := w.Get("ant"); after.Version == before.Version {
			t.Error("the model is the old one")
		}
	})
}

// step is something that happens to a folder: "write" a model, "break" it, "remove" it, "rename" it, or "wait".
type step struct {
	what     string
	file, to string
	id       string
	wait     time.Duration
}

func drawSteps(rt *rapid.T) []step {
	name := rapid.SampledFrom([]string{"a.onnx", "b.onnx", "c.ONNX"})
	return rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) step {
		return step{
			what: rapid.SampledFrom([]string{"write", "break", "remove", "rename", "wait"}).Draw(rt, "what"),
			file: name.Draw(rt, "file"),
			to:   name.Draw(rt, "to"),
			id:   rapid.SampledFrom([]string{"ant", "bee"}).Draw(rt, "id"),
			wait: time.Duration(rapid.IntRange(1, 5000).Draw(rt, "ms")) * time.Millisecond,
		}
	}), 1, 20).Draw(rt, "steps")
}

// take does the n-th step in dir. No two contents have the same size, as no two may that are written in one tick of the clock.
func (s step) take(dir string, n int) (err error) {
	file := filepath.Join(dir, s.file)
	switch s.what {
	case "write":
		err = modeltest.Write(file, modeltest.Options{ID: s.id, Weights: n + 1})
	case "break":
		err = os.WriteFile(file, make([]byte, n+1), 0o600)
	case "remove":
		err = os.Remove(file)
	case "rename":
		err = os.Rename(file, filepath.Join(dir, s.to))
	case "wait":
		<-time.After(s.wait)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Whatever happens to the files, once they are left alone for four seconds the registry is what opening the folder gives.
func TestTheRegistryComesToWhatIsInTheFolder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		steps := drawSteps(rt)
		var got, want []models.Spec
		synctest.Test(t, func(t *testing.T) {
			w := watch(t, t.TempDir())
			for n, s := range steps {
				if err := s.take(w.dir, n); err != nil {
					t.Fatal(err)
				}
			}
			w.wait(noticed)
			fresh, err := models.Open(w.dir, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			got, want = w.List(), fresh.List()
		})
		if !reflect.DeepEqual(got, want) {
			rt.Errorf("the registry has %+v, the folder %+v", got, want)
		}
	})
}

func TestARegistryThatIsStoppedStaysAsItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, t.TempDir())
		if err := w.Start(t.Context()); err == nil {
			t.Error("a registry was started twice")
		}
		w.Stop()
		w.Stop()
		w.write("a.onnx", "ant", 1)
		w.wait(noticed)
		w.want()
		if err := w.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.wait(noticed)
		w.want("ant a.onnx")
	})
}

// Start, Stop and the questions from many goroutines at once: every Stop returns and nothing is left.
func TestStartAndStopAtTheSameTime(t *testing.T) {
	const rounds, callers = 200, 4
	dir := t.TempDir()
	writeModel(t, filepath.Join(dir, "a.onnx"), "ant", 1)
	registry, err := models.Open(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			for round := range rounds {
				ctx, cancel := context.WithCancel(t.Context())
				_ = registry.Start(ctx) // fails while another caller's life is on
				if round%2 == 0 {
					cancel()
				}
				if _, known := registry.Get("ant"); !known || len(registry.List()) != 1 {
					t.Error("the model is lost")
				}
				registry.Stop()
				cancel()
			}
		})
	}
	group.Wait()
	if err := registry.Start(t.Context()); err != nil {
		t.Errorf("after all were stopped: %v", err)
	}
	registry.Stop()
}
