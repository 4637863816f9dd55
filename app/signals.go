package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// untilStopped ends with the first signal that asks for it, and with the terminal, unless nohup told the command to outlive that: what lies in
// the system's folder for such things may be gigabytes, which nobody else takes away. The second signal ends the process, whatever that waits
// for: a share may never answer. Of a terminal's end, both the system and the shell tell.
func untilStopped() (context.Context, context.CancelFunc) {
	asked, deaf := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	if signal.Ignored(syscall.SIGHUP) {
		context.AfterFunc(asked, deaf)
		return asked, deaf
	}
	ctx, stop := signal.NotifyContext(asked, syscall.SIGHUP)
	context.AfterFunc(ctx, deaf)
	return ctx, stop
}
