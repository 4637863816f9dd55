package segment

import (
	"io"
	"net"
	"net/http/httptest"
	"sync"
	"testing"
)

// cable is the way to a hub, which can be pulled out. What hangs on it then breaks; what comes later finds it plugged in again.
type cable struct {
	listener net.Listener
	target   func() string
	after    int64 // bytes toward the hub after which it is pulled out by itself; 0 is never
	ends     sync.WaitGroup

	mu     sync.Mutex
	conns  map[net.Conn]bool // guarded by mu
	passed int64             // toward the hub since it was pulled out last, guarded by mu
	pulled int               // guarded by mu
}

// newCable lays one to where target says at each moment.
func newCable(t *testing.T, after int64, target func() string) *cable {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{listener: listener, target: target, after: after, conns: map[net.Conn]bool{}}
	c.ends.Go(c.accept)
	t.Cleanup(func() {
		listener.Close()
		c.pull()
		c.ends.Wait()
	})
	return c
}

func (c *cable) url() string { return "http://" + c.listener.Addr().String() }

func (c *cable) accept() {
	for {
		near, err := c.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", c.target())
		if err != nil {
			near.Close()
			continue
		}
		c.mu.Lock()
		c.conns[near], c.conns[far] = true, true
		c.mu.Unlock()
		c.ends.Go(func() { c.carry(far, near, true) })
		c.ends.Go(func() { c.carry(near, far, false) })
	}
}

func (c *cable) carry(to, from net.Conn, counted bool) {
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 16<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			if counted && c.count(n) {
				c.pull()
			}
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// count tells whether it is to be pulled out now.
func (c *cable) count(n int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.passed += int64(n)
	if c.after == 0 || c.passed < c.after {
		return false
	}
	c.passed = 0
	return true
}

func (c *cable) pull() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pulled++
	for conn := range c.conns {
		conn.Close()
	}
	clear(c.conns)
}

func TestCableCarriesAndBreaks(t *testing.T) {
	server := httptest.NewServer(nil)
	defer server.Close()
	c := newCable(t, 0, func() string { return server.Listener.Addr().String() })
	conn, err := net.Dial("tcp", c.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: hub\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 10)); n == 0 || err != nil {
		t.Fatalf("%d bytes, %v", n, err)
	}
	c.pull()
	if _, err := io.Copy(io.Discard, conn); err != nil {
		t.Logf("broke with %v", err)
	}
}
