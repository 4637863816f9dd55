package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"seghub/loadtest/people"
	"seghub/loadtest/processes"
)

// rest is how long a hub is left alone before its memory is read, and places before they change.
const rest = 2 * time.Second

// measure plays everything, one thing after the other.
func measure(ctx context.Context, c *command) (r *Report, err error) {
	r = &Report{Waiting: c.Waiting, changes: c.Changes, images: c.Images}
	var hub *processes.Hub
	var started Spent
	base := c.URL
	if base == "" {
		var end func() error
		if hub, end, err = ownHub(c); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, end()) }()
		base = hub.Base
		if started, err = spentUntilNow(hub); err != nil {
			return nil, err
		}
	}
	large, err := people.NewForm(c.Model, picture(512), aForm)
	if err != nil {
		return nil, err
	}
	small, err := people.NewForm(c.Model, picture(16), 1)
	if err != nil {
		return nil, err
	}

	say("%d people take the slots and work", c.Active)
	workers, err := takeSlots(ctx, base, c.Active, large)
	if err != nil {
		return nil, err
	}
	if r.AloneImages, r.Alone, err = workBeside(ctx, hub, workers, c.Images); err != nil {
		return nil, err
	}

	say("%d people come", c.Waiting)
	began := time.Now()
	crowd, err := enter(ctx, base, c.Waiting, small)
	if err != nil {
		return nil, err
	}
	r.enterSeconds = time.Since(began).Seconds()

	say("they connect")
	ctx, cancel := context.WithCancel(ctx)
	var sockets sync.WaitGroup
	defer sockets.Wait()
	defer cancel()
	before, err := resident(ctx, hub)
	if err != nil {
		return nil, err
	}
	if r.Connect, err = spend(hub, func() error { return crowd.connect(ctx, &sockets) }); err != nil {
		return nil, err
	}
	after, err := resident(ctx, hub)
	if err != nil {
		return nil, err
	}
	r.SocketBytes = float64(after-before) / float64(c.Waiting)

	say("%d times the first in line leaves", c.Changes)
	if err := until(ctx, "all know their places", func() bool { return crowd.unplaced() == 0 }); err != nil {
		return nil, err
	}
	pause(ctx, 5*rest) // for some seconds after so many have come a hub does more than at rest
	if r.Rest, err = spend(hub, func() error { pause(ctx, 5*rest); return ctx.Err() }); err != nil {
		return nil, err
	}
	if r.Changes, err = spend(hub, func() error { return crowd.changes(ctx, c.Changes, r) }); err != nil {
		return nil, err
	}
	say("those who have slots work beside the crowd")
	told := crowd.positions.Load()
	if r.CrowdedImages, r.Crowded, err = workBeside(ctx, hub, workers, c.Images); err != nil {
		return nil, err
	}
	r.Told = int(crowd.positions.Load() - told)
	if hub != nil {
		say("the hub is started anew")
		if r.ReconnectSeconds, r.Reconnect, err = crowd.survive(ctx, hub); err != nil {
			return nil, err
		}
		r.Reconnect.Hub -= started.Hub
	}
	crowd.mu.Lock()
	defer crowd.mu.Unlock()
	r.OutOfOrder, r.firstOrderProblem = crowd.outOfOrder, crowd.first
	return r, nil
}

func say(format string, args ...any) {
	fmt.Printf("%s %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}

// ownHub starts a hub that takes them all and whose slots stay with those who came first; end removes it.
func ownHub(c *command) (hub *processes.Hub, end func() error, err error) {
	data, err := os.MkdirTemp("", "seghub-crowd-")
	if err != nil {
		return nil, nil, err
	}
	log, err := os.Create(filepath.Join(data, "hub.log"))
	if err != nil {
		return nil, nil, err
	}
	end = func() error { return errors.Join(hub.Kill(), log.Close(), os.RemoveAll(data)) }
	hub, err = processes.NewHub(c.Program, data, log,
		fmt.Sprint("SEGHUB_SLOTS=", c.Active), fmt.Sprint("SEGHUB_MAX_SESSIONS=", 2*(c.Waiting+c.Active)), fmt.Sprint("SEGHUB_MAX_SOCKETS=", 4*(c.Waiting+c.Active)),
		"SEGHUB_WARM="+c.Model, "SEGHUB_TURN=24h", "SEGHUB_RESERVE_GRACE=24h", "SEGHUB_RATE_LIMITS=0")
	if err != nil {
		return nil, nil, errors.Join(err, log.Close(), os.RemoveAll(data))
	}
	if err = hub.Start(); err == nil {
		err = hub.Ready()
	}
	if err != nil {
		return nil, nil, errors.Join(err, end())
	}
	return hub, end, nil
}

// workBeside has the workers work and gives images/s and what that took.
func workBeside(ctx context.Context, hub *processes.Hub, workers []*worker, images int) (perSecond float64, spent Spent, err error) {
	spent, err = spend(hub, func() (err error) { perSecond, err = work(ctx, workers, images); return err })
	return perSecond, spent, err
}

// resident is the hub's memory, once it has rested; 0 where it is not at hand.
func resident(ctx context.Context, hub *processes.Hub) (int64, error) {
	if hub == nil {
		return 0, nil
	}
	pause(ctx, rest)
	return hub.Resident()
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// changes has the first in line leave so many times, and notes when all the others hear that they have moved up.
func (c *crowd) changes(ctx context.Context, times int, r *Report) error {
	late := hdrhistogram.New(1, 2*patience.Microseconds(), 3)
	for range times {
		if pause(ctx, rest); ctx.Err() != nil {
			return ctx.Err()
		}
		places := make(map[*waiter]int64, len(c.all))
		var first *waiter
		for _, w := range c.all {
			if !w.left.Load() {
				places[w] = w.position.Load()
				if places[w] == 1 {
					first = w
				}
			}
		}
		if first == nil {
			return errors.New("nobody is the first in line")
		}
		first.left.Store(true)
		delete(places, first)
		began := time.Now()
		if err := first.Leave(ctx, c.base); err != nil {
			return err
		}
		err := until(ctx, "all hear of the change", func() bool {
			for w, before := range places {
				if w.position.Load() == before-1 {
					_ = late.RecordValue(max(1, (w.heard.Load()-began.UnixNano())/1000)) // until gives up before its range ends
					delete(places, w)
				}
			}
			return len(places) == 0
		})
		if ctx.Err() != nil {
			return err
		}
		r.ChangeUnheard += len(places)
	}
	r.ChangeP50 = float64(late.ValueAtQuantile(50)) / 1000
	r.ChangeP99 = float64(late.ValueAtQuantile(99)) / 1000
	return nil
}

// unplaced is how many have not heard their place.
func (c *crowd) unplaced() (n int) {
	for _, w := range c.all {
		if w.position.Load() == 0 {
			n++
		}
	}
	return n
}

// survive starts the hub anew and waits until everybody is back. What the start itself takes is part of spent.
func (c *crowd) survive(ctx context.Context, hub *processes.Hub) (seconds float64, spent Spent, err error) {
	before, err := ownTime()
	if err != nil {
		return 0, spent, err
	}
	if err := hub.Stop(); err != nil {
		return 0, spent, err
	}
	began := time.Now()
	if err := hub.Start(); err != nil {
		return 0, spent, err
	}
	if err := c.connected(ctx, 2); err != nil {
		return 0, spent, err
	}
	seconds = time.Since(began).Seconds()
	if err := hub.Ready(); err != nil {
		return 0, spent, err
	}
	spent, err = spentUntilNow(hub) // that of the hub is of the new process alone
	spent.Driver -= before
	spent.Seconds = seconds
	return seconds, spent, err
}

// picture is a PNG of so many pixels a side, with a disc on it.
func picture(side int) []byte {
	gray := image.NewGray(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			dx, dy := 2*x-side, 2*y-side
			if 4*(dx*dx+dy*dy) < side*side {
				gray.SetGray(x, y, color.Gray{200})
			}
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, gray); err != nil {
		panic(err) // into memory, of a picture that is sound
	}
	return out.Bytes()
}
