package main

import (
	"errors"
	"os/exec"
	"testing"
	"time"

	"seghub/loadtest/processes"
)

// TestChaos is a short `make chaos`, at hubs of the real program.
func TestChaos(t *testing.T) {
	for _, program := range []string{"redis-server", "cc"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("left out: chaos; %s is not on PATH", program)
		}
	}
	program, err := processes.Program(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	c := command{Program: program, Logs: t.TempDir(), People: 12, Jobs: 240, Faults: 18 * time.Second, Longest: 1200 * time.Millisecond, Patience: time.Minute}
	report, err := c.run(t.Context(), func(line string) { t.Log(line) })
	if report != nil {
		report.print(t.Output())
		err = errors.Join(err, report.verdict())
	}
	if err != nil {
		t.Fatal(err)
	}
	if report.Accepted < c.Jobs/2 {
		t.Errorf("only %d jobs were accepted", report.Accepted)
	}
}
