package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
)

// Report is what became of it all.
type Report struct {
	Seed     uint64
	Faults   map[string]int
	Accepted int // jobs
	Done     int
	Failed   int // with a reason
	Reasons  map[string]int
	Lost     int           // accepted and gone, or failed without a reason, or cancelled by nobody, or not ended in time
	Doubled  int           // ended twice, as their sessions heard
	Gaps     int           // that were told
	Silence  time.Duration // the longest in which nobody heard of a job that ended

	broken []error // in words
}

func (r *Report) blame(format string, args ...any) {
	r.broken = append(r.broken, fmt.Errorf(format, args...))
}

// verdict is what was broken.
func (r *Report) verdict() error {
	return errors.Join(r.broken...)
}

func (r *Report) print(w io.Writer) {
	total := 0
	for _, n := range r.Faults {
		total += n
	}
	fmt.Fprintf(w, "%d faults injected:", total)
	for _, name := range slices.Sorted(maps.Keys(r.Faults)) {
		fmt.Fprintf(w, " %s %d,", name, r.Faults[name])
	}
	fmt.Fprintf(w, " seed %d\n", r.Seed)
	fmt.Fprintf(w, "%d jobs accepted: %d done, %d failed with a reason\n", r.Accepted, r.Done, r.Failed)
	for _, reason := range slices.Sorted(maps.Keys(r.Reasons)) {
		fmt.Fprintf(w, "  %d: %s\n", r.Reasons[reason], reason)
	}
	fmt.Fprintf(w, "%d lost, %d doubled; %d gaps were told, %d promises broken\n", r.Lost, r.Doubled, r.Gaps, len(r.broken))
	fmt.Fprintf(w, "longest silence: %.1f s\n", r.Silence.Seconds())
}
