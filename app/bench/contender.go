package bench

import (
	"context"
	"time"
)

// contender is one path, ready to work.
type contender interface {
	// open makes it ready for sessions that use these models, one each, instead of those before.
	open(ctx context.Context, models []string) error
	// round has every session send its images at once and returns when all are done.
	round(ctx context.Context) (outcome, error)
	// processes are those that do its work.
	processes() processes
	close() error
}

// outcome is how one round went.
type outcome struct {
	Wall time.Duration `json:"wall"`
	// Latencies are those of its images, each from the beginning of the round until it was done.
	Latencies []time.Duration `json:"latencies"`
	// Lags are, where the path makes masks, the times from the end of an image's inference until whoever asked had its mask.
	Lags []time.Duration `json:"lags,omitempty"`
}

// tally sums the rounds of one path.
type tally struct {
	wall, cpu       time.Duration
	latencies, lags []time.Duration
	device          int64 // bytes
	err             error // the first one; nothing is measured after it
}

func (t *tally) add(ctx context.Context, c contender) {
	if t.err != nil {
		return
	}
	var before, after time.Duration
	var o outcome
	if before, t.err = c.processes().cpu(); t.err != nil {
		return
	}
	if o, t.err = c.round(ctx); t.err != nil {
		return
	}
	if after, t.err = c.processes().cpu(); t.err != nil {
		return
	}
	t.wall += o.Wall
	t.cpu += after - before
	t.latencies = append(t.latencies, o.Latencies...)
	t.lags = append(t.lags, o.Lags...)
}

func (t *tally) row(s scenario, path Path, c contender) Row {
	row := Row{Model: s.name, Sessions: len(s.models), Path: path}
	if t.err == nil {
		row.ResidentBytes, t.err = c.processes().resident()
	}
	if t.err != nil {
		row.Error = t.err.Error()
		return row
	}
	row.Images = len(t.latencies)
	row.Seconds = t.wall.Seconds()
	row.ImagesPerSecond = float64(row.Images) / row.Seconds
	row.P50, row.P95 = milliseconds(percentile(t.latencies, 50)), milliseconds(percentile(t.latencies, 95))
	row.CoreMS = milliseconds(t.cpu) / float64(row.Images)
	if len(t.lags) > 0 {
		row.Mask = &Lag{P50: milliseconds(percentile(t.lags, 50)), P95: milliseconds(percentile(t.lags, 95))}
	}
	row.DeviceBytes = t.device
	return row
}

// compare gives each row what it is beside that of the bare loop.
func compare(rows []Row) {
	for i := range rows {
		bare := rows[0]
		if bare.Path != PathBare || bare.Error != "" || rows[i].Error != "" {
			continue
		}
		rows[i].OfBare = rows[i].ImagesPerSecond / bare.ImagesPerSecond
		rows[i].BesideInference = rows[i].CoreMS - bare.CoreMS
	}
}
