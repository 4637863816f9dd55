package httpapi

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"golang.org/x/sync/errgroup"

	"seghub/models/imageio"
	"seghub/models/mask/result"
	"seghub/sessions"
	"seghub/storage/export"
)

// largePictures are large but for that of a file that is called little, and are not read before they may be.
type largePictures struct {
	pictures
	may     chan struct{} // closed then
	reading *atomic.Int32 // how many large ones are being read
}

const largeResult = 16 << 20 // bytes

func (p largePictures) Size(ctx context.Context, session string, job sessions.Job) (int64, error) {
	if job.Filename == "little" {
		return p.pictures.Size(ctx, session, job)
	}
	return largeResult, nil
}

func (p largePictures) Picture(ctx context.Context, session string, job sessions.Job) (export.Picture, error) {
	if job.Filename != "little" {
		p.reading.Add(1)
		defer p.reading.Add(-1)
		<-p.may
	}
	return p.pictures.Picture(ctx, session, job)
}

// corrected are the results of those pictures.
type corrected struct {
	Results
	of largePictures
}

func (r corrected) Result(ctx context.Context, session, job string, _ int) (result.Result, error) {
	picture, err := r.of.Picture(ctx, session, sessions.Job{ID: job, Filename: job})
	return picture.Result, err
}

// exporter exports large, from a session with a large and a little result, within a memory.
func exporter(t *testing.T, memory *imageio.Budget) (a *api, results largePictures) {
	results = largePictures{may: make(chan struct{}), reading: new(atomic.Int32)}
	jobs := &people{jobs: map[string][]sessions.Job{"s": {{ID: "large", Filename: "large"}, {ID: "little", Filename: "little"}}}}
	return &api{Config: Config{Jobs: jobs, Pictures: results, Results: corrected{of: results}, Decoded: memory, Spool: t.TempDir()}, exports: newExportTurns()}, results
}

func (a *api) exportOne(ctx context.Context, w io.Writer, name string) error {
	return a.writeExport(ctx, w, "s", "masks", []exported{{name, name}})
}

// TestLargeResultsAtOnceAreBounded has many ask for what is made of large results: few are held at a time, as the memory allows, while a little
// one goes by them.
func TestLargeResultsAtOnceAreBounded(t *testing.T) {
	for name, take := range map[string]func(a *api, ctx context.Context, name string) error{
		"export": func(a *api, ctx context.Context, name string) error { return a.exportOne(ctx, io.Discard, name) },
		"labels": func(a *api, ctx context.Context, name string) error {
			_, err := a.makeLabels(ctx, "s", sessions.Job{ID: name, Filename: name})
			return err
		},
		"result": func(a *api, ctx context.Context, name string) error {
			_, err := a.makeResult(ctx, "s", sessions.Job{ID: name, Filename: name}, 2)
			return err
		},
	} {
		for memory, want := range map[int64]int32{
			100 * largeResult:              exportsAtOnce,
			resultMemory*largeResult + 100: 1,
			100:                            1, // with all there is: none is refused
		} {
			t.Run(fmt.Sprint(name, " within ", memory), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { boundedAtOnce(t, memory, want, take) })
			})
		}
	}
}

func boundedAtOnce(t *testing.T, memory int64, want int32, take func(*api, context.Context, string) error) {
	var taken atomic.Int64
	budget := imageio.NewWatchedBudget(memory, taken.Store)
	a, results := exporter(t, budget)
	var group errgroup.Group
	for range 5 {
		group.Go(func() error { return take(a, t.Context(), "large") })
	}
	synctest.Wait()
	if got := results.reading.Load(); got != want || taken.Load() != int64(want)*min(resultMemory*largeResult, memory) {
		t.Errorf("%d large results are held at once, not %d, and %d bytes", got, want, taken.Load())
	}
	if err := take(a, t.Context(), "little"); err != nil {
		t.Error(err)
	}
	leaves, leave := context.WithCancel(t.Context())
	group.Go(func() error {
		if err := take(a, leaves, "large"); err == nil {
			t.Error("who has left has got it")
		}
		return nil
	})
	synctest.Wait()
	leave()
	close(results.may)
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
	if len(a.exports.much)+len(a.exports.little) != 0 || budget.TryTake(memory, 0) == nil {
		t.Error("a turn, or memory, is not given back")
	}
}

// blocked is a client that takes nothing.
type blocked struct{ until chan struct{} }

func (b blocked) Write([]byte) (int, error) {
	<-b.until
	return 0, io.ErrClosedPipe
}

// TestSlowReadersOfExportsHoldNobodyUp has as many as export at once read nothing.
func TestSlowReadersOfExportsHoldNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := imageio.NewBudget(resultMemory * largeResult)
		a, results := exporter(t, memory)
		close(results.may)
		asleep := blocked{make(chan struct{})}
		var group errgroup.Group
		for range exportsAtOnce {
			group.Go(func() error {
				if err := a.exportOne(t.Context(), asleep, "large"); err == nil {
					t.Error("it ended well")
				}
				return nil
			})
		}
		synctest.Wait()
		var got bytes.Buffer
		if err := a.exportOne(t.Context(), &got, "large"); err != nil || got.Len() < spoolFrom {
			t.Errorf("%d bytes, %v", got.Len(), err)
		}
		close(asleep.until)
		if err := group.Wait(); err != nil {
			t.Error(err)
		}
	})
}

// TestMadeComesAsItWasWritten sends twice what is more than stays in memory, with a disk and without.
func TestMadeComesAsItWasWritten(t *testing.T) {
	for _, folder := range []string{t.TempDir(), t.TempDir() + "/none"} {
		m := &made{folder: folder, over: t.Context().Err}
		var got, want strings.Builder
		for range 2 {
			for _, n := range []int{10, spoolFrom, 1, 2 * spoolFrom, spoolFrom - 1, 1, 2} {
				piece := strings.Repeat(string(rune('a'+n%26)), n)
				want.WriteString(piece)
				if _, err := io.WriteString(m, piece); err != nil {
					t.Fatal(err)
				}
			}
			if err := m.send(&got); err != nil || got.String() != want.String() {
				t.Errorf("%s: %d bytes of %d, or others; %v", folder, got.Len(), want.Len(), err)
			}
		}
		m.drop()
	}
}
