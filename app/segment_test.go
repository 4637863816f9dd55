//go:build unix

package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// stuck is set in the process that TestSecondSignalEndsWhatDoesNotHearTheFirst starts.
const stuck = "SEGHUB_TEST_STUCK"

func TestSecondSignalEndsWhatDoesNotHearTheFirst(t *testing.T) { endsWithASecondSignal(t, false) }

// TestTheEndOfATerminalLeavesTime has what is told of that twice take its leave, until somebody asks for more.
func TestTheEndOfATerminalLeavesTime(t *testing.T) { endsWithASecondSignal(t, true) }

func endsWithASecondSignal(t *testing.T, hangUp bool) {
	if os.Getenv(stuck) != "" {
		ctx, stop := untilStopped()
		defer stop()
		fmt.Println("works")
		<-ctx.Done()
		fmt.Println("leaves")
		select {}
	}
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	command.Env = append(os.Environ(), stuck+"=1")
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewScanner(out)
	said.Scan()
	if hangUp {
		_ = command.Process.Signal(syscall.SIGHUP)
		said.Scan()
		_ = command.Process.Signal(syscall.SIGHUP) // the shell's
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = command.Wait() // which says that a signal has ended it
	}()
	for range 100 { // the second may come before the first is taken in
		_ = command.Process.Signal(os.Interrupt)
		select {
		case <-ended:
			if status, is := command.ProcessState.Sys().(syscall.WaitStatus); !is || status.Signal() != syscall.SIGINT {
				t.Errorf("ended with %v", command.ProcessState)
			}
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
	t.Error("a hundred signals did not end it")
	_ = command.Process.Kill()
	<-ended
}

func TestAFolderIsLookedAtNowAndThen(t *testing.T) {
	for every, wrong := range map[time.Duration]bool{-time.Second: true, 0: true, time.Millisecond: false} {
		if err := (&watchCommand{Every: every}).Validate(); (err != nil) != wrong {
			t.Errorf("every %v: %v", every, err)
		}
	}
}
