package gpuexec

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"seghub/models/imageio"
	"seghub/models/mask"
	"seghub/models/pixels"
)

// postprocess is the last stage: one batch behind the one that runs, which cannot hand on before Finish has returned for
// all of these.
func (w *worker) postprocess(work context.Context, out outlet, inferred <-chan *batch) {
	for b := range inferred {
		w.each(w.pool.ledger.unclaimed(b), func(t *task) {
			var r Result
			r.Err = w.guarded(func() (err error) {
				r.Output, err = w.postprocessOne(work, out, t)
				return err
			})
			out.finish(t, r)
		})
	}
}

func (w *worker) postprocessOne(work context.Context, out outlet, t *task) (*Output, error) {
	ctx, done := w.pool.ledger.untilClaimed(work, t)
	defer done()
	began := time.Now()
	const steps = 3
	out.report(t, StagePostprocess, 0, steps)
	probability := t.placement.Unfit(t.output, t.row)
	out.report(t, StagePostprocess, 1, steps)
	made := &Output{Width: probability.Width, Height: probability.Height, Shrunk: t.placement.Shrunk()}

	// The two do not need each other, and a client waits for the mask.
	parts, ctx := errgroup.WithContext(ctx)
	parts.Go(func() error {
		return w.guarded(func() (err error) {
			made.Probability, err = inBands(ctx, probability)
			return err
		})
	})
	parts.Go(func() error {
		return w.guarded(func() (err error) {
			segmentation := mask.Segment(probability, t.job.Options)
			made.Objects, made.Spans, made.Summary = segmentation.Objects, segmentation.Spans, segmentation.Summary
			out.report(t, StagePostprocess, 2, steps)
			made.MaskPNG, err = encodeMask(ctx, segmentation)
			return err
		})
	})
	err := parts.Wait()
	for _, samples := range probability.Channels() {
		pixels.GiveBack(samples) // nobody looks at it after Wait
	}
	if err != nil {
		return nil, err
	}
	t.timing.Postprocess = time.Since(began)
	out.report(t, StagePostprocess, steps, steps)
	return made, nil
}

func inBands(ctx context.Context, p mask.Probability) ([]byte, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	var bands bytes.Buffer
	if err := mask.WriteBands(&bands, p); err != nil {
		return nil, fmt.Errorf("encode a probability map: %w", err)
	}
	return bands.Bytes(), nil
}

func encodeMask(ctx context.Context, s mask.Segmentation) ([]byte, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	var png bytes.Buffer
	if err := imageio.EncodeMask(&png, s.Width, s.Height, s.Spans); err != nil {
		return nil, err
	}
	return png.Bytes(), nil
}
