package gpuexec

import (
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
		select {
		case b, more := <-decoded:
			if !more {
				return
			}
			w.arrived()
			w.inferBatch(work, out, b, inferred)
		case o := <-orders:
			o.done <- o.do(w, work)
		case <-relief:
			w.rest(work)
		case <-again:
			w.rest(work)
		}
	}
}

// inferBatch runs the tiles of b that are still wanted, as many at once as a run takes, whatever image they are of, and hands on the
// bands that are through.
func (w *worker) inferBatch(work context.Context, out outlet, b *batch, inferred chan<- []*band) {
	again, err := w.prepareBatch(work, out, b)
	defer again.Wait()
	waiting := backlog{wants: w.pool.ledger.wants}
	for more := true; err == nil; {
		rows := w.rows(b.model)
		for more && waiting.tiles() < rows {
			take := b.decoding.take
			if waiting.awaited() {
				take = b.decoding.takeThere
			}
			var next *band
			if next, more = take(); next == nil {
				break
			}
			waiting.bands = append(waiting.bands, next)
		}
		if waiting.tiles() == 0 {
			break
		}
		w.inferRun(work, out, b, waiting.first(rows))
		if through := waiting.through(); len(through) > 0 {
			inferred <- through
		}
		w.relieve(work, shape{b.model.ID, rows})
	}
	if errors.Is(err, ErrDeviceLost) {
		<-work.Done() // the process is about to end, and hands its jobs back: they are not failed
	}
	if err != nil {
		for _, t := range w.pool.ledger.unclaimed(b) {
			out.finish(t, Result{Err: err})
		}
		b.decoding.abandon()
	}
	if w.engine != nil {
		w.setState(WorkerIdle, "")
	}
}

// sameTiles tells whether two versions of a model take the same tiles of a page.
func sameTiles(a, b models.Spec) bool {
	return a.Input == b.Input && (a.Diameter == nil) == (b.Diameter == nil) && (a.Diameter == nil || *a.Diameter == *b.Diameter)
}

// prepareBatch sees to it that the engine has b's model as the registry has it now, and that b is decoded for what that takes: where
// it is not, it is decoded again, by a goroutine that the caller waits for.
func (w *worker) prepareBatch(work context.Context, out outlet, b *batch) (again *sync.WaitGroup, err error) {
	again = new(sync.WaitGroup)
	ctx, done := w.pool.ledger.untilAllClaimed(work, b)
	defer done()
	if ctx.Err() != nil {
		return again, ctx.Err()
	}
	model, err := w.prepare(work, ctx, b.model, func(ctx context.Context) (models.Spec, error) { return w.loadCurrent(ctx, b.model.ID) })
	if err != nil {
		return again, err
	}
	b.model = model
	if !sameTiles(model, b.decoding.model) {
		b.decoding.abandon()
		anew := newDecoding(model, w.rows(model))
		b.decoding = anew
		silent := outlet{finish: out.finish, report: func(t *task, _ Stage, change func(*course)) { // it was decoded once
			t.course.tell("", StageDecode, change, func(Progress) {})
		}}
		again.Go(func() { w.decode(work, silent, b, anew, func() {}) })
	}
	return again, nil
}

// prepare sees to it that there is an engine, and has it load the model; memory is given back first while it is short. The error is
// ctx's when that has ended, else an ErrInference.
func (w *worker) prepare(work, ctx context.Context, model models.Spec, load func(ctx context.Context) (models.Spec, error)) (models.Spec, error) {
	w.relieve(ctx, shape{model.ID, w.rows(model)})
	// An engine is made for the rest of work, not only for this batch.
	if w.engine == nil && !w.makeEngine(work) {
		return models.Spec{}, fmt.Errorf("%w: the worker has no engine", ErrInference)
	}
	model, err := load(ctx)
	switch {
	case ctx.Err() != nil:
		return models.Spec{}, ctx.Err()
	case err != nil:
		return models.Spec{}, fmt.Errorf("%w: %w", ErrInference, err)
	}
	return model, nil
}

// inferRun runs some tiles, and if that fails those of each image once alone, so that one image cannot fail the others.
func (w *worker) inferRun(work context.Context, out outlet, b *batch, run []part) {
	tasks := tasksOf(run)
	for _, t := range tasks {
		if tilesOf(t, run) > 0 && !t.course.begun() {
			out.report(t, StageInfer, func(c *course) { c.infers = true })
		}
	}
	ctx, done := w.pool.ledger.untilAllClaimed(work, b)
	err := w.runTiles(ctx, out, b.model, run)
	done()
	if err == nil {
		return
	}
	alone := len(tasks) > 1 && work.Err() == nil && !errors.Is(err, ErrDeviceLost) && !errors.Is(err, models.ErrChanged)
	if alone {
		w.log.Warn("a run failed: the tiles of each image are tried alone", "model", b.model.ID, "images", len(tasks), "error", err)
	}
	for _, t := range tasks {
		if alone {
			if !w.pool.ledger.wants(t) {
				continue
			}
			err = w.runAlone(work, out, b.model, t, run)
		}
		if errors.Is(err, ErrDeviceLost) {
			<-work.Done() // the process is about to end, and hands its jobs back: they are not failed
		}
		if err != nil {
			out.finish(t, Result{Err: err})
		}
	}
}

// runAlone runs those tiles of a run that are t's, with an engine that may have to be made first.
func (w *worker) runAlone(work context.Context, out outlet, model models.Spec, t *task, run []part) error {
	ctx, done := w.pool.ledger.untilClaimed(work, t, StageInfer)
	defer done()
	_, err := w.prepare(work, ctx, model, func(ctx context.Context) (models.Spec, error) {
		_, err := w.openShape(ctx, model)
		return model, err
	})
	if err != nil {
		return err
	}
	return w.runTiles(ctx, out, model, slices.DeleteFunc(slices.Clone(run), func(p part) bool { return p.band.task != t }))
}

// runTiles runs the model on the tiles of the parts, and gives each band its part of the outputs. It returns ctx's error when
// ctx ended it, else an ErrInference.
func (w *worker) runTiles(ctx context.Context, out outlet, model models.Spec, run []part) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
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
	for _, t := range tasksOf(run) {
		t.course.spend(StageInfer, began)
	}
	row := 0
	for _, p := range run {
		p.band.outputs = append(p.band.outputs, output.Rows(row, row+p.tiles))
		p.band.ran += p.tiles
		row += p.tiles
	}
	for _, t := range tasksOf(run) {
		if tiles := tilesOf(t, run); tiles > 0 {
			out.report(t, StageInfer, func(c *course) { c.inferred += tiles })
		}
	}
	return nil
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
	if rows == 1 {
		if h := w.holds(shape{model.ID, 1}); h != nil && h.version() == model.Version {
			return h, w.bookRun(ctx, h)
		}
	}
	return w.openShape(ctx, model)
}
