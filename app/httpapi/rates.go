package httpapi

import (
	"math"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"seghub/sessions/problem"
)

// allowance is how often one may ask: so often at once, and so often a second after that.
type allowance struct {
	burst     int
	perSecond rate.Limit
}

// The allowances. An address may be a whole classroom, behind one router: thirty people who sign in, mistype the key,
// drop a folder of images and all connect again at once stay far below them.
var (
	sessionsOfAddress = allowance{burst: 100, perSecond: 1}
	guessesOfAddress  = allowance{burst: 100, perSecond: 0.5}
	uploadsOfAddress  = allowance{burst: 2000, perSecond: 200}
	uploadsOfSession  = allowance{burst: 500, perSecond: 50}
	socketsOfAddress  = allowance{burst: 500, perSecond: 50}
	socketsOfSession  = allowance{burst: 60, perSecond: 2}
)

// rates are what each has used of its allowances.
type rates struct {
	sessions, guesses, addressUploads, addressSockets *limiter[netip.Addr]
	sessionUploads, sessionSockets                    *limiter[string]
}

// newRates multiplies all allowances by factor; 0 sets no limits.
func newRates(factor float64) rates {
	return rates{
		sessions:       newLimiter[netip.Addr](sessionsOfAddress, factor),
		guesses:        newLimiter[netip.Addr](guessesOfAddress, factor),
		addressUploads: newLimiter[netip.Addr](uploadsOfAddress, factor),
		addressSockets: newLimiter[netip.Addr](socketsOfAddress, factor),
		sessionUploads: newLimiter[string](uploadsOfSession, factor),
		sessionSockets: newLimiter[string](socketsOfSession, factor),
	}
}

// remembered is how many askers a limiter knows of at least; it knows twice as many at most.
const remembered = 10_000

// limiter holds a token bucket for each of those who asked lately. A nil one sets no limit.
//
// Whoever has not asked for as long as it takes remembered others to ask is forgotten, and has a full bucket again: memory is
// bounded whatever is sent, and those few that are in a hurry are remembered.
type limiter[K comparable] struct {
	allowance
	mu    sync.Mutex
	young map[K]*rate.Limiter // those who asked since old was young
	old   map[K]*rate.Limiter
}

func newLimiter[K comparable](a allowance, factor float64) *limiter[K] {
	if factor <= 0 {
		return nil
	}
	a.burst = max(1, int(float64(a.burst)*factor))
	a.perSecond *= rate.Limit(factor)
	return &limiter[K]{allowance: a, young: make(map[K]*rate.Limiter)}
}

// take uses one of what key may have. The error is nil, or the problem that says how long to wait.
func (l *limiter[K]) take(key K, now time.Time, what string) error {
	return l.ask(key, now, what, true)
}

// look is take without using anything.
func (l *limiter[K]) look(key K, now time.Time, what string) error {
	return l.ask(key, now, what, false)
}

func (l *limiter[K]) ask(key K, now time.Time, what string, use bool) error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	bucket := l.bucketLocked(key)
	missing := 1 - bucket.TokensAt(now)
	if missing <= 0 {
		if use {
			bucket.AllowN(now, 1)
		}
		return nil
	}
	p := problem.Newf(problem.RateLimited, "Too many %s in a short time: wait a moment.", what)
	// Rounded up: less than a nanosecond is a wait, too, and whoever is told of none is told nothing.
	p.Wait = time.Duration(math.Ceil(missing / float64(l.perSecond) * float64(time.Second)))
	return p
}

func (l *limiter[K]) bucketLocked(key K) *rate.Limiter {
	if bucket, ok := l.young[key]; ok {
		return bucket
	}
	bucket, ok := l.old[key]
	if !ok {
		bucket = rate.NewLimiter(l.perSecond, l.burst)
	}
	if len(l.young) >= remembered {
		l.old, l.young = l.young, make(map[K]*rate.Limiter)
	}
	l.young[key] = bucket
	return bucket
}
