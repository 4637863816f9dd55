package main

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"seghub/loadtest/people"
)

// aForm is how many images those who work send at once; they send more as soon as fewer than that are left.
const aForm = 8

// worker is one who has a slot and work.
type worker struct {
	*people.Person
	base string
	form people.Form
	log  people.Log
	left int // jobs that have not ended
}

// takeSlots has so many people come, connect and get a slot each.
func takeSlots(ctx context.Context, base string, n int, form people.Form) ([]*worker, error) {
	var all []*worker
	for i := range n {
		p, err := people.Enter(ctx, &http.Client{Transport: &http.Transport{}}, base, fmt.Sprint("working ", i))
		if err != nil {
			return nil, err
		}
		w := &worker{Person: p, base: base, form: form}
		var done atomic.Int64
		if err := w.work(ctx, &done, 1); err != nil {
			return nil, err
		}
		all = append(all, w)
	}
	return all, nil
}

// work has all of them work until they have done so many images together, and gives how many that were in a second. Only what lies
// between two moments at which everybody has work is counted.
func work(ctx context.Context, all []*worker, images int) (perSecond float64, err error) {
	var done atomic.Int64
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for _, w := range all {
		group.Go(func() error { return w.work(ctx, &done, int64(images)) })
	}
	var took time.Duration
	if err := until(ctx, "the images are done", func() bool { took = time.Since(began); return done.Load() >= int64(images) }); err != nil {
		return 0, err
	}
	perSecond = float64(done.Load()) / took.Seconds()
	return perSecond, group.Wait()
}

// work sends images until all together have done so many, and waits for what is left.
func (w *worker) work(ctx context.Context, done *atomic.Int64, images int64) error {
	socket, err := w.Connect(ctx, w.base, w.log.Mark)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = socket.Close() })()
	defer socket.Close()
	for told := false; !told || w.left > 0 || done.Load() < images; {
		if told && w.left < aForm && done.Load() < images {
			jobs, err := w.Upload(ctx, w.base, "", w.form)
			if err != nil {
				return err
			}
			w.left += len(jobs)
		}
		f, err := socket.Next()
		if err != nil {
			return err
		}
		if err := w.log.Hear(f); err != nil {
			return err
		}
		told = told || f.Type == "snapshot" || f.Type == "welcome" && f.Resumed
		if f.Type == "job" && f.Job.Ended() {
			if f.Job.State != "done" {
				return fmt.Errorf("a job is %s: %s", f.Job.State, f.Job.Error)
			}
			w.left--
			done.Add(1)
		}
	}
	return nil
}
