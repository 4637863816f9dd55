package segment

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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

func TestFilesOfAFolder(t *testing.T) {
	folder := t.TempDir()
	out := filepath.Join(folder, "out")
	for _, name := range []string{"b.TIF", "a.png", "notes.txt", ".hidden.png", "day 2/c.jpg", ".cache/d.png", "out/e.png", "a.mask.png", "a.labels.tif",
		"day 2/@eaDir/c.jpg/SYNOPHOTO_THUMB_M.jpg", "$RECYCLE.BIN/S-1-5-21/$R0T1KX.tif", "#recycle/c.jpg"} {
		path := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files, err := Files([]string{folder, filepath.Join(folder, "a.png"), filepath.Join(folder, "notes.txt")}, out)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, f.Name)
	}
	if want := []string{"a.png", "b.TIF", "day 2/c.jpg", "notes.txt"}; !slices.Equal(names, want) {
		t.Errorf("found %q, want %q", names, want)
	}
	if files, err = Files([]string{folder, filepath.Join(folder, "day 2"), filepath.Join(folder, ".cache")}, out); err != nil {
		t.Fatal(err)
	}
	if last := files[len(files)-1]; last.Name != ".cache/d.png" || last.sentAs() != ".cache_d.png" {
		t.Errorf("of several folders: %q, sent as %q", last.Name, last.sentAs())
	}
	var twins []string
	for _, plate := range []string{"plate1", "plate2", "Plate1"} {
		twins = append(twins, filepath.Join(t.TempDir(), plate, "images"))
		path := filepath.Join(twins[len(twins)-1], "A01.tif")
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if files, err = Files(append(twins, twins[0], folder), out); err != nil {
		t.Fatal(err)
	}
	sentAs := map[string]bool{}
	for _, f := range files[:3] {
		sentAs[strings.ToLower(f.sentAs())] = true
	}
	if len(sentAs) != 3 || files[1].Name != "plate2/images/A01.tif" || files[3].Name != filepath.Base(folder)+"/a.png" {
		t.Errorf("of folders that have the same name: %v", files)
	}
	if _, err := Files([]string{filepath.Join(folder, ".cache")}, out); err != nil {
		t.Errorf("a hidden folder that is named: %v", err)
	}
	for _, path := range []string{filepath.Join(folder, "gone"), t.TempDir()} {
		if _, err := Files([]string{path}, out); err == nil {
			t.Errorf("%s has images", path)
		}
	}
}

// TestAFolderGivesAllThatIsRead holds the endings to what docs/files.md says is read.
func TestAFolderGivesAllThatIsRead(t *testing.T) {
	page, err := os.ReadFile("../../docs/files.md")
	if err != nil {
		t.Fatal(err)
	}
	_, read, _ := strings.Cut(string(page), "\n## Read\n")
	read, _, _ = strings.Cut(read, "\n## ")
	named := regexp.MustCompile("`(\\.[a-z0-9]+)`").FindAllStringSubmatch(read, -1)
	if len(named) < len(endings) {
		t.Errorf("docs/files.md names %d endings, and a folder gives files of %d", len(named), len(endings))
	}
	for _, ending := range named {
		if !isImage("cells" + strings.ToUpper(ending[1])) {
			t.Errorf("a folder does not give its %s", ending[1])
		}
	}
}

func TestFilesBehindALinkToAFolder(t *testing.T) {
	folder := t.TempDir()
	plate, link := filepath.Join(folder, "plate"), filepath.Join(folder, "link")
	for _, name := range []string{"a.png", "out/b.png"} {
		path := filepath.Join(plate, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Symlink("plate", link), os.Symlink("../plate", filepath.Join(plate, "circle"))); err != nil {
		t.Skip("left out: links to folders, which this system does not make: ", err)
	}
	for folder, out := range map[string]string{link: filepath.Join(plate, "out"), plate: filepath.Join(link, "out")} {
		files, err := Files([]string{folder}, out)
		if want := []File{{filepath.Join(folder, "a.png"), "a.png"}}; err != nil || !slices.Equal(files, want) {
			t.Errorf("%v, %v, want %v", files, err, want)
		}
	}
}

// TestWatcherOutlastsAHubThatIsAway says once that it is, and ends where a hub will have none of it.
func TestWatcherOutlastsAHubThatIsAway(t *testing.T) {
	folder := t.TempDir()
	pictures(t, folder, 1)
	said := 0
	watch := func(hub string) *watcher {
		task := task(t, hub, t.TempDir(), "csv")
		task.Hub.GiveUp = time.Nanosecond
		task.Hub.Retrying = func(error, time.Duration) { said++ } // as the command says it of each try
		task.Board = NewBoard(lines(func(line string) { said += strings.Count(line, "tries again") }), false)
		w, err := newWatcher(task, folder)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	w := watch("http://127.0.0.1:1")
	for range atRest + 2 {
		if err := w.look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if said != 1 || len(w.did) != 0 {
		t.Errorf("said %d times that it tries again, and did %v", said, w.did)
	}
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"code":"access_key_required","status":401}`)
	}))
	defer hub.Close()
	w = watch(hub.URL)
	var err error
	for range atRest {
		err = w.look(t.Context())
	}
	if !client.HasCode(err, "access_key_required") {
		t.Error(err)
	}
}

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

func TestBoardShowsBarsPlaceAndTimeLeft(t *testing.T) {
	var screen bytes.Buffer
	b := NewBoard(&screen, true)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	b.now = func() time.Time { now = now.Add(time.Minute); return now }
	items := []*item{{File: File{Name: "a.tif"}}, {File: File{Name: "b.tif"}}}
	b.start(len(items))
	b.begin(len(items))
	b.sending(items[0], 50, 100)
	position, eta := 2, 120.0
	b.place(&position, 5, &eta)
	b.running(items[0], "infer", 50)
	b.ended(items[0], 12, nil)
	last := screen.String()[strings.LastIndex(screen.String(), clearLine):]
	if narrow := shown(screen.String(), 40); len(narrow) != 1 || !strings.HasPrefix(narrow[0], "1 of 2 files") {
		t.Errorf("a narrow terminal shows %q", narrow)
	}
	for _, want := range []string{"1 of 2 files", "number 2 in the line of 5, on in 2 min", " left"} {
		if !strings.Contains(last, want) {
			t.Errorf("%q is not on the screen: %q", want, last)
		}
	}
	b.ended(items[1], 0, fmt.Errorf("no image"))
	b.end()
	if text := screen.String(); !strings.Contains(text, "2/2 b.tif: no image\n") || !strings.HasSuffix(text, lineUp+clearLine) {
		t.Errorf("at the end: %q", text)
	}
	if narrow := shown(screen.String(), 40); !slices.Equal(narrow, []string{"2/2 b.tif: no image"}) {
		t.Errorf("at the end a narrow terminal shows %q", narrow)
	}
}

func TestABarIsNeverFullerThanFull(t *testing.T) {
	for percent, want := range map[int]string{-900: bar(0), 900: bar(1)} {
		var screen bytes.Buffer
		b := NewBoard(&screen, true)
		b.start(1)
		b.begin(1)
		b.running(&item{}, "infer", percent)
		if text := screen.String(); !strings.Contains(text, want) {
			t.Errorf("%d %%: %q", percent, text)
		}
	}
}

// TestNoNameSteersTheTerminal has names that end a line, clear the screen and begin a title.
func TestNoNameSteersTheTerminal(t *testing.T) {
	for _, terminal := range []bool{true, false} {
		var screen bytes.Buffer
		b := NewBoard(&screen, terminal)
		odd := &item{File: File{Name: "a\n\x1b[2Jb\r\u009d0;c.tif", Path: "in/a\nb.tif"}}
		b.start(1)
		b.begin(1)
		b.running(odd, "infer", 50)
		b.ended(odd, 0, errors.New("open in/a\nb.tif: no such file"))
		b.Say(Failure{odd.File, errors.New("no\nimage")}.String())
		b.end()
		if text := screen.String(); strings.Contains(text, "a\n") || strings.Contains(text, "\x1b[2J") || strings.ContainsAny(text, "\r\u009d") || strings.Contains(text, "no\n") {
			t.Errorf("%q", text)
		}
	}
}

// shown is what a terminal of so many columns shows of a text, without the empty lines at its end.
func shown(text string, columns int) []string {
	lines, row, column, wraps := []string{""}, 0, 0, true
	down := func() {
		if row, column = row+1, 0; row == len(lines) {
			lines = append(lines, "")
		}
	}
	for text != "" {
		size := 1
		switch {
		case strings.HasPrefix(text, lineUp):
			size, row = len(lineUp), max(0, row-1)
		case strings.HasPrefix(text, clearLine):
			size, lines[row] = len(clearLine), ""
		case strings.HasPrefix(text, cutOff):
			size, wraps = len(cutOff), false
		case strings.HasPrefix(text, goOn):
			size, wraps = len(goOn), true
		case text[0] == '\n':
			down()
		default:
			if column == columns && wraps {
				down()
			}
			if column < columns {
				lines[row], column = lines[row]+text[:1], column+1
			}
		}
		text = text[size:]
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

func TestWatcherTakesWhatIsCompleteAndRemembersIt(t *testing.T) {
	folder, out := t.TempDir(), filepath.Join(t.TempDir(), "out")
	files := pictures(t, folder, 2)
	whole, err := os.ReadFile(files[1].Path)
	if err != nil {
		t.Fatal(err)
	}
	half := func() { // a file that its microscope has stopped at
		if err := os.WriteFile(files[1].Path, whole[:len(whole)/2], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	half()
	atHub(t, func(ctx context.Context, address string) error {
		if err := os.MkdirAll(out, 0o755); err != nil {
			return err
		}
		watch := func() *watcher {
			w, err := newWatcher(task(t, address, out, "csv"), folder)
			if err != nil {
				t.Fatal(err)
			}
			return w
		}
		made := func() []string {
			list, err := filepath.Glob(filepath.Join(out, "*.csv"))
			if err != nil {
				t.Fatal(err)
			}
			return list
		}
		w := watch()
		for look := range atRest {
			if n := len(made()); n != 0 {
				t.Errorf("after %d looks there are %d tables", look, n)
			}
			if err := w.look(ctx); err != nil {
				return err
			}
		}
		if n := len(made()); n != 1 {
			t.Errorf("%d tables of one complete file", n)
		}
		if err := os.WriteFile(files[1].Path, whole, 0o600); err != nil {
			return err
		}
		obstacle := filepath.Join(out, strings.TrimSuffix(files[1].Name, ".png")+".csv") // in place of which no file can be written
		if err := os.Mkdir(obstacle, 0o700); err != nil {
			return err
		}
		for range atRest {
			if err := w.look(ctx); err != nil {
				return err
			}
		}
		if err := os.Remove(obstacle); err != nil {
			return err
		}
		for range pause + atRest {
			if err := w.look(ctx); err != nil {
				return err
			}
		}
		if n := len(made()); n != 2 {
			t.Errorf("%d tables of two complete files", n)
		}
		if p, err := w.read(); err != nil || len(p.Done) != 2 {
			t.Errorf("remembered %v, %v", p, err)
		}
		// Another one, with all tables gone, makes none anew.
		for _, path := range made() {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
		w = watch()
		for range atRest + 1 {
			if err := w.look(ctx); err != nil {
				return err
			}
		}
		if n := len(made()); n != 0 {
			t.Errorf("%d tables were made again", n)
		}
		// A file that differs in its ending alone, and one that is rewritten: neither writes over what the other has made.
		twin := strings.TrimSuffix(files[0].Path, ".png") + ".tif"
		for _, path := range []string{twin, files[0].Path} {
			if err := os.WriteFile(path, append(whole[:len(whole):len(whole)], "trailing"...), 0o600); err != nil {
				return err
			}
			for range atRest {
				if err := w.look(ctx); err != nil {
					return err
				}
			}
		}
		stem := strings.TrimSuffix(files[0].Name, ".png")
		for i, path := range made() {
			if want := []string{stem + "-2.csv", stem + ".csv"}[i]; filepath.Base(path) != want {
				t.Errorf("table %s, want %s", path, want)
			}
		}
		return nil
	})
}
