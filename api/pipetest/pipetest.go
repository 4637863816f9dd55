// Package pipetest has servers and clients of a test meet without a network. Its connections (net.Pipe) have no buffer, so that a peer that
// does not read stops the other's writer at once; and in a synctest bubble their deadlines go by its clock.
package pipetest

import (
	"net"
	"sync"
)

// Listener accepts what Dial opens. Its methods may be called from any goroutine.
type Listener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// Listen makes a Listener.
func Listen() *Listener {
	return &Listener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

// Dial opens a connection to the listener, whatever address it is given.
func (l *Listener) Dial(string, string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Accept is a net.Listener's, as are the others.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept and Dial; what is open stays so.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr is one that nobody has.
func (l *Listener) Addr() net.Addr { return address{} }

type address struct{}

func (address) Network() string { return "pipe" }
func (address) String() string  { return "hub.example" }
