package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"seghub/app/bench"
	"seghub/app/config"
	"seghub/models"
)

type benchCommand struct {
	config.Inference
	Only     []string      `placeholder:"MODEL" help:"Models to measure. Default: all of the folder."`
	Sessions []int         `default:"1,2,4" help:"How many sessions work at once, one after the other."`
	Images   int           `default:"8" help:"How many images a session sends in a round."`
	Rounds   int           `default:"3" help:"Rounds of each path, model and number of sessions."`
	Sockets  int           `default:"1000" help:"Idle sockets to open."`
	Objects  int           `default:"100000" help:"Objects to write as other programs read them."`
	Quick    bool          `help:"One small round, to see that everything works; its figures mean little."`
	Soak     time.Duration `placeholder:"TIME" help:"Instead of all that, have four sessions work for so long, and see whether memory or goroutines grow."`
	Out      string        `default:"./bench-output" help:"Folder for the report and the plots."`
}

// Validate is called by kong once everything is read.
func (b *benchCommand) Validate() error {
	if b.Images < 1 || b.Rounds < 1 || b.Sockets < 0 || b.Objects < 1 || len(b.Sessions) == 0 || slices.Min(b.Sessions) < 1 || slices.Max(b.Sessions) > 64 {
		return errors.New("images, rounds, sessions and objects must be at least 1, sessions at most 64")
	}
	return nil
}

func (b *benchCommand) Run() error {
	ctx, stop := untilStopped()
	defer stop()
	if b.Quick {
		b.Sessions, b.Images, b.Rounds, b.Sockets, b.Objects = []int{1, 2}, 2, 1, 20, 1000
	}
	registry, err := models.Open(b.Models, warnings())
	if err != nil {
		return err
	}
	list, err := chosen(registry, b.Only)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cfg := bench.Config{
		Command: []string{self, "bench-part"},
		Part:    bench.Part{Inference: b.Inference, Images: b.Images},
		Models:  list, Sessions: b.Sessions, Images: b.Images, Rounds: b.Rounds, Sockets: b.Sockets, Objects: b.Objects,
		Steps: steps,
	}
	if b.Soak > 0 {
		return soak(ctx, cfg, b.Soak)
	}
	if err := os.MkdirAll(b.Out, 0o750); err != nil {
		return fmt.Errorf("output folder: %w", err)
	}
	report, err := bench.Run(ctx, cfg)
	if err != nil {
		return err
	}
	if err := report.WriteTable(os.Stdout); err != nil {
		return err
	}
	files, err := report.WriteFiles(b.Out)
	if err != nil {
		return err
	}
	fmt.Printf("\n%s: %s\n", filepath.Clean(b.Out), strings.Join(files, ", "))
	return nil
}

// mostGrowth is by which part of it the memory of a hub may grow in a soak that counts as flat.
const mostGrowth = 0.05

func soak(ctx context.Context, cfg bench.Config, duration time.Duration) error {
	s, err := bench.RunSoak(ctx, cfg, duration)
	if err != nil {
		return err
	}
	fmt.Printf("%d images in %s: resident %d MiB in the second tenth of the time, %d MiB in the last (%+.1f %%); goroutines %d before, %d after\n",
		s.Images, duration, s.ResidentBefore>>20, s.ResidentAfter>>20, 100*s.Grown(), s.GoroutinesBefore, s.GoroutinesAfter)
	if s.Grown() > mostGrowth || s.GoroutinesAfter > s.GoroutinesBefore {
		return errors.New("it grows")
	}
	return nil
}

// chosen is those of the registry's models that are named, or all.
func chosen(registry *models.Registry, names []string) ([]models.Spec, error) {
	if len(names) == 0 {
		return registry.List(), nil
	}
	list := make([]models.Spec, len(names))
	for i, name := range names {
		var known bool
		if list[i], known = registry.Get(name); !known {
			return nil, fmt.Errorf("there is no model %q", name)
		}
	}
	return list, nil
}

// benchPartCommand is what the bench starts of its own program.
type benchPartCommand struct {
	bench.Part
}

func (b *benchPartCommand) Run() error {
	signal.Ignore(os.Interrupt, syscall.SIGHUP) // which a terminal sends to the parent as well: it ends this process in order
	if b.Path == bench.PathHub {
		collectOften() // as one that serves
	}
	return b.Part.Run(context.Background(), os.Stdin, os.Stdout, warnings())
}
