package gpuexec

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"seghub/models/imageio"
	"seghub/models/mask"
)

// postprocess is the last stage: one batch behind the one that runs, which cannot hand on before Finish has returned for
// all of these.
func (w *worker) postprocess(work, keep context.Context, sink Sink, inferred <-chan *batch) {
	for b := range inferred {
		w.each(w.pool.ledger.unclaimed(b), func(t *task) {
			var out *Output
			err := w.guarded(func() (err error) {
				out, err = w.postprocessOne(work, sink, t)
				return err
			})
			if err != nil {
				w.fail(work, keep, sink, t, err)
				return
			}
			w.finish(keep, sink, t, Result{Output: out})
		})
	}
}

func (w *worker) postprocessOne(work context.Context, sink Sink, t *task) (*Output, error) {
	ctx, done := w.pool.ledger.untilClaimed(work, t)
	defer done()
	began := time.Now()
	probability := t.placement.Unfit(t.output, t.row)
	var segmentation mask.Segmentation
	out := &Output{Width: probability.Width, Height: probability.Height}
	steps := []func() error{
		func() error {
			segmentation = mask.Segment(probability, t.job.Options)
			out.Objects, out.Summary = segmentation.Objects, segmentation.Summary
			return nil
		},
		func() (err error) {
			out.MaskPNG, err = encodeGray(segmentation.Width, segmentation.Height, segmentation.Binary)
			return err
		},
		func() (err error) {
			out.ProbabilityPNG, err = encodeGray(probability.Width, probability.Height, probability.Pix)
			return err
		},
	}
	for i, step := range steps {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		w.report(sink, t, StagePostprocess, i, len(steps))
		if err := step(); err != nil {
			return nil, err
		}
	}
	t.timing.Postprocess = time.Since(began)
	w.report(sink, t, StagePostprocess, len(steps), len(steps))
	return out, ctx.Err()
}

func encodeGray(width, height int, pix []uint8) ([]byte, error) {
	var png bytes.Buffer
	if err := imageio.EncodeGray(&png, width, height, pix); err != nil {
		return nil, fmt.Errorf("encode a mask: %w", err)
	}
	return png.Bytes(), nil
}
