package gpuexec

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"seghub/models"
)

// infer is the second stage, and the only goroutine that touches the engine.
func (w *worker) infer(fetch, work context.Context, out outlet, decoded <-chan *batch, inferred chan<- *batch) {
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
			w.inferBatch(work, out, b)
			if len(w.pool.ledger.unclaimed(b)) > 0 {
				inferred <- b
			}
		case o := <-orders:
			o.done <- o.do(w, work)
		case <-relief:
			w.rest(work)
		case <-again:
			w.rest(work)
		}
	}
}

// inferBatch runs the tasks of b that are still wanted: together, and if that fails each once alone, so that one image
// cannot fail the others.
func (w *worker) inferBatch(work context.Context, out outlet, b *batch) {
	tasks := w.pool.ledger.unclaimed(b)
	if len(tasks) == 0 {
		return
	}
	for _, t := range tasks {
		out.report(t, StageInfer, 0, t.input.N)
	}

	ctx, done := w.pool.ledger.untilAllClaimed(work, b)
	err := w.runTogether(work, ctx, out, b)
	done()
	noModel := errors.Is(err, ErrNoModel) || errors.Is(err, models.ErrChanged) // no image is to blame
	switch {
	case err == nil:
	case errors.Is(err, ErrDeviceLost):
		// The process is about to end, and hands its jobs back: they are not failed.
		<-work.Done()
		for _, t := range tasks {
			out.finish(t, Result{Err: err})
		}
	case len(tasks) > 1 && work.Err() == nil && !noModel:
		w.runAlone(work, out, b, err)
	default:
		for _, t := range tasks {
			out.finish(t, Result{Err: err})
		}
	}
	if w.engine != nil {
		w.setState(WorkerIdle, "")
	}
	for _, t := range tasks {
		out.report(t, StageInfer, t.input.N, t.input.N)
		t.input = models.Tensor{}
	}
	b.input = models.Tensor{}
}

// prepare sees to it that there is an engine, that it has b's model as the registry has it now, and that b's inputs are inputs
// of that; memory is given back first while it is short. It returns ctx's error when that has ended, else an ErrInference.
func (w *worker) prepare(work, ctx context.Context, out outlet, b *batch) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	w.relieve(ctx, shape{b.model.ID, w.rows(b.model)})
	// An engine is made for the rest of work, not only for this batch.
	if w.engine == nil && !w.makeEngine(work) {
		return fmt.Errorf("%w: the worker has no engine", ErrInference)
	}
	model, err := w.loadCurrent(ctx, b.model.ID)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return fmt.Errorf("%w: %w", ErrInference, err)
	}
	fits := model.Input == b.model.Input
	b.model = model
	if !fits {
		silent := outlet{finish: out.finish, report: func(*task, Stage, int, int) {}} // they were decoded once
		w.decode(work, silent, b)
	}
	return ctx.Err()
}

// runTogether runs the tasks of b that are still wanted as one batch: on the tensor that was packed ahead, or, when a task of
// it was cancelled since, on what is left.
func (w *worker) runTogether(work, ctx context.Context, out outlet, b *batch) error {
	if err := w.prepare(work, ctx, out, b); err != nil {
		return err
	}
	tasks := w.pool.ledger.unclaimed(b)
	if len(tasks) == len(b.packed) {
		return w.runModel(ctx, out, b.model, b.input, tasks)
	}
	inputs := make([]models.Tensor, len(tasks))
	for i, t := range tasks {
		inputs[i] = t.input
	}
	in, err := models.Concat(inputs)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInference, err)
	}
	return w.runModel(ctx, out, b.model, in, tasks)
}

// runAlone runs each task of b that is still wanted by itself, after the run of all of them failed with cause.
func (w *worker) runAlone(work context.Context, out outlet, b *batch, cause error) {
	tasks := w.pool.ledger.unclaimed(b)
	if len(tasks) == 0 {
		return // the run was terminated, because all of them were cancelled
	}
	w.log.Warn("a batch failed: each of its images is tried alone", "model", b.model.ID, "images", len(tasks), "error", cause)
	for _, t := range tasks {
		ctx, done := w.pool.ledger.untilAllClaimed(work, b)
		err := w.prepare(work, ctx, out, b)
		done()
		if err == nil {
			ctx, done = w.pool.ledger.untilClaimed(work, t)
			err = w.runModel(ctx, out, b.model, t.input, []*task{t})
			done()
		}
		if errors.Is(err, ErrDeviceLost) {
			<-work.Done()
		}
		if err != nil {
			out.finish(t, Result{Err: err})
		}
	}
}

// runModel runs the model on in, whose rows are the tasks', and gives each its part of the output. It returns ctx's error when
// ctx ended it, else an ErrInference.
func (w *worker) runModel(ctx context.Context, out outlet, model models.Spec, in models.Tensor, tasks []*task) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	w.setState(WorkerBusy, model.ID)
	began := time.Now()
	var parts []models.Tensor
	for done := 0; done < in.N; {
		part, err := w.runPart(ctx, model, in.Rows(done, in.N))
		if err != nil {
			return err
		}
		parts = append(parts, part)
		if done += part.N; done < in.N {
			reportRows(out, tasks, done)
		}
	}
	joined, err := models.Concat(parts)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInference, err)
	}
	inferred := time.Now()
	row := 0
	for _, t := range tasks {
		t.output, t.row = joined, row
		t.timing.Infer, t.inferred = inferred.Sub(began), inferred
		row += t.input.N
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

// reportRows tells how many of its tiles each task has behind it when done rows of the batch are.
func reportRows(out outlet, tasks []*task, done int) {
	for _, t := range tasks {
		if mine := min(done, t.input.N); mine > 0 {
			out.report(t, StageInfer, mine, t.input.N)
		}
		done -= t.input.N
	}
}
