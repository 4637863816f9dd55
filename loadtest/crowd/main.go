// Command crowd has thousands wait in line beside a few who work, each with a socket of its own, and says what that costs: memory
// a socket, the time until all are connected again after a restart of the hub, how late a change of places reaches all, and what
// those who work have less of. It starts a hub of its own, or goes to the one at --url, which must take that many and have as
// many free slots as there are active users; of that one, memory and restart are not measured.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

type command struct {
	URL     string `help:"Hub to go to instead of one of its own." placeholder:"URL"`
	Program string `default:"bin/seghub" help:"Program of the hub."`
	Waiting int    `default:"10000" help:"How many wait."`
	Active  int    `default:"4" help:"How many work."`
	Model   string `default:"unet_spherohq" help:"What they work with."`
	Images  int    `default:"200" help:"Images that those who work have done, together, before the crowd comes and beside it."`
	Changes int    `default:"20" help:"How often the first in line leaves."`
	JSON    string `name:"json" help:"File to write the figures to as well." placeholder:"FILE"`
}

func main() {
	var c command
	k := kong.Parse(&c, kong.Name("crowd"), kong.Description("Thousands wait beside a few who work."))
	k.FatalIfErrorf(c.run())
}

func (c *command) run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	report, err := measure(ctx, c)
	if err != nil {
		return err
	}
	report.print(os.Stdout)
	if c.JSON != "" {
		data, err := json.MarshalIndent(report, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(c.JSON, append(data, '\n'), 0o600); err != nil {
			return err
		}
	}
	if n := report.broken(); n > 0 {
		return fmt.Errorf("%d promises were broken", n)
	}
	return nil
}
