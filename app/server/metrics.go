package server

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"seghub/app/status"
	"seghub/gpuexec"
)

const (
	scrapeTimeout = 2 * time.Second // how long a scrape waits for Redis
	scrapeRest    = time.Second     // how long what Redis said is told again: anybody may ask for the metrics
)

// gauges are read when Prometheus asks, Redis once a second at most.
type gauges struct {
	take        func(context.Context) (status.Snapshot, error)
	connections func() int

	mu       sync.Mutex // held while Redis is asked, so that those who ask together ask once
	asked    time.Time  // guarded by mu, as are the two below
	snapshot status.Snapshot
	err      error
}

// recent is a snapshot that is not older than scrapeRest.
func (g *gauges) recent() (status.Snapshot, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.asked.IsZero() || time.Since(g.asked) >= scrapeRest {
		ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
		defer cancel()
		g.snapshot, g.err = g.take(ctx)
		g.asked = time.Now()
	}
	return g.snapshot, g.err
}

var (
	slotsDesc       = prometheus.NewDesc("seghub_slots", "Slots of this node.", nil, nil)
	activeDesc      = prometheus.NewDesc("seghub_slots_active", "Slots that have an owner.", nil, nil)
	waitingDesc     = prometheus.NewDesc("seghub_sessions_waiting", "Sessions in the line.", nil, nil)
	connectionsDesc = prometheus.NewDesc("seghub_connections", "Open sockets.", nil, nil)
	memoryUsedDesc  = prometheus.NewDesc("seghub_memory_used_bytes", "Memory in use on the workers' device.", nil, nil)
	memoryTotalDesc = prometheus.NewDesc("seghub_memory_total_bytes", "Memory of the workers' device.", nil, nil)
)

// Describe sends the gauges' names.
func (g *gauges) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{slotsDesc, activeDesc, waitingDesc, connectionsDesc, memoryUsedDesc, memoryTotalDesc} {
		out <- d
	}
}

// Collect reads the gauges; those that need Redis are left out while it is gone.
func (g *gauges) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value)
	}
	gauge(connectionsDesc, float64(g.connections()))
	snapshot, err := g.recent()
	if err != nil {
		return
	}
	gauge(slotsDesc, float64(len(snapshot.Admission.Slots)))
	gauge(activeDesc, float64(snapshot.Active()))
	gauge(waitingDesc, float64(snapshot.Admission.Waiting))
	gauge(memoryUsedDesc, float64(snapshot.Memory.UsedBytes))
	gauge(memoryTotalDesc, float64(snapshot.Memory.TotalBytes))
}

// outcomes counts and times what the workers report on its way to the sessions.
type outcomes struct {
	gpuexec.Sink
	jobs   *prometheus.CounterVec
	stages *prometheus.HistogramVec
}

func newOutcomes(next gpuexec.Sink) outcomes {
	return outcomes{
		Sink: next,
		jobs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "seghub_jobs_total", Help: "Jobs that the workers ended, by outcome.",
		}, []string{"outcome"}),
		stages: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "seghub_stage_seconds", Help: "Duration of each stage of a job.",
			Buckets: []float64{.005, .02, .05, .1, .25, .5, 1, 5, 30},
		}, []string{"stage"}),
	}
}

// Finish counts r and passes it on.
func (o outcomes) Finish(ctx context.Context, r gpuexec.Result) {
	outcome := "done"
	switch {
	case errors.Is(r.Err, gpuexec.ErrCancelled):
		outcome = "cancelled"
	case r.Err != nil:
		outcome = "failed"
	}
	o.jobs.WithLabelValues(outcome).Inc()
	if r.Err == nil {
		o.stages.WithLabelValues(string(gpuexec.StageDecode)).Observe(r.Timing.Decode.Seconds())
		o.stages.WithLabelValues(string(gpuexec.StageInfer)).Observe(r.Timing.Infer.Seconds())
		o.stages.WithLabelValues(string(gpuexec.StagePostprocess)).Observe(r.Timing.Postprocess.Seconds())
	}
	o.Sink.Finish(ctx, r)
}

// Describe sends the names of the counters.
func (o outcomes) Describe(out chan<- *prometheus.Desc) {
	o.jobs.Describe(out)
	o.stages.Describe(out)
}

// Collect sends the counters.
func (o outcomes) Collect(out chan<- prometheus.Metric) {
	o.jobs.Collect(out)
	o.stages.Collect(out)
}
