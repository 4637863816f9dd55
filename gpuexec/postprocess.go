package gpuexec

import (
	"context"
	"slices"
	"time"

	"seghub/models/imageio"
)

// postprocess is the last stage: a run behind inference, which cannot hand on before Finish has returned for all jobs that end here.
func (w *worker) postprocess(work context.Context, out outlet, inferred <-chan []*band) {
	for bands := range inferred {
		var tasks []*task
		for _, b := range bands {
			if !slices.Contains(tasks, b.task) {
				tasks = append(tasks, b.task)
			}
		}
		w.each(tasks, func(t *task) {
			for _, b := range bands {
				if b.task == t {
					w.join(work, out, b)
				}
			}
		})
	}
}

// join adds a band to its task's assembly. With the last one the task is done.
func (w *worker) join(work context.Context, out outlet, b *band) {
	t := b.task
	if !w.pool.ledger.wants(t) {
		t.assembly = nil
		return
	}
	var r Result
	r.Err = w.guarded(func() (err error) {
		r.Output, err = w.joinOne(work, out, b)
		return err
	})
	if r.Err != nil || b.last {
		t.assembly = nil
		w.pool.over(b.page)
		out.finish(t, r)
	}
}

func (w *worker) joinOne(work context.Context, out outlet, b *band) (*Output, error) {
	t := b.task
	ctx, done := w.pool.ledger.untilClaimed(work, t)
	defer done()
	began := time.Now()
	if t.assembly == nil {
		out.report(t, StagePostprocess, func(*course) {})
		var err error
		if t.assembly, err = w.newAssembly(work, t, b); err != nil {
			return nil, err
		}
	}
	t.assembly.original.reopen = func(ctx context.Context) (imageio.Reader, error) {
		if b.picture != nil {
			return b.picture(), nil
		}
		return w.reopen(ctx, t.job)
	}
	defer t.assembly.rest()
	tell := func(p Piece) { out.piece(t, p) }
	if err := t.assembly.add(ctx, b, tell); err != nil || !b.last {
		t.course.spend(StagePostprocess, began)
		out.report(t, StagePostprocess, func(c *course) { c.joined += b.ran })
		return nil, err
	}
	made, err := t.assembly.output(ctx)
	t.course.spend(StagePostprocess, began)
	if err != nil {
		return nil, err
	}
	made.Model = t.batch.model
	out.report(t, StagePostprocess, func(c *course) { c.joined += b.ran })
	return made, nil
}
