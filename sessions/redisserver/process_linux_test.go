package redisserver

import (
	"os/exec"
	"testing"
)

// TestAProcessThatNobodyWaitsForIsNotWaitedFor has one end as the server of a killed hub does in a container whose first process waits for none
// but its own.
func TestAProcessThatNobodyWaitsForIsNotWaitedFor(t *testing.T) {
	child := exec.Command("cat")
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if !alive(child.Process.Pid) {
		t.Error("it is told to have ended")
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	await(t, "its end", func() bool { return !alive(child.Process.Pid) })
	if err := child.Wait(); err != nil {
		t.Error(err)
	}
}
