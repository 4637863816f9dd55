package gpuexec

import (
	"context"
	"sync/atomic"

	"seghub/models"
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
	again := int64(0)
	if page.Bytes() > int64(w.pool.keptSamples) {
		again = reading
	}
	beside := again + w.pool.bandMemory(page, d.model, d.model.Factors()...)
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

// bandMemory is what is held of a page's bands at most, about, scaled by any of some factors. Objects are not counted: Config.MaxObjects bounds
// them.
func (p *Pool) bandMemory(page imageio.Page, model models.Spec, factors ...float64) int64 {
	m := model.BandMemory(page, factors...)
	samples := min(page.Bytes(), int64(p.keptSamples)+m.Samples)
	return m.Rows + samples + 2*m.Outputs + mask.SegmenterMemory(page.Width, page.Height, model.Outputs()) // a row of outputs is joined while the next comes
}
