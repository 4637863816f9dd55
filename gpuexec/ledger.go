package gpuexec

import (
	"context"
	"sync"

	"seghub/models"
	"seghub/models/imageio"
)

// batch is a Batch in hand. It belongs to one goroutine at a time, but for what is said to be others'.
type batch struct {
	slot     int
	model    models.Spec // whose input the tasks' tiles fit
	tasks    []*task
	decoding *decoding     // of model; owned by inference once it has b
	settled  chan struct{} // closed when it is decoded for the model that it runs on, or will not run
}

// task is a Job in hand. Its stages are at work on it at the same time, on different bands.
type task struct {
	job      Job
	batch    *batch
	assembly *assembly // owned by postprocessing; nil until the first band is there
	course   course

	interrupts map[*func()]struct{} // guarded by ledger.mu; each tells a stage that what it does for the task is not wanted any more
	share      *share               // guarded by ledger.mu; nil before its decoding has memory, and once it is claimed
}

// band is a row of a task's tiles, or a part of one. It belongs to one stage at a time.
type band struct {
	task      *task
	placement models.Placement
	scale     models.Scale
	page      imageio.Page
	picture   func() imageio.Reader // opens the page where it is in memory; else nil
	strip     models.Strip          // its tiles are gone once they have run
	outputs   []models.Tensor       // of the runs so far, tile after tile
	ran       int                   // how many tiles have run
	last      bool                  // of the task

	// Of tiles that are only looked at: where decoding waits for their outputs; holds one. They are no part of the task's progress.
	looked chan []models.Tensor
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
	for interrupt := range t.interrupts {
		(*interrupt)()
	}
	l.holdLocked(t, nil)
	return true
}

// hold holds a share for t until that is claimed.
func (l *ledger) hold(t *task, s *share) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, open := l.open[t]; open {
		l.holdLocked(t, s)
	} else {
		s.release()
	}
}

// letGo gives back the shares of tasks that are to be decoded anew, which nobody decodes now.
func (l *ledger) letGo(tasks []*task) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range tasks {
		l.holdLocked(t, nil)
	}
}

func (l *ledger) holdLocked(t *task, s *share) {
	if t.share != nil {
		t.share.release()
	}
	t.share = s
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

// untilClaimed derives a context for what is done for some tasks at once, which ends when all of them are claimed. The caller calls done
// when that is over.
func (l *ledger) untilClaimed(ctx context.Context, tasks ...*task) (_ context.Context, done func()) {
	ctx, cancel := context.WithCancel(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	wanted := 0 // guarded by mu
	interrupt := func() {
		if wanted--; wanted == 0 {
			cancel()
		}
	}
	for _, t := range tasks {
		if _, open := l.open[t]; !open {
			continue
		}
		if t.interrupts == nil {
			t.interrupts = make(map[*func()]struct{})
		}
		wanted++
		t.interrupts[&interrupt] = struct{}{}
	}
	if wanted == 0 {
		cancel()
	}
	return ctx, func() {
		l.mu.Lock()
		for _, t := range tasks {
			delete(t.interrupts, &interrupt)
		}
		l.mu.Unlock()
		cancel()
	}
}
