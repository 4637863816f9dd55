package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"seghub/gpuexec"
)

// hub is the hub in its process, and the people at it.
type hub struct {
	*child
	data  string // its folder
	load  load
	said  map[string]float64 // saidDiameter, by model
	heard sync.WaitGroup     // what reads the times at which inference ended

	mu       sync.Mutex
	came     *sync.Cond           // that inferred has got another one; of mu
	inferred map[string]time.Time // by job; guarded by mu
	lost     error                // why no more will come; guarded by mu

	people []*user
	models []string // theirs
}

func startHub(ctx context.Context, c Config, load load, gpu gpu, report *Report) (*hub, error) {
	data, err := os.MkdirTemp("", "seghub-bench-")
	if err != nil {
		return nil, err
	}
	part := c.Part
	part.Path, part.Data = PathHub, data
	began, before := time.Now(), gpu.used()
	started, err := start(ctx, c.Command, part)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(data))
	}
	report.Hub.ReadySeconds = time.Since(began).Seconds()
	report.Hub.IdleDeviceBytes = gpu.used() - before
	h := &hub{child: started, data: data, load: load, said: make(map[string]float64), inferred: make(map[string]time.Time)}
	for _, m := range c.Models {
		h.said[m.ID] = saidDiameter(m)
	}
	h.came = sync.NewCond(&h.mu)
	h.heard.Go(h.listen)
	if report.Hub.IdleResidentBytes, err = h.tree.resident(); err != nil {
		return nil, errors.Join(err, h.close())
	}
	return h, nil
}

// listen keeps what the hub says of the ends of inference, until it says no more.
func (h *hub) listen() {
	for {
		a, err := h.answer()
		h.mu.Lock()
		if a.Inferred != nil {
			h.inferred[a.Inferred.Job] = a.Inferred.At
		}
		h.lost = err
		h.mu.Unlock()
		h.came.Broadcast()
		if err != nil {
			return
		}
	}
}

// inferredAt is when the inference of a job ended, which the hub may be about to say.
func (h *hub) inferredAt(job string) (time.Time, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		if at, known := h.inferred[job]; known {
			delete(h.inferred, job)
			return at, nil
		}
		if h.lost != nil {
			return time.Time{}, h.lost
		}
		h.came.Wait()
	}
}

// open has as many people come as there are models, instead of those before.
func (h *hub) open(ctx context.Context, models []string) error {
	if err := h.leave(ctx); err != nil {
		return err
	}
	for i, model := range models {
		u, err := newUser(ctx, h.up.Address, fmt.Sprint("user ", i))
		if err != nil {
			return err
		}
		h.people, h.models = append(h.people, u), append(h.models, model)
	}
	return nil
}

func (h *hub) leave(ctx context.Context) (err error) {
	for _, u := range h.people {
		err = errors.Join(err, u.leave(ctx))
	}
	h.people, h.models = nil, nil
	return err
}

func (h *hub) round(ctx context.Context) (outcome, error) {
	var mu sync.Mutex
	var o outcome // guarded by mu
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for i, u := range h.people {
		group.Go(func() error {
			part, err := h.send(ctx, u, h.models[i], h.load.images, began)
			mu.Lock()
			defer mu.Unlock()
			o.Latencies, o.Lags = append(o.Latencies, part.Latencies...), append(o.Lags, part.Lags...)
			o.Wall = max(o.Wall, part.Wall)
			return err
		})
	}
	err := group.Wait()
	return o, err
}

// send uploads images for u and waits until their masks have come and their jobs are done.
func (h *hub) send(ctx context.Context, u *user, model string, images int, began time.Time) (o outcome, err error) {
	var came map[string]time.Time
	accepted, err := u.upload(ctx, model, h.said[model], h.load.png, images)
	if err == nil {
		came, err = u.masks(accepted)
	}
	o.Wall = time.Since(began)
	if err != nil {
		return o, err
	}
	for job, at := range came {
		inferred, err := h.inferredAt(job)
		if err != nil {
			return o, err
		}
		o.Latencies = append(o.Latencies, at.Sub(began))
		o.Lags = append(o.Lags, at.Sub(inferred))
	}
	return o, nil
}

// oneAtATime has one user send so many images, the next one when the last is done.
func (h *hub) oneAtATime(ctx context.Context, model string, images int) (Alone, error) {
	if err := h.open(ctx, []string{model}); err != nil {
		return Alone{}, err
	}
	var all outcome
	for range images {
		o, err := h.send(ctx, h.people[0], model, 1, time.Now())
		if err != nil {
			return Alone{}, err
		}
		all.Latencies, all.Lags = append(all.Latencies, o.Latencies...), append(all.Lags, o.Lags...)
	}
	return Alone{
		Model: model,
		P50:   milliseconds(percentile(all.Latencies, 50)), P95: milliseconds(percentile(all.Latencies, 95)),
		Mask: Lag{P50: milliseconds(percentile(all.Lags, 50)), P95: milliseconds(percentile(all.Lags, 95))},
	}, nil
}

// measureSockets opens so many idle ones, each of a session of its own, at a hub that has done nothing else, and tells by how much
// it has grown for one.
func measureSockets(ctx context.Context, c Config, sockets int) (each float64, err error) {
	c.Part.Device, c.Part.Slots, c.Part.Warm = gpuexec.CPU, 1, c.Part.Warm[:1] // no image will come
	h, err := startHub(ctx, c, load{}, gpu{}, &Report{})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	var before int64
	for i := range sockets + 1 {
		u, err := newUser(ctx, h.up.Address, fmt.Sprint("user ", i))
		if err != nil {
			return 0, err
		}
		u.Disconnect()
		h.people = append(h.people, u)
		if i > 0 {
			continue
		}
		// What the first one needs is there for all.
		if before, err = h.tree.resident(); err != nil {
			return 0, err
		}
	}
	after, err := h.tree.resident()
	return float64(after-before) / float64(sockets), err
}

// close ends the hub and removes its folder.
func (h *hub) close() error {
	for _, u := range h.people {
		u.stop() // their sessions go with the folder
	}
	err := h.in.Close()
	h.heard.Wait() // what the hub says must be read to the end before the process is waited for
	return errors.Join(err, h.wait(), os.RemoveAll(h.data))
}
