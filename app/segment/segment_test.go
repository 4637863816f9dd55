package segment

import (
	"context"
	"encoding/csv"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"seghub/app/config"
	"seghub/client"
	"seghub/gpuexec/ort"
	"seghub/models/sample"
)

const model = "unet_spherohq"

// inference is what a hub within the test runs with.
func inference(t *testing.T) config.Inference {
	t.Helper()
	if _, err := os.Stat(ort.DefaultLibrary()); err != nil {
		t.Skip("left out: ONNX Runtime library is absent; scripts/fetch-onnxruntime gets it")
	}
	return config.Inference{Models: "../../models/weights", Device: "cpu"}
}

func quietLog(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))
}

// atHub does something at a hub of the test's own.
func atHub(t *testing.T, do func(ctx context.Context, address string) error) {
	t.Helper()
	if err := WithHub(t.Context(), inference(t), model, quietLog(t), do); err != nil {
		t.Error(err)
	}
}

// pictures puts so many into a folder, each with a name of its own.
func pictures(t *testing.T, folder string, n int) []File {
	t.Helper()
	names := sample.Names()
	var files []File
	for i := range n {
		data, err := sample.PNG(names[i%len(names)])
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(folder, fmt.Sprintf("plate %02d.png", i))
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, File{path, filepath.Base(path)})
	}
	return files
}

func task(t *testing.T, hub, out string, formats ...string) Task {
	return Task{Hub: client.Config{URL: hub, Name: "Ada"}, Model: model, Out: out, Formats: formats, Board: NewBoard(t.Output(), false)}
}

// TestPulledCableLosesNoFile has the connection break again and again while files travel, and each is there once in the end.
func TestPulledCableLosesNoFile(t *testing.T) {
	folder, out := t.TempDir(), t.TempDir()
	pictures(t, folder, 8)
	if err := os.WriteFile(filepath.Join(folder, "broken.png"), []byte("no picture"), 0o600); err != nil {
		t.Fatal(err)
	}
	atHub(t, func(ctx context.Context, address string) error {
		cut := newCable(t, 700<<10, func() string { return strings.TrimPrefix(address, "http://") })
		return segmentAll(ctx, t, cut, folder, out, 8)
	})
}

// TestSixtyRealFilesThroughAPulledCable is the same with files as people have them.
func TestSixtyRealFilesThroughAPulledCable(t *testing.T) {
	found, err := filepath.Glob("../../../shared/data/nuclei_val/images/*.png")
	if err != nil || len(found) < 60 {
		t.Skip("left out: real images are absent: ../shared/data")
	}
	folder, out := t.TempDir(), t.TempDir()
	for _, path := range found[:60] {
		data, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, filepath.Base(path)), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	atHub(t, func(ctx context.Context, address string) error {
		cut := newCable(t, 2<<20, func() string { return strings.TrimPrefix(address, "http://") })
		return segmentAll(ctx, t, cut, folder, out, 60)
	})
}

func segmentAll(ctx context.Context, t *testing.T, cut *cable, folder, out string, good int) error {
	files, err := Files([]string{folder}, out)
	if err != nil {
		return err
	}
	failures, err := Run(ctx, task(t, cut.url(), out, "geojson", "csv", "masks"), files)
	if err != nil {
		return err
	}
	if len(failures) != len(files)-good {
		t.Errorf("%d of %d files failed: %v", len(failures), len(files), failures)
	}
	cut.mu.Lock()
	pulled := cut.pulled
	cut.mu.Unlock()
	t.Logf("the cable was pulled %d times", pulled)
	if pulled == 0 {
		t.Error("the cable was never pulled")
	}
	for ending, want := range map[string]int{".geojson": good, maskEnding: good, "results.csv": 1} {
		written, err := filepath.Glob(filepath.Join(out, "*"+ending))
		if err != nil || len(written) != want {
			t.Errorf("%d files %s, want %d", len(written), ending, want)
		}
	}
	table, err := os.Open(filepath.Join(out, "results.csv"))
	if err != nil {
		return err
	}
	defer table.Close()
	rows, err := csv.NewReader(table).ReadAll()
	if err != nil {
		return err
	}
	image, object := slices.Index(rows[0], "image"), slices.Index(rows[0], "object")
	images := map[string]bool{}
	objects := map[string]bool{}
	for _, row := range rows[1:] {
		images[row[image]] = true
		if key := row[image] + " " + row[object]; objects[key] {
			t.Errorf("object %s is there twice: a file became two jobs", key)
		} else {
			objects[key] = true
		}
	}
	if len(images) == 0 || len(images) > good {
		t.Errorf("objects of %d images", len(images))
	}
	return nil
}

// TestRestartedHubLosesNoFile has a hub that keeps nothing go down in the middle, and another one come up in its place.
func TestRestartedHubLosesNoFile(t *testing.T) {
	folder, out := t.TempDir(), t.TempDir()
	files := pictures(t, folder, 5)
	var current atomic.Value
	current.Store("")
	up, oneDone, down, allDone := make(chan struct{}), make(chan struct{}), make(chan struct{}), make(chan struct{})
	hubs := make(chan error, 1)
	log := quietLog(t)
	settings := inference(t)
	go func() {
		err := WithHub(t.Context(), settings, model, log, func(ctx context.Context, address string) error {
			current.Store(strings.TrimPrefix(address, "http://"))
			close(up)
			select {
			case <-oneDone:
			case <-ctx.Done():
			}
			return nil
		})
		close(down)
		if err == nil {
			err = WithHub(t.Context(), settings, model, log, func(ctx context.Context, address string) error {
				current.Store(strings.TrimPrefix(address, "http://"))
				select {
				case <-allDone:
				case <-ctx.Done():
				}
				return nil
			})
		}
		hubs <- err
	}()
	select {
	case <-up:
	case err := <-hubs:
		t.Fatal(err)
	}
	cut := newCable(t, 0, func() string { return current.Load().(string) })
	job := task(t, cut.url(), out, "masks", "csv")
	forgotten := false
	once := sync.OnceFunc(func() {
		close(oneDone)
		<-down // no further result is taken note of before, though all may be there
	})
	job.Board = NewBoard(lines(func(line string) {
		t.Log(strings.TrimSpace(line))
		forgotten = forgotten || strings.Contains(line, "forgotten")
		if strings.HasPrefix(line, "1/5") {
			once()
		}
	}), false)
	failures, err := Run(t.Context(), job, files)
	if err != nil || len(failures) != 0 {
		t.Errorf("%v, %v", failures, err)
	}
	if !forgotten {
		t.Error("the hub was not restarted in the middle")
	}
	masks, err := filepath.Glob(filepath.Join(out, "*"+maskEnding))
	if err != nil || len(masks) != len(files) {
		t.Errorf("%d masks, %v", len(masks), err)
	}
	once()
	close(allDone)
	if err := <-hubs; err != nil {
		t.Error(err)
	}
}

// lines hears what is written.
type lines func(line string)

func (l lines) Write(p []byte) (int, error) {
	l(string(p))
	return len(p), nil
}

// TestAHubOfOnesOwnHasNoLimitsOfSeveralPeople has the environment say others, for a hub that there is beside.
func TestAHubOfOnesOwnHasNoLimitsOfSeveralPeople(t *testing.T) {
	for name, value := range map[string]string{"SEGHUB_MIN_FREE": "1PiB", "SEGHUB_MAX_STORAGE": "1KiB", "SEGHUB_MAX_FILE": "1KiB"} {
		t.Setenv(name, value)
	}
	files := pictures(t, t.TempDir(), 1)
	atHub(t, func(ctx context.Context, address string) error {
		failures, err := Run(ctx, task(t, address, t.TempDir(), "masks"), files)
		if len(failures) > 0 {
			t.Error(failures)
		}
		return err
	})
}

// TestAFolderGivesAllThatIsRead holds the endings to what docs/files.md says is read.
// TestWatcherOutlastsAHubThatIsAway says once that it is, and ends where a hub will have none of it.
func TestAFolderThatTakesNothingIsSaidBeforeAnythingIsSent(t *testing.T) {
	out := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(out, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	// Nobody listens there: whoever went on would wait.
	if _, err := Run(t.Context(), task(t, "http://127.0.0.1:1", out, "csv"), []File{{"a.png", "a.png"}}); err == nil || !strings.Contains(err.Error(), out) {
		t.Error(err)
	}
}

func TestUnknownFormatIsSaidBeforeAnythingIsSent(t *testing.T) {
	if err := (Task{Formats: []string{"csv", "svg"}}).Validate(); err == nil || !strings.Contains(err.Error(), "svg") {
		t.Error(err)
	}
}

// TestNoNameSteersTheTerminal has names that end a line, clear the screen and begin a title.
// shown is what a terminal of so many columns shows of a text, without the empty lines at its end.
