package gpuexec

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"seghub/gpuexec/budget"
	"seghub/models"
	"seghub/models/imageio"
)

// finishGrace is how long Sink.Finish may go on writing outcomes after Stop's time is over.
const finishGrace = 5 * time.Second

// CPU is the Device without a GPU.
const CPU = "cpu"

// Config is what a Pool is made of. Every field but MaxObjects, Decoded, InUse and Help is needed.
type Config struct {
	Slots     int                                 // how many workers
	Device    string                              // what the engines run on, CPU or "cuda:N", as WorkerStat tells it
	NewEngine NewEngine                           // makes a worker's engine
	Models    func(id string) (models.Spec, bool) // the registry
	MaxPixels int64                               // images of more pixels are refused
	// MaxObjects is the most objects of one image, and about what their outlines may take: memory goes by these. 0 for no limit.
	MaxObjects int
	Decoded    *imageio.Budget   // the memory that decoded images share, with others who read them; nil for no limit
	Batches    models.BatchTable // how many rows a run of each model has
	Budget     *budget.Budget    // the memory that the models run in
	// InUse is how many bytes of the device's memory are in use now; nil where nothing tells. Called on a worker's own thread.
	InUse func() uint64
	// Lost is called once, when the device is lost, with an error that wraps ErrDeviceLost. It must not block. The jobs in hand are not
	// finished: who is told hands them back, without Stop, and ends the process.
	Lost func(error)
	// Help tells whether workers that have nothing to do may run tiles of other workers' batches now, on as many at once as there are cores
	// for; nil where they never may. Asked before each run.
	Help func() bool
	Log  *slog.Logger
}

func (c Config) inUse() uint64 {
	if c.InUse == nil {
		return 0
	}
	return c.InUse()
}

// Pool is the workers of a node.
type Pool struct {
	cfg     Config
	ledger  *ledger
	workers []*worker

	loads      *loads
	footprints *footprints
	history    history
	beats      func() *time.Ticker // by which a run is watched

	keptSamples int         // bytes of each image, see original
	largePage   int64       // bytes of the samples of a page that are worth the pause that giving its memory back to the system takes
	giveBack    *time.Timer // does that

	atOnce int          // how many workers run at once, as far as that is chosen
	atWork atomic.Int64 // how many do

	lastRun atomic.Value  // time.Time; when a worker ran or opened a model last
	missing atomic.Uint64 // bytes that the last job wanted that was crowded out; 0 for none
	gone    chan struct{} // closed when the device is lost

	mu     sync.Mutex
	life   *life              // guarded by mu; nil when not running
	warm   []string           // guarded by mu; the models that Warm has loaded
	warmed bool               // guarded by mu; a Warm has been through
	broken map[string]refusal // guarded by mu; the models that the last Warm could not load, by id
	lost   error              // guarded by mu; why the device is lost, for the rest of the process
}

// life is the time between a Start and the end of its Stop.
type life struct {
	stopFetching context.CancelFunc
	stopWorking  context.CancelFunc
	over         chan struct{} // closed when the last goroutine has ended
}

// New makes a pool whose workers do not run yet.
func New(cfg Config) *Pool {
	if cfg.Decoded == nil {
		cfg.Decoded = imageio.NewBudget(math.MaxInt64)
	}
	p := &Pool{
		cfg: cfg, ledger: newLedger(),
		loads:      newLoads(cfg.InUse != nil),
		footprints: &footprints{table: cfg.Batches, slots: cfg.Slots, measures: cfg.InUse != nil, measured: make(map[string]footprint)},
		gone:       make(chan struct{}),

		keptSamples: 64 << 20,
		largePage:   128 << 20,
		giveBack:    time.AfterFunc(math.MaxInt64, debug.FreeOSMemory),
		history:     history{least: leastRun, slowest: make(map[string]time.Duration)},
		beats:       func() *time.Ticker { return time.NewTicker(beat) },
	}
	if cfg.Device == CPU {
		p.history.least = firstRun
	}
	for slot := range cfg.Slots {
		p.workers = append(p.workers, newWorker(p, slot))
	}
	p.atOnce = 1
	if cfg.Help != nil {
		p.atOnce = min(cfg.Slots, runtime.GOMAXPROCS(0)/p.coresPerWorker())
	}
	return p
}

// Start lets the workers run: they take batches from source and tell sink. It does not wait for their engines; Ready tells.
// When ctx ends no more batches are fetched; Stop is still to be called. Between Start and the end of Stop another Start
// fails; after it the pool may be started again.
func (p *Pool) Start(ctx context.Context, source Source, sink Sink) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.life != nil {
		return errors.New("gpuexec: the workers are running already")
	}
	fetch, stopFetching := context.WithCancel(ctx)
	work, stopWorking := context.WithCancel(context.WithoutCancel(ctx))
	p.life = &life{stopFetching: stopFetching, stopWorking: stopWorking, over: make(chan struct{})}
	go p.run(fetch, work, p.life, source, sink)
	return nil
}

// run owns every goroutine of the pool: it returns when all of them have.
func (p *Pool) run(fetch, work context.Context, life *life, source Source, sink Sink) {
	defer close(life.over)
	keep, stopKeeping := context.WithCancel(context.WithoutCancel(work))
	disarm := context.AfterFunc(work, func() { time.AfterFunc(finishGrace, stopKeeping) })

	var cancelled sync.WaitGroup
	workersOver := make(chan struct{})
	cancelled.Go(func() { p.finishCancelled(keep, workersOver, sink) })

	var workers sync.WaitGroup
	for _, w := range p.workers {
		workers.Go(func() { w.run(fetch, work, keep, source, sink) })
	}
	workers.Wait()
	close(workersOver)
	cancelled.Wait()

	disarm()
	p.giveBack.Stop()
	stopKeeping()
	life.stopFetching()
	life.stopWorking()
}

// finishCancelled tells sink of the jobs that Cancel claimed, without waiting for the stage that each was in.
func (p *Pool) finishCancelled(keep context.Context, workersOver <-chan struct{}, sink Sink) {
	for over := false; !over; {
		select {
		case <-p.ledger.wake:
		case <-workersOver:
			over = true
		}
		for _, t := range p.ledger.takeCancelled() {
			sink.Finish(keep, Result{JobID: t.job.ID, Attempt: t.job.Attempt, Slot: t.batch.slot, Err: ErrCancelled})
		}
	}
}

// Stop stops fetching and returns when the work in hand is finished and every engine closed. When ctx ends first, the
// running inference is terminated and what is left is finished as ErrStopped. It may be called by many and at any time.
func (p *Pool) Stop(ctx context.Context) {
	p.mu.Lock()
	life := p.life
	p.mu.Unlock()
	if life == nil {
		return
	}
	life.stopFetching()
	select {
	case <-life.over:
	case <-ctx.Done():
		life.stopWorking()
		<-life.over
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.life == life {
		p.life = nil
	}
}

// Warm loads the models on every worker, as the registry has them now, and frees those that the registry has no more. It
// returns when every worker has done so, with an error for each model that cannot be loaded; the others are. A worker whose
// engine is not up yet does it then, and one that is made anew later loads what Warm has loaded. It wants a started pool, and
// is called again when the registry has changed; meanwhile jobs go on, with a batch between any two loads.
func (p *Pool) Warm(ctx context.Context, ids []string) error {
	for _, id := range ids {
		if _, known := p.cfg.Models(id); !known {
			return fmt.Errorf("warm: %w: %q", ErrNoModel, id)
		}
	}
	p.mu.Lock()
	life := p.life
	p.mu.Unlock()
	if life == nil {
		return ErrNotRunning
	}
	errs := make([]error, len(ids), len(ids)+1)
	errs = append(errs, p.onEachWorker(ctx, life, (*worker).unloadGone))
	var loads sync.WaitGroup
	for i, id := range ids {
		loads.Go(func() {
			errs[i] = p.onEachWorker(ctx, life, func(w *worker, work context.Context) error {
				model, known := p.cfg.Models(id)
				if !known {
					return nil // gone since
				}
				return w.load(work, model)
			})
		})
	}
	loads.Wait()
	err := errors.Join(errs...)
	if ctx.Err() != nil || errors.Is(err, ErrNotRunning) {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.warmed = true
	p.broken = make(map[string]refusal)
	for i, id := range ids {
		switch {
		case errs[i] == nil && !slices.Contains(p.warm, id):
			p.warm = append(p.warm, id)
		case errs[i] != nil && !errors.Is(errs[i], ErrOutOfMemory): // there may be memory a little later
			model, _ := p.cfg.Models(id)
			p.broken[id] = refusal{model.Version, errs[i]}
		}
	}
	return err
}

// refusal is why a model could not be loaded, and of which file that is.
type refusal struct {
	version string
	err     error
}

// Broken is why Warm could not load the model as the registry has it now; nil when it could, was not asked to, or memory was short.
func (p *Pool) Broken(id string) error {
	model, _ := p.cfg.Models(id)
	p.mu.Lock()
	defer p.mu.Unlock()
	if is, known := p.broken[id]; known && is.version == model.Version {
		return is.err
	}
	return nil
}

// Down is why a worker has no engine: its last one could not be made. It is nil when there is none such.
func (p *Pool) Down() error {
	for _, w := range p.workers {
		if err := w.trouble(); err != nil {
			return err
		}
	}
	return nil
}

// onEachWorker has each worker do something between two batches, and returns the first error when all have.
func (p *Pool) onEachWorker(ctx context.Context, life *life, do func(w *worker, work context.Context) error) error {
	var group errgroup.Group
	for _, w := range p.workers {
		group.Go(func() error { return w.ask(ctx, life.over, do) })
	}
	return group.Wait()
}

// Ready tells whether Warm has been through and every worker has an engine. It stays true while a model is replaced.
func (p *Pool) Ready() bool {
	p.mu.Lock()
	ready := p.life != nil && p.warmed
	p.mu.Unlock()
	for _, w := range p.workers {
		ready = ready && w.Stat().State != WorkerDown
	}
	return ready
}

// Loaded tells whether every worker has the model loaded as the registry has it now, so that no job pays for it.
func (p *Pool) Loaded(id string) bool {
	model, known := p.cfg.Models(id)
	if !known {
		return false
	}
	for _, w := range p.workers {
		if !w.has(model, w.rows(model)) {
			return false
		}
	}
	return true
}

// Cancel ends a job that the workers have in hand: its Finish comes at once, with ErrCancelled. It is false when they have
// no such job, or its outcome is decided already.
func (p *Pool) Cancel(jobID string) bool { return p.ledger.cancel(jobID) }

// Stats tells what each worker is doing, by slot.
func (p *Pool) Stats() []WorkerStat {
	stats := make([]WorkerStat, len(p.workers))
	for i, w := range p.workers {
		stats[i] = w.Stat()
	}
	return stats
}

// crowds tells whether others leave no memory for the least that the model can do with, and remembers that.
func (p *Pool) crowds(ctx context.Context, model models.Spec) bool {
	weights, run := p.footprints.of(model, 1)
	p.cfg.Budget.Sample(ctx)
	if !p.cfg.Budget.Crowded(weights + run) {
		return false
	}
	p.missing.Store(weights + run)
	return true
}

// Crowded is an ErrCrowdedOut while a job would be crowded out as the last one was that was.
func (p *Pool) Crowded() error {
	if bytes := p.missing.Load(); bytes > 0 && p.cfg.Budget.Crowded(bytes) {
		return fmt.Errorf("%w: a model takes %d bytes", ErrCrowdedOut, bytes)
	}
	p.missing.Store(0)
	return nil
}

// BatchSize is how many images of a model a worker should be given at once: as many as fill a run.
func (p *Pool) BatchSize(model string) int {
	spec, ok := p.cfg.Models(model)
	if !ok {
		return 1
	}
	return p.cfg.Batches.N(spec, len(p.workers))
}

// giveBackAfter is how long the other stages may take to let go of what one has ended.
const giveBackAfter = 2 * time.Second

// over says that a stage is through with a page. What a large one took goes back to the system soon: the collector would keep it for minutes.
func (p *Pool) over(page imageio.Page) {
	if page.Bytes() >= p.largePage {
		p.giveBack.Reset(giveBackAfter)
	}
}

// rested is how long no worker has run anything.
func (p *Pool) rested() time.Duration {
	last, _ := p.lastRun.Load().(time.Time)
	return time.Since(last)
}

// lose gives the device up: no worker calls it again, and whoever owns the process is told.
func (p *Pool) lose(err error) {
	p.mu.Lock()
	first := p.lost == nil
	if first {
		p.lost = err
		close(p.gone)
	}
	life := p.life
	p.mu.Unlock()
	if !first {
		return
	}
	p.cfg.Log.Error("the device is lost", "device", p.cfg.Device, "error", err)
	for _, w := range p.workers {
		w.up.set(false)
		w.setState(WorkerDown, "")
	}
	if life != nil {
		life.stopFetching()
	}
	p.cfg.Lost(err)
}

// lostError is why the device is lost; nil while it is not.
func (p *Pool) lostError() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lost
}

// wanted is the models that a new engine loads before it takes work.
func (p *Pool) wanted() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.warm
}

// coresPerWorker is how many images of one batch a worker decodes, or postprocesses, at the same time.
func (p *Pool) coresPerWorker() int { return max(1, runtime.GOMAXPROCS(0)/len(p.workers)) }
