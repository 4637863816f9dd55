package gpuexec

import (
	"context"
	"sync/atomic"

	"seghub/models/imageio"
	"seghub/models/mask"
)

// share is a task's part of Config.Decoded: for what reading its file takes, once more where samples are read again, and for its bands. It is
// taken at once and held until the task's end is claimed and its decoding is over: if one stage had to wait for memory while another
// held some of the same task, two tasks could wait for each other for ever.
type share struct {
	*imageio.Share
	file    int64 // bytes of it that are for the file
	holders atomic.Int32
}

// keep gives back what is not needed for the file and beside.
func (s *share) keep(beside int64) { s.Keep(s.file + beside) }

// release is called once by the decoding, and once by the ledger for the task.
func (s *share) release() {
	if s.holders.Add(-1) == 0 {
		s.GiveBack()
	}
}

// takeShare waits until there is memory for a task's image. The caller releases what it gets when the decoding is over.
func (w *worker) takeShare(ctx context.Context, t *task, d *decoding, file *imageio.File) (*share, error) {
	reading, err := file.Memory(t.job.Plane)
	if err != nil {
		return nil, err
	}
	page := file.Pages[t.job.Plane.Page]
	again, bands := w.pool.beside(page, d, reading, d.model.Factors()...)
	beside := again + bands
	taken := w.pool.cfg.Decoded.TryTake(reading, beside)
	if taken == nil {
		fed := d.starve()
		taken, err = w.pool.cfg.Decoded.Take(ctx, reading, beside)
		fed()
		if err != nil {
			return nil, err
		}
	}
	s := &share{Share: taken, file: reading + again}
	s.holders.Store(2)
	w.pool.ledger.hold(t, s)
	return s, nil
}

// beside is what is held beside reading a page, scaled by any of some factors, at most, about: again, to read it once more, where not all of its
// samples are kept; and of its bands. Objects are not counted: Config.MaxObjects bounds them.
func (p *Pool) beside(page imageio.Page, d *decoding, reading int64, factors ...float64) (again, bands int64) {
	m := d.model.BandMemory(page, factors...)
	if m.Unkept || page.Bytes() > int64(p.keptSamples) {
		again = reading
	}
	samples := min(page.Bytes(), int64(p.keptSamples)+m.Samples)
	in := d.model.Input
	tiles := min(m.Tiles, max(leastTiles, d.tiles)*int64(in.Height*in.Width*in.Channels))
	segmenting := mask.SegmenterMemory(page.Width, page.Height, d.model.Outputs())
	return again, m.Rows + samples + 2*tiles + 2*m.Outputs + segmenting // some tiles wait while others are cut; a row of outputs is joined while the next comes
}
