package gpuexec

import (
	"context"

	"golang.org/x/sync/semaphore"

	"seghub/models"
)

// decoding is the way of a batch's bands from the first stage to the second. In between are the tiles of one run, and one band at
// least.
type decoding struct {
	model models.Spec // that the tiles are for
	bands chan *band  // closed when the batch has no more; as many fit as there is room for
	tiles int64
	room  *semaphore.Weighted // of tiles
	over  chan struct{}       // closed when nobody wants the rest
}

// newDecoding is for runs of so many rows.
func newDecoding(model models.Spec, rows int) *decoding {
	return &decoding{
		model: model, bands: make(chan *band, rows), tiles: int64(rows), room: semaphore.NewWeighted(int64(rows)),
		over: make(chan struct{}),
	}
}

// put waits for room.
func (d *decoding) put(ctx context.Context, b *band) error {
	if err := d.room.Acquire(ctx, d.weight(b)); err != nil {
		return err
	}
	d.bands <- b
	return nil
}

// look has tiles run before those of the task, and waits for their outputs. begun is called when they are in the queue.
func (d *decoding) look(ctx context.Context, t *task, tiles models.Tensor, begun func()) (models.Tensor, error) {
	b := &band{task: t, strip: models.Strip{Tiles: tiles}, looked: make(chan []models.Tensor, 1)}
	if err := d.put(ctx, b); err != nil {
		return models.Tensor{}, err
	}
	begun()
	select {
	case outputs := <-b.looked:
		return models.Concat(outputs)
	case <-ctx.Done():
		return models.Tensor{}, ctx.Err()
	}
}

// take waits for a band; false when there are no more.
func (d *decoding) take() (*band, bool) {
	b, more := <-d.bands
	if more {
		d.room.Release(d.weight(b))
	}
	return b, more
}

// takeThere is take of what is there already; nil, true when that is nothing.
func (d *decoding) takeThere() (*band, bool) {
	select {
	case b, more := <-d.bands:
		if more {
			d.room.Release(d.weight(b))
		}
		return b, more
	default:
		return nil, true
	}
}

// begun tells whether there is something to take.
func (d *decoding) begun() bool { return len(d.bands) > 0 }

// weight is the room that a band takes: one of more tiles than a run has all of it.
func (d *decoding) weight(b *band) int64 { return min(d.tiles, int64(b.strip.Tiles.N)) }

// until derives a context that ends when nobody wants the rest.
func (d *decoding) until(ctx context.Context) (_ context.Context, done func()) {
	ctx, cancel := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-d.over:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		cancel()
		<-watched
	}
}

// abandon ends it, and returns when nobody decodes for it any more.
func (d *decoding) abandon() {
	close(d.over)
	for more := true; more; {
		_, more = d.take()
	}
}
