package server

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"seghub/api/porttest"
	"seghub/loadtest/processes"
	"seghub/sessions"
)

// command is the real program.
func command(t testing.TB) string {
	t.Helper()
	binary, err := processes.Program(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

// process is a running program.
type process struct {
	*exec.Cmd
	base string
	out  *bufio.Reader
}

// launch runs the program until it says that it is ready.
func launch(t testing.TB, binary string, settings ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(binary, "serve")}
	p.Env = append(os.Environ(), append([]string{"SEGHUB_LISTEN=127.0.0.1:0", "SEGHUB_DEVICE=cpu", "SEGHUB_MODELS=" + weights}, settings...)...)
	p.Stderr = t.Output()
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	p.out = bufio.NewReader(out)
	p.ready(t)
	return p
}

// ready waits until the program says, once more, that it is ready.
func (p *process) ready(t testing.TB) {
	t.Helper()
	line, err := p.out.ReadString('\n')
	if err != nil {
		t.Fatalf("the hub did not start: %v", err)
	}
	p.base = strings.TrimSpace(strings.TrimPrefix(line, "SegHub is ready: "))
}

// kill ends the process as a power cut would, and waits for it.
func (p *process) kill() {
	_ = p.Process.Kill()
	_ = p.Wait()
}

// redisOn runs a redis-server with an append-only file in folder; the returned function kills it.
func redisOn(t *testing.T, address, folder string) func() {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("redis-server", "--bind", "127.0.0.1", "--port", port, "--dir", folder, "--appendonly", "yes", "--appendfsync", "always", "--save", "")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	t.Cleanup(kill)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !pong(ctx, address) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("redis-server does not answer")
		}
	}
	return kill
}

// pong asks a Redis for a sign of life.
func pong(ctx context.Context, address string) bool {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return false
	}
	defer conn.Close()
	answer := make([]byte, 5)
	_, err = conn.Write([]byte("PING\r\n"))
	if err == nil {
		_, err = io.ReadFull(conn, answer)
	}
	return err == nil && string(answer) == "+PONG"
}

func needRedisServer(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("left out: redis-server is not on PATH")
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := porttest.Free()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// TestKilledHubFinishesEachJobOnce kills the hub in the middle of ten jobs. Whoever asks after the
// restart finds all ten done, and in the log each is done once.
func TestKilledHubFinishesEachJobOnce(t *testing.T) {
	needRedisServer(t)
	settings(t)
	binary := command(t)
	for name, redisURL := range map[string]func(t *testing.T) string{
		"its own redis-server": func(*testing.T) string { return "auto" },
		"a Redis by URL": func(t *testing.T) string {
			address := freeAddress(t)
			redisOn(t, address, t.TempDir())
			return "redis://" + address
		},
	} {
		t.Run(name, func(t *testing.T) {
			env := []string{"SEGHUB_DATA=" + t.TempDir(), "SEGHUB_REDIS=" + redisURL(t), "SEGHUB_NODE=here", "REDIS_URL="}
			hub := launch(t, binary, env...)
			u := newUser(t, hub.base, "Ada")
			images := make([][]byte, 10)
			for i := range images {
				images[i] = samplePNG(t, i)
			}
			s := u.connect("")
			u.upload(http.StatusAccepted, images...)
			s.untilEnded(3) // the others are in hand
			hub.kill()

			u.base = launch(t, binary, env...).base
			u.connect("").untilDone(10)
			u.wantAllDoneOnce(10)
		})
	}
}

// TestRedisGoneInTheMiddleOfAJob takes Redis away for 2 s while jobs run.
func TestRedisGoneInTheMiddleOfAJob(t *testing.T) {
	needRedisServer(t)
	c := settings(t)
	address, folder := freeAddress(t), t.TempDir()
	kill := redisOn(t, address, folder)
	c.Redis = "redis://" + address
	base, _ := serve(t, c)
	u := newUser(t, base, "Ada")
	s := u.connect("")
	u.upload(http.StatusAccepted, samplePNG(t, 0), samplePNG(t, 1), samplePNG(t, 2), samplePNG(t, 0))
	s.untilAtWork()

	kill()
	if status, _, _ := u.call("GET", "/readyz", nil, ""); status != http.StatusServiceUnavailable {
		t.Errorf("readyz without Redis: status %d", status)
	}
	if status, _, data := u.call("GET", "/api/v1/session", nil, ""); status != http.StatusServiceUnavailable {
		t.Errorf("a call without Redis: status %d: %s", status, data)
	}
	<-time.After(2 * time.Second) // the outage itself
	redisOn(t, address, folder)

	s.untilDone(4)
	counts := sessions.Session{}
	u.json("GET", "/api/v1/session", nil, "", http.StatusOK, &counts)
	if counts.Jobs.Done != 4 {
		t.Errorf("jobs %+v", counts.Jobs)
	}
}

// wantAllDoneOnce wants the session's log to tell of so many jobs that they ended, each once and done, and their masks to be there.
func (u *user) wantAllDoneOnce(jobs int) {
	u.tb.Helper()
	times := map[string]int{}
	var newest int64
	u.connect("?since=0").until(func(f frame) bool {
		if f.Type == "welcome" {
			newest = f.Seq
		}
		if f.Type == "job" && ended(f.Job.State) {
			times[f.Job.ID]++
			if f.Job.State != sessions.JobDone {
				u.tb.Errorf("job %s", f.Raw)
			}
		}
		return f.Type != "welcome" && f.Seq == newest
	})
	if len(times) != jobs {
		u.tb.Errorf("%d jobs ended, want %d", len(times), jobs)
	}
	for job, n := range times {
		if n != 1 {
			u.tb.Errorf("job %s ended %d times", job, n)
		}
		u.get("/api/v1/jobs/" + job + "/mask.png")
	}
}
