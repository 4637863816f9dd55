package doctor

import (
	"context"
	"errors"
	"net"
	"syscall"
)

// address tries to listen where `serve` would.
func (d *Doctor) address(ctx context.Context) []Finding {
	const subject = "address"
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", d.Config.Listen)
	switch {
	case err == nil:
		_ = listener.Close()
		return []Finding{{Good, subject, d.Config.Listen + " is free", ""}}
	case errors.Is(err, syscall.EADDRINUSE):
		return []Finding{{Bad, subject, d.Config.Listen + " is in use, perhaps by a hub that runs already",
			"stop what listens there, or set SEGHUB_LISTEN to another port"}}
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return []Finding{{Bad, subject, d.Config.Listen + " is not an address of this machine", "set SEGHUB_LISTEN to one that is"}}
	case errors.Is(err, syscall.EACCES):
		return []Finding{{Bad, subject, "this user may not listen on " + d.Config.Listen, "set SEGHUB_LISTEN to a port above 1023"}}
	}
	return []Finding{{Bad, subject, err.Error(), "set SEGHUB_LISTEN to HOST:PORT"}}
}
