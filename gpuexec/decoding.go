package gpuexec

import (
	"context"
	"sync/atomic"

	"golang.org/x/sync/semaphore"

	"seghub/models"
)

// decoding is the way of a batch's bands from the first stage to the second. In between are the tiles of as many runs as there may be at once,
// and one band at least.
type decoding struct {
	model models.Spec // that the tiles are for
	bands chan *band  // closed when the batch has no more; as many fit as there is room for
	tiles int64
	room  *semaphore.Weighted // of tiles
	over  chan struct{}       // closed when nobody wants the rest

	starving atomic.Int32  // how many of its images wait for memory
	starved  chan struct{} // tells the one who takes bands that one more does; holds one
}

// newDecoding is for runs of so many tiles together.
func newDecoding(model models.Spec, tiles int) *decoding {
	return &decoding{
		model: model, bands: make(chan *band, tiles), tiles: int64(tiles), room: semaphore.NewWeighted(int64(tiles)),
		over: make(chan struct{}), starved: make(chan struct{}, 1),
	}
}

// starve says that an image waits for memory, which may be that of another whose tiles are there already: they are not to wait for its own. fed
// says that it has some, or none any more.
func (d *decoding) starve() (fed func()) {
	d.starving.Add(1)
	select {
	case d.starved <- struct{}{}:
	default: // that is still to be heard
	}
	return func() { d.starving.Add(-1) }
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

// take waits for a band; false when there are no more. It is nil, true when an image of those to come has begun to wait for memory.
func (d *decoding) take() (*band, bool) {
	select {
	case b, more := <-d.bands:
		return d.taken(b, more)
	case <-d.starved:
		return nil, true
	}
}

// takeThere is take of what is there already; nil, true when that is nothing.
func (d *decoding) takeThere() (*band, bool) {
	select {
	case b, more := <-d.bands:
		return d.taken(b, more)
	default:
		return nil, true
	}
}

func (d *decoding) taken(b *band, more bool) (*band, bool) {
	if more {
		d.room.Release(d.weight(b))
	}
	return b, more
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
