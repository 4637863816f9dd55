package hub

import (
	"context"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/time/rate"

	"seghub/sessions"
	"seghub/sessions/problem"
)

// Sessions is where messages come from and cancellations go to.
type Sessions interface {
	// Subscribe starts a subscription; ctx bounds the call alone. deliver does not block, and may be called before
	// Subscribe returns.
	Subscribe(ctx context.Context, session string, since *sessions.Mark, deliver func(sessions.Message)) (*sessions.Subscription, error)
	Cancel(ctx context.Context, session, job string) error
}

// Masks reads the pictures that mask messages tell of.
type Masks interface {
	MaskPNG(ctx context.Context, session, job string) ([]byte, error)
	// PiecePNG is the piece of a mask that begins at a row.
	PiecePNG(ctx context.Context, session, job string, row int) ([]byte, error)
}

// Config is what a Hub is made of. Origins may be empty; everything else is needed.
type Config struct {
	Sessions Sessions
	Masks    Masks
	// Stats takes the statistics, and gives them as each session may see them: a value that is a JSON object.
	Stats func(ctx context.Context) (func(session string) any, error)
	// Problem is what a client hears of an error.
	Problem func(error) *problem.Problem
	// Origins are those that browsers may come from beside the server's own, as "https://host[:port]".
	Origins []string
	// MaxSockets is how many sockets there may be at once, of all sessions; one address may have half of them. 0 sets no limit.
	MaxSockets int
	Log        *slog.Logger
}

// pace is how long things take; tests take other values.
type pace struct {
	beat    time.Duration // between two looks of the keeper at the sockets
	ping    time.Duration // between two pings
	silence time.Duration // after which a peer is taken for gone
	write   time.Duration // for one frame, or one headway of a large one
	leave   time.Duration // for a peer to leave after it was told to
	call    time.Duration // for one call of Sessions, Masks or Stats
	stats   time.Duration // between two stats frames
}

var defaultPace = pace{
	beat:    time.Second,
	ping:    20 * time.Second,
	silence: 60 * time.Second,
	write:   20 * time.Second,
	leave:   3 * time.Second,
	call:    5 * time.Second,
	stats:   time.Second,
}

const (
	maxSocketsPerSession = 16
	// maxRefusals bounds the sockets that are being told why they are refused.
	maxRefusals = 1000

	// readBuffer is small because what clients say is: it stays allocated for as long as a socket lives, instead
	// of the 4 KiB that net/http leaves behind.
	readBuffer = 512
	// writeBuffer comes from a pool, for the time of one frame.
	writeBuffer = 4 << 10
)

// Keys of the log.
const (
	logSession = "session"
	logJob     = "job"
	logCode    = "code"
	logError   = "error"
)

// Hub serves the sockets.
type Hub struct {
	Config
	pace     pace
	upgrader websocket.Upgrader
	foreign  rate.Sometimes // how often the log tells of foreign pages
	outage   rate.Sometimes // and of refusals for a reason that many are refused for
	watching chan struct{}  // of capacity 1: somebody began to watch the statistics

	lifecycle sync.Mutex         // held by Start and Stop for as long as they take
	cancel    context.CancelFunc // guarded by lifecycle: ends keeper and stats
	loops     sync.WaitGroup     // keeper and stats

	mu         sync.Mutex
	state      state
	farewell   []byte               // what sockets hear while the hub is draining
	guests     sync.WaitGroup       // everyone whom Stop waits for; added to under mu, and not when stopped
	sockets    map[*socket]struct{} // those that are served
	perSession map[string]int       // sockets that are served or about to be
	perAddress map[netip.Addr]int   // the same sockets
	entered    int                  // all of them
	refusing   int                  // sockets that are being told why they are refused
}

// state of a hub: stopped -> serving -> draining -> stopped, or serving -> stopped.
type state int

const (
	stopped state = iota
	serving
	draining
)

// New makes a hub; it takes no sockets before Start.
func New(c Config) *Hub {
	h := &Hub{
		Config:     c,
		pace:       defaultPace,
		foreign:    rate.Sometimes{Interval: time.Minute},
		outage:     rate.Sometimes{First: 20, Interval: time.Second},
		watching:   make(chan struct{}, 1),
		sockets:    make(map[*socket]struct{}),
		perSession: make(map[string]int),
		perAddress: make(map[netip.Addr]int),
	}
	h.upgrader = websocket.Upgrader{
		HandshakeTimeout: h.pace.leave,
		ReadBufferSize:   readBuffer,
		WriteBufferSize:  writeBuffer,
		WriteBufferPool:  new(sync.Pool),
		Subprotocols:     []string{Subprotocol},
		CheckOrigin:      h.knowsOrigin,
		Error:            answerBadHandshake,
	}
	return h
}

// Start begins to take sockets. The end of ctx does not stop the hub: in a shutdown clients must hear why
// they are closed, so that only Stop does.
func (h *Hub) Start(ctx context.Context) error {
	h.lifecycle.Lock()
	defer h.lifecycle.Unlock()
	if !h.change(stopped, serving) {
		return nil
	}
	ctx, h.cancel = context.WithCancel(context.WithoutCancel(ctx))
	h.loops.Go(func() { h.keep(ctx) })
	h.loops.Go(func() { h.tellStats(ctx) })
	return nil
}

// change takes the hub from one state to another, and reports whether it was in the first.
func (h *Hub) change(from, to state) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.state != from {
		return false
	}
	h.state = to
	return true
}

// Drain tells all clients that the server is going down and when to come back; new sockets are closed
// with 1001 from now on.
func (h *Hub) Drain(reconnectAfter time.Duration) {
	frame := drainingFrame(reconnectAfter)
	h.mu.Lock()
	if h.state != serving {
		h.mu.Unlock()
		return
	}
	h.state, h.farewell = draining, frame
	h.mu.Unlock()
	for _, s := range h.list() {
		s.tellDraining(frame)
	}
}

// Stop closes all sockets with 1001 after what is queued for them, and waits until they are gone: a peer
// that does not leave is cut. Idempotent; Start may follow.
func (h *Hub) Stop() {
	h.lifecycle.Lock()
	defer h.lifecycle.Unlock()
	if !h.change(serving, stopped) && !h.change(draining, stopped) {
		return
	}
	for _, s := range h.list() {
		s.queue.finish(CloseGoingAway)
	}
	h.guests.Wait() // the keeper cuts those that stay
	h.cancel()
	h.loops.Wait()
}

// Connections is how many sockets are open.
func (h *Hub) Connections() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.sockets)
}

// enter reserves a place for one socket of session, from address; the caller must exit. When there is none it says with
// which code to refuse.
func (h *Hub) enter(session string, address netip.Addr) (refusal CloseCode, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.state != serving {
		return CloseGoingAway, false
	}
	crowded := h.MaxSockets > 0 && (h.entered >= h.MaxSockets || h.perAddress[address] >= max(1, h.MaxSockets/2))
	if crowded || h.perSession[session] >= maxSocketsPerSession {
		return CloseTooMany, false
	}
	h.perSession[session]++
	h.perAddress[address]++
	h.entered++
	h.guests.Add(1)
	return 0, true
}

func (h *Hub) exit(session string, address netip.Addr) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.entered--
	if h.perSession[session]--; h.perSession[session] == 0 {
		delete(h.perSession, session)
	}
	if h.perAddress[address]--; h.perAddress[address] == 0 {
		delete(h.perAddress, address)
	}
	h.guests.Done()
}

// join makes s one of those that Stop, Drain and the keeper see.
func (h *Hub) join(s *socket) {
	h.mu.Lock()
	h.sockets[s] = struct{}{}
	state, farewell := h.state, h.farewell
	h.mu.Unlock()
	switch state { // Drain or Stop came between enter and join, and did not see s
	case draining:
		s.tellDraining(farewell)
	case stopped:
		s.queue.finish(CloseGoingAway)
	case serving:
	}
}

func (h *Hub) part(s *socket) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.sockets, s)
}

// list copies the set of sockets, so that they are worked on without the lock.
func (h *Hub) list() []*socket {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Keys(h.sockets))
}
