package tune

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"seghub/app/lane"
	"seghub/gpuexec"
	"seghub/models"
)

// leastRuns is how many runs each worker does in a pass at least, however long they take.
const leastRuns = 1

// Point is what one model does in runs of N rows on so many workers at once.
type Point struct {
	Model        string
	Workers, N   int
	PerSecond    float64       // rows: images, or tiles of a model that takes tiles
	P50, P95     time.Duration // of a run
	PeakBytes    uint64        // of the device's memory in use by anybody, or of this process' on the CPU; 0 where nobody can tell
	WeightsBytes uint64        // that opening one session has taken
	RunBytes     uint64        // that its runs have taken beside that
	OutOfMemory  bool          // there was not enough for it; nothing else counts then

	took    []time.Duration // of each run
	elapsed time.Duration   // of all passes
}

// add takes what another pass has measured of the same point.
func (p *Point) add(q Point) {
	p.OutOfMemory = p.OutOfMemory || q.OutOfMemory
	p.PeakBytes = max(p.PeakBytes, q.PeakBytes)
	if q.WeightsBytes+q.RunBytes > p.WeightsBytes+p.RunBytes { // a process that has freed memory grows less
		p.WeightsBytes, p.RunBytes = q.WeightsBytes, q.RunBytes
	}
	p.took = append(p.took, q.took...)
	p.elapsed += q.elapsed
	if p.OutOfMemory || len(p.took) == 0 {
		return
	}
	slices.Sort(p.took)
	p.PerSecond = float64(len(p.took)*p.N) / p.elapsed.Seconds()
	p.P50, p.P95 = p.took[(len(p.took)-1)/2], p.took[(len(p.took)*95+99)/100-1]
}

// measure measures one point in one pass. The error is an engine's other than that there is no memory.
func (c Config) measure(ctx context.Context, model models.Spec, workers, n int) (p Point, err error) {
	p = Point{Model: model.ID, Workers: workers, N: n}
	var lanes []*lane.Lane
	defer func() {
		for _, l := range lanes {
			err = errors.Join(err, l.Close())
		}
		if errors.Is(err, gpuexec.ErrOutOfMemory) {
			p, err = Point{Model: model.ID, Workers: workers, N: n, OutOfMemory: true}, nil
		}
	}()
	in := models.Tensor{N: n, H: model.Input.Height, W: model.Input.Width, C: model.Input.Channels}
	in.Pix = make([]uint8, in.N*in.H*in.W*in.C)
	for slot := range workers {
		l, err := lane.Start(c.NewEngine, slot)
		if err != nil {
			return p, err
		}
		lanes = append(lanes, l)
		before, err := c.inUse(l)
		if err != nil {
			return p, err
		}
		if err := l.Open(ctx, model, n); err != nil {
			return p, err
		}
		opened, err := c.inUse(l)
		if err != nil {
			return p, err
		}
		if err := l.Warm(ctx); err != nil {
			return p, err
		}
		if _, err := l.Run(ctx, in); err != nil { // on the CPU warming gives back what it took
			return p, err
		}
		warm, err := c.inUse(l)
		if err != nil {
			return p, err
		}
		// What several sessions share, as a library's own memory, counts for the first: the least is that of one more.
		weights, run := grown(before, opened), grown(opened, warm)
		if slot == 0 || weights+run < p.WeightsBytes+p.RunBytes {
			p.WeightsBytes, p.RunBytes = weights, run
		}
	}
	if err := c.run(ctx, lanes, in, &p); err != nil {
		return p, err
	}
	p.PeakBytes, err = c.inUse(lanes[0])
	return p, err
}

// run has all lanes run at once until the time of a pass is over.
func (c Config) run(ctx context.Context, lanes []*lane.Lane, in models.Tensor, p *Point) error {
	took := make([][]time.Duration, len(lanes))
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for i, l := range lanes {
		group.Go(func() error {
			for last := began; len(took[i]) < leastRuns || last.Sub(began) < c.Time/passes; {
				if _, err := l.Run(ctx, in); err != nil {
					return err
				}
				now := time.Now()
				took[i] = append(took[i], now.Sub(last))
				last = now
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	p.elapsed = time.Since(began)
	p.took = slices.Concat(took...)
	return nil
}

// inUse reads the memory on the lane's thread, which is tied to the device.
func (c Config) inUse(l *lane.Lane) (bytes uint64, err error) {
	if failed := l.Do(func() { bytes, err = c.InUse() }); failed != nil {
		return 0, failed
	}
	if err != nil {
		return 0, fmt.Errorf("measure the memory: %w", err)
	}
	return bytes, nil
}

func grown(before, after uint64) uint64 {
	if after < before {
		return 0 // somebody else has freed more
	}
	return after - before
}
