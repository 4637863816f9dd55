package gpuexec

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"seghub/models"
	"seghub/models/imageio"
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
		if b := w.accept(out, given); b != nil {
			w.expect(b)
			w.decodeAhead(work, out, b, decoded)
		}
	}
}

// decodeAhead decodes b, and hands it on when its first band is there. It returns when b is decoded, for the model that it runs on: what is not
// needed yet, waits, and what is decoded after it does not take the memory that it may need once more.
func (w *worker) decodeAhead(work context.Context, out outlet, b *batch, decoded chan<- *batch) {
	first := make(chan struct{})
	begun := sync.OnceFunc(func() { close(first) })
	var decoding sync.WaitGroup
	decoding.Go(func() {
		defer begun()
		w.decode(work, out, b, b.decoding, begun)
	})
	<-first
	if !b.decoding.begun() {
		decoding.Wait()
		w.arrived(b) // there was nothing to decode, or nobody wants it
		return
	}
	decoded <- b
	decoding.Wait()
	<-b.settled
}

// accept enters a batch into the ledger; nil when its model does not exist, which has failed its jobs.
func (w *worker) accept(out outlet, given Batch) *batch {
	b := &batch{slot: w.slot, settled: make(chan struct{})}
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
	b.decoding = newDecoding(b.model, w.rows(b.model)*w.pool.atOnce)
	return b
}

// decode reads what is still wanted of b into d's queue, and closes that. A page that cannot be read fails alone. begun is called
// when a band is in the queue.
func (w *worker) decode(work context.Context, out outlet, b *batch, d *decoding, begun func()) {
	defer close(d.bands)
	ctx, done := d.until(work)
	defer done()
	w.each(w.pool.ledger.unclaimed(b), func(t *task) {
		err := w.guarded(func() error { return w.decodeOne(ctx, out, t, d, begun) })
		if err != nil && (ctx.Err() == nil || work.Err() != nil) { // else it is decoded anew
			out.finish(t, Result{Err: err})
		}
	})
}

// leastTiles are cut at once, where a run takes fewer: each costs little, and a handing on costs too.
const leastTiles = 4

// decodeOne reads a page, a few tiles at a time.
func (w *worker) decodeOne(ctx context.Context, out outlet, t *task, d *decoding, begun func()) error {
	ctx, done := w.pool.ledger.untilClaimed(ctx, t)
	defer done()
	began := time.Now()
	out.report(t, StageDecode, func(c *course) { c.decoded = 0 })
	file, source, err := w.openFile(ctx, t.job)
	if err != nil {
		return err
	}
	defer source.Close() // read only: nothing is lost
	share, err := w.takeShare(ctx, t, d, file)
	if err != nil {
		return err
	}
	defer share.release()
	page := file.Pages[t.job.Plane.Page]
	defer w.pool.over(page)
	reader, err := file.ReaderWithin(ctx, t.job.Plane)
	if err != nil {
		return err
	}
	defer reader.Close()
	picture, bytes := imageio.Again(reader)
	if picture != nil { // what decoding took beside is free again
		share.file = bytes
		_, bands := w.pool.beside(page, d, bytes, d.model.Factors()...)
		share.keep(bands)
	}
	cutter, err := models.NewCutter(ctx, reader, page, d.model.Input)
	if err != nil {
		return err
	}
	scale, err := cutter.ScaleTo(ctx, d.model, t.job.Diameter, func(ctx context.Context, tiles models.Tensor) (models.Tensor, error) {
		t.course.spend(StageDecode, began)
		defer func() { began = time.Now() }()
		return d.look(ctx, t, tiles, begun)
	})
	if err != nil {
		return err
	}
	if scale.Factor > 0 {
		_, bands := w.pool.beside(page, d, 0, scale.Factor)
		share.keep(bands)
	}
	placement := cutter.Placement
	for left := placement.Rows(); left > 0; {
		strip, err := cutter.Next(ctx, max(leastTiles, int(d.tiles)))
		if err != nil {
			return err
		}
		left -= strip.Tiles.N
		t.course.spend(StageDecode, began)
		out.report(t, StageDecode, func(c *course) {
			c.tiles = placement.Rows()
			c.decoded += strip.Tiles.N
		})
		if err := d.put(ctx, &band{task: t, placement: placement, scale: scale, page: page, picture: picture, strip: strip, last: left == 0}); err != nil {
			return err
		}
		begun()
		began = time.Now()
	}
	return ctx.Err()
}

// openFile opens the file of what a job looks at.
func (w *worker) openFile(ctx context.Context, job Job) (*imageio.File, imageio.Source, error) {
	source, err := job.Open(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("open the image: %w", err)
	}
	file, err := imageio.Open(ctx, source, source.Size(), imageio.Limits{Pixels: w.pool.cfg.MaxPixels})
	if err != nil {
		return nil, nil, errors.Join(err, source.Close())
	}
	return file, source, nil
}

// page is what a job looks at, opened once more. The memory for it is in the task's share.
type page struct {
	imageio.Reader
	file imageio.Source
}

// Close gives everything back.
func (p page) Close() error { return errors.Join(p.Reader.Close(), p.file.Close()) }

// reopen opens what a job looks at once more, within the task's share.
func (w *worker) reopen(ctx context.Context, job Job) (imageio.Reader, error) {
	file, source, err := w.openFile(ctx, job)
	if err != nil {
		return nil, err
	}
	reader, err := file.ReaderWithin(ctx, job.Plane)
	if err != nil {
		return nil, errors.Join(err, source.Close())
	}
	return page{reader, source}, nil
}
