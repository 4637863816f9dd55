// Package wire is the k6 module k6/x/wire: bare TCP connections for peers who are slow, silent or rude.
//
//	import wire from 'k6/x/wire';
//	const c = wire.open('127.0.0.1:8080', '127.0.6.6');  // from another address of loopback
//	c.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
//	c.line(1000)    // 'HTTP/1.1 200 OK', or '' when none came within so many ms
//	c.read(1024)    // how many bytes came, at most so many; -1 when the peer has closed
//	c.close();
package wire

import (
	"bufio"
	"errors"
	"net"
	"os"
	"strings"
	"time"

	"go.k6.io/k6/js/modules"
)

const (
	patience = 2 * time.Second        // for a connection, and for what is written
	glance   = 100 * time.Millisecond // for what may be there to read
	window   = 4 << 10                // bytes that the kernel takes for a peer that does not read
)

func init() { modules.Register("k6/x/wire", new(Wire)) }

// Wire is the module.
type Wire struct{}

// Open connects to an address, host:port, from another one of this machine.
func (*Wire) Open(address, from string) (*Connection, error) {
	dialer := net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := dialer.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	if err := conn.(*net.TCPConn).SetReadBuffer(window); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &Connection{conn, bufio.NewReaderSize(conn, 512)}, nil
}

// Connection is an open one.
type Connection struct {
	conn net.Conn
	in   *bufio.Reader
}

// Write sends text, each character a byte, and tells whether the peer took it.
func (c *Connection) Write(text string) bool {
	raw := make([]byte, 0, len(text))
	for _, r := range text {
		raw = append(raw, byte(r))
	}
	_ = c.conn.SetWriteDeadline(time.Now().Add(patience)) // fails where writing fails
	_, err := c.conn.Write(raw)
	return err == nil
}

// Line is the next line; empty when none came within so many milliseconds, or the peer has closed.
func (c *Connection) Line(ms int) string {
	_ = c.conn.SetReadDeadline(time.Now().Add(time.Duration(ms) * time.Millisecond)) // fails where reading fails
	line, err := c.in.ReadString('\n')
	if err != nil {
		return ""
	}
	return strings.TrimSpace(line)
}

// Read takes at most so many bytes of what is there, and gives how many that were; -1 when the peer has closed.
func (c *Connection) Read(most int) int {
	_ = c.conn.SetReadDeadline(time.Now().Add(glance)) // fails where reading fails
	n, err := c.in.Read(make([]byte, most))
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return -1
	}
	return n
}

// Close hangs up.
func (c *Connection) Close() { _ = c.conn.Close() }
