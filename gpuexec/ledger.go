package gpuexec

import (
	"context"
	"sync"
	"time"

	"seghub/models"
)

// batch is a Batch in hand. It belongs to one goroutine at a time: decode, infer, postprocess.
type batch struct {
	slot  int
	model models.Spec // whose input the tasks' inputs fit
	tasks []*task
	// input is the tensor of the tasks in packed, made while the batch before was running.
	input  models.Tensor
	packed []*task

	unclaimed int                // guarded by ledger.mu
	interrupt context.CancelFunc // guarded by ledger.mu; ends the running inference, nil when none runs
}

// task is a Job in hand. It belongs to whom its batch belongs to.
type task struct {
	job       Job
	batch     *batch
	input     models.Tensor // [rows,H,W,C]: one row, or one for each tile
	placement models.Placement
	output    models.Tensor // of the run that the task was in: [N,H,W,outputs]
	row       int           // the first of the N that is the task's
	timing    Timing
	inferred  time.Time

	interrupt context.CancelFunc // guarded by ledger.mu; ends the task's decoding or postprocessing, nil between
}

// ledger holds the tasks whose end nobody has claimed yet. A claim is for keeps: the claimant alone calls Sink.Finish.
type ledger struct {
	mu        sync.Mutex
	open      map[*task]struct{}
	cancelled []*task // claimed by cancel, and still to be finished

	wake chan struct{} // tells the one who reads takeCancelled that there is something; holds one
}

func newLedger() *ledger {
	return &ledger{open: make(map[*task]struct{}), wake: make(chan struct{}, 1)}
}

func (l *ledger) enter(b *batch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range b.tasks {
		l.open[t] = struct{}{}
	}
	b.unclaimed = len(b.tasks)
}

// claim makes the caller the one who finishes t; false when somebody else is.
func (l *ledger) claim(t *task) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.claimLocked(t)
}

func (l *ledger) claimLocked(t *task) bool {
	if _, open := l.open[t]; !open {
		return false
	}
	delete(l.open, t)
	if t.interrupt != nil {
		t.interrupt()
	}
	t.batch.unclaimed--
	if t.batch.unclaimed == 0 && t.batch.interrupt != nil {
		t.batch.interrupt()
	}
	return true
}

// cancel claims every task of that job and leaves it to takeCancelled's reader; false when there is none.
func (l *ledger) cancel(jobID string) bool {
	l.mu.Lock()
	found := false
	for t := range l.open {
		if t.job.ID == jobID && l.claimLocked(t) {
			l.cancelled = append(l.cancelled, t)
			found = true
		}
	}
	l.mu.Unlock()
	if found {
		select {
		case l.wake <- struct{}{}:
		default: // a wake is on its way already
		}
	}
	return found
}

func (l *ledger) takeCancelled() []*task {
	l.mu.Lock()
	defer l.mu.Unlock()
	taken := l.cancelled
	l.cancelled = nil
	return taken
}

// unclaimed returns b's tasks that still want a result, in order.
func (l *ledger) unclaimed(b *batch) []*task {
	l.mu.Lock()
	defer l.mu.Unlock()
	var tasks []*task
	for _, t := range b.tasks {
		if _, open := l.open[t]; open {
			tasks = append(tasks, t)
		}
	}
	return tasks
}

func (l *ledger) wants(t *task) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, open := l.open[t]
	return open
}

// untilClaimed derives a context that ends when t is claimed. The caller calls done when its work on t is over.
func (l *ledger) untilClaimed(ctx context.Context, t *task) (_ context.Context, done func()) {
	ctx, cancel := context.WithCancel(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, open := l.open[t]; !open {
		cancel()
	}
	t.interrupt = cancel
	return ctx, func() { l.forget(&t.interrupt, cancel) }
}

// untilAllClaimed derives a context that ends when every task of b is claimed. The caller calls done when the run is over.
func (l *ledger) untilAllClaimed(ctx context.Context, b *batch) (_ context.Context, done func()) {
	ctx, cancel := context.WithCancel(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	if b.unclaimed == 0 {
		cancel()
	}
	b.interrupt = cancel
	return ctx, func() { l.forget(&b.interrupt, cancel) }
}

func (l *ledger) forget(interrupt *context.CancelFunc, cancel context.CancelFunc) {
	l.mu.Lock()
	*interrupt = nil
	l.mu.Unlock()
	cancel()
}
