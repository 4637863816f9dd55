package segment

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/alecthomas/kong"
	"github.com/shirou/gopsutil/v4/disk"

	"seghub/app/config"
	"seghub/app/server"
	"seghub/sessions/problem"
	"seghub/storage"
)

// ownLimits leave out those of serve that keep people of one hub from one another, and its disk from all of them: this one has a single
// person, and what lies on the disk is gone in the end.
var ownLimits = []string{"--rate-limits=0", "--max-file=1PiB", "--max-storage=1PiB"}

// OwnAhead is how many files a hub within this process has in hand at most: enough for its workers, and few enough for their results to fit into what
// is kept free for these. All that is sent at once would fill the disk with images before there is a result.
const OwnAhead = 32

// ownReserve is how much of a disk images leave free, for what is made of them. Without it they fill the disk, which in many a system is /tmp in
// memory: then nothing is done any more that would make room. What does not fit waits for another session, as at a hub whose session is full.
func ownReserve(folder string) (setting string, err error) {
	usage, err := disk.Usage(folder)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("--min-free=%dB", usage.Free/2), nil
}

// WithHub does something at a hub within this process, which has nothing but one model and a folder that goes with it. That ends where the hub has no
// room for results.
func WithHub(ctx context.Context, inference config.Inference, model string, log *slog.Logger, do func(ctx context.Context, address string) error) error {
	return WithRoom(ctx, inference, model, log, func(ctx context.Context, address string, full <-chan error) error {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		done := make(chan error, 1)
		go func() { done <- do(ctx, address) }()
		select {
		case err := <-done:
			return err
		case why := <-full:
			cancel(noRoom(why))
		}
		if err := <-done; err == nil || !errors.Is(err, context.Canceled) {
			return err
		}
		return context.Cause(ctx)
	})
}

// noRoom says what to do where results are too large for the disk of a hub of one's own.
func noRoom(why error) error {
	return fmt.Errorf("there is no room for results in %s, the system's folder for temporary files; where TMPDIR names one with more room, that is taken: %w", os.TempDir(), why)
}

// WithRoom is WithHub for who makes room: full says why results have none any more. Nobody but who is there can make some, by ending the session.
func WithRoom(ctx context.Context, inference config.Inference, model string, log *slog.Logger, do func(ctx context.Context, address string, full <-chan error) error) (err error) {
	data, remove, err := ownFolder()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	reserve, err := ownReserve(data)
	if err != nil {
		return err
	}
	var settings config.Config
	parser, err := kong.New(&settings)
	if err != nil {
		return err
	}
	if _, err := parser.Parse(append([]string{
		"--listen=127.0.0.1:0", "--redis=embedded", "--access-key=", "--data=" + data, "--storage=", "--warm=" + model,
		"--models=" + inference.Models, "--ort-library=" + inference.ORTLibrary, "--device=" + inference.Device, reserve,
	}, ownLimits...)); err != nil {
		return fmt.Errorf("settings of the hub: %w", err)
	}
	within, stop := context.WithCancel(context.WithoutCancel(ctx)) // it outlives ctx, so that what is done there can take its leave
	defer stop()
	full := make(chan error, 1)
	hears := server.Hears{Stalled: func(why error) {
		if !isOfRoom(why) { // as where other programs have the GPU's memory, which they may give back
			return
		}
		select {
		case full <- why:
		default: // it has been said
		}
	}}
	up := make(chan string, 1)
	down := make(chan error, 1)
	go func() {
		down <- server.RunWatched(within, settings, log, func(address string) { up <- "http://" + address }, hears)
	}()
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
		err := do(ctx, address, full)
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			err = context.Cause(ctx)
		}
		stop()
		return errors.Join(err, <-ended)
	}
}

// isOfRoom tells whether a hub stalls because its disk is full.
func isOfRoom(why error) bool {
	var p *problem.Problem
	return errors.Is(why, storage.ErrFull) || errors.As(why, &p) && p.Code == problem.QuotaExceeded
}
