package gpuexec

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"seghub/models"
	"seghub/models/imageio"
	"seghub/models/mask"
)

// spansEach is how many spans the objects of an image may have, on an average, when they are as many as may be.
const spansEach = 16

// assembly is what has been made of a task's bands so far. It belongs to postprocessing.
type assembly struct {
	page      imageio.Page
	shrunk    float64
	scale     models.Scale
	joiner    *models.Assembler
	outputs   []models.Tensor // of the row of tiles that is not whole yet
	keeping   *keeping
	writer    *mask.BandWriter // of the probability map, to keeping
	reduced   bool             // what is kept of that is what the model has seen, which is smaller
	segmenter *mask.Segmenter
	original  *original
	bodies    [][]mask.Body // of each band: all in one would be twice there whenever that grows
	next      int           // the row that comes next

	most     int // objects; 0 for no limit
	objects  int // that are complete
	outlined int // spans, of those

	spans  []mask.Span // of bodies, in reading order, from row sent on
	sent   int         // how many rows have gone out as pieces
	pieces bool        // there are any: the mask is not there at once
}

// newAssembly begins a task's; what it stores is given up when the task is claimed, or work ends.
func (w *worker) newAssembly(work context.Context, t *task, b *band) (*assembly, error) {
	a := &assembly{
		page: b.page, shrunk: b.placement.Shrunk(), scale: b.scale, joiner: models.NewAssembler(b.placement),
		segmenter: mask.NewSegmenter(b.page.Width, b.page.Height, t.job.Options),
		original:  &original{page: b.page, missing: b.strip.Samples == nil, most: w.pool.keptSamples}, keeping: w.keep(work, t), most: w.pool.cfg.MaxObjects,
		pieces: b.placement.Strips() > 1 || b.page.Width*b.page.Height > WholeMask,
	}
	var err error
	if a.reduced = b.placement.Reduced(); a.reduced {
		p := b.placement
		a.writer, err = mask.NewReducedBandWriter(a.keeping, p.ImageWidth, p.ImageHeight, p.Width, p.Height, b.outputs[0].C)
	} else {
		a.writer, err = mask.NewBandWriter(a.keeping, b.page.Width, b.page.Height, b.outputs[0].C)
	}
	return a, err
}

// add joins a band's outputs, keeps them, cuts out the objects that they complete, and tells the rows of the mask that are finished.
func (a *assembly) add(ctx context.Context, b *band, tell func(Piece)) error {
	a.original.add(b.strip)
	a.outputs = append(a.outputs, b.outputs...)
	if !b.strip.Ends {
		return nil
	}
	outputs := a.outputs
	a.outputs = nil
	// The storing and the objects do not need each other, and a client waits for the mask.
	var stored errgroup.Group
	if a.reduced {
		stored.Go(func() error { return a.store(b.placement.Seen(outputs[0])) })
	}
	err := a.join(ctx, outputs, tell)
	return cmp.Or(stored.Wait(), err)
}

// join cuts out the objects that a row of tiles completes.
func (a *assembly) join(ctx context.Context, outputs []models.Tensor, tell func(Piece)) error {
	for rows := range a.joiner.Add(outputs) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := a.addRows(ctx, rows); err != nil {
			return err
		}
		if whole := a.next == a.page.Height && a.page.Width*a.page.Height <= WholeMask; a.pieces && !whole {
			if err := a.tellSettled(tell); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *assembly) addRows(ctx context.Context, rows mask.Probability) error {
	a.next += rows.Height
	var stored errgroup.Group
	if !a.reduced {
		stored.Go(func() error { return a.store(rows) })
	}
	bodies := a.segmenter.Add(rows)
	for _, body := range bodies {
		a.objects++
		a.outlined += len(body.Spans)
		if a.pieces {
			a.spans = append(a.spans, body.Spans...)
		}
	}
	bodies, err := a.original.measure(ctx, bodies, a.next)
	a.original.release(a.segmenter.Settled())
	a.bodies = append(a.bodies, bodies)
	if failed := stored.Wait(); failed != nil {
		return failed
	}
	if a.most > 0 && (a.objects > a.most || a.outlined+a.segmenter.Held() > spansEach*a.most) {
		return fmt.Errorf("%w: over %d, or as ragged, in the first %d rows", ErrTooManyObjects, a.most, a.next)
	}
	return err
}

// store keeps the next rows of the probability map.
func (a *assembly) store(rows mask.Probability) error {
	return cmp.Or(a.writer.Write(rows.Channels()...), a.keeping.Flush())
}

// tellSettled tells the rows that no row to come can change and that were not told yet.
func (a *assembly) tellSettled(tell func(Piece)) error {
	settled := a.segmenter.Settled()
	if settled == a.sent {
		return nil
	}
	slices.SortFunc(a.spans, mask.ReadingOrder)
	n, _ := slices.BinarySearchFunc(a.spans, settled, func(s mask.Span, y int) int { return int(s.Y) - y })
	piece := slices.Clone(a.spans[:n])
	a.spans = slices.Delete(a.spans, 0, n)
	for i := range piece {
		piece[i].Y -= int32(a.sent)
	}
	png, err := encodeMask(a.page.Width, settled-a.sent, piece)
	if err != nil {
		return err
	}
	tell(Piece{Y: a.sent, Width: a.page.Width, Height: settled - a.sent, PNG: png})
	a.sent = settled
	return nil
}

// output is what the whole comes to.
func (a *assembly) output(ctx context.Context) (*Output, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err := a.writer.Close(); err != nil {
		return nil, err
	}
	high, err := a.original.measureHigh(ctx)
	if err != nil {
		return nil, err
	}
	a.bodies = append(a.bodies, high)
	s := mask.Gather(a.page.Width, a.page.Height, a.bodies...)
	png, err := encodeMask(s.Width, s.Height, s.Spans)
	if err != nil {
		return nil, err
	}
	if err := a.keeping.commit(); err != nil {
		return nil, fmt.Errorf("store the probability map: %w", err)
	}
	return &Output{
		Width: s.Width, Height: s.Height, Shrunk: a.shrunk, Scale: a.scale, Page: a.page,
		Objects: s.Objects, Spans: s.Spans, Summary: s.Summary, MaskPNG: png,
	}, nil
}

// rest gives back what is not needed until the next band, the picture among it: nobody else lets go of what a task that is cancelled has here.
func (a *assembly) rest() {
	a.original.close()
	a.original.reopen = nil
}

func encodeMask(width, height int, spans []mask.Span) ([]byte, error) {
	var png bytes.Buffer
	if err := imageio.EncodeMask(&png, width, height, spans); err != nil {
		return nil, err
	}
	return png.Bytes(), nil
}
