package hub

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/websocket"

	"seghub/sessions"
)

// BenchmarkIdleSockets tells what an idle socket costs: resident memory of a process that serves 1,000 of
// them and nothing else, against the same process with none. The sockets' other ends are in another process.
func BenchmarkIdleSockets(b *testing.B) {
	const sockets = 1_000
	if _, err := residentBytes(); err != nil {
		b.Skipf("left out: resident memory cannot be read here: %v", err)
	}
	w := loopback(b, nil)
	w.dial(b, "warm").greet()
	for b.Loop() {
		debug.FreeOSMemory()
		before, err := residentBytes()
		if err != nil {
			b.Fatal(err)
		}
		heap := heapBytes()
		crowd := startCrowd(b, w.url, sockets)
		if n := w.hub.Connections(); n != sockets+1 {
			b.Fatalf("%d sockets", n)
		}
		resident, err := residentBytes()
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(resident-before)/sockets, "RSS-B/socket")
		runtime.GC()
		b.ReportMetric(float64(heapBytes()-heap)/sockets, "live-B/socket")
		crowd.leave(b)
		for range sockets {
			<-w.parted
		}
	}
	b.ReportMetric(0, "ns/op")
}

// residentBytes is this process's resident memory.
func residentBytes() (int64, error) {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(statm))
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}

// heapBytes is the memory of live objects and of goroutine stacks.
func heapBytes() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// crowd is this test binary in the role of many clients: TestMain leads to beCrowd.
type crowd struct {
	command *exec.Cmd
	stdin   io.WriteCloser
}

const (
	crowdURL  = "HUB_TEST_CROWD_URL"
	crowdSize = "HUB_TEST_CROWD_SIZE"
)

func startCrowd(b *testing.B, url string, sockets int) *crowd {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	c := &crowd{command: exec.CommandContext(b.Context(), self)}
	c.command.Env = append(os.Environ(), crowdURL+"="+url, fmt.Sprintf("%s=%d", crowdSize, sockets))
	if c.stdin, err = c.command.StdinPipe(); err != nil {
		b.Fatal(err)
	}
	stdout, err := c.command.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := c.command.Start(); err != nil {
		b.Fatal(err)
	}
	if _, err := stdout.Read(make([]byte, 1)); err != nil {
		b.Fatalf("the crowd did not come: %v", err)
	}
	return c
}

func (c *crowd) leave(b *testing.B) {
	b.Helper()
	if err := c.stdin.Close(); err != nil {
		b.Fatal(err)
	}
	if err := c.command.Wait(); err != nil {
		b.Fatal(err)
	}
}

// beCrowd is what the process that startCrowd starts does, until its standard input ends.
func beCrowd(url string) error {
	sockets, err := strconv.Atoi(os.Getenv(crowdSize))
	if err != nil {
		return err
	}
	dialer := websocket.Dialer{Subprotocols: []string{Subprotocol}}
	for i := range sockets {
		conn, _, err := dialer.Dial(fmt.Sprintf("%s/session-%d", url, i), nil)
		if err != nil {
			return err
		}
		for range 2 { // welcome and snapshot
			if _, _, err := conn.ReadMessage(); err != nil {
				return err
			}
		}
		defer func() { _ = conn.Close() }()
	}
	fmt.Println("here")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// BenchmarkFanOut tells how many frames a second reach the clients when one session has 16 watchers, at
// the size of a job event.
func BenchmarkFanOut(b *testing.B) {
	w := loopback(b, nil)
	var (
		readers sync.WaitGroup
		clients []*client
	)
	defer func() {
		for _, c := range clients {
			_ = c.Close()
		}
		readers.Wait()
	}()
	received := make(chan struct{}, maxSocketsPerSession)
	data := fmt.Appendf(nil, `{"type":"job","job":%q}`, bytes.Repeat([]byte("x"), 600))
	const burst = 1_000
	for range maxSocketsPerSession {
		c := w.dial(b, "ada")
		c.greet()
		readers.Go(func() {
			for n := 1; ; n++ {
				if _, r, err := c.NextReader(); err != nil {
					return
				} else if _, err = io.Copy(io.Discard, r); err != nil {
					return
				}
				if n%burst == 0 {
					received <- struct{}{}
				}
			}
		})
		clients = append(clients, c)
	}
	for b.Loop() {
		for range burst {
			w.happen("ada", sessions.Message{Type: "job", Data: data})
		}
		for range maxSocketsPerSession {
			<-received
		}
	}
	frames := float64(b.N * burst * maxSocketsPerSession)
	b.ReportMetric(frames/b.Elapsed().Seconds(), "frames/s")
	b.ReportMetric(0, "ns/op")
}
