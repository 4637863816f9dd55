package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// fault is one thing that goes wrong, and how that ends.
type fault struct {
	name   string
	inject func(ctx context.Context, w *world, n *node) error
	mend   func(ctx context.Context, w *world, n *node) error
}

// faults are all that there are; n is the node that is hit, where it is one.
var faults = []fault{
	{"cut", func(_ context.Context, _ *world, n *node) error { n.proxy.Stop(); return nil },
		func(_ context.Context, _ *world, n *node) error { return n.proxy.Start() }},
	{"delay", toxic("latency", `{"latency":300,"jitter":200}`), cure},
	{"reset", toxic("reset_peer", `{"timeout":50}`), cure},
	{"black hole", toxic("timeout", `{"timeout":0}`), cure},
	{"node killed", func(_ context.Context, _ *world, n *node) error { return n.hub.Kill() },
		func(_ context.Context, _ *world, n *node) error { return n.hub.Start() }},
	{"node suspended", func(_ context.Context, _ *world, n *node) error { return n.hub.Signal(syscall.SIGSTOP) },
		func(_ context.Context, _ *world, n *node) error { return n.hub.Signal(syscall.SIGCONT) }},
	{"Redis killed", func(_ context.Context, w *world, _ *node) error { return w.redis.Kill() },
		func(ctx context.Context, w *world, _ *node) error { return w.redis.Start(ctx) }},
	{"Redis suspended", func(_ context.Context, w *world, _ *node) error { return w.redis.Signal(syscall.SIGSTOP) },
		func(_ context.Context, w *world, _ *node) error { return w.redis.Signal(syscall.SIGCONT) }},
	{"Redis full", setting("maxmemory", "1"), setting("maxmemory", "0")},
	{"clock forward", step(5 * time.Hour), step(0)},
	{"clock back", step(-3 * time.Hour), step(0)},
	{"disk full", fillDisk, freeDisk},
}

// torment injects one fault after the other for as long as it was asked, each kind before any comes again, and mends each.
func (w *world) torment(ctx context.Context, c *command, random *rand.Rand, r *Report, say func(string)) error {
	end := time.Now().Add(c.Faults)
	for time.Now().Before(end) {
		for _, i := range random.Perm(len(faults)) {
			f, n := faults[i], w.nodes[random.IntN(len(w.nodes))]
			lasts := c.Longest/4 + time.Duration(random.Int64N(int64(c.Longest*3/4)))
			if !time.Now().Before(end) || ctx.Err() != nil {
				return ctx.Err()
			}
			if f.name == "disk full" && !w.own {
				continue
			}
			say(fmt.Sprintf("%s, for %.1f s (%s)", f.name, lasts.Seconds(), n.name))
			if err := f.inject(ctx, w, n); err != nil {
				return fmt.Errorf("%s: %w", f.name, err)
			}
			wait(ctx, lasts)
			if err := f.mend(ctx, w, n); err != nil {
				return fmt.Errorf("mend %s: %w", f.name, err)
			}
			r.Faults[f.name]++
			wait(ctx, time.Duration(random.Int64N(int64(c.Longest/4))))
		}
	}
	return nil
}

// toxic spoils a node's way to Redis in both directions.
func toxic(kind, attributes string) func(context.Context, *world, *node) error {
	return func(_ context.Context, _ *world, n *node) error {
		for _, direction := range []string{"upstream", "downstream"} {
			spec := fmt.Sprintf(`{"name":%q,"type":%q,"stream":%q,"attributes":%s}`, direction, kind, direction, attributes)
			if _, err := n.proxy.Toxics.AddToxicJson(strings.NewReader(spec)); err != nil {
				return err
			}
		}
		return nil
	}
}

// cure takes it away again.
func cure(ctx context.Context, _ *world, n *node) error {
	return errors.Join(n.proxy.Toxics.RemoveToxic(ctx, "upstream"), n.proxy.Toxics.RemoveToxic(ctx, "downstream"))
}

// setting sets one of Redis.
func setting(name, value string) func(context.Context, *world, *node) error {
	return func(ctx context.Context, w *world, _ *node) error {
		return w.redis.Settle(ctx, "CONFIG SET "+name+" "+value, "+OK")
	}
}

// step sets the clock of Redis off by so much.
func step(by time.Duration) func(context.Context, *world, *node) error {
	return func(_ context.Context, w *world, _ *node) error { return w.redis.Step(int64(by.Seconds())) }
}

// fillDisk takes all room from Redis' log. A Redis that syncs each write ends where it cannot; one that does so every second refuses
// writes, which is what a hub's own does.
func fillDisk(ctx context.Context, w *world, n *node) error {
	if err := setting("appendfsync", "everysec")(ctx, w, n); err != nil {
		return err
	}
	return fill(filepath.Join(w.disk, "ballast"))
}

func freeDisk(ctx context.Context, w *world, n *node) error {
	if err := os.Remove(filepath.Join(w.disk, "ballast")); err != nil {
		return err
	}
	if err := w.redis.Settle(ctx, "SET probe 1", "+OK"); err != nil {
		return err
	}
	return setting("appendfsync", "always")(ctx, w, n)
}

// fill writes to a file until the disk is full.
func fill(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	block := make([]byte, 1<<16)
	for err == nil {
		_, err = file.Write(block)
		if err != nil && len(block) > 1 {
			block, err = block[:len(block)/2], nil
		}
	}
	if errors.Is(err, syscall.ENOSPC) {
		err = nil
	}
	return errors.Join(err, file.Close())
}
