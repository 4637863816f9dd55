package bench

import (
	"context"
	"errors"
	"sync"

	"seghub/app/lane"
	"seghub/models"
)

// executorThreads is how many requests the Python service worked on at once.
const executorThreads = 2

// locked is the way it was: each model is loaded once, with a lock around it, for everybody. What a request did beside
// inference is not counted, so that this is the best it could have been.
type locked struct {
	lanes  lanes
	load   load
	opened map[string]*behindLock // by model
	models []string               // by session
	ends   [][]int
}

// behindLock is a model for one at a time.
type behindLock struct {
	mu   sync.Mutex
	lane *lane.Lane
	runs []models.Tensor
}

func (l *locked) open(ctx context.Context, specs []models.Spec) error {
	if err := l.close(); err != nil {
		return err
	}
	l.opened = make(map[string]*behindLock)
	for _, spec := range specs {
		n := l.lanes.batches.N(spec, 1) // the lock leaves one alone with the device
		runs, ends := l.load.inputs(spec, n)
		if l.opened[spec.ID] == nil {
			opened, err := l.lanes.start(ctx, len(l.opened), spec, n)
			if err != nil {
				return err
			}
			l.opened[spec.ID] = &behindLock{lane: opened, runs: runs}
		}
		l.models, l.ends = append(l.models, spec.ID), append(l.ends, ends)
	}
	return nil
}

func (l *locked) round(ctx context.Context) (outcome, error) {
	executor := make(chan struct{}, executorThreads)
	return together(ctx, len(l.models), l.ends, func(ctx context.Context, session, run int) error {
		executor <- struct{}{}
		defer func() { <-executor }()
		m := l.opened[l.models[session]]
		m.mu.Lock()
		defer m.mu.Unlock()
		_, err := m.lane.Run(ctx, m.runs[run])
		return err
	})
}

func (l *locked) close() (err error) {
	for _, m := range l.opened {
		err = errors.Join(err, m.lane.Close())
	}
	l.opened, l.models, l.ends = nil, nil, nil
	return err
}
