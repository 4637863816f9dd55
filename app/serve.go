package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"runtime/debug"
	"slices"
	"syscall"

	"seghub/app/config"
	"seghub/app/server"
	"seghub/app/supervise"
	"seghub/gpuexec"
	"seghub/gpuexec/ort"
)

type serveCommand struct {
	config.Config
	Supervised bool `hidden:"" help:"This is the process that serves; its parent starts it anew."`
}

// Run serves: on a GPU as the parent of the process that does.
func (s *serveCommand) Run() error {
	if !s.Supervised && s.mayUseGPU() {
		return superviseSelf()
	}
	return s.serve()
}

func (s *serveCommand) mayUseGPU() bool {
	return s.Device != gpuexec.CPU && (s.Device != "auto" || ort.HasCUDAProvider(s.ORTLibrary))
}

// stopSignals are those that ask a hub to hand back what it has and go: also the end of the terminal that it was started from, unless
// nohup told it to outlive that.
func stopSignals() []os.Signal {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	return signals
}

// outliveLog keeps a hub whose log goes into a pipe alive when the reader of that ends. Go's programs die of it otherwise.
func outliveLog() { signal.Ignore(syscall.SIGPIPE) }

func superviseSelf() error {
	outliveLog()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, stopSignals()...)
	defer signal.Stop(signals)
	program, err := os.Executable()
	if err != nil {
		return err
	}
	supervisor := supervise.Supervisor{
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
		Command: func() *exec.Cmd {
			// No context: it is a signal that ends it, and then it has its time.
			cmd := exec.CommandContext(context.Background(), program, append(slices.Clone(os.Args[1:]), "--supervised")...)
			cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
			return cmd
		},
	}
	return supervisor.Run(signals)
}

// collectOften has the garbage collector run when memory has grown by four tenths since it ran last, where Go waits until it has doubled, unless
// GOGC says otherwise. Of a large image it is nearly all pixels, in which the collector finds nothing to follow: to come more often costs it
// little, and to wait would take the memory of another such image.
func collectOften() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(40)
	}
}

func (s *serveCommand) serve() error {
	outliveLog()
	collectOften()
	ctx, stop := signal.NotifyContext(context.Background(), stopSignals()...)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	slog.SetDefault(log)
	ready := false
	err := server.Run(ctx, s.Config, log, func(address string) {
		ready = true
		fmt.Printf("SegHub is ready: http://%s\n", address)
	})
	if err != nil && !ready {
		return fmt.Errorf("%w\n(`seghub doctor`, with the same settings, looks at all that serve needs)", err)
	}
	return err
}
