package sessions

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed lua/*.lua
var luaFiles embed.FS

// hashTag begins every key, so that all of them lie in one slot of a Redis cluster and a script may reach
// each of them.
const hashTag = "{seghub}"

// fixedKeys are the keys whose names are known before a script runs, without the tag. Each script declares all of them.
var fixedKeys = []string{"line", "nodes", "free", "reserved", "backlog", "resting", "seen", "closing", "clock", "board", "board:log",
	"rates", "ticket", "generation", "nothing", "version",
	"storage"}

// The pub/sub channels. What they carry are hints: state is read from Redis.
const (
	eventsChannel   = hashTag + ":events"   // a session has new events
	workChannel     = hashTag + ":work:"    // and a node's name: its workers may find work
	lineChannel     = hashTag + ":line"     // the board has changed
	cancelChannel   = hashTag + ":cancel"   // a running job is to be cancelled
	pieceChannel    = hashTag + ":piece"    // "session job seq frame"
	progressChannel = hashTag + ":progress" // "session job seq frame"
)

// One script for each change of state. Each may be sent again after a lost reply.
var (
	createScript       = loadScript("create")
	authenticateScript = loadScript("authenticate")
	getScript          = loadScript("get")
	eventsScript       = loadScriptWith("events", "keys", "clock", "log")
	openScript         = loadScript("open")
	closeScript        = loadScript("close")
	sweepScript        = loadScript("sweep")
	sweptScript        = loadScript("swept")
	seenScript         = loadScriptWith("seen", "keys", "clock")
	submitScript       = loadScript("submit")
	voidScript         = loadScript("void")
	jobScript          = loadScript("job")
	jobsScript         = loadScript("jobs")
	cancelScript       = loadScript("cancel")
	cancelAllScript    = loadScript("cancel_all")
	claimScript        = loadScript("claim")
	pieceScript        = loadScriptWith("piece", "keys")
	progressScript     = loadScriptWith("progress", "keys")
	finishScript       = loadScript("finish")
	rightsScript       = loadScriptWith("rights", "keys")
	agreeScript        = loadScript("agree")
	joinScript         = loadScript("join")
	leaveScript        = loadScript("leave")
	survivedScript     = loadScript("survived")
	renewScript        = loadScript("renew")
	turnsScript        = loadScript("turns")
	buryScript         = loadScript("bury")
	handScript         = loadScript("hand")
	putBackScript      = loadScript("put_back")
	overdueScript      = loadScript("overdue")
	lineScript         = loadScriptWith("line", "keys", "clock", "log", "board", "times")
	reviseScript       = loadScript("revise")
	revisionsScript    = loadScript("revisions")
	imageScript        = loadScript("image")
	deleteImageScript  = loadScript("delete_image")
	calibrateScript    = loadScript("calibrate")
)

// scriptKeys are the KEYS of every script.
var scriptKeys = func() []string {
	keys := []string{hashTag}
	for _, key := range fixedKeys {
		keys = append(keys, hashTag+":"+key)
	}
	return keys
}()

type script struct {
	name string
	lua  *redis.Script
}

// libraries are the parts that scripts share, in the order in which they are made of each other.
var libraries = []string{"keys", "clock", "log", "board", "slots", "times", "jobs", "suspects"}

func loadScript(name string) script { return loadScriptWith(name, libraries...) }

// loadScriptWith is for a script that runs often and needs few of the libraries: Redis makes every function of those anew each time it
// runs, which is most of what a small one costs.
func loadScriptWith(name string, libraries ...string) script {
	var source []byte
	source = append(source, "local KEY = {}\n"...)
	for i, key := range fixedKeys {
		source = fmt.Appendf(source, "KEY['%s'] = KEYS[%d]\n", key, i+2)
	}
	source = append(source, luaList("PUBLIC_JOB", jobFields)+luaList("PUBLIC_SESSION", sessionFields)...)
	for _, library := range libraries {
		source = append(source, luaFile("lib_"+library)...)
	}
	source = append(source, luaFile(name)...)
	return script{name: name, lua: redis.NewScript(string(source))}
}

func luaFile(name string) []byte {
	text, err := luaFiles.ReadFile("lua/" + name + ".lua")
	if err != nil {
		panic(err) // the file is missing from the build
	}
	return text
}

// luaList declares a list of strings.
func luaList(name string, values []string) string {
	return fmt.Sprintf("local %s = {'%s'}\n", name, strings.Join(values, "', '"))
}

// run calls a script with the arguments that all of them share and then its own.
func (s *Service) run(ctx context.Context, sc script, args ...any) (any, error) {
	var now int64 // 0: the scripts ask Redis, so that all nodes go by one clock
	if s.config.Now != nil {
		now = s.config.Now().UnixMilli()
	}
	all := append([]any{now, s.config.Turn.Milliseconds(), s.config.ReserveGrace.Milliseconds(), s.logLength,
		s.config.Node, s.leaseOf(s.generation.Load()), s.config.LeaseTTL.Milliseconds(), s.config.SessionTTL.Milliseconds()}, args...)
	reply, err := sc.lua.Run(ctx, s.redis, scriptKeys, all...).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, unavailable(ctx, sc.name, err)
	}
	return reply, nil
}

// unavailable is the error of a call to Redis that failed with err; that of ctx when its end is why.
func unavailable(ctx context.Context, operation string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("sessions: %s: %w", operation, err)
	}
	if redis.HasErrorPrefix(err, "MISCONF") || redis.HasErrorPrefix(err, "OOM") {
		err = fmt.Errorf("%w: %w", ErrNoRoom, err)
	}
	return fmt.Errorf("sessions: %s: %w: %w", operation, ErrUnavailable, err)
}

// insist is run for calls whose repetition changes nothing: while nobody knows what became of the call it is made again, for
// as long as somebody may wait for the answer. That Redis is busy with a script tells nothing: it may be this very one, which the client has sent
// again because it took long. known tells whether the error means that nothing was done.
func (s *Service) insist(ctx context.Context, sc script, args ...any) (reply any, known bool, err error) {
	began := time.Now()
	for lost := false; ; lost = true {
		reply, err = s.run(ctx, sc, args...)
		var answer redis.Error
		if err == nil || errors.As(err, &answer) && !redis.HasErrorPrefix(err, "BUSY ") {
			return reply, err == nil || !lost && !isSuccessor(err), err
		}
		if ctx.Err() != nil || time.Since(began) > insistFor {
			return nil, false, err
		}
		pause(ctx, retryFirst)
	}
}

// isSuccessor reports whether an answer is that of a Redis that starts or is taking over: the client may have turned to it because the one
// before did what it was asked, and died before it said so.
func isSuccessor(err error) bool {
	return redis.IsLoadingError(err) || redis.IsReadOnlyError(err) || redis.IsMasterDownError(err) || redis.IsClusterDownError(err) ||
		redis.IsTryAgainError(err)
}

// ask is run for scripts that answer with a list, or with a word that says why not.
func (s *Service) ask(ctx context.Context, sc script, args ...any) ([]any, error) {
	reply, err := s.run(ctx, sc, args...)
	if err != nil {
		return nil, err
	}
	return rows(sc, reply)
}

// demand is ask for calls that are insisted on.
func (s *Service) demand(ctx context.Context, sc script, args ...any) ([]any, error) {
	reply, _, err := s.insist(ctx, sc, args...)
	if err != nil {
		return nil, err
	}
	return rows(sc, reply)
}

// rows is a script's reply that is a list, or the error behind the word that says why not.
func rows(sc script, reply any) ([]any, error) {
	switch r := reply.(type) {
	case []any:
		return r, nil
	case string:
		return nil, refusal(r)
	}
	return nil, fmt.Errorf("sessions: %s: unexpected reply %T", sc.name, reply)
}

// refusal is the error behind a script's word; nil when the word is not a refusal.
func refusal(word string) error {
	switch word {
	case "gone":
		return ErrNotFound
	case "closed":
		return ErrClosed
	case "full":
		return ErrQueueFull
	case "void":
		return ErrUnavailable
	}
	return nil
}

// text reads a reply that is a string; anything else is empty.
func text(v any) string {
	s, _ := v.(string)
	return s
}

// number reads a reply that is an integer, or a string of one; anything else is 0.
func number(v any) int64 {
	switch n := v.(type) {
	case int64:
		return n
	case string:
		i, _ := strconv.ParseInt(n, 10, 64)
		return i
	}
	return 0
}

// float reads a reply that is a string of a number; anything else is 0.
func float(v any) float64 {
	f, _ := strconv.ParseFloat(text(v), 64)
	return f
}

// list reads a reply that is a list; anything else is empty.
func list(v any) []any {
	l, _ := v.([]any)
	return l
}

func texts(v any) []string {
	l := list(v)
	out := make([]string, len(l))
	for i := range l {
		out[i] = text(l[i])
	}
	return out
}
