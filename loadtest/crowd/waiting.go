package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"seghub/loadtest/people"
)

const (
	atOnce = 64 // calls under way
	// Those who lost their socket come back as the web client does: after a time drawn from twice as much after each failure.
	firstPause, lastPause = 500 * time.Millisecond, 8 * time.Second
)

// crowd waits in line.
type crowd struct {
	base      string
	all       []*waiter
	positions atomic.Int64 // told to all

	mu         sync.Mutex
	outOfOrder int   // guarded by mu
	first      error // guarded by mu: the first of them
}

// waiter is one of them. His goroutine owns the log.
type waiter struct {
	*people.Person
	crowd    *crowd
	log      people.Log
	position atomic.Int64 // heard last
	heard    atomic.Int64 // when, in Unix nanoseconds
	lives    atomic.Int64 // number of the socket that has told everything; 0 while there is none
	left     atomic.Bool  // he has ended his session
}

// enter has so many people come and upload an image each, in order.
func enter(ctx context.Context, base string, n int, form people.Form) (*crowd, error) {
	c := &crowd{base: base, all: make([]*waiter, n)}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: atOnce}}
	defer client.CloseIdleConnections()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i := range c.all {
		group.Go(func() error {
			p, err := people.Enter(ctx, client, base, fmt.Sprint("waiting ", i))
			if err != nil {
				return err
			}
			if _, err := p.Upload(ctx, base, "", form); err != nil {
				return err
			}
			c.all[i] = &waiter{Person: p, crowd: c}
			return nil
		})
	}
	return c, group.Wait()
}

// connect opens all sockets, and keeps them open until ctx ends. It returns once all have told everything.
func (c *crowd) connect(ctx context.Context, sockets *sync.WaitGroup) error {
	slots := make(chan struct{}, atOnce)
	for _, w := range c.all {
		sockets.Go(func() { w.stay(ctx, slots) })
	}
	return c.connected(ctx, 1)
}

// connected waits until each has had so many sockets.
func (c *crowd) connected(ctx context.Context, sockets int64) error {
	return until(ctx, fmt.Sprintf("all have socket %d", sockets), func() bool {
		for _, w := range c.all {
			if !w.left.Load() && w.lives.Load() < sockets {
				return false
			}
		}
		return true
	})
}

// stay keeps a socket open until ctx ends or the session is over. slots bounds who opens theirs at once, as a network would.
func (w *waiter) stay(ctx context.Context, slots chan struct{}) {
	pause := firstPause
	for number := int64(1); ctx.Err() == nil; {
		slots <- struct{}{}
		socket, err := w.Connect(ctx, w.crowd.base, w.log.Mark)
		<-slots
		if err == nil {
			pause = firstPause
			if err = w.listen(ctx, socket, number); people.Over(err) {
				return
			}
			number++
		}
		select {
		case <-time.After(rand.N(pause)):
			pause = min(2*pause, lastPause)
		case <-ctx.Done():
		}
	}
}

// listen reads until the socket ends, and tells how.
func (w *waiter) listen(ctx context.Context, socket *people.Socket, number int64) error {
	defer context.AfterFunc(ctx, func() { _ = socket.Close() })()
	defer socket.Close()
	var newest int64 // what the socket must tell before it has told everything
	for {
		f, err := socket.Next()
		if err != nil {
			return err
		}
		if err := w.log.Hear(f); err != nil {
			w.crowd.blame(fmt.Errorf("%s: %w", w.Session, err))
		}
		switch f.Type {
		case "welcome":
			newest = f.Seq
		case "position":
			w.crowd.positions.Add(1)
			w.position.Store(int64(f.Position))
			w.heard.Store(f.At.UnixNano())
		}
		if w.lives.Load() < number && w.log.Seq >= newest && (f.Type != "welcome" || f.Resumed) {
			w.lives.Store(number)
		}
	}
}

func (c *crowd) blame(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.outOfOrder++; c.first == nil {
		c.first = err
	}
}

// patience is how long anything may take.
const patience = 2 * time.Minute

// until waits until ok, for what no signal tells of.
func until(ctx context.Context, what string, ok func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for !ok() {
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", what, ctx.Err())
		}
	}
	return nil
}
