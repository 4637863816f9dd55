package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"seghub/models"
)

// Config is what to measure. Every field is needed.
type Config struct {
	Command  []string // starts a Part, its flags are appended
	Part     Part     // what all parts have in common
	Models   []models.Spec
	Sessions []int // how many sessions work at once
	Images   int   // how many a session sends in a round
	Rounds   int   // of each path, for each model and number of sessions
	Sockets  int   // idle ones, to see what one takes; none when it is 0
	Objects  int   // that are written as other programs read them
	// Steps hears how many steps there will be and returns what is called with the name of each before it is done.
	Steps func(total int) func(name string)
}

// mixedCase is how the sessions' models are mixed when there are four.
var mixedCase = []string{"hrnet", "hrnet", "cbam_resunet", "unet_spherohq"}

// scenario is a load that every path gets.
type scenario struct {
	name   string   // of the model, or "mixed"
	models []string // by session
}

func (c Config) scenarios() []scenario {
	var all []scenario
	for _, m := range c.Models {
		for _, sessions := range c.Sessions {
			all = append(all, scenario{m.ID, slices.Repeat([]string{m.ID}, sessions)})
		}
	}
	has := func(id string) bool {
		return slices.ContainsFunc(c.Models, func(m models.Spec) bool { return m.ID == id })
	}
	if slices.Contains(c.Sessions, len(mixedCase)) && !slices.ContainsFunc(mixedCase, func(id string) bool { return !has(id) }) {
		all = append(all, scenario{"mixed", mixedCase})
	}
	return all
}

// Run measures all paths. What a path failed at is a word in its rows; the error is that of ctx, of a hub that did not start
// or of parts that could not be started.
func Run(ctx context.Context, c Config) (report Report, err error) {
	scenarios := c.scenarios()
	if len(scenarios) == 0 {
		return Report{}, errors.New("there is no model to measure")
	}
	load, err := newLoad(c.Images)
	if err != nil {
		return Report{}, err
	}
	step := c.Steps(4 + len(c.Models) + len(scenarios)*len(Paths)*(c.Rounds+1))
	c.Part.Slots = slices.Max(c.Sessions)
	for _, m := range c.Models {
		c.Part.Warm = append(c.Part.Warm, m.ID)
	}
	report = Report{
		StartedAt: time.Now().UTC().Truncate(time.Second), Cores: runtime.NumCPU(), Images: c.Images, Rounds: c.Rounds,
	}

	contenders := make(map[Path]contender)
	defer func() {
		for _, path := range Paths {
			if s := contenders[path]; s != nil {
				err = errors.Join(err, s.close())
			}
		}
	}()
	// The first one finds out what the device is.
	step("start")
	bare, err := startLoop(ctx, c, PathBare)
	if err != nil {
		return Report{}, fmt.Errorf("start the path %s: %w", PathBare, err)
	}
	contenders[PathBare] = bare
	report.Device, c.Part.Device = bare.up.DeviceName, bare.up.Device
	gpu := openGPU(bare.up.PCIBusID)
	defer gpu.close()
	hub, err := startHub(ctx, c, load, gpu, &report)
	if err != nil {
		return Report{}, fmt.Errorf("start the hub: %w", err)
	}
	contenders[PathHub] = hub
	for _, path := range []Path{PathLock, PathPool} {
		started, err := startLoop(ctx, c, path)
		if err != nil {
			return Report{}, fmt.Errorf("start the path %s: %w", path, err)
		}
		contenders[path] = started
	}

	for _, m := range c.Models {
		step("one image at a time: " + m.ID)
		alone, err := hub.oneAtATime(ctx, m.ID, max(2, c.Images*c.Rounds))
		switch {
		case ctx.Err() != nil:
			return Report{}, ctx.Err()
		case err != nil:
			alone = Alone{Model: m.ID, Error: err.Error()}
		}
		report.Alone = append(report.Alone, alone)
	}
	for _, s := range scenarios {
		rows := measure(ctx, s, c.Rounds, contenders, gpu, step)
		if ctx.Err() != nil {
			return Report{}, ctx.Err()
		}
		report.Rows = append(report.Rows, rows...)
	}
	step("measure again")
	most := scenarios[len(scenarios)-1].models
	if report.Again, err = hub.measureAgain(ctx, most, 8*c.Images*c.Rounds); err != nil {
		report.Again = Again{Error: err.Error()}
	}
	step("idle sockets")
	if c.Sockets > 0 {
		each, err := measureSockets(ctx, c, c.Sockets)
		switch {
		case ctx.Err() != nil:
			return Report{}, ctx.Err()
		case err != nil:
			report.Hub.Error = "idle sockets: " + err.Error() // what was measured before stays
		default:
			report.Hub.Sockets, report.Hub.BytesPerSocket = c.Sockets, each
		}
	}
	step("exports")
	if report.Exports, err = measureExports(ctx, c.Objects); err != nil {
		report.Exports = Exports{Error: err.Error()}
	}
	return report, ctx.Err()
}

// measure has every path do so many rounds of s, in turns of which each begins with another path.
func measure(ctx context.Context, s scenario, rounds int, contenders map[Path]contender, gpu gpu, step func(string)) []Row {
	tallies := make(map[Path]*tally)
	for _, path := range Paths {
		step(fmt.Sprintf("%s, %d sessions, %s: warm up", s.name, len(s.models), path))
		before := gpu.used()
		t := &tally{}
		tallies[path] = t
		if t.err = contenders[path].open(ctx, s.models); t.err == nil {
			_, t.err = contenders[path].round(ctx) // what grows with the load has grown after it
		}
		t.device = gpu.used() - before
	}
	for round := range rounds {
		for i := range Paths {
			path := Paths[(i+round)%len(Paths)]
			step(fmt.Sprintf("%s, %d sessions, %s", s.name, len(s.models), path))
			tallies[path].add(ctx, contenders[path])
		}
	}
	rows := make([]Row, len(Paths))
	for i, path := range Paths {
		rows[i] = tallies[path].row(s, path, contenders[path])
	}
	compare(rows)
	return rows
}
