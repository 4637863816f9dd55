package results

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"image"
	"image/png"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"seghub/gpuexec"
	"seghub/models"
	"seghub/models/imageio"
	"seghub/models/mask"
	"seghub/models/mask/correct"
	"seghub/models/mask/masktest"
	"seghub/sessions"
	"seghub/storage"
)

func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "40"); err != nil { // each makes dozens of revisions; -rapid.checks asks for more
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// oneJob is a job that is done, and its revisions, as sessions keeps them.
type oneJob struct {
	mu        sync.Mutex
	job       sessions.Job
	revisions []sessions.Revision
	told      sessions.NewRevision // the newest
	lose      error                // what Revise answers, and does nothing
}

func (o *oneJob) Job(context.Context, string, string) (sessions.Job, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.job, nil
}

func (o *oneJob) Revisions(context.Context, string, string) ([]sessions.Revision, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.revisions), nil
}

func (o *oneJob) Revise(_ context.Context, _, _ string, from int, next sessions.NewRevision) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.lose != nil {
		return 0, o.lose
	}
	if from != o.job.Revision {
		return o.job.Revision, sessions.ErrConflict
	}
	o.job.Revision++
	o.job.Content, o.job.Options, o.job.Count, o.told = next.Content, next.Options, &next.Count, next
	o.revisions = append(o.revisions, sessions.Revision{Number: o.job.Revision, Content: next.Content, Edit: next.Edit, Options: next.Options, By: "Ada"})
	return o.job.Revision, nil
}

const mySession, myJob, myImage = "ada", "J1", "I1"

// newKeeper keeps the result of one job on a picture of noise, whose map is given.
func newKeeper(t rapid.TB, p mask.Probability, o mask.Options) (*Keeper, *oneJob, *storage.Store) {
	t.Helper()
	store, err := storage.Open(context.Background(), "mem://")
	must(t, err)
	jobs := &oneJob{job: sessions.Job{ID: myJob, ImageID: myImage, Filename: "a.png", Width: p.Width, Height: p.Height, Model: "unet", Options: o,
		FirstOptions: o, Revision: 1, State: sessions.JobDone, SHA256: "5a", FinishedAt: new(time.Time)},
		revisions: []sessions.Revision{{Number: 1, Options: o}}}
	k := New(Config{Blobs: store, Budget: imageio.NewBudget(1 << 30), Pixels: 1e9, Version: "test", Runtime: "1", Device: "cpu", Log: slog.New(slog.DiscardHandler)})
	k.Serve(jobs)
	must(t, store.Write(context.Background(), storage.ImageKey(mySession, myImage), noise(t, p.Width, p.Height)))
	must(t, store.WriteBy(context.Background(), storage.ProbabilityKey(mySession, myJob), func(w io.Writer) error { return masktest.WriteBands(w, p) }))
	must(t, k.PutFirst(context.Background(), mySession, jobs.job, outputOf(t, k, jobs.job, p, o)))
	return k, jobs, store
}

func outputOf(t rapid.TB, k *Keeper, job sessions.Job, p mask.Probability, o mask.Options) gpuexec.Output {
	t.Helper()
	s := mask.Segment(p, o)
	must(t, k.light(context.Background(), mySession, job, s.Objects, s.Spans))
	return gpuexec.Output{Model: models.Spec{SHA256: "51", Precision: "fp32"}, Width: p.Width, Height: p.Height, Shrunk: 1,
		Objects: s.Objects, Spans: s.Spans, Summary: s.Summary, MaskPNG: []byte("png")}
}

// noise is a PNG of 16 bits a sample.
func noise(t rapid.TB, width, height int) []byte {
	t.Helper()
	img, dice := image.NewGray16(image.Rect(0, 0, width, height)), rand.New(rand.NewPCG(1, 2))
	for i := range img.Pix {
		img.Pix[i] = uint8(dice.Uint32())
	}
	var out bytes.Buffer
	must(t, png.Encode(&out, img))
	return out.Bytes()
}

func must(t rapid.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// blobs is a map of boxes of many sizes, some of which touch.
func blobs(width, height int) mask.Probability {
	p := mask.Probability{Width: width, Height: height, Pix: make([]uint8, width*height)}
	dice := rand.New(rand.NewPCG(3, 4))
	for range 30 {
		x0, y0 := dice.IntN(width), dice.IntN(height)
		for y := y0; y < min(height, y0+2+dice.IntN(9)); y++ {
			for x := x0; x < min(width, x0+9); x++ {
				p.Pix[y*width+x] = uint8(140 + dice.IntN(100))
			}
		}
	}
	return p
}

// TestAProjectionHasNoDepth exports the job of a page, and of a projection that begins there.
func TestAProjectionHasNoDepth(t *testing.T) {
	k, jobs, _ := newKeeper(t, blobs(60, 50), mask.Options{Threshold: 0.5})
	for projection, want := range map[string]int{"none": 0, "max": -1} {
		jobs.job.Projection = projection
		picture, err := k.Picture(t.Context(), mySession, jobs.job)
		must(t, err)
		if picture.Z != want || picture.T != 0 {
			t.Errorf("projection %s: depth %d, time %d", projection, picture.Z, picture.T)
		}
	}
}

func TestOnlyAJobThatIsDoneHasAResult(t *testing.T) {
	k, jobs, _ := newKeeper(t, blobs(60, 50), mask.Options{Threshold: 0.5})
	jobs.job.State = sessions.JobRunning
	if _, err := k.Receipt(t.Context(), mySession, myJob, 0); !errors.Is(err, sessions.ErrNotDone) {
		t.Errorf("the receipt of a running job: %v", err)
	}
	if _, err := k.Edit(t.Context(), mySession, myJob, 1, nil); !errors.Is(err, sessions.ErrNotDone) {
		t.Errorf("an edit of a running job: %v", err)
	}
}

// TestWholeKnowsAllThatAPictureIsMadeOf takes away one file after the other of a job that was measured anew and edited.
func TestWholeKnowsAllThatAPictureIsMadeOf(t *testing.T) {
	ctx := t.Context()
	k, jobs, store := newKeeper(t, blobs(60, 150), mask.Options{Threshold: 0.5})
	whole := func() error {
		size, err := k.Whole(ctx, mySession, jobs.job)
		if want, _ := k.Size(ctx, mySession, jobs.job); err == nil && size != want {
			t.Errorf("of %d bytes, want %d", size, want)
		}
		return err
	}
	for _, revise := range []func() error{
		func() error {
			_, err := k.Edit(ctx, mySession, myJob, jobs.job.Revision, []correct.Operation{{Kind: correct.Delete, IDs: []int{1}}})
			return err
		},
		func() error {
			_, err := k.Measure(ctx, mySession, myJob, func(o *mask.Options) error { o.Threshold = 0.6; return nil }, true)
			return err
		},
		func() error {
			_, err := k.Edit(ctx, mySession, myJob, jobs.job.Revision, []correct.Operation{{Kind: correct.Delete, IDs: []int{1}}})
			return err
		},
	} {
		must(t, whole())
		must(t, revise())
	}
	must(t, whole())
	keys, err := store.Keys(ctx, mySession)
	must(t, err)
	needed := 0
	for _, key := range keys {
		data, err := store.Read(ctx, key)
		must(t, err)
		must(t, store.Delete(ctx, key))
		_, fails := k.Picture(ctx, mySession, jobs.job)
		if fails != nil {
			needed++
		}
		if err := whole(); (fails != nil) != errors.Is(err, storage.ErrNotFound) {
			t.Errorf("without %s: a picture %v, whole %v", key, fails, err)
		}
		must(t, store.Write(ctx, key, data))
	}
	if needed < 7 { // receipt, result, labels, change and three edits
		t.Errorf("%d files are needed", needed)
	}
}
