// Command chaos has people work at three hubs that share one Redis and one storage, while both are cut off, delayed, stopped,
// killed, filled and have their clock stepped. When all is well again it looks whether each job that was accepted has ended
// once, and whether each person has heard every event once or was told of a gap.
//
//	people --> hub one   --> proxy --+
//	       --> hub two   --> proxy --+--> Redis, on a disk of its own
//	       --> hub three --> proxy --+
package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
)

// command says how long and how much.
type command struct {
	Program  string        `default:"bin/seghub" help:"Program of the hubs."`
	Logs     string        `help:"Folder for what the hubs log; without, it is gone afterwards." placeholder:"DIR"`
	People   int           `default:"40" help:"How many work."`
	Jobs     int           `default:"2000" help:"Jobs of all of them together."`
	Faults   time.Duration `default:"200s" help:"How long there are faults."`
	Longest  time.Duration `default:"6s" help:"The longest that one fault lasts."`
	Patience time.Duration `default:"60s" help:"How long the jobs that are left may take when all is well again."`
	Seed     uint64        `help:"Of the faults; 0 draws one." default:"0"`
}

func main() {
	var c command
	k := kong.Parse(&c, kong.Name("chaos"), kong.Description("Faults for three hubs, one after the other."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	report, err := c.run(ctx, func(line string) { fmt.Println(time.Now().Format(time.TimeOnly), line) })
	if report != nil {
		report.print(os.Stdout)
		err = errors.Join(err, report.verdict())
	}
	k.FatalIfErrorf(err)
}

// run plays it all. Without an error there is a report; with one there may be.
func (c *command) run(ctx context.Context, say func(string)) (report *Report, err error) {
	if c.Seed == 0 {
		c.Seed = rand.Uint64()
	}
	random := rand.New(rand.NewPCG(c.Seed, 0))
	world, err := newWorld(ctx, c.Program, c.Logs)
	if err != nil {
		return nil, err
	}
	defer func() {
		if closing := world.close(); err == nil {
			err = closing
		}
	}()
	crew, err := enter(ctx, world, c.People)
	if err != nil {
		return nil, err
	}
	defer crew.part()
	report = &Report{Seed: c.Seed, Faults: make(map[string]int), Reasons: make(map[string]int)}
	crew.begin(ctx, c.Jobs, c.Faults)
	if err := world.torment(ctx, c, random, report, say); err != nil {
		return report, err
	}
	say("all is well again")
	err = crew.settle(ctx, c.Patience, report)
	return report, err
}
