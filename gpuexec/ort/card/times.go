package main

import (
	"errors"
	"time"
)

// planCost measures what the batch table's one shape of work saves.
type planCost struct{}

type planTimes struct {
	Model      string  `json:"model"`
	N          int     `json:"n"`
	FirstMS    float64 `json:"first_ms"`      // of all
	EqualMS    float64 `json:"equal_ms"`      // after one of as many rows
	ChangedMS  float64 `json:"changed_ms"`    // of a number of rows that never was
	RevisitMS  float64 `json:"revisit_ms"`    // of as many rows as before that
	PerPlanned float64 `json:"changed_equal"` // how many times as long as an equal run, for as many rows
}

func (planCost) Run(s *settings) error {
	return s.with(s.Device, func(b *bench) error {
		var all []planTimes
		for _, model := range b.models {
			if model.Codec != nil {
				continue
			}
			n := max(2, model.Batch.Max)
			session, err := b.openRaw(model, map[string]string{"cudnn_conv_algo_search": "HEURISTIC", "arena_extend_strategy": "kSameAsRequested"})
			if err != nil {
				return err
			}
			var first, equal, changed, revisit time.Duration
			for _, step := range []struct {
				n, runs int
				took    *time.Duration
			}{{n, 1, &first}, {n, 3, &equal}, {n - 1, 1, &changed}, {n, 1, &revisit}} {
				if *step.took, err = session.fastest(step.n, step.runs); err != nil {
					return errors.Join(err, session.close())
				}
			}
			if err := session.close(); err != nil {
				return err
			}
			rows := float64(n-1) / float64(n)
			all = append(all, planTimes{
				Model: model.ID, N: n, FirstMS: milliseconds(first), EqualMS: milliseconds(equal), ChangedMS: milliseconds(changed),
				RevisitMS: milliseconds(revisit), PerPlanned: changed.Seconds() / (equal.Seconds() * rows),
			})
		}
		return result{Found: all, Why: "times to read, with no limit to hold"}.print()
	})
}

// options compares ways to set the provider up.
type options struct{}

// ways are what the hub sets, and one change of it each.
var ways = []struct {
	name string
	set  map[string]string
}{
	{"as the hub", map[string]string{"cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "1"}},
	{"nhwc", map[string]string{"cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "1", "prefer_nhwc": "1"}},
	{"without tf32", map[string]string{"cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "0"}},
	{"search for the fastest", map[string]string{"cudnn_conv_algo_search": "EXHAUSTIVE", "use_tf32": "1"}},
}

type wayTimes struct {
	Model     string  `json:"model"`
	Precision string  `json:"precision"`
	Way       string  `json:"way"`
	N         int     `json:"n"`
	OpenMS    float64 `json:"open_ms"` // with the first run
	RunMS     float64 `json:"run_ms"`
	Error     string  `json:"error,omitempty"`
}

func (options) Run(s *settings) error {
	return s.with(s.Device, func(b *bench) error {
		var all []wayTimes
		for _, model := range b.models {
			if model.Codec != nil {
				continue
			}
			for _, way := range ways {
				found := wayTimes{Model: model.ID, Precision: model.Precision, Way: way.name, N: max(1, model.Batch.Max)}
				if err := b.tryWay(&found, func() (*raw, error) { return b.openRaw(model, way.set) }); err != nil {
					found.Error = err.Error()
				}
				all = append(all, found)
			}
		}
		return result{Found: all, Why: "times to read, with no limit to hold"}.print()
	})
}

func (b *bench) tryWay(found *wayTimes, open func() (*raw, error)) error {
	began := time.Now()
	session, err := open()
	if err != nil {
		return err
	}
	_, err = session.run(found.N)
	found.OpenMS = milliseconds(time.Since(began))
	if err == nil {
		var least time.Duration
		least, err = session.fastest(found.N, 3)
		found.RunMS = milliseconds(least)
	}
	return errors.Join(err, session.close())
}
