package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

// Again is how long it takes to cut the stored map of an image into other objects while every slot works, from asking until the result
// has come.
type Again struct {
	Sessions int     `json:"sessions"` // that work
	Requests int     `json:"requests"`
	P50      float64 `json:"p50_ms"`
	P95      float64 `json:"p95_ms"`
	Error    string  `json:"error,omitempty"` // nothing else counts where it is set
}

// measureAgain has as many people work as there are models, and the first of them ask so many times for other objects of an image that
// is done.
func (h *hub) measureAgain(ctx context.Context, models []string, requests int) (Again, error) {
	if err := h.open(ctx, models); err != nil {
		return Again{}, err
	}
	job, err := h.one(ctx, h.people[0], models[0])
	if err != nil {
		return Again{}, err
	}
	enough := make(chan struct{})
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		for {
			if _, err := h.round(ctx); err != nil {
				return err
			}
			select {
			case <-enough:
				return nil
			default:
			}
		}
	})
	var took []time.Duration
	group.Go(func() error {
		defer close(enough)
		for i := range requests {
			began := time.Now()
			options := fmt.Sprintf(`{"threshold":%g,"split_touching":%t}`, 0.3+0.1*float64(i%4), i%8 < 4)
			if _, err := h.people[0].Measure(ctx, job, json.RawMessage(options)); err != nil {
				return err
			}
			took = append(took, time.Since(began))
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		return Again{}, err
	}
	return Again{
		Sessions: len(models), Requests: requests,
		P50: milliseconds(percentile(took, 50)), P95: milliseconds(percentile(took, 95)),
	}, nil
}

// one has an image segmented, and gives its job.
func (h *hub) one(ctx context.Context, u *user, model string) (job string, err error) {
	accepted, err := u.upload(ctx, model, h.said[model], h.load.png, 1)
	if err != nil {
		return "", err
	}
	came, err := u.masks(accepted)
	for job = range came {
		_, err = h.inferredAt(job) // nobody else asks
	}
	return job, err
}
