package supervise

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

// childLife names what a test's child process does: one entry a start, from a file that counts them.
const childLife = "SUPERVISE_TEST_CHILD"

func TestMain(m *testing.M) {
	if life := os.Getenv(childLife); life != "" {
		os.Exit(live(strings.Split(life, " ")))
	}
	goleak.VerifyTestMain(m)
}

// live is one start of the child: lives[0] is the counter's file, the rest what the first, second, ... start does.
func live(lives []string) int {
	counter := lives[0]
	text, _ := os.ReadFile(counter)
	start := strings.Count(string(text), "+")
	if err := os.WriteFile(counter, append(text, '+'), 0o600); err != nil {
		return 99
	}
	what := lives[min(start+1, len(lives)-1)]
	switch what {
	case "abort":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "wait":
		stop := make(chan os.Signal, 1)
		signal.Notify(stop, syscall.SIGTERM)
		if err := os.WriteFile(counter+".waits", nil, 0o600); err != nil {
			return 99
		}
		<-stop
		return 0
	}
	code, err := strconv.Atoi(what)
	if err != nil {
		return 99
	}
	return code
}

func supervisor(t *testing.T, lives ...string) (s *Supervisor, starts func() int) {
	t.Helper()
	counter := filepath.Join(t.TempDir(), "starts")
	s = &Supervisor{Log: slog.New(slog.DiscardHandler), Command: func() *exec.Cmd {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childLife+"="+counter+" "+strings.Join(lives, " "))
		return cmd
	}}
	return s, func() int {
		text, err := os.ReadFile(counter)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(string(text), "+")
	}
}

func TestALostDeviceAndASuddenDeathAreStartedAnew(t *testing.T) {
	s, starts := supervisor(t, "75", "abort", "75", "0")
	if err := s.Run(nil); err != nil {
		t.Error(err)
	}
	if n := starts(); n != 4 {
		t.Errorf("%d starts", n)
	}
}

func TestWhatEndedByItselfIsNotStartedAnew(t *testing.T) {
	s, starts := supervisor(t, "1")
	var exit *ExitError
	if err := s.Run(nil); !errors.As(err, &exit) || exit.Code != 1 {
		t.Error(err)
	}
	if n := starts(); n != 1 {
		t.Errorf("%d starts", n)
	}
}

func TestItStaysAwayAfterFiveRestartsAndSaysWhy(t *testing.T) {
	s, starts := supervisor(t, "75")
	err := s.Run(nil)
	if !errors.Is(err, ErrGivenUp) || !strings.Contains(fmt.Sprint(err), "seghub doctor") {
		t.Error(err)
	}
	if n := starts(); n != 1+mostRestarts {
		t.Errorf("%d starts", n)
	}
}

func TestRestartsOfLongAgoDoNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Supervisor{}
		lost := &exec.ExitError{ProcessState: &os.ProcessState{}}
		for range 3 * mostRestarts {
			if err := s.mayRestart(time.Now(), lost); err != nil {
				t.Fatal(err)
			}
			<-time.After(within/mostRestarts + time.Second)
		}
	})
}

func TestASignalIsPassedOnAndEndsIt(t *testing.T) {
	s, starts := supervisor(t, "wait")
	signals := make(chan os.Signal, 1)
	ended := make(chan error, 1)
	go func() { ended <- s.Run(signals) }()
	counter := strings.Fields(s.Command().Env[len(s.Command().Env)-1])[0]
	counter = strings.TrimPrefix(counter, childLife+"=")
	for tick := time.NewTicker(5 * time.Millisecond); ; <-tick.C {
		if _, err := os.Stat(counter + ".waits"); err == nil {
			break
		}
	}
	signals <- syscall.SIGTERM
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if n := starts(); n != 1 {
		t.Errorf("%d starts", n)
	}
}

func TestAProgramThatIsNotThereIsSaid(t *testing.T) {
	s := &Supervisor{Command: func() *exec.Cmd { return exec.Command(filepath.Join(t.TempDir(), "none")) }, Log: slog.New(slog.DiscardHandler)}
	if err := s.Run(nil); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
