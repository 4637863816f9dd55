package bench

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Soak is how a hub was after hours of work beside how it was at their beginning.
type Soak struct {
	Minutes        float64 `json:"minutes"`
	Images         int     `json:"images"`
	ResidentBefore int64   `json:"resident_before_bytes"` // mean of the second tenth of the time, when all has grown that grows with the load
	ResidentAfter  int64   `json:"resident_after_bytes"`  // mean of the last tenth
	// Goroutines before anybody came and after all have left.
	GoroutinesBefore int `json:"goroutines_before"`
	GoroutinesAfter  int `json:"goroutines_after"`
}

// Grown is by which part the resident memory has grown.
func (s Soak) Grown() float64 {
	return float64(s.ResidentAfter)/float64(max(1, s.ResidentBefore)) - 1
}

// RunSoak has four sessions work at a hub for so long, in the mixed case, and looks what that leaves.
func RunSoak(ctx context.Context, c Config, duration time.Duration) (soak Soak, err error) {
	load, err := newLoad(c.Images)
	if err != nil {
		return Soak{}, err
	}
	c.Part.Slots = len(mixedCase)
	for _, m := range c.Models {
		c.Part.Warm = append(c.Part.Warm, m.ID)
	}
	var report Report
	hub, err := startHub(ctx, c, load, gpu{}, &report)
	if err != nil {
		return Soak{}, fmt.Errorf("start the hub: %w", err)
	}
	defer func() {
		if closing := hub.close(); err == nil {
			err = closing
		}
	}()
	soak = Soak{Minutes: duration.Minutes()}
	// One session first and gone: what the first connection leaves for good is not counted.
	if err := hub.open(ctx, mixedCase[:1]); err != nil {
		return Soak{}, err
	}
	if err := hub.leave(ctx); err != nil {
		return Soak{}, err
	}
	if soak.GoroutinesBefore, err = hub.settled(ctx); err != nil {
		return Soak{}, err
	}
	if err := hub.open(ctx, mixedCase); err != nil {
		return Soak{}, err
	}
	if err := hub.work(ctx, duration, &soak, c.Steps); err != nil {
		return Soak{}, err
	}
	if err := hub.leave(ctx); err != nil {
		return Soak{}, err
	}
	soak.GoroutinesAfter, err = hub.settled(ctx)
	return soak, err
}

// work does rounds until duration is over, and measures in the second and in the last tenth of it.
func (h *hub) work(ctx context.Context, duration time.Duration, soak *Soak, steps func(total int) func(string)) error {
	const tenths = 10
	step := steps(tenths)
	var sums [tenths]int64
	var counts [tenths]int64
	told := -1
	for began := time.Now(); ; {
		tenth := int(tenths * time.Since(began) / duration)
		if tenth >= tenths {
			break
		}
		if tenth != told {
			step(fmt.Sprintf("soak, %s of %s", time.Since(began).Round(time.Second), duration))
			told = tenth
		}
		o, err := h.round(ctx)
		if err != nil {
			return fmt.Errorf("after %d images: %w", soak.Images, err)
		}
		soak.Images += len(o.Latencies)
		resident, err := h.tree.resident()
		if err != nil {
			return err
		}
		sums[tenth] += resident
		counts[tenth]++
	}
	soak.ResidentBefore = sums[1] / max(1, counts[1])
	soak.ResidentAfter = sums[tenths-1] / max(1, counts[tenths-1])
	return nil
}

// settleLimit is how long what a session has left may take to end: connections that idle, and sweeps.
const settleLimit = 20 * time.Second

// settled is how many goroutines the hub has when there are no fewer than two seconds before.
func (h *hub) settled(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	before, err := h.goroutines(ctx)
	for err == nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return before, nil
		}
		var now int
		if now, err = h.goroutines(ctx); now >= before {
			return now, err
		}
		before = now
	}
	return 0, err
}

// goroutines reads their number from the hub's metrics.
func (h *hub) goroutines(ctx context.Context) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, h.up.Address+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	// A connection that stays would be goroutines of its own.
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	return gaugeIn(response.Body, "go_goroutines")
}

// gaugeIn finds a gauge without labels among Prometheus' lines.
func gaugeIn(metrics io.Reader, name string) (int, error) {
	for lines := bufio.NewScanner(metrics); lines.Scan(); {
		if value, is := strings.CutPrefix(lines.Text(), name+" "); is {
			n, err := strconv.ParseFloat(value, 64)
			return int(n), err
		}
	}
	return 0, fmt.Errorf("the hub's metrics have no %s", name)
}
