package gpuexec

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// The pause after a failure to fetch or to make an engine: doubled from the first to the last.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 10 * time.Second
)

// worker is the executor behind one slot.
type worker struct {
	pool   *Pool
	slot   int
	log    *slog.Logger
	up     *gate        // open while there is an engine: nothing is fetched without one
	orders chan order   // to the goroutine that owns the engine
	calls  chan order   // to it, for help; holds one
	asked  atomic.Int32 // how many orders wait

	engine Engine // owned by the infer goroutine; nil when down
	runs   int64  // owned by the infer goroutine; how often a model ran

	keepings sync.WaitGroup // what stores probability maps

	mu        sync.Mutex
	stat      WorkerStat         // guarded by mu
	unmade    error              // guarded by mu; why its last engine could not be made; nil when it was
	held      map[shape]*held    // guarded by mu; written by the infer goroutine alone
	reduced   map[string]int     // guarded by mu; the rows of models that memory was too short for, by id
	free      bool               // guarded by mu; it may be called for help
	coming    *batch             // guarded by mu; that was fetched and is not with the infer goroutine; nil for none
	interrupt context.CancelFunc // guarded by mu; ends what the infer goroutine does without work, nil while it has some
}

func newWorker(p *Pool, slot int) *worker {
	return &worker{
		pool:    p,
		slot:    slot,
		log:     p.cfg.Log.With("slot", slot),
		up:      newGate(),
		orders:  make(chan order),
		calls:   make(chan order, 1),
		stat:    WorkerStat{Slot: slot, Device: p.cfg.Device, State: WorkerDown},
		held:    make(map[shape]*held),
		reduced: make(map[string]int),
	}
}

// run owns the worker's goroutines: it returns when they have ended, the stages from the first to the last.
func (w *worker) run(fetch, work, keep context.Context, source Source, sink Sink) {
	out := w.outlet(work, keep, sink)
	decoded, inferred := make(chan *batch), make(chan []*band)
	var stages sync.WaitGroup
	stages.Go(func() { w.fetchAndDecode(fetch, work, source, out, decoded) })
	stages.Go(func() { w.infer(fetch, work, out, decoded, inferred) })
	stages.Go(func() { w.postprocess(work, out, inferred) })
	stages.Wait()
	w.keepings.Wait() // their tasks are claimed
}

// outlet is what a stage has to say to the Sink.
type outlet struct {
	// finish claims t's end and tells it; nothing happens when somebody else has claimed it.
	finish func(t *task, r Result)
	// report changes how far t is in a stage, and tells it while anybody wants to know.
	report func(t *task, stage Stage, change func(*course))
	// piece tells what is there of t's mask, while anybody wants to know.
	piece func(t *task, p Piece)
}

func (w *worker) outlet(work, keep context.Context, sink Sink) outlet {
	finish := func(t *task, r Result) {
		if !w.pool.ledger.claim(t) {
			return
		}
		if r.Err != nil && work.Err() != nil {
			r.Err = ErrStopped // whatever failed, failed because Stop's time was over
		}
		if errors.Is(r.Err, ErrOutOfMemory) && w.pool.crowds(work, t.batch.model) {
			r.Err = fmt.Errorf("%w: %w", ErrCrowdedOut, r.Err)
		}
		if r.Err == nil {
			w.mu.Lock()
			w.stat.ImagesDone++
			w.mu.Unlock()
		}
		r.JobID, r.Attempt, r.Slot = t.job.ID, t.job.Attempt, w.slot
		r.Timing, r.InferredAt = t.course.costs()
		sink.Finish(keep, r)
	}
	report := func(t *task, stage Stage, change func(*course)) {
		t.course.tell(t.job, stage, change, func(p Progress) {
			if w.pool.ledger.wants(t) {
				sink.Progress(p)
			}
		})
	}
	piece := func(t *task, p Piece) {
		if w.pool.ledger.wants(t) {
			p.JobID, p.Attempt = t.job.ID, t.job.Attempt
			sink.Piece(keep, p)
		}
	}
	return outlet{finish: finish, report: report, piece: piece}
}

// each calls do for every task, on as many goroutines as the worker has cores, and returns when all have returned.
func (w *worker) each(tasks []*task, do func(*task)) {
	var group errgroup.Group
	group.SetLimit(w.pool.coresPerWorker())
	for _, t := range tasks {
		group.Go(func() error { do(t); return nil })
	}
	_ = group.Wait() // do returns nothing
}

// Stat tells what the worker is doing.
func (w *worker) Stat() WorkerStat {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stat
}

// trouble is why the worker's last engine could not be made; nil when it was.
func (w *worker) trouble() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.unmade
}

// setState notes what the worker is doing.
func (w *worker) setState(state WorkerState, model string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stat.State, w.stat.Model, w.stat.Helps = state, model, nil
}

// errPanic is what a panic becomes on its way to a Result.
var errPanic = errors.New("panic")

// guarded calls do and makes an error of a panic, so that one image cannot take the node down.
func (w *worker) guarded(do func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errPanic, r)
			w.log.Error("a worker panicked", "panic", r, "stack", string(debug.Stack()))
		}
	}()
	return do()
}

// pause doubles from firstPause to lastPause until it is reset to its zero value.
type pause time.Duration

func (p *pause) next() time.Duration {
	*p = min(max(2**p, pause(firstPause)), pause(lastPause))
	return time.Duration(*p)
}

// wait returns after the next pause, or false when ctx ended first.
func (p *pause) wait(ctx context.Context) bool {
	timer := time.NewTimer(p.next())
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
