package main

import (
	"fmt"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// drawsBars tells whether standard error is a terminal that can go back to what it has shown.
func drawsBars() bool { return term.IsTerminal(int(os.Stderr.Fd())) && os.Getenv("TERM") != "dumb" }

// steps shows on standard error how far a long command has come: as a bar in a terminal, else as a line a step.
func steps(total int) func(name string) {
	done := 0
	if !drawsBars() {
		return func(name string) {
			done++
			fmt.Fprintf(os.Stderr, "%d/%d %s\n", done, total, name)
		}
	}
	bar := progressbar.NewOptions(total,
		progressbar.OptionSetWriter(os.Stderr), progressbar.OptionShowCount(), progressbar.OptionSetWidth(24),
		progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
	return func(name string) {
		bar.Describe(name)
		_ = bar.Set(done) // what was announced before is done; that it cannot be drawn is no reason to stop
		done++
	}
}
