package gpuexec

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"seghub/gpuexec/budget"
	"seghub/models"
)

// shape is one way in which a worker runs a model: so many rows a run.
type shape struct {
	id   string // of the model
	rows int
}

// held is a session that a worker holds. It belongs to the goroutine that owns the engine.
type held struct {
	shape
	model   models.Spec
	session Session
	weights *budget.Reservation
	run     *budget.Reservation // nil while its runs hold no memory
	order   int64               // worker.runs when it ran last; 0: not since it was opened
}

// version tells a model's content from what its file had before.
func (h *held) version() string { return h.model.Version }

// warmTimes is how much more memory than later ones the first run of a session may take, which does not know yet what the graph needs at
// a time: 1.4 to 1.9 times, of four models in two sizes each.
const warmTimes = 2

// roomWait is how long a worker waits for others to make room before it does with less.
const roomWait = 10 * time.Second

// open returns the worker's session of the model for runs of so many rows: open, warm, and with the memory for a run booked. While
// there is no memory for it, others make room step by step; when none is left, the error wraps ErrOutOfMemory.
func (w *worker) open(ctx context.Context, model models.Spec, rows int) (*held, error) {
	want := shape{model.ID, rows}
	if h := w.holds(want); h != nil && h.version() == model.Version {
		return h, w.bookRun(ctx, h)
	}
	return w.openNew(ctx, model, want, func(ctx context.Context, bytes uint64) (*budget.Reservation, error) {
		return w.room(ctx, bytes, want)
	}, func() bool { return w.relieveOnce(ctx, want) })
}

// openBeside is open where there is room at once: nothing makes any for it.
func (w *worker) openBeside(ctx context.Context, model models.Spec, rows int) error {
	want := shape{model.ID, rows}
	if w.has(model, rows) {
		return nil
	}
	_, err := w.openNew(ctx, model, want, func(_ context.Context, bytes uint64) (*budget.Reservation, error) {
		if r, ok := w.pool.cfg.Budget.Try(bytes); ok {
			return r, nil
		}
		return nil, ErrOutOfMemory
	}, func() bool { return false })
	return err
}

// booking books so many bytes, or says why not.
type booking func(ctx context.Context, bytes uint64) (*budget.Reservation, error)

// openNew opens a session that the worker does not hold. While there is no memory for it, it asks relieve for some.
func (w *worker) openNew(ctx context.Context, model models.Spec, want shape, book booking, relieve func() bool) (*held, error) {
	rows := want.rows
	done, err := w.pool.loads.enter(ctx, model.ID, w.pool.footprints.known(model, rows))
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", model.ID, err)
	}
	defer done()
	// An older version first, which no batch runs again: a GPU's memory may not hold both.
	if err := w.closeOlder(model); err != nil {
		return nil, err
	}
	h, err := w.openOnce(ctx, model, rows, book)
	for errors.Is(err, ErrOutOfMemory) && relieve() {
		h, err = w.openOnce(ctx, model, rows, book)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s for runs of %d: %w", ErrNotLoaded, model.ID, rows, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held[want] = h
	return h, nil
}

func (w *worker) openOnce(ctx context.Context, model models.Spec, rows int, book booking) (_ *held, err error) {
	h := &held{shape: shape{model.ID, rows}, model: model}
	weights, run := w.pool.footprints.of(model, rows)
	// Both at once: who holds the one and waits for the other could keep another from either.
	if h.weights, err = book(ctx, weights+warmTimes*run); err != nil {
		return nil, err
	}
	h.run = w.pool.cfg.Budget.Force(warmTimes * run) // before the other is less: nobody may come between
	h.weights.Resize(weights)
	defer func() {
		if err != nil {
			h.weights.Release()
			h.run.Release()
		}
	}()
	before := w.pool.cfg.inUse()
	_, err = w.inTime(ctx, "the opening of "+model.ID, firstRun, func(ctx context.Context) (err error) {
		h.session, err = w.engine.Open(ctx, model, rows)
		return err
	})
	if err != nil {
		return nil, err
	}
	opened := w.pool.cfg.inUse()
	if err := w.watched(ctx, h, func(ctx context.Context) error { return h.session.Warm(ctx) }); err != nil {
		if w.engine != nil {
			err = errors.Join(err, w.withEngine(h.session.Close))
		}
		return nil, err
	}
	w.pool.lastRun.Store(time.Now()) // it is about to be used
	warm := w.pool.cfg.inUse()
	w.pool.footprints.note(model, rows, opened-min(before, opened), warm-min(opened, warm))
	weights, run = w.pool.footprints.of(model, rows)
	h.weights.Resize(weights)
	h.run.Resize(run)
	return h, nil
}

// bookRun books the memory that h's runs take, unless they hold it already.
func (w *worker) bookRun(ctx context.Context, h *held) (err error) {
	if h.run != nil {
		return nil
	}
	_, run := w.pool.footprints.of(h.model, h.rows)
	h.run, err = w.room(ctx, run, h.shape)
	return err
}

// tryBookRun is bookRun where there is room at once.
func (w *worker) tryBookRun(h *held) bool {
	if h.run == nil {
		_, run := w.pool.footprints.of(h.model, h.rows)
		h.run, _ = w.pool.cfg.Budget.Try(run)
	}
	return h.run != nil
}

// room books bytes for a shape. When there is no room the worker gives up what it does not need for it, then waits for others to do so,
// and then the error wraps ErrOutOfMemory; but the smallest shape is always let try, since only the device knows.
func (w *worker) room(ctx context.Context, bytes uint64, needed shape) (*budget.Reservation, error) {
	b := w.pool.cfg.Budget
	for {
		if r, ok := b.Try(bytes); ok {
			return r, nil
		}
		if !w.relieveOnce(ctx, needed) {
			break
		}
	}
	limit, stop := context.WithTimeout(ctx, roomWait)
	defer stop()
	r, err := b.Reserve(limit, bytes)
	switch {
	case err == nil:
		return r, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case needed.rows == 1:
		w.log.Warn("memory is booked beyond its budget, for the smallest run there is", "model", needed.id, "bytes", bytes, "error", err)
		return b.Force(bytes), nil
	}
	return nil, fmt.Errorf("%w: %w", ErrOutOfMemory, err)
}

// holds returns the worker's session of that shape; nil when there is none.
func (w *worker) holds(s shape) *held {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.held[s]
}

// all is what the worker holds, what ran longest ago first; what never ran comes before that.
func (w *worker) all() []*held {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.SortedFunc(maps.Values(w.held), func(a, b *held) int {
		return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.id, b.id), cmp.Compare(a.rows, b.rows))
	})
}

// closeOlder closes the sessions of other versions of the model.
func (w *worker) closeOlder(model models.Spec) error {
	for _, h := range w.all() {
		if h.id == model.ID && h.version() != model.Version {
			if err := w.close(h); err != nil {
				return err
			}
		}
	}
	return nil
}

// close has the engine free h.
func (w *worker) close(h *held) error {
	w.forget(h)
	if err := w.withEngine(h.session.Close); err != nil {
		return fmt.Errorf("unload %s: %w", h.id, err)
	}
	return nil
}

// forget takes h and what is booked for it off the worker's books.
func (w *worker) forget(h *held) {
	w.mu.Lock()
	delete(w.held, h.shape)
	w.mu.Unlock()
	h.weights.Release()
	h.run.Release()
	h.run = nil
}

// ran remembers that h runs now.
func (w *worker) ran(h *held) {
	w.runs++
	w.mu.Lock()
	h.order = w.runs // all reads it
	w.mu.Unlock()
	w.pool.lastRun.Store(time.Now())
}

// has tells whether the worker has the model, in this version, open for runs of so many rows.
func (w *worker) has(model models.Spec, rows int) bool {
	h := w.holds(shape{model.ID, rows})
	return h != nil && h.version() == model.Version
}
