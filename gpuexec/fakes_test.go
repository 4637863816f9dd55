package gpuexec_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"seghub/gpuexec"
	"seghub/gpuexec/budget"
	"seghub/gpuexec/enginetest"
	"seghub/models"
	"seghub/models/imageio"
	"seghub/models/mask"
	"seghub/models/mask/masktest"
)

// TestMain uses the maps' encoder first, which all share: made in one synctest bubble it could not be used in another.
func TestMain(m *testing.M) {
	if err := masktest.WriteBands(io.Discard, mask.Probability{Width: 1, Height: 1, Pix: []uint8{0}}); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// waitLimit is how long a test waits for what does not come before it fails: far beyond what a slow machine needs.
const waitLimit = 2 * time.Minute

const side = 8 // of the models' input and of the images

// registry knows the models "a" and "b".
func registry(id string) (models.Spec, bool) {
	return models.Spec{
		ID:    id,
		Input: models.Input{Height: side, Width: side, Channels: 1, Scaling: models.ScalingFit},
		Batch: models.Batch{Alone: 8, Shared: 6, Max: 8},
	}, id == "a" || id == "b"
}

var quiet = slog.New(slog.DiscardHandler)

// newPool makes a pool of script's engines.
func newPool(slots int, script *enginetest.Script) *gpuexec.Pool {
	return newPoolOf(registry, slots, script)
}

func newPoolOf(known func(id string) (models.Spec, bool), slots int, script *enginetest.Script) *gpuexec.Pool {
	return gpuexec.New(gpuexec.Config{
		Slots:     slots,
		Device:    "cuda:0",
		NewEngine: script.NewEngine,
		Models:    known,
		MaxPixels: 1 << 23,
		Budget:    budget.New(budget.Config{}),
		Lost:      func(error) {},
		Log:       quiet,
	})
}

// images is how many rows of a run are an image's: pictures in these tests are not black, padding is.
func images(call enginetest.Call) int {
	n := 0
	for row := range call.Input.N {
		if slices.Max(call.Input.Rows(row, row+1).Pix) > 0 {
			n++
		}
	}
	return n
}

// ofModels is the loads or unloads of a script without the rows of their shapes, each once.
func ofModels(list []string) []string {
	var models []string
	for _, entry := range list {
		name, rest, _ := strings.Cut(entry, "/")
		if _, version, has := strings.Cut(rest, " "); has {
			name += " " + version
		}
		if !slices.Contains(models, name) {
			models = append(models, name)
		}
	}
	return models
}

// startPool starts a pool that is stopped when the test ends.
func startPool(t *testing.T, slots int, script *enginetest.Script) (*gpuexec.Pool, *source, *sink) {
	t.Helper()
	return startPoolOf(t, registry, slots, script)
}

func startPoolOf(t *testing.T, known func(id string) (models.Spec, bool), slots int, script *enginetest.Script) (*gpuexec.Pool, *source, *sink) {
	t.Helper()
	pool := newPoolOf(known, slots, script)
	from, to := startThis(t, pool, slots, script)
	return pool, from, to
}

// startThis starts a pool of script's engines that is stopped when the test ends.
func startThis(t *testing.T, pool *gpuexec.Pool, slots int, script *enginetest.Script) (*source, *sink) {
	t.Helper()
	from, to := newSource(slots), newSink()
	if err := pool.Start(t.Context(), from, to); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		pool.Stop(context.Background())
		for _, m := range script.Misuse() {
			t.Error(m)
		}
		if n := script.Open(); n != 0 {
			t.Errorf("%d engines were left open", n)
		}
	})
	return from, to
}

// picture is a PNG of one brightness.
func picture(t interface{ Fatal(...any) }, brightness uint8) []byte {
	var png bytes.Buffer
	if err := imageio.EncodeGray(&png, side, side, bytes.Repeat([]byte{brightness}, side*side)); err != nil {
		t.Fatal(err)
	}
	return png.Bytes()
}

// job segments file at a threshold of one half.
func job(id string, file []byte) gpuexec.Job {
	return gpuexec.Job{
		ID:      id,
		Attempt: 1,
		Open:    func(context.Context) (imageio.Source, error) { return imageio.InMemory(file), nil },
		Keep:    gpuexec.Discard,
		Options: mask.Options{Threshold: 0.5},
	}
}

// bright are jobs with white images.
func bright(t *testing.T, ids ...string) gpuexec.Batch {
	b := gpuexec.Batch{Model: "a"}
	for _, id := range ids {
		b.Jobs = append(b.Jobs, job(id, picture(t, 255)))
	}
	return b
}

// source hands out what the test gives.
type source struct {
	batches []chan gpuexec.Batch // by slot
}

func newSource(slots int) *source {
	s := &source{}
	for range slots {
		s.batches = append(s.batches, make(chan gpuexec.Batch))
	}
	return s
}

func (s *source) Next(ctx context.Context, slot int) (gpuexec.Batch, error) {
	select {
	case b := <-s.batches[slot]:
		return b, nil
	case <-ctx.Done():
		return gpuexec.Batch{}, ctx.Err()
	}
}

// give returns when slot's worker has taken b.
func (s *source) give(t *testing.T, slot int, b gpuexec.Batch) {
	t.Helper()
	select {
	case s.batches[slot] <- b:
	case <-time.After(waitLimit):
		t.Fatal("the worker takes no batch")
	}
}

// sink remembers what it is told.
type sink struct {
	// onProgress is called before a Progress is remembered; nil does nothing. Set before the pool starts to work.
	onProgress func(gpuexec.Progress)

	results chan gpuexec.Result

	mu       sync.Mutex
	progress map[string][]gpuexec.Progress // by job; guarded by mu
	pieces   map[string][]gpuexec.Piece    // by job; guarded by mu
}

func newSink() *sink {
	return &sink{results: make(chan gpuexec.Result, 1000), progress: make(map[string][]gpuexec.Progress), pieces: make(map[string][]gpuexec.Piece)}
}

func (s *sink) Progress(p gpuexec.Progress) {
	if s.onProgress != nil {
		s.onProgress(p)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.progress[p.JobID] = append(s.progress[p.JobID], p)
}

func (s *sink) Piece(_ context.Context, p gpuexec.Piece) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pieces[p.JobID] = append(s.pieces[p.JobID], p)
}

func (s *sink) Finish(_ context.Context, r gpuexec.Result) { s.results <- r }

func (s *sink) progressOf(id string) []gpuexec.Progress {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.progress[id]
}

func (s *sink) piecesOf(id string) []gpuexec.Piece {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pieces[id]
}

// next returns the next n results, by job.
func (s *sink) next(t *testing.T, n int) map[string]gpuexec.Result {
	t.Helper()
	results := make(map[string]gpuexec.Result)
	for range n {
		select {
		case r := <-s.results:
			if _, twice := results[r.JobID]; twice {
				t.Errorf("job %s was finished twice", r.JobID)
			}
			results[r.JobID] = r
		case <-time.After(waitLimit):
			t.Fatalf("only %d of %d jobs were finished", len(results), n)
		}
	}
	return results
}

// none fails the test when a job was finished that next has not returned.
func (s *sink) none(t *testing.T) {
	t.Helper()
	select {
	case r := <-s.results:
		t.Errorf("job %s was finished once more: %v", r.JobID, r.Err)
	default:
	}
}
