// Command seghub is the hub: `seghub serve` runs it, `seghub doctor` looks whether it would run, `seghub tune` and `seghub bench`
// measure, `seghub models` works on model files; and its client: `seghub segment` and `seghub watch` work on files,
// `seghub replay` makes a result again.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/alecthomas/kong"

	"seghub/app/config"
	"seghub/app/evaluate"
	"seghub/app/server"
	"seghub/app/supervise"
	"seghub/gpuexec"
	"seghub/gpuexec/ort"
	"seghub/models"
	"seghub/sessions/redisserver"
	"seghub/storage"
)

type cli struct {
	Serve   serveCommand   `cmd:"" help:"Run the hub."`
	Segment segmentCommand `cmd:"" help:"Segment files and folders, at a hub or without one."`
	Watch   watchCommand   `cmd:"" help:"Segment what comes into a folder, until it is stopped."`
	Replay  replayCommand  `cmd:"" help:"Make a result again from its receipt, and say whether it is the same."`
	Models  modelsCommand  `cmd:"" help:"Work on model files."`
	Doctor  doctorCommand  `cmd:"" help:"Look at everything that serve needs, with serve's settings, and say what is to be mended."`
	Tune    tuneCommand    `cmd:"" help:"Measure how many rows a run of each model should have on this machine, and write it down."`
	Bench   benchCommand   `cmd:"" help:"Measure the hub beside bare ONNX Runtime and beside one lock around the model."`

	Version versionFlag `help:"Print which build this is."`

	BenchPart benchPartCommand `cmd:"" hidden:"" help:"One path of the bench."`
}

// versionFlag prints the version in place of running a command.
type versionFlag bool

// BeforeReset is called by kong when the flag is there.
func (versionFlag) BeforeReset(k *kong.Kong) error {
	fmt.Fprintln(k.Stdout, "seghub", server.Version())
	k.Exit(0)
	return nil
}

type modelsCommand struct {
	Evaluate evaluateCommand `cmd:"" help:"Score the models on images with known masks, beside Otsu's threshold."`
	Import   importCommand   `cmd:"" help:"Bring another program's model into the models folder."`
	Validate validateCommand `cmd:"" help:"Compare a model's masks and speed with those of its variant of another precision; fails unless the variant may ship."`
}

type evaluateCommand struct {
	config.Inference
	Data string `default:"../shared/data" help:"Folder of the validation sets."`
}

func (e *evaluateCommand) Run() (err error) {
	ctx, stop := untilStopped()
	defer stop()
	log := warnings()
	registry, err := models.Open(e.Models, log)
	if err != nil {
		return err
	}
	runtime, err := ort.Open(e.ORTLibrary, e.Device, 1, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, runtime.Close()) }()
	return evaluate.Run(ctx, os.Stdout, e.Data, registry.List(), runtime.NewEngine)
}

// warnings is the log of a command that prints its result.
func warnings() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// interrupted is how a command exits that a signal has ended: as shells say of SIGINT.
const interrupted = 130

// misuse is an error of whoever called the program: a flag, or a setting in the environment, which kong knows no status for.
type misuse struct{ error }

// ExitCode is that which kong has for flags: nothing that starts the hub again mends it.
func (misuse) ExitCode() int { return 80 }

func (m misuse) Unwrap() error { return m.error }

func misused(err error) error {
	if err == nil {
		return nil
	}
	return misuse{err}
}

func main() {
	var c cli
	k := kong.Must(&c,
		kong.Name("seghub"),
		kong.Description("A real-time segmentation hub for microscope images."),
		kong.ShortUsageOnError(),
	)
	command, err := k.Parse(os.Args[1:])
	k.FatalIfErrorf(misused(err))
	if command.Command() != "doctor" { // which says it beside all else
		k.FatalIfErrorf(misused(unknownSettings(k)))
	}
	err = command.Run()
	var exit *supervise.ExitError
	switch {
	case errors.As(err, &exit): // the process has said why
		os.Exit(exit.Code)
	case errors.Is(err, gpuexec.ErrDeviceLost):
		fmt.Fprintln(os.Stderr, "seghub:", err)
		os.Exit(supervise.DeviceLost)
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "seghub:", err)
		os.Exit(interrupted)
	}
	k.FatalIfErrorf(ofSettings(err))
}

// ofSettings marks an error of a setting that no machine could make sense of, and that whoever reads it has found out: another start is in vain,
// where a disk, an address or a GPU may be there a little later.
func ofSettings(err error) error {
	for _, wrong := range []error{redisserver.ErrURL, storage.ErrLocation, ort.ErrDevice} {
		if errors.Is(err, wrong) {
			return misused(err)
		}
	}
	return err
}

// unknownSettings is the error for a setting in the environment that no command reads, or that is not what was meant.
func unknownSettings(k *kong.Kong) error {
	if err := config.RefuseUnknown(os.Environ(), variables(k.Model.Node)); err != nil {
		return err
	}
	return config.RefuseQuoted(os.Environ())
}

// variables lists every environment variable that a flag of the program reads.
func variables(node *kong.Node) []string {
	var names []string
	for _, flag := range node.Flags {
		names = append(names, flag.Envs...)
	}
	for _, child := range node.Children {
		names = append(names, variables(child)...)
	}
	return names
}
