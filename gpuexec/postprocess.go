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
	probability := t.placement.Unfit(t.output, t.row)
	var segmentation mask.Segmentation
	made := &Output{Width: probability.Width, Height: probability.Height}
	steps := []func() error{
		func() error {
			segmentation = mask.Segment(probability, t.job.Options)
			made.Objects, made.Summary = segmentation.Objects, segmentation.Summary
			return nil
		},
		func() (err error) {
			made.MaskPNG, err = encodeGray(segmentation.Width, segmentation.Height, segmentation.Binary)
			return err
		},
		func() (err error) {
			made.ProbabilityPNG, err = encodeGray(probability.Width, probability.Height, probability.Pix)
			return err
		},
	}
	for i, step := range steps {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		out.report(t, StagePostprocess, i, len(steps))
		if err := step(); err != nil {
			return nil, err
		}
	}
	t.timing.Postprocess = time.Since(began)
	out.report(t, StagePostprocess, len(steps), len(steps))
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return made, nil
}

func encodeGray(width, height int, pix []uint8) ([]byte, error) {
	var png bytes.Buffer
	if err := imageio.EncodeGray(&png, width, height, pix); err != nil {
		return nil, fmt.Errorf("encode a mask: %w", err)
	}
	return png.Bytes(), nil
}
