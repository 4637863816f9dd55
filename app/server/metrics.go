package server

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/singleflight"

	"seghub/app/status"
	"seghub/gpuexec"
	"seghub/gpuexec/budget"
)

const (
	scrapeTimeout = 2 * time.Second // how long a scrape waits for Redis
	scrapeRest    = time.Second     // how long what Redis said is told again: anybody may ask for the metrics
)

// gauges are read when Prometheus asks, Redis once a second at most.
type gauges struct {
	take        func(context.Context) (status.Snapshot, error)
	memory      func() budget.State
	connections func() int

	asking singleflight.Group // those who ask together ask once

	mu       sync.Mutex
	asked    time.Time       // guarded by mu; when Redis was asked last
	snapshot status.Snapshot // guarded by mu; what it said
	err      error           // guarded by mu; or why it did not
}

// recent is a snapshot that is not older than scrapeRest.
func (g *gauges) recent() (status.Snapshot, error) {
	if snapshot, fresh, err := g.known(); fresh {
		return snapshot, err
	}
	said, err, _ := g.asking.Do("", func() (any, error) {
		if snapshot, fresh, err := g.known(); fresh { // asked meanwhile
			return snapshot, err
		}
		ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
		defer cancel()
		snapshot, err := g.take(ctx)
		g.mu.Lock()
		defer g.mu.Unlock()
		g.asked, g.snapshot, g.err = time.Now(), snapshot, err
		return snapshot, err
	})
	return said.(status.Snapshot), err
}

// known is what Redis said last, and whether that is fresh enough.
func (g *gauges) known() (snapshot status.Snapshot, fresh bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.snapshot, !g.asked.IsZero() && time.Since(g.asked) < scrapeRest, g.err
}

var (
	slotsDesc       = prometheus.NewDesc("seghub_slots", "Slots of this node.", nil, nil)
	activeDesc      = prometheus.NewDesc("seghub_slots_active", "Slots that have an owner.", nil, nil)
	waitingDesc     = prometheus.NewDesc("seghub_sessions_waiting", "Sessions in the line.", nil, nil)
	connectionsDesc = prometheus.NewDesc("seghub_connections", "Open sockets.", nil, nil)
	memoryUsedDesc  = prometheus.NewDesc("seghub_memory_used_bytes", "Memory in use on the workers' device, by everybody.", nil, nil)
	memoryTotalDesc = prometheus.NewDesc("seghub_memory_total_bytes", "Memory of the workers' device.", nil, nil)
	budgetDesc      = prometheus.NewDesc("seghub_memory_budget_bytes", "Memory that models may take together.", nil, nil)
	bookedDesc      = prometheus.NewDesc("seghub_memory_booked_bytes", "Memory that models have booked.", nil, nil)
	breakerDesc     = prometheus.NewDesc("seghub_breaker_open", "1 while new work is refused because memory is nearly full.", nil, nil)
	utilisationDesc = prometheus.NewDesc("seghub_gpu_utilisation_ratio", "Part of the last moments in which the GPU was busy, 0..1.", nil, nil)
	temperatureDesc = prometheus.NewDesc("seghub_gpu_temperature_celsius", "Temperature of the GPU.", nil, nil)
)

// Describe sends the gauges' names.
func (g *gauges) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		slotsDesc, activeDesc, waitingDesc, connectionsDesc,
		memoryUsedDesc, memoryTotalDesc, budgetDesc, bookedDesc, breakerDesc, utilisationDesc, temperatureDesc,
	} {
		out <- d
	}
}

// Collect reads the gauges; those that need Redis are left out while it is gone.
func (g *gauges) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value)
	}
	gauge(connectionsDesc, float64(g.connections()))
	g.collectMemory(gauge)
	snapshot, err := g.recent()
	if err != nil {
		return
	}
	gauge(slotsDesc, float64(len(snapshot.Admission.Slots)))
	gauge(activeDesc, float64(snapshot.Active()))
	gauge(waitingDesc, float64(snapshot.Admission.Waiting))
}

func (g *gauges) collectMemory(gauge func(*prometheus.Desc, float64)) {
	memory := g.memory()
	gauge(memoryUsedDesc, float64(memory.UsedBytes))
	gauge(memoryTotalDesc, float64(memory.TotalBytes))
	gauge(budgetDesc, float64(memory.BudgetBytes))
	gauge(bookedDesc, float64(memory.BookedBytes))
	open := 0.0
	if memory.BreakerOpen {
		open = 1
	}
	gauge(breakerDesc, open)
	if memory.Utilisation != nil {
		gauge(utilisationDesc, float64(*memory.Utilisation)/100)
	}
	if memory.TemperatureC != nil {
		gauge(temperatureDesc, float64(*memory.TemperatureC))
	}
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
