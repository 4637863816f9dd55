package hub

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"seghub/sessions"
)

// queued is how much lies in the queues of h.
func (h *Hub) queued() (messages, size int) {
	for _, s := range h.list() {
		s.queue.mu.Lock()
		messages += len(s.queue.kept) + len(s.queue.loose)
		size += s.queue.bytes
		s.queue.mu.Unlock()
	}
	return messages, size
}

func TestClientThatNeverReadsIsClosed(t *testing.T) {
	for name, data := range map[string][]byte{
		"many small": []byte(`{"type":"job"}`),
		"few large":  fmt.Appendf(nil, `{"type":"job","x":%q}`, bytes.Repeat([]byte("x"), 100_000)),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := piped(t)
				c := w.dial(t, "ada")
				c.greet()
				most, largest := 0, 0
				for range 2 * maxQueued {
					w.happen("ada", sessions.Message{Type: "job", Data: data})
					messages, size := w.hub.queued()
					most, largest = max(most, messages), max(largest, size)
				}
				if most > maxQueued || largest > maxQueuedBytes {
					t.Errorf("%d messages of %d bytes were queued", most, largest)
				}
				if messages, size := w.hub.queued(); messages != 0 || size != 0 {
					t.Errorf("%d messages of %d bytes are left in the queue of a socket that is given up", messages, size)
				}
				// It reads on before it is cut, and hears why.
				c.expectClose(CloseTooSlow)
				synctest.Wait()
				if n := w.hub.Connections(); n != 0 {
					t.Errorf("%d connections", n)
				}
			})
		})
	}
}

func TestClientThatReadsTooLateHearsWhy(t *testing.T) {
	w := loopback(t, nil) // the kernel takes some megabytes before the writer waits
	c := w.dial(t, "ada")
	c.greet()
	data := fmt.Appendf(nil, `{"type":"job","x":%q}`, bytes.Repeat([]byte("x"), 100_000))
	s := w.hub.list()[0]
	for i := 0; s.queue.end() == nil; i++ {
		if i == 10_000 {
			t.Fatal("the queue takes a gigabyte")
		}
		w.happen("ada", sessions.Message{Type: "job", Data: data})
	}
	c.expectClose(CloseTooSlow)
	<-w.parted
}

func TestClientThatNeverReadsIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := piped(t)
		c := w.dial(t, "ada")
		c.greet()
		w.happenTimes("ada", maxQueued+2)
		pass(w.hub.pace.leave + 2*w.hub.pace.beat)
		synctest.Wait()
		if n := w.hub.Connections(); n != 0 {
			t.Errorf("%d connections", n)
		}
	})
}

func TestFrameThatCannotBeWrittenCuts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := piped(t)
		c := w.dial(t, "ada")
		c.greet()
		w.happenTimes("ada", 1)
		pass(w.hub.pace.write)
		synctest.Wait()
		if n := w.hub.Connections(); n != 0 {
			t.Errorf("%d connections", n)
		}
	})
}

// TestSlowLineGetsLargeFrames has a peer that takes one headway in a third of the time that it has, and answers no ping meanwhile.
func TestSlowLineGetsLargeFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := piped(t)
		dial := w.dialer.NetDial
		w.dialer.NetDial = func(network, address string) (net.Conn, error) {
			conn, err := dial(network, address)
			return &slowLine{Conn: conn, rest: w.hub.pace.write / 3}, err // a piece may meet two rests
		}
		w.set("ada", func(s *scriptedSession) { s.jobs = []sessions.Job{{Filename: strings.Repeat("x", 20*headway)}} })
		w.picture = func(context.Context, string) ([]byte, error) { return make([]byte, 20*headway), nil }
		c := w.dial(t, "ada")
		c.patience = time.Hour
		c.greet()
		w.happen("ada", sessions.Message{Type: typeMask, JobID: "j"})
		if f := c.expect(typeMask); len(f.picture) != 20*headway {
			t.Errorf("a picture of %d bytes", len(f.picture))
		}
	})
}

// slowLine takes a headway, and rests.
type slowLine struct {
	net.Conn
	rest time.Duration
	came int
}

func (l *slowLine) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	for l.came += n; l.came >= headway; l.came -= headway {
		pass(l.rest)
	}
	return n, err
}

func TestProgressDoesNotOverflow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := piped(t)
		c := w.dial(t, "ada")
		c.greet()
		for i := range 5 * maxQueued {
			w.say("ada", "progress/j", fmt.Sprintf(`{"type":"progress","percent":%d}`, i))
		}
		synctest.Wait()
		if messages, _ := w.hub.queued(); messages > 1 {
			t.Errorf("%d messages are queued", messages)
		}
		c.next() // the one that was being written
		if f := c.next(); f.Percent != 5*maxQueued-1 {
			t.Errorf("got %s, want the newest", f.text)
		}
	})
}

func TestReplayLargerThanTheQueue(t *testing.T) {
	const happened = maxQueued + 3*logPage + 1
	w := loopback(t, nil)
	w.happenTimes("ada", happened)
	c := w.dial(t, "ada?since=0")
	c.expect(typeWelcome)
	c.expectSeqs(1, happened)
}

func TestResumeInTheMiddleOfLiveTraffic(t *testing.T) {
	const total = 20_000
	w := loopback(t, nil)
	w.happenTimes("ada", 1_000)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range total - 1_000 {
			w.happen("ada", sessions.Message{Type: "job"})
			w.say("ada", "progress/j", `{"type":"progress"}`)
		}
	}()
	defer func() { <-done }()
	seen := int64(0)
	for connection := range int64(20) {
		c := w.dial(t, fmt.Sprintf("ada?since=%d", seen))
		if f := c.expect(typeWelcome); !f.Resumed {
			t.Fatalf("welcome %s", f.text)
		}
		until := total / 20 * (connection + 1)
		for seen < until {
			f := c.next()
			if f.Seq == 0 {
				continue
			}
			if f.Seq != seen+1 {
				t.Fatalf("connection %d: got seq %d after %d", connection, f.Seq, seen)
			}
			seen++
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSlowReplayIsNotOverflowedByLiveTraffic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := piped(t)
		w.happenTimes("ada", 1_000)
		c := w.dial(t, "ada?since=0")
		c.expect(typeWelcome)
		w.happenTimes("ada", 2*maxQueued) // while the client has read nothing of the past
		if messages, _ := w.hub.queued(); messages > logPage {
			t.Errorf("%d messages are queued", messages)
		}
		c.expectSeqs(1, 1_000+2*maxQueued)
		w.happenTimes("ada", 1)
		c.expectSeqs(1_001+2*maxQueued, 1_001+2*maxQueued)
	})
}

func TestLogThatGoesOnWithoutASlowClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := piped(t)
		w.happenTimes("ada", 5*logPage)
		c := w.dial(t, "ada?since=0")
		c.expect(typeWelcome)
		c.expectSeqs(1, 10)
		w.set("ada", func(s *scriptedSession) { s.forgotten = 4 * logPage })
		c.expectSeqs(11, logPage)
		c.expectClose(CloseTooSlow)
	})
}

func TestLogThatCannotBeRead(t *testing.T) {
	for failure, want := range map[error]CloseCode{
		errors.New("Redis is away"): CloseInternal,
		sessions.ErrNotFound:        CloseSessionClosed,
		sessions.ErrGap:             CloseTooSlow,
	} {
		w := loopback(t, nil)
		w.happenTimes("ada", 1)
		w.set("ada", func(s *scriptedSession) { s.failure = failure })
		c := w.dial(t, "ada?since=0")
		c.expect(typeWelcome)
		c.expectClose(want)
	}
}

func TestQueuesHoldNoPictures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := piped(t)
		read := 0
		w.picture = func(context.Context, string) ([]byte, error) {
			read++
			return make([]byte, 1<<20), nil
		}
		c := w.dial(t, "ada")
		c.greet()
		for range 100 {
			w.happen("ada", sessions.Message{Type: typeMask, JobID: "j"})
		}
		synctest.Wait()
		if read != 1 {
			t.Errorf("%d pictures were read for a client that took none", read)
		}
		for range 100 {
			if f := c.expect(typeMask); len(f.picture) != 1<<20 {
				t.Fatalf("picture of %d bytes", len(f.picture))
			}
		}
	})
}
