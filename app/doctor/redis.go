package doctor

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"

	"seghub/sessions"
	"seghub/sessions/redisserver"
)

// oldestRedis is the oldest major version that speaks the client's protocol, RESP3; with an older one it falls back.
const oldestRedis = 6

// redis finds out which Redis the settings mean, and tries it.
func (d *Doctor) redis(ctx context.Context) []Finding {
	var child lastWords
	state, err := redisserver.Check(ctx, d.Config.Redis, d.Config.Data, sessions.CheckRights, slog.New(&child))
	if words := child.get(); err != nil && words != "" {
		err = fmt.Errorf("%w: %s", err, words)
	}
	return ofRedis(state, err)
}

// lastWords keeps the last warning of a redis-server that is a child: one that cannot start says why, and ends.
type lastWords struct {
	mu   sync.Mutex
	text string // guarded by mu
}

// Handle is a slog.Handler's, as are the others.
func (l *lastWords) Handle(_ context.Context, r slog.Record) error {
	if words, are := strings.CutPrefix(r.Message, "redis-server: "); are {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.text = words
	}
	return nil
}

// Enabled is true of warnings.
func (l *lastWords) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

// WithAttrs adds nothing.
func (l *lastWords) WithAttrs([]slog.Attr) slog.Handler { return l }

// WithGroup adds nothing.
func (l *lastWords) WithGroup(string) slog.Handler { return l }

func (l *lastWords) get() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text
}

func ofRedis(state redisserver.State, err error) []Finding {
	const subject = "Redis"
	var place string
	switch {
	case state.Kind == redisserver.Embedded && err != nil:
		return []Finding{{Bad, subject, err.Error(), "install redis-server"}}
	case state.Kind == redisserver.Embedded:
		return []Finding{{Doubtful, subject, "it is embedded: sessions and queues do not survive a restart of the hub",
			"install redis-server, or set SEGHUB_REDIS to the URL of one"}}
	case state.Kind == redisserver.External:
		place = "a server at " + state.Where
	case state.InUse:
		place = "the child of a hub that runs now"
	default:
		place = "a child of the hub, " + state.Where
	}
	if err != nil {
		remedy := "start it, or set SEGHUB_REDIS to one that runs"
		switch {
		case state.Kind == redisserver.Child:
			remedy = "mend what it says, or set SEGHUB_REDIS to the URL of another"
		case state.Version != "":
			remedy = "mend what it says: its memory, its disk, the rights of its user; a replica takes no writes either"
		case state.Where == "":
			remedy = "correct SEGHUB_REDIS or REDIS_URL, and see that it runs and lets this user in"
		}
		return []Finding{{Bad, subject, err.Error(), remedy}}
	}
	if state.Untried != nil && state.Version == "" {
		return []Finding{{Doubtful, subject, fmt.Sprintf("%s, which was not tried: %v", place, state.Untried), "set TMPDIR to a folder of this user"}}
	}
	findings := []Finding{{Good, subject, fmt.Sprintf("%s, version %s, takes writes", place, state.Version), ""}}
	if state.Untried != nil {
		findings = append(findings, Finding{Doubtful, subject + " files", fmt.Sprintf("whether it can load what the last hub has kept was not tried: %v", state.Untried), "set TMPDIR to a folder with room for a copy"})
	}
	if major, _, _ := strings.Cut(state.Version, "."); !atLeast(major, oldestRedis) {
		findings = append(findings, Finding{Doubtful, subject + " version", fmt.Sprintf("%q is older than any that the hub was tried with", state.Version), fmt.Sprintf("install Redis %d or later", oldestRedis)})
	}
	if state.Eviction != "noeviction" {
		findings = append(findings, Finding{Bad, subject + " eviction", fmt.Sprintf("its maxmemory-policy is %q: it may throw away sessions", state.Eviction),
			"set maxmemory-policy noeviction"})
	}
	if !state.AppendOnly {
		findings = append(findings, Finding{Doubtful, subject + " log", "it keeps no append-only file: what happened since its last snapshot is lost when it ends",
			"set appendonly yes"})
	}
	return findings
}

func atLeast(number string, least int) bool {
	n, err := strconv.Atoi(number)
	return err == nil && n >= least
}
