package gpuexec

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"seghub/models"
)

// infer is the second stage, and the only goroutine that touches the engine.
func (w *worker) infer(fetch, work context.Context, out outlet, decoded <-chan *batch, inferred chan<- []*band) {
	defer close(inferred)
	// Never unlocked: what a device library has tied to the thread goes with it.
	runtime.LockOSThread()
	defer w.closeEngine()
	defer w.engage()

	var backoff pause
	for {
		var orders <-chan order
		var again <-chan time.Time
		var relief <-chan struct{}
		switch {
		case w.pool.lostError() != nil:
		case w.engine != nil || fetch.Err() == nil && w.makeEngine(work):
			backoff = 0
			orders = w.orders
			again = time.After(lookEvery)
			if w.canRelieve() {
				relief = w.pool.cfg.Budget.Relief()
			}
		case fetch.Err() == nil:
			again = time.After(backoff.next())
		}
		w.offer()
		select {
		case b, more := <-decoded:
			w.engage()
			if !more {
				return
			}
			w.arrived(b)
			w.pool.atWork.Add(1)
			w.inferBatches(work, out, b, decoded, inferred)
			w.pool.atWork.Add(-1)
			if w.engine != nil {
				w.setState(WorkerIdle, "")
			}
		case o := <-orders:
			w.engage()
			o.done <- o.do(w, work)
		case o := <-w.calls:
			err := o.do(w, work)
			w.offer() // before who called hears: he calls again at once
			o.done <- err
		case <-relief:
			w.engage()
			w.rest(work)
		case <-again:
			w.engage()
			w.rest(work)
		}
	}
}

// inferBatches runs the tiles of b that are still wanted, and hands on the bands that are through. A run takes as many tiles as it can, of
// whichever image, and where b has too few left, those of the batch behind it, which then goes on in b's place.
func (w *worker) inferBatches(work context.Context, out outlet, b *batch, decoded <-chan *batch, inferred chan<- []*band) {
	again, err := w.prepareBatch(work, out, b)
	defer again.Wait()
	if err != nil {
		if errors.Is(err, ErrDeviceLost) {
			<-work.Done() // the process is about to end, and hands its jobs back: they are not failed
		}
		for _, t := range w.pool.ledger.unclaimed(b) {
			out.finish(t, Result{Err: err})
		}
		b.decoding.abandon()
		return
	}
	model := b.model
	waiting := backlog{batch: b, wants: w.pool.ledger.wants}
	for more := true; more; {
		rows := w.rows(model)
		more = waiting.fill(rows, func() *batch { return w.following(model, decoded) })
		if run := waiting.run(0, rows); len(run) > 0 {
			began := time.Now()
			helpers := w.callHelp(out, model, &waiting, rows)
			w.inferRun(work, out, model, run)
			w.takeHelp(out, helpers, began)
		}
		if through := waiting.through(); len(through) > 0 {
			inferred <- through
		}
	}
}

// following takes the batch behind one that has run dry, if its first tiles are there and it can go on with the model as that is loaded; else
// nil. What is to be done between two batches is not put off by it.
func (w *worker) following(model models.Spec, decoded <-chan *batch) *batch {
	w.mu.Lock()
	b := w.coming
	w.mu.Unlock()
	if b == nil || !b.decoding.begun() || b.model.ID != model.ID || b.model.Version != model.Version || w.asked.Load() > 0 {
		return nil
	}
	if now, known := w.pool.cfg.Models(model.ID); !known || now.Version != model.Version || !w.has(model, w.rows(model)) {
		return nil
	}
	<-decoded // what has begun is handed on
	close(b.settled)
	w.arrived(b)
	return b
}

// sameTiles tells whether two versions of a model take the same tiles of a page.
func sameTiles(a, b models.Spec) bool {
	return a.Input == b.Input && (a.Diameter == nil) == (b.Diameter == nil) && (a.Diameter == nil || *a.Diameter == *b.Diameter)
}

// prepareBatch sees to it that the engine has b's model as the registry has it now, and that b is decoded for what that takes: where
// it is not, it is decoded again, by a goroutine that the caller waits for.
func (w *worker) prepareBatch(work context.Context, out outlet, b *batch) (again *sync.WaitGroup, err error) {
	again = new(sync.WaitGroup)
	anew := false
	defer func() {
		if !anew {
			close(b.settled)
		}
	}()
	ctx, done := w.pool.ledger.untilClaimed(work, b.tasks...)
	defer done()
	if err := w.prepare(work, ctx, b.model); err != nil {
		return again, err
	}
	model, err := w.loadCurrent(ctx, b.model.ID)
	if err != nil {
		return again, ended(ctx, err)
	}
	b.model = model
	if !sameTiles(model, b.decoding.model) {
		b.decoding.abandon()
		w.pool.ledger.letGo(b.tasks)
		d := newDecoding(model, w.rows(model)*w.pool.atOnce)
		b.decoding = d
		silent := outlet{finish: out.finish, report: func(t *task, _ Stage, change func(*course)) { // it was decoded once
			t.course.tell(t.job, StageDecode, change, func(Progress) {})
		}}
		anew = true
		again.Go(func() {
			defer close(b.settled)
			w.decode(work, silent, b, d, func() {})
		})
	}
	return again, nil
}

// prepare gives memory back while it is short, and sees to it that there is an engine.
func (w *worker) prepare(work, ctx context.Context, model models.Spec) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	w.relieve(ctx, shape{model.ID, w.rows(model)})
	// An engine is made for the rest of work, not only for this run.
	if w.engine == nil && !w.makeEngine(work) {
		return cmp.Or(w.pool.lostError(), fmt.Errorf("%w: the worker has no engine", ErrInference))
	}
	return nil
}

// inferRun runs some tiles, and if that fails those of each image once alone, so that one image cannot fail the others.
func (w *worker) inferRun(work context.Context, out outlet, model models.Spec, run []part) {
	tasks := tasksOf(run)
	begin(out, run)
	err := w.tryRun(work, out, model, run)
	if err == nil {
		return
	}
	alone := len(tasks) > 1 && work.Err() == nil && !errors.Is(err, ErrDeviceLost) && !errors.Is(err, models.ErrChanged)
	tasks = slices.DeleteFunc(tasks, func(t *task) bool { return !w.pool.ledger.wants(t) })
	if alone && len(tasks) > 0 {
		w.log.Warn("a run failed: the tiles of each image are tried alone", "model", model.ID, "images", len(tasks), "error", err)
	}
	for _, t := range tasks {
		if alone {
			err = w.tryRun(work, out, model, slices.DeleteFunc(slices.Clone(run), func(p part) bool { return p.band.task != t }))
		}
		if errors.Is(err, ErrDeviceLost) {
			<-work.Done() // the process is about to end, and hands its jobs back: they are not failed
		}
		if err != nil {
			out.finish(t, Result{Err: err})
		}
	}
}

// tryRun runs some tiles, with an engine that may have to be made first, unless nobody wants any of them any more.
func (w *worker) tryRun(work context.Context, out outlet, model models.Spec, run []part) error {
	ctx, done := w.pool.ledger.untilClaimed(work, tasksOf(run)...)
	defer done()
	if err := w.prepare(work, ctx, model); err != nil {
		return err
	}
	return w.runTiles(ctx, out, model, run)
}

// runTiles runs the model on the tiles of the parts, and gives each band its part of the outputs. It returns ctx's error when
// ctx ended it, else an ErrInference.
func (w *worker) runTiles(ctx context.Context, out outlet, model models.Spec, run []part) error {
	in, err := input(run)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInference, err)
	}
	w.setState(WorkerBusy, model.ID)
	began := time.Now()
	var outputs []models.Tensor
	for done := 0; done < in.N; {
		output, err := w.runPart(ctx, model, in.Rows(done, in.N))
		if err != nil {
			return err
		}
		outputs = append(outputs, output)
		done += output.N
	}
	output, err := models.Concat(outputs)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInference, err)
	}
	w.record(out, run, output, began)
	return nil
}

// begin says of the images in a run that inference has begun.
func begin(out outlet, run []part) {
	for _, t := range tasksOf(run) {
		if tilesOf(t, run) > 0 && !t.course.begun() {
			out.report(t, StageInfer, func(c *course) { c.infers = true })
		}
	}
}

// record gives each band its part of what a run has made since began, unless tiles before it have failed.
func (w *worker) record(out outlet, run []part, output models.Tensor, began time.Time) {
	var made []part
	row := 0
	for _, p := range run {
		if p.from == p.band.ran {
			p.band.outputs = append(p.band.outputs, output.Rows(row, row+p.tiles))
			p.band.ran += p.tiles
			made = append(made, p)
		}
		row += p.tiles
	}
	for _, t := range tasksOf(made) {
		t.course.spend(StageInfer, began)
		if tiles := tilesOf(t, made); tiles > 0 {
			out.report(t, StageInfer, func(c *course) { c.inferred += tiles })
		}
	}
}

// runPart runs the model once, on as many of the rows as one run takes; the output has that many. When there is no memory for it,
// everything else makes room, the rows are halved, and it is tried once more.
func (w *worker) runPart(ctx context.Context, model models.Spec, rows models.Tensor) (models.Tensor, error) {
	h, err := w.sessionFor(ctx, model, rows.N)
	if err != nil {
		return models.Tensor{}, ended(ctx, err)
	}
	out, err := w.runOnce(ctx, h, rows)
	if !errors.Is(err, ErrOutOfMemory) || ctx.Err() != nil {
		return out, err
	}
	w.log.Warn("a run found no memory: it is tried once more with less", "model", model.ID, "rows", h.rows, "error", err)
	w.makeDoWithLess(ctx, h)
	if h, err = w.sessionFor(ctx, model, rows.N); err != nil {
		return models.Tensor{}, ended(ctx, err)
	}
	return w.runOnce(ctx, h, rows)
}

// ended is err as an ErrInference, or ctx's error when that has ended.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil && !errors.Is(err, ErrDeviceLost) {
		return ctx.Err()
	}
	return fmt.Errorf("%w: %w", ErrInference, err)
}

// makeDoWithLess gives back all memory but what a run of half as many rows as h's takes, or of one.
func (w *worker) makeDoWithLess(ctx context.Context, h *held) {
	least := shape{h.id, 1}
	if w.reduce(h.model, h.rows) {
		least.rows = w.rows(h.model)
	}
	// A session that found no memory for a plan has none from then on: the smallest shape is opened anew too.
	if err := w.close(h); err != nil {
		w.log.Error("a model could not be unloaded", "error", err)
	}
	for ctx.Err() == nil && w.relieveOnce(ctx, least) {
	}
}

// runOnce runs h on as many of the rows as it takes, and pads them when there are fewer.
func (w *worker) runOnce(ctx context.Context, h *held, rows models.Tensor) (models.Tensor, error) {
	w.ran(h)
	n := min(rows.N, h.rows)
	in := rows.Rows(0, n).Padded(h.rows)
	var out models.Tensor
	err := w.watched(ctx, h, func(ctx context.Context) (err error) {
		out, err = h.session.Run(ctx, in)
		return err
	})
	outputs := h.model.Outputs()
	switch {
	case err != nil:
		return models.Tensor{}, ended(ctx, err)
	case out.N != in.N || out.H != in.H || out.W != in.W || out.C != outputs || len(out.Pix) != in.N*in.H*in.W*outputs:
		return models.Tensor{}, fmt.Errorf("%w: %s made [%d,%d,%d,%d] (%d values) of [%d,%d,%d,%d]", ErrInference, h.id,
			out.N, out.H, out.W, out.C, len(out.Pix), in.N, in.H, in.W, in.C)
	}
	return out.Rows(0, n), nil
}

// sessionFor is the session that runs so many rows, or as many of them as it can: one row runs in the shape of one where that is
// open, everything else in the model's shape.
func (w *worker) sessionFor(ctx context.Context, model models.Spec, rows int) (*held, error) {
	if h := w.openFor(model, rows); h != nil && h.rows == 1 {
		return h, w.bookRun(ctx, h)
	}
	return w.openShape(ctx, model)
}

// openFor is the session that is open for so many rows: one row runs in the shape of one where that is open, everything else in the model's
// shape. It is nil where there is none.
func (w *worker) openFor(model models.Spec, rows int) *held {
	h := w.holds(shape{model.ID, w.rows(model)})
	if one := w.holds(shape{model.ID, 1}); rows == 1 && one != nil {
		h = one
	}
	if h == nil || h.version() != model.Version {
		return nil
	}
	return h
}
