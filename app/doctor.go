package main

import (
	"fmt"
	"os"

	"github.com/alecthomas/kong"

	"seghub/app/config"
	"seghub/app/doctor"
)

// doctorCommand takes the settings of `serve`.
type doctorCommand struct {
	Unjudged
}

// Unjudged is the settings without their Validate, which kong would end the program with: the doctor says what is wrong with them
// beside all else that is.
type Unjudged config.Config

func (d *doctorCommand) Run(k *kong.Kong) error {
	ctx, stop := untilStopped()
	defer stop()
	info, err := os.Stdout.Stat()
	printer := doctor.Printer{Out: os.Stdout, Colours: err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("NO_COLOR") == ""}
	doctor.New(config.Config(d.Unjudged), unknownSettings(k)).Examine(ctx, printer.Print)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if printer.Bad > 0 {
		return fmt.Errorf("`seghub serve` would not work: mend the lines that begin with ✗ (%d)", printer.Bad)
	}
	return nil
}
