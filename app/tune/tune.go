package tune

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"time"

	"seghub/gpuexec"
	"seghub/models"
)

// tolerance is how much less than the best an N may do and still be preferred for being smaller: a small run ends sooner, takes less
// memory and is padded less.
const tolerance = 0.03

// sizes are the Ns that are tried, as far as the model allows.
var sizes = []int{1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64}

// Config is what to measure. Every field is needed.
type Config struct {
	NewEngine gpuexec.NewEngine
	Models    []models.Spec
	Workers   int                    // most at once
	Time      time.Duration          // of a point, warm-up not counted
	InUse     func() (uint64, error) // bytes of the memory that models run in; called on an engine's thread
	// Steps hears how many steps there will be at most and returns what is called with the name of each before it is done.
	Steps func(total int) func(name string)
}

// passes is how often each number of rows has its turn: up the row of them and down again, so that a machine that becomes slower
// meanwhile does so for all alike.
const passes = 2

// Run measures every point. On the way found hears of each model's.
func Run(ctx context.Context, c Config, found func([]Point) error) ([]Point, error) {
	total := 0
	for _, m := range c.Models {
		total += passes * c.Workers * len(tried(m))
	}
	step := c.Steps(total)
	var all []Point
	for _, m := range c.Models {
		var points []Point
		for workers := 1; workers <= c.Workers; workers++ {
			row, err := c.row(ctx, m, workers, step)
			if err != nil {
				return nil, err
			}
			points = append(points, row...)
		}
		if err := found(points); err != nil {
			return nil, err
		}
		all = append(all, points...)
	}
	return all, nil
}

// row measures the points of one model on so many workers.
func (c Config) row(ctx context.Context, m models.Spec, workers int, step func(string)) ([]Point, error) {
	sizes := tried(m)
	points := make([]Point, len(sizes))
	for i, n := range sizes {
		points[i] = Point{Model: m.ID, Workers: workers, N: n}
	}
	for pass := range passes {
		for k := range sizes {
			i := k
			if pass%2 == 1 {
				i = len(sizes) - 1 - k
			}
			step(fmt.Sprintf("%s, %d workers, N=%d", m.ID, workers, sizes[i]))
			if points[i].OutOfMemory {
				continue
			}
			p, err := c.measure(ctx, m, workers, sizes[i])
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if err != nil {
				return nil, fmt.Errorf("%s, %d workers, runs of %d rows: %w", m.ID, workers, sizes[i], err)
			}
			points[i].add(p)
			for larger := i + 1; p.OutOfMemory && larger < len(points); larger++ {
				points[larger].OutOfMemory = true // what is larger than what did not fit does not, either
			}
		}
	}
	return points, nil
}

// tried is the Ns that a model allows.
func tried(m models.Spec) []int {
	var allowed []int
	for _, n := range sizes {
		if n <= max(1, m.Batch.Max) {
			allowed = append(allowed, n)
		}
	}
	return allowed
}

// Rows are the batch table's rows of the models that were measured. A number of workers for which nothing fitted has none.
func Rows(points []Point) map[string][]models.BatchRow {
	type key struct {
		model   string
		workers int
	}
	best, safe := make(map[key]float64), make(map[key]int)
	for _, p := range points {
		if k := (key{p.Model, p.Workers}); !p.OutOfMemory {
			best[k], safe[k] = max(best[k], p.PerSecond), max(safe[k], p.N)
		}
	}
	rows := make(map[string][]models.BatchRow)
	for _, p := range points { // in the order of N
		k := key{p.Model, p.Workers}
		if p.OutOfMemory || best[k] == 0 || p.PerSecond < best[k]*(1-tolerance) {
			continue
		}
		best[k] = 0 // it has its row
		rows[p.Model] = append(rows[p.Model], models.BatchRow{
			ConcurrentUsers: p.Workers, Optimal: p.N, MaxSafe: safe[k], WeightsBytes: p.WeightsBytes, RunBytes: p.RunBytes,
		})
	}
	return rows
}

// Save puts the rows into the batch table of the models folder. What it knows of other models stays, if it was measured on the
// same device.
func Save(folder, device string, rows map[string][]models.BatchRow) error {
	table, err := models.ReadBatches(folder, device)
	switch {
	case err == nil:
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, models.ErrOtherDevice), errors.Is(err, models.ErrInvalid):
		table = models.BatchTable{Device: device}
	default:
		return err
	}
	if table.Models == nil {
		table.Models = make(map[string][]models.BatchRow)
	}
	maps.Copy(table.Models, rows)
	return table.Write(folder)
}
