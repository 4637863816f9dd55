package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/alecthomas/kong"

	"seghub/app/config"
	"seghub/app/server"
)

// serve runs the hub, with its defaults but for what makes it comparable, until in ends. A worker works for its own session
// alone, as a loop does, and all users come from one address.
func (p *Part) serve(ctx context.Context, in io.Reader, out io.Writer, log *slog.Logger) error {
	var settings config.Config
	parser, err := kong.New(&settings)
	if err != nil {
		return err
	}
	if _, err := parser.Parse([]string{
		"--listen=127.0.0.1:0", "--redis=auto", "--rate-limits=0", "--data=" + p.Data, "--no-borrow", "--warm=" + strings.Join(p.Warm, ","), fmt.Sprint("--slots=", p.Slots),
		"--models=" + p.Models, "--ort-library=" + p.ORTLibrary, "--device=" + p.Device,
	}); err != nil {
		return fmt.Errorf("settings of the hub: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, in) // whatever ends it, the parent is gone
		stop()
	}()

	var mu sync.Mutex
	to := json.NewEncoder(out) // guarded by mu
	say := func(a answer) {
		mu.Lock()
		defer mu.Unlock()
		_ = to.Encode(a) // a parent that is gone has closed in, too
	}
	return server.RunWatched(ctx, settings, log,
		func(address string) { say(answer{Up: &up{Address: "http://" + address}}) },
		server.Hears{Inferred: func(job string, at time.Time) { say(answer{Inferred: &inferred{Job: job, At: at}}) }})
}
