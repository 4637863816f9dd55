package segment

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/alecthomas/kong"

	"seghub/app/config"
	"seghub/app/server"
)

// ownLimits leave out those of serve that keep people of one hub from one another, and its disk from all of them: this one has a single
// person, and what lies on the disk is gone in the end.
var ownLimits = []string{"--rate-limits=0", "--max-file=1PiB", "--max-storage=1PiB", "--min-free=0"}

// WithHub does something at a hub within this process, which has nothing but one model and a folder that goes with it.
func WithHub(ctx context.Context, inference config.Inference, model string, log *slog.Logger, do func(ctx context.Context, address string) error) (err error) {
	data, err := os.MkdirTemp("", "seghub-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(data)) }()
	var settings config.Config
	parser, err := kong.New(&settings)
	if err != nil {
		return err
	}
	if _, err := parser.Parse(append([]string{
		"--listen=127.0.0.1:0", "--redis=embedded", "--access-key=", "--data=" + data, "--storage=", "--warm=" + model,
		"--models=" + inference.Models, "--ort-library=" + inference.ORTLibrary, "--device=" + inference.Device,
	}, ownLimits...)); err != nil {
		return fmt.Errorf("settings of the hub: %w", err)
	}
	within, stop := context.WithCancel(context.WithoutCancel(ctx)) // it outlives ctx, so that what is done there can take its leave
	defer stop()
	up := make(chan string, 1)
	down := make(chan error, 1)
	go func() { down <- server.Run(within, settings, log, func(address string) { up <- "http://" + address }) }()
	select {
	case err := <-down:
		return err
	case <-ctx.Done():
		stop()
		return errors.Join(ctx.Err(), <-down)
	case address := <-up:
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		ended := make(chan error, 1)
		go func() {
			err := <-down
			cancel(errors.Join(errors.New("the hub has ended"), err))
			ended <- err
		}()
		err := do(ctx, address)
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			err = context.Cause(ctx)
		}
		stop()
		return errors.Join(err, <-ended)
	}
}
