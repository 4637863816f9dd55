package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"seghub/loadtest/people"
)

const (
	aForm = 5                      // images of an upload
	aCall = 10 * time.Second       // for one call
	pause = 300 * time.Millisecond // before somebody tries again
)

// crew are the people who work.
type crew struct {
	world  *world
	form   people.Form
	all    []*member
	cancel context.CancelFunc // ends listening and working
	tasks  sync.WaitGroup

	mu      sync.Mutex
	broken  []error   // guarded by mu: promises about events
	ended   time.Time // guarded by mu: when somebody heard of a job that ended, last
	silence time.Duration
}

// member is one of them.
type member struct {
	*people.Person
	crew *crew
	log  people.Log // of the goroutine that listens, until it has ended

	mu       sync.Mutex
	accepted []string       // guarded by mu
	ended    map[string]int // guarded by mu: by job, how often its end was told as an event
	idle     bool           // guarded by mu: has nothing more to send
}

func enter(ctx context.Context, w *world, n int) (*crew, error) {
	form, err := people.NewForm(model, picture(), aForm)
	if err != nil {
		return nil, err
	}
	c := &crew{world: w, form: form}
	for i := range n {
		client := &http.Client{Transport: &http.Transport{}}
		p, err := people.Enter(ctx, client, w.anyHub(), fmt.Sprint("person ", i))
		if err != nil {
			return nil, err
		}
		client.Timeout = aCall // from now on there are faults; a slow machine is none
		c.all = append(c.all, &member{Person: p, crew: c, ended: make(map[string]int)})
	}
	return c, nil
}

// begin has everybody listen, and send so many jobs over the given time.
func (c *crew) begin(ctx context.Context, jobs int, over time.Duration) {
	ctx, c.cancel = context.WithCancel(ctx)
	c.ended = time.Now()
	forms := max(1, jobs/aForm/len(c.all)) // of each person
	for _, m := range c.all {
		c.tasks.Go(func() { m.listen(ctx) })
		c.tasks.Go(func() { m.work(ctx, forms, over/time.Duration(forms)) })
	}
}

// part lets everybody go.
func (c *crew) part() {
	c.cancel()
	c.tasks.Wait()
	for _, m := range c.all {
		m.HTTP.CloseIdleConnections()
	}
}

// work sends forms, each until a hub has taken it; sent again, it is the same upload.
func (m *member) work(ctx context.Context, forms int, every time.Duration) {
	for i := range forms {
		wait(ctx, rand.N(every))
		for ctx.Err() == nil {
			ids, err := m.Upload(ctx, m.crew.world.anyHub(), fmt.Sprint("upload ", i), m.crew.form)
			if err == nil {
				m.mu.Lock()
				m.accepted = append(m.accepted, ids...)
				m.mu.Unlock()
				break
			}
			var refusal *people.Refusal
			if errors.As(err, &refusal) && refusal.Status < http.StatusInternalServerError && refusal.Status != http.StatusTooManyRequests {
				m.crew.blame(fmt.Errorf("%s: an upload is refused: %w", m.Session, err))
				break
			}
			wait(ctx, pause)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.idle = true
}

// listen keeps a socket open at some hub or other, and holds what it tells to the promises.
func (m *member) listen(ctx context.Context) {
	for ctx.Err() == nil {
		socket, err := m.Connect(ctx, m.crew.world.anyHub(), m.log.Mark)
		if err == nil {
			err = m.hear(ctx, socket)
		}
		if ctx.Err() == nil && people.Over(err) {
			m.crew.blame(fmt.Errorf("%s: its socket is closed for good: %w", m.Session, err))
			return
		}
		wait(ctx, rand.N(2*pause))
	}
}

func (m *member) hear(ctx context.Context, socket *people.Socket) error {
	defer context.AfterFunc(ctx, func() { _ = socket.Close() })()
	defer socket.Close()
	for {
		f, err := socket.Next()
		if err != nil {
			return err
		}
		if err := m.log.Hear(f); err != nil {
			m.crew.blame(fmt.Errorf("%s: %w", m.Session, err))
		}
		if f.Type == "job" && f.Job.Ended() {
			m.mu.Lock()
			m.ended[f.Job.ID]++
			m.mu.Unlock()
			m.crew.heardEnd(f.At)
		}
	}
}

func (c *crew) blame(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken = append(c.broken, err)
}

// heardEnd notes that a job has ended.
func (c *crew) heardEnd(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.silence = max(c.silence, at.Sub(c.ended))
	c.ended = at
}

// settle waits until everything that was accepted has ended, and looks what became of it.
func (c *crew) settle(ctx context.Context, patience time.Duration, r *Report) error {
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := c.world.allReady(waiting); err != nil {
		r.blame("%w", err)
	}
	for _, m := range c.all {
		m.settle(waiting)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	wait(ctx, pause) // for the last frames
	c.part()
	for _, m := range c.all {
		if err := m.judge(ctx, r); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r.Silence = c.silence
	for _, err := range c.broken {
		r.blame("%w", err)
	}
	return nil
}

// settle waits until the member has sent all and all of it has ended, or ctx has.
func (m *member) settle(ctx context.Context) {
	for ctx.Err() == nil {
		m.mu.Lock()
		idle := m.idle
		m.mu.Unlock()
		if idle {
			jobs, err := m.Jobs(ctx, m.crew.world.anyHub())
			if err == nil && !slices.ContainsFunc(jobs, func(j people.Job) bool { return !j.Ended() }) {
				return
			}
		}
		wait(ctx, pause)
	}
}

// judge counts what became of the member's jobs.
func (m *member) judge(ctx context.Context, r *Report) error {
	jobs, err := m.Jobs(ctx, m.crew.world.anyHub())
	if err != nil {
		return err
	}
	found := make(map[string]people.Job, len(jobs))
	for _, j := range jobs {
		found[j.ID] = j
	}
	r.Accepted += len(m.accepted)
	r.Gaps += m.log.Gaps
	for _, id := range m.accepted {
		job, known := found[id]
		switch {
		case !known:
			r.Lost++
			r.blame("%s: job %s is not known any more", m.Session, id)
		case job.State == "done":
			r.Done++
			if err := m.Call(ctx, m.crew.world.anyHub(), http.MethodGet, "/jobs/"+id+"/result", nil, nil, nil); err != nil {
				r.Lost++
				r.blame("%s: the result of a job that is done: %w", m.Session, err)
			}
		case job.State == "failed" && job.Reason():
			r.Failed++
			r.Reasons[string(job.Error)]++
		default:
			r.Lost++
			r.blame("%s: job %s is %s", m.Session, id, job.State)
		}
	}
	if extra := len(jobs) - len(m.accepted); extra != 0 {
		r.blame("%s: %d jobs, %d were accepted", m.Session, len(jobs), len(m.accepted))
	}
	for id, times := range m.ended {
		if times > 1 {
			r.Doubled++
			r.blame("%s: job %s ended %d times", m.Session, id, times)
		}
	}
	return nil
}

// wait lets d pass, or less where ctx ends.
func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// picture is a small PNG with something on it.
func picture() []byte {
	gray := image.NewGray(image.Rect(0, 0, 64, 64))
	for i := range 64 {
		gray.SetGray(i, 32, color.Gray{200})
	}
	var out bytes.Buffer
	if err := png.Encode(&out, gray); err != nil {
		panic(err) // into memory, of a picture that is sound
	}
	return out.Bytes()
}
