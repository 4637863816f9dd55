package gpuexec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"seghub/models"
	"seghub/models/imageio"
	"seghub/models/pixels"
)

// fetchAndDecode is the first stage: one batch ahead of the one that runs, because handing on waits until that is through.
func (w *worker) fetchAndDecode(fetch, work context.Context, source Source, out outlet, decoded chan<- *batch) {
	defer close(decoded)
	var backoff pause
	for w.up.wait(fetch) {
		given, err := source.Next(fetch, w.slot)
		if err == nil && len(given.Jobs) == 0 {
			err = errors.New("the source gave an empty batch")
		}
		if err != nil {
			if fetch.Err() != nil {
				return
			}
			w.log.Error("no batch could be fetched", "error", err)
			if !backoff.wait(fetch) {
				return
			}
			continue
		}
		backoff = 0
		w.expect()
		b := w.accept(out, given)
		if b != nil {
			w.decode(work, out, b)
		}
		if b == nil || len(b.packed) == 0 {
			w.arrived()
			continue
		}
		decoded <- b
	}
}

// accept enters a batch into the ledger; nil when its model does not exist, which has failed its jobs.
func (w *worker) accept(out outlet, given Batch) *batch {
	b := &batch{slot: w.slot}
	for _, job := range given.Jobs {
		b.tasks = append(b.tasks, &task{job: job, batch: b})
	}
	w.pool.ledger.enter(b)
	var ok bool
	if b.model, ok = w.pool.cfg.Models(given.Model); !ok {
		for _, t := range b.tasks {
			out.finish(t, Result{Err: fmt.Errorf("%w: %w: %q", ErrInference, ErrNoModel, given.Model)})
		}
		return nil
	}
	return b
}

// decode makes the input tensor of b. An image that cannot be decoded fails alone.
func (w *worker) decode(work context.Context, out outlet, b *batch) {
	w.each(w.pool.ledger.unclaimed(b), func(t *task) {
		if err := w.guarded(func() error { return w.decodeOne(work, out, t) }); err != nil {
			out.finish(t, Result{Err: err})
		}
	})
	w.pack(out, b)
}

func (w *worker) decodeOne(work context.Context, out outlet, t *task) error {
	ctx, done := w.pool.ledger.untilClaimed(work, t)
	defer done()
	began := time.Now()
	const steps = 100
	out.report(t, StageDecode, 0, steps)
	file, err := t.job.Open(ctx)
	if err != nil {
		return fmt.Errorf("open the image: %w", err)
	}
	defer file.Close() // read only: nothing is lost
	reported := 0
	img, err := imageio.Decode(ctx, io.NewSectionReader(file, 0, file.Size()), w.pool.cfg.MaxPixels, func(fraction float64) {
		// As often as the percent of the whole job changes.
		if step := int(fraction * steps); step >= reported+steps/20 {
			reported = step
			out.report(t, StageDecode, step, steps)
		}
	})
	if err != nil {
		return err
	}
	t.input, t.placement = models.Fit(img, t.batch.model.Input)
	pixels.GiveBack(img.Pix)
	t.timing.Decode = time.Since(began)
	return ctx.Err()
}

// pack joins the inputs of the tasks that are still wanted.
func (w *worker) pack(out outlet, b *batch) {
	b.packed = w.pool.ledger.unclaimed(b)
	if len(b.packed) == 0 {
		return
	}
	inputs := make([]models.Tensor, len(b.packed))
	for i, t := range b.packed {
		inputs[i] = t.input
	}
	err := w.guarded(func() (err error) {
		b.input, err = models.Concat(inputs)
		return err
	})
	if err != nil {
		for _, t := range b.packed {
			out.finish(t, Result{Err: fmt.Errorf("%w: %w", ErrInference, err)})
		}
		b.packed = nil
	}
}
