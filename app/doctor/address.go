package doctor

import (
	"context"
	"errors"
	"fmt"
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

// otherFiles is about how many files the hub has open beside its sockets.
const otherFiles = 500

// sockets looks at whether all sockets that there may be can be open at once.
func (d *Doctor) sockets(context.Context) []Finding {
	const subject = "open files"
	most, err := d.OpenFiles()
	if err != nil {
		return []Finding{{Doubtful, subject, "their limit cannot be told: " + err.Error(), "keep an eye on it"}}
	}
	if needed := uint64(d.Config.MaxSockets) + otherFiles; most < needed {
		return []Finding{{Doubtful, subject, fmt.Sprintf("%d may be open at once, of which each of %d sockets is one", most, d.Config.MaxSockets),
			fmt.Sprintf("raise the limit to %d (ulimit -Hn, LimitNOFILE= of systemd), or lower SEGHUB_MAX_SOCKETS", needed)}}
	}
	return []Finding{{Good, subject, fmt.Sprintf("%d may be open at once", most), ""}}
}

// openFiles is the hard limit: Go's programs raise theirs to it when they start.
func openFiles() (uint64, error) {
	var limit syscall.Rlimit
	err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
	return limit.Max, err
}
