package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"

	"github.com/alecthomas/kong"

	"seghub/gpuexec/ort"
	"seghub/sessions/redisserver"
	"seghub/storage"
)

// playsHub is set in the environment of a process that plays a hub: it logs, says so, and goes when it is asked to.
const playsHub = "APP_TEST_PLAYS_HUB"

func TestMain(m *testing.M) {
	if os.Getenv(playsHub) == "" {
		os.Exit(m.Run())
	}
	outliveLog()
	ctx, stop := signal.NotifyContext(context.Background(), stopSignals()...)
	defer stop()
	fmt.Fprintln(os.Stderr, "a line that nobody reads")
	fmt.Println("up")
	<-ctx.Done()
}

// TestAHubOutlivesTheReaderOfItsLog has nobody read the log, and then the terminal end: that asks a hub to go, unless nohup started it.
func TestAHubOutlivesTheReaderOfItsLog(t *testing.T) {
	for _, test := range []struct {
		command []string
		signals []syscall.Signal // the last one ends it
	}{
		{[]string{os.Args[0]}, []syscall.Signal{syscall.SIGHUP}},
		{[]string{"nohup", os.Args[0]}, []syscall.Signal{syscall.SIGHUP, syscall.SIGTERM}},
	} {
		reader, log, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		reader.Close()
		hub := exec.CommandContext(t.Context(), test.command[0], test.command[1:]...)
		hub.Env = append(os.Environ(), playsHub+"=yes")
		hub.Stderr = log
		output, err := hub.StdoutPipe()
		if err == nil {
			err = hub.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		log.Close()
		if line, err := bufio.NewReader(output).ReadString('\n'); line != "up\n" {
			t.Fatalf("%v said %q, %v", test.command, line, err)
		}
		for _, signal := range test.signals {
			if err := hub.Process.Signal(signal); err != nil {
				t.Errorf("%v: %v: %v", test.command, signal, err)
			}
		}
		if err := hub.Wait(); err != nil {
			t.Errorf("%v: %v", test.command, err)
		}
	}
}

// TestASettingThatNoStartMendsHasAStatusOfItsOwn holds that 80 for which systemd is told not to start the hub again.
func TestASettingThatNoStartMendsHasAStatusOfItsOwn(t *testing.T) {
	_, noDevice := ort.GPUIndex("gpu")
	_, noStore := storage.Open(t.Context(), "ftp://bucket")
	_, noBucket := storage.Open(t.Context(), "s3://")
	_, _, _, noRedis := redisserver.Open(t.Context(), "redis:host", t.TempDir(), 0, slog.New(slog.DiscardHandler))
	_, notThere := storage.Open(t.Context(), "/proc/self/mem/blobs") // a disk may be there a little later
	for err, want := range map[error]bool{noDevice: true, noStore: true, noBucket: true, noRedis: true, notThere: false} {
		var coded kong.ExitCoder
		if got := errors.As(ofSettings(fmt.Errorf("serve: %w", err)), &coded) && coded.ExitCode() == 80; err == nil || got != want {
			t.Errorf("%v: status 80 %t; want %t", err, got, want)
		}
	}
}
