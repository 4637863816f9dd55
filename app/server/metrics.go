package server

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/singleflight"

	"seghub/app/status"
	"seghub/gpuexec"
	"seghub/gpuexec/budget"
	"seghub/sessions"
)

const (
	scrapeTimeout = 2 * time.Second // how long what a scrape asks for may take
	scrapeRest    = time.Second     // how long an answer is told again
)

// gauges are read when Prometheus asks.
type gauges struct {
	line        recent[*status.Snapshot] // nil while Redis is away
	health      recent[health]
	workers     func() []gpuexec.WorkerStat
	memory      func() budget.State
	connections func() int
}

// health is what a job that is sent now needs.
type health struct {
	ready bool
	free  map[string]uint64 // bytes, by what is on a disk that can be measured
}

// newGauges takes what is read from where it is known.
func newGauges(s *server, source status.Source) *gauges {
	return &gauges{
		line: recent[*status.Snapshot]{ask: func(ctx context.Context) *status.Snapshot {
			snapshot, err := source.Take(ctx)
			if err != nil {
				return nil
			}
			return &snapshot
		}},
		health: recent[health]{ask: func(ctx context.Context) health {
			h := health{ready: s.ready(ctx) == nil, free: make(map[string]uint64)}
			for _, disk := range s.room.disks {
				if free, ok := disk.free(ctx); ok {
					h.free[disk.of] = free
				}
			}
			return h
		}},
		workers: s.workers, memory: s.budget.State, connections: s.hub.Connections,
	}
}

// recent asks for something once a second at most, for anybody may ask for the metrics.
type recent[T any] struct {
	ask func(context.Context) T

	asking singleflight.Group // those who ask together ask once

	mu     sync.Mutex
	asked  time.Time // guarded by mu; when it was asked last
	answer T         // guarded by mu
}

// get is an answer that is not older than scrapeRest; the zero value when none came in time. The folder of a network that is gone may never
// answer: whoever asks for it is waited for by one goroutine, and not by each scrape.
func (r *recent[T]) get() T {
	if answer, fresh := r.known(); fresh {
		return answer
	}
	said := r.asking.DoChan("", func() (any, error) {
		if answer, fresh := r.known(); fresh { // asked meanwhile
			return answer, nil
		}
		ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
		defer cancel()
		answer := r.ask(ctx)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.asked, r.answer = time.Now(), answer
		return answer, nil
	})
	select {
	case answered := <-said:
		return answered.Val.(T)
	case <-time.After(2 * scrapeTimeout):
		var none T
		return none
	}
}

// known is what was answered last, and whether that is fresh enough.
func (r *recent[T]) known() (answer T, fresh bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.answer, !r.asked.IsZero() && time.Since(r.asked) < scrapeRest
}

var (
	readyDesc       = prometheus.NewDesc("seghub_ready", "1 while a job that is sent now would run; /readyz has the reason where not.", nil, nil)
	redisDesc       = prometheus.NewDesc("seghub_redis_up", "1 while Redis answers.", nil, nil)
	workersDesc     = prometheus.NewDesc("seghub_workers", "Workers of this node, by what they do.", []string{"state"}, nil)
	deviceDesc      = prometheus.NewDesc("seghub_device_info", "1, with the device that models run on: cpu or cuda:N.", []string{"device"}, nil)
	diskDesc        = prometheus.NewDesc("seghub_disk_free_bytes", "Room on the disk of a folder, data or storage.", []string{"folder"}, nil)
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
		readyDesc, redisDesc, workersDesc, deviceDesc, diskDesc, slotsDesc, activeDesc, waitingDesc, connectionsDesc,
		memoryUsedDesc, memoryTotalDesc, budgetDesc, bookedDesc, breakerDesc, utilisationDesc, temperatureDesc,
	} {
		out <- d
	}
}

// Collect reads the gauges; of the line and the slots there are none while Redis is away.
func (g *gauges) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	gauge(connectionsDesc, float64(g.connections()))
	g.collectMemory(gauge)
	doing := make(map[gpuexec.WorkerState]int)
	var device string // of all of them
	for _, worker := range g.workers() {
		doing[worker.State]++
		device = worker.Device
	}
	if device != "" {
		gauge(deviceDesc, 1, device)
	}
	for _, state := range []gpuexec.WorkerState{gpuexec.WorkerIdle, gpuexec.WorkerBusy, gpuexec.WorkerDown} {
		gauge(workersDesc, float64(doing[state]), string(state))
	}
	health := g.health.get()
	gauge(readyDesc, oneIf(health.ready))
	for folder, free := range health.free {
		gauge(diskDesc, float64(free), folder)
	}
	snapshot := g.line.get()
	gauge(redisDesc, oneIf(snapshot != nil))
	if snapshot == nil {
		return
	}
	gauge(slotsDesc, float64(len(snapshot.Admission.Slots)))
	gauge(activeDesc, float64(snapshot.Active()))
	gauge(waitingDesc, float64(snapshot.Admission.Waiting))
}

// oneIf is how a gauge tells what is so.
func oneIf(so bool) float64 {
	if so {
		return 1
	}
	return 0
}

func (g *gauges) collectMemory(gauge func(*prometheus.Desc, float64, ...string)) {
	memory := g.memory()
	gauge(memoryUsedDesc, float64(memory.UsedBytes))
	gauge(memoryTotalDesc, float64(memory.TotalBytes))
	gauge(budgetDesc, float64(memory.BudgetBytes))
	gauge(bookedDesc, float64(memory.BookedBytes))
	gauge(breakerDesc, oneIf(memory.BreakerOpen))
	if memory.Utilisation != nil {
		gauge(utilisationDesc, float64(*memory.Utilisation)/100)
	}
	if memory.TemperatureC != nil {
		gauge(temperatureDesc, float64(*memory.TemperatureC))
	}
}

// outcomes counts and times the jobs that the workers ended.
type outcomes struct {
	jobs   *prometheus.CounterVec
	stages *prometheus.HistogramVec
}

func newOutcomes() outcomes {
	o := outcomes{
		jobs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "seghub_jobs_total", Help: "Jobs that the workers ended, by outcome.",
		}, []string{"outcome"}),
		stages: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "seghub_stage_seconds", Help: "Duration of each stage of a job.",
			Buckets: []float64{.005, .02, .05, .1, .25, .5, 1, 5, 30},
		}, []string{"stage"}),
	}
	for _, outcome := range []sessions.JobState{sessions.JobDone, sessions.JobFailed, sessions.JobCancelled} {
		o.jobs.WithLabelValues(string(outcome)) // from 0 on: Prometheus sees no rise to the first value that it hears
	}
	return o
}

// ended counts a job.
func (o outcomes) ended(r gpuexec.Result, state sessions.JobState) {
	o.jobs.WithLabelValues(string(state)).Inc()
	if state == sessions.JobDone {
		o.stages.WithLabelValues(string(gpuexec.StageDecode)).Observe(r.Timing.Decode.Seconds())
		o.stages.WithLabelValues(string(gpuexec.StageInfer)).Observe(r.Timing.Infer.Seconds())
		o.stages.WithLabelValues(string(gpuexec.StagePostprocess)).Observe(r.Timing.Postprocess.Seconds())
	}
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
