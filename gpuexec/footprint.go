package gpuexec

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/semaphore"

	"seghub/models"
)

// What is thought of a session that nobody has measured: weights take what their file does once more, since a device keeps them
// in an order of its own; and the runs hold so many bytes a pixel of a row. Where the first sessions of a shape are measured, that is as much as
// any of the full-size networks was seen to hold; where nothing ever is, as much as those that ship.
const (
	weightsTimes          = 2
	bytesPerPixel         = 512
	bytesPerPixelMeasured = 2048
)

// footprints is what the sessions of each model and shape take, as far as it is known.
type footprints struct {
	table    models.BatchTable
	slots    int
	measures bool // the first sessions of a shape are measured

	mu       sync.Mutex
	measured map[string]footprint // guarded by mu
}

type footprint struct {
	weights, run uint64 // bytes
	times        int    // that it was measured
}

// measuredTimes is how often a shape is measured, and the least counts: what another program has taken meanwhile counts with the one, and so does
// what all sessions share, as a library's own memory, with the first.
const measuredTimes = 2

func footprintKey(model models.Spec, rows int) string {
	return fmt.Sprintf("%s %s %d", model.ID, model.Version, rows)
}

// known tells whether that shape of the model is measured.
func (f *footprints) known(model models.Spec, rows int) bool {
	if row, ok := f.table.Row(model.ID, f.slots); ok && row.Optimal == rows && row.RunBytes > 0 {
		return true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.measured[footprintKey(model, rows)].times >= measuredTimes
}

// of is what an open session of the model takes, and beside that its runs, in bytes: measured here, by the batch table, or
// thought.
func (f *footprints) of(model models.Spec, rows int) (weights, run uint64) {
	f.mu.Lock()
	m, ok := f.measured[footprintKey(model, rows)]
	f.mu.Unlock()
	if ok {
		return m.weights, m.run
	}
	if row, ok := f.table.Row(model.ID, f.slots); ok && row.Optimal == rows && row.RunBytes > 0 {
		return row.WeightsBytes, row.RunBytes
	}
	perPixel := bytesPerPixel
	if f.measures {
		perPixel = bytesPerPixelMeasured
	}
	return weightsTimes * uint64(max(0, model.SizeBytes)), uint64(perPixel * rows * model.Input.Height * model.Input.Width)
}

// note remembers what was measured. Nothing was where nothing grew: the device cannot tell.
func (f *footprints) note(model models.Spec, rows int, weights, run uint64) {
	if run == 0 || f.known(model, rows) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	key := footprintKey(model, rows)
	before := f.measured[key]
	m := footprint{weights: weights, run: run, times: before.times + 1}
	if before.times > 0 && before.weights+before.run < weights+run {
		m.weights, m.run = before.weights, before.run
	}
	f.measured[key] = m
}

// maxLoads is more than there are workers.
const maxLoads = 1 << 20

// loads orders the opening of sessions: one worker at a time opens a model, so that they do not all go to the disk and the cores for
// it at once; and where memory is measured, whoever opens what was not measured yet does so alone, so that what grows is its
// own.
type loads struct {
	measures bool
	turns    turns
	all      *semaphore.Weighted // of maxLoads
}

func newLoads(measures bool) *loads {
	return &loads{measures: measures, turns: turns{taken: make(map[string]chan struct{})}, all: semaphore.NewWeighted(maxLoads)}
}

// enter returns once the model may be opened, or ctx's error. The caller calls done when it is.
func (l *loads) enter(ctx context.Context, model string, known bool) (done func(), err error) {
	over, err := l.turns.take(ctx, model)
	if err != nil {
		return nil, err
	}
	weight := int64(1)
	if l.measures && !known {
		weight = maxLoads
	}
	if err := l.all.Acquire(ctx, weight); err != nil {
		over()
		return nil, err
	}
	return func() { l.all.Release(weight); over() }, nil
}
