// Package porttest finds ports for the servers of a test that are processes of their own, and may be started again on the same port.
package porttest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
)

// The ports to choose from. They lie below those that a system chooses from for whoever names none, as every other test does: such a one could
// be somebody else's before the server listens, and while it is down.
const (
	lowest = 10_000
	count  = 10_000
)

// busAbove is how far above its port a Redis of a cluster listens to the others.
const busAbove = 10_000

// Free is an address of loopback that nobody listens on, with a port on which a Redis of a cluster may run.
func Free() (string, error) {
	var err error
	for range 100 {
		port := lowest + rand.IntN(count)
		if err = errors.Join(try(port), try(port+busAbove)); err == nil {
			return address(port), nil
		}
	}
	return "", fmt.Errorf("find a free port: %w", err)
}

// try fails where somebody listens.
func try(port int) error {
	l, err := net.Listen("tcp", address(port)) //nolint:noctx // it takes no time
	if err != nil {
		return err
	}
	return l.Close()
}

func address(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
