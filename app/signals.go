package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// moment is how far apart two signals are that somebody meant as two.
const moment = 500 * time.Millisecond

// untilStopped ends with the first signal that asks for it, and with the terminal, unless nohup told the command to outlive that: what lies in
// the system's folder for such things may be gigabytes, which nobody else takes away. The second signal ends the process, whatever that waits
// for: a share may never answer. Of a terminal's end, both the system and the shell tell; and where a program such as timeout or npm runs the command,
// a signal comes twice at once, from that and by the group: what comes within a moment is the first.
func untilStopped() (context.Context, context.CancelFunc) {
	asked, deaf := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	if signal.Ignored(syscall.SIGHUP) {
		context.AfterFunc(asked, func() { time.AfterFunc(moment, deaf) })
		return asked, deaf
	}
	ctx, stop := signal.NotifyContext(asked, syscall.SIGHUP)
	context.AfterFunc(ctx, func() { time.AfterFunc(moment, deaf) })
	return ctx, stop
}
