package server

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"seghub/gpuexec"
	"seghub/models"
	"seghub/models/imageio"
	"seghub/models/sample"
)

// spy notes when inference ended, by job.
type spy struct {
	gpuexec.Sink
	ended *sync.Map // job id -> time.Time
}

func (s spy) Finish(ctx context.Context, r gpuexec.Result) {
	s.ended.Store(r.JobID, r.InferredAt)
	s.Sink.Finish(ctx, r)
}

// bench is a warm hub in this process.
type bench struct {
	*server
	base     string
	inferred sync.Map
	image    []byte // PNG, 1024 x 1024
	input    models.Tensor
	spec     models.Spec
}

func newBench(b *testing.B) *bench {
	b.Helper()
	s := &bench{server: &server{cfg: settings(b), log: slog.New(slog.DiscardHandler), served: make(chan error, 1)}}
	b.Cleanup(func() {
		if err := s.shutdown(); err != nil {
			b.Error(err)
		}
	})
	ctx := context.Background()
	if err := s.startParts(ctx); err != nil {
		b.Fatal(err)
	}
	if err := s.pool.Start(ctx, s.sessions, spy{s.sink, &s.inferred}); err != nil {
		b.Fatal(err)
	}
	if err := s.warm(ctx); err != nil {
		b.Fatal(err)
	}
	s.base = "http://" + s.address()

	var ok bool
	if s.spec, ok = s.models.Get(model); !ok {
		b.Fatalf("no model %s", model)
	}
	const side = 1024
	picture, _ := sample.Spheroids(7, side, side)
	var file strings.Builder
	grey := make([]uint8, side*side)
	for i := range grey {
		grey[i] = picture.Pix[i*picture.Channels]
	}
	if err := imageio.EncodeGray(&file, side, side, grey); err != nil {
		b.Fatal(err)
	}
	s.image = []byte(file.String())
	s.input, _ = models.Fit(picture, s.spec.Input)
	return s
}

// BenchmarkFourUsers sends 8 images of each of four users through HTTP and socket, and beside it runs
// four bare ONNX Runtime loops over as many inputs of the same model with the same threads, in turns.
func BenchmarkFourUsers(b *testing.B) {
	const users, images = 4, 8
	s := newBench(b)
	bare := make([]gpuexec.Engine, users)
	for i := range bare {
		engine, err := s.runtime.NewEngine(i)
		if err == nil {
			err = engine.Load(b.Context(), s.spec)
		}
		if err != nil {
			b.Fatal(err)
		}
		defer engine.Close()
		bare[i] = engine
	}
	batch := make([][]byte, images)
	for i := range batch {
		batch[i] = s.image
	}
	people := make([]*user, users)
	sockets := make([]*socket, users)
	for i := range people {
		people[i] = newUser(b, s.base, fmt.Sprint("user ", i))
		sockets[i] = people[i].connect("")
	}

	var hubTime, bareTime time.Duration
	for b.Loop() {
		bareTime += together(users, func(i int) {
			for range images {
				if _, err := bare[i].Run(b.Context(), s.spec, s.input); err != nil {
					b.Error(err)
				}
			}
		})
		hubTime += together(users, func(i int) {
			people[i].upload(http.StatusAccepted, batch...)
			sockets[i].untilEnded(images)
		})
	}
	all := float64(users * images * b.N)
	b.ReportMetric(all/bareTime.Seconds(), "bare-images/s")
	b.ReportMetric(all/hubTime.Seconds(), "hub-images/s")
	b.ReportMetric(bareTime.Seconds()/hubTime.Seconds(), "hub/bare")
	// What a picture costs beside its inference, which does not depend on how large the model is.
	b.ReportMetric((hubTime-bareTime).Seconds()*1000*float64(runtime.NumCPU())/all, "overhead-core-ms/image")
	b.ReportMetric(0, "ns/op")
}

// together runs f(0) .. f(n-1) at once and tells how long all took.
func together(n int, f func(int)) time.Duration {
	start := time.Now()
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() { f(i) })
	}
	wait.Wait()
	return time.Since(start)
}

// BenchmarkMaskLatency measures from the end of inference to the final mask frame at the client, for one
// image of 1024 x 1024 at a time.
func BenchmarkMaskLatency(b *testing.B) {
	const images = 40
	s := newBench(b)
	u := newUser(b, s.base, "Ada")
	socket := u.connect("")
	var took []time.Duration
	for b.Loop() {
		for range images {
			u.upload(http.StatusAccepted, s.image)
			for _, f := range socket.untilEnded(1) {
				if f.Type == "mask" {
					at, _ := s.inferred.Load(f.JobID)
					took = append(took, f.At.Sub(at.(time.Time)))
				}
			}
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "median-ms")
	b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkIdleSockets opens 1,000 sockets, each of a session of its own, to the real program and reads
// from the kernel what it has grown by.
func BenchmarkIdleSockets(b *testing.B) {
	const sockets = 1000
	settings(b)
	hub := launch(b, command(b), "SEGHUB_DATA="+b.TempDir(), "SEGHUB_REDIS=auto", "REDIS_URL=", "SEGHUB_RATE_LIMITS=0")
	first := newUser(b, hub.base, "first")
	first.connect("").until(func(f frame) bool { return f.Type == "snapshot" })
	var grown float64
	for b.Loop() {
		before := resident(b, hub.Process.Pid)
		for i := range sockets {
			u := newUser(b, hub.base, fmt.Sprint("user ", i))
			u.connect("").until(func(f frame) bool { return f.Type == "snapshot" })
			u.http.CloseIdleConnections()
		}
		grown = float64(resident(b, hub.Process.Pid) - before)
	}
	b.ReportMetric(grown/1024/sockets, "KiB/socket")
	b.ReportMetric(0, "ns/op")
}

// resident is the resident memory of a process, in bytes.
func resident(tb testing.TB, pid int) int {
	tb.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		tb.Skipf("left out: resident memory: %v", err)
	}
	_, rest, _ := strings.Cut(string(data), "VmRSS:")
	kib, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		tb.Fatal(err)
	}
	return kib << 10
}
