package hub

import (
	"slices"
	"sync"
	"time"

	"seghub/sessions"
)

const (
	// maxQueued and maxQueuedBytes bound what waits for one socket. A session may have 10,000 jobs, and
	// cancelling them all is one burst that a healthy client must survive.
	maxQueued      = 12_000
	maxQueuedBytes = 8 << 20
)

// queue is what one socket has yet to send. Messages are of two sorts:
//
//	kept    has a seq and lies in the session's log too; sent once, in order
//	loose   has none; of those with the same key only the newest is sent
//
// kept is a window on the log: the events sent+1, sent+2, ... as far as they are at hand. Whatever the
// window does not reach (what a resuming client missed, and what happens while it catches up) is left in the
// log, and the writer reads it from there page by page: replay cannot overflow the queue, and an
// event can come neither twice nor out of order, whichever way it came.
//
// When the log has begun anew, a snapshot takes the place of all that waits, and the window follows it.
//
// A loose message keeps its place among the events: it is sent after all events that were known when it came
// and before all later ones. One that tells of a job and was on its way while the client got later events from the log is left out: they may
// be the job's end.
//
// The queue starts the writer when there is something to do, and the writer leaves when there is nothing: most sockets are idle
// most of the time, and a goroutine is half of what one costs.
type queue struct {
	mu      sync.Mutex
	write   func() // the writer, which calls next until that has it rest; nil before start
	writing bool   // it runs

	kept   []sessions.Message // seq sent+1, sent+2, ...
	loose  []loose            // in the order of after
	bytes  int                // of kept and loose
	sent   int64              // seq of the last event that next gave out
	newest int64              // seq of the last event that is known to exist
	read   int64              // seq of the last event that came by the Opening or from the log, perhaps ahead of messages
	over   bool               // the session is closed: nothing follows newest

	ping   bool
	pong   []byte  // payload of the peer's newest ping, not nil when it waits for an answer
	ending *ending // set once
	gone   bool    // the connection is cut
}

type loose struct {
	sessions.Message
	after int64 // the newest seq when it came
}

// ending is how a socket is to be closed.
type ending struct {
	code   CloseCode
	reason string
	since  time.Time
}

// taskKind is what a writer can be told to do.
type taskKind int

const (
	sendMessage taskKind = iota
	readLog              // hand the events after task.after to refill
	sendPing
	sendPong
	sendClose // and leave
	leave
	rest // leave until there is something to do again
)

type task struct {
	kind    taskKind
	message sessions.Message // of sendMessage
	after   int64            // of readLog
	payload []byte           // of sendPong
	ending  ending           // of sendClose
}

// newQueue makes the queue of a subscription that is about to be opened.
func newQueue() *queue {
	// Until open, no event continues the window, so that all are left in the log.
	return &queue{sent: -1}
}

// start runs the writer, now and whenever there is something to do from now on. Called once.
func (q *queue) start(write func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.write, q.writing = write, true
	go write()
}

// wakeLocked has the writer run unless it does.
func (q *queue) wakeLocked() {
	if q.write != nil && !q.writing {
		q.writing = true
		go q.write()
	}
}

// open sets where the client stands: it has the events up to sent, and those up to newest have happened.
// Called once, before next.
func (q *queue) open(sent, newest int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.sent >= 0 {
		return // the log has begun anew meanwhile
	}
	q.sent = sent
	q.newest, q.read = max(q.newest, newest), newest
	q.loose = slices.DeleteFunc(q.loose, func(l loose) bool {
		void := q.isVoidLocked(l.Message)
		if void {
			q.bytes -= len(l.Data)
		}
		return void
	})
	for i := range q.loose {
		q.loose[i].after = max(q.loose[i].after, newest)
	}
}

// deliver takes a message in; it never blocks. A queue that overflows ends with CloseTooSlow.
func (q *queue) deliver(m sessions.Message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ending != nil || q.gone {
		return
	}
	q.over = q.over || m.Last
	switch {
	case m.Lost:
		q.endLocked(CloseInternal, "")
	case m.Opening != nil:
		q.beginLocked(m)
	case m.Seq > 0:
		q.addKeptLocked(m)
	default:
		q.addLooseLocked(m)
	}
	if len(q.kept)+len(q.loose) > maxQueued || q.bytes > maxQueuedBytes {
		q.dropLocked(CloseTooSlow, "")
	}
	q.wakeLocked()
}

// beginLocked lets everything begin at a snapshot.
func (q *queue) beginLocked(m sessions.Message) {
	seq := m.Opening.Session.Seq
	q.kept, q.bytes = nil, 0
	q.loose = []loose{{Message: m, after: seq}}
	q.sent, q.newest, q.read = seq, seq, seq
}

func (q *queue) addKeptLocked(m sessions.Message) {
	if m.Seq <= q.newest {
		return
	}
	// The window may grow only at its end, and only when nothing is left in the log before m.
	continues := q.sent+int64(len(q.kept)) == q.newest && m.Seq == q.newest+1
	q.newest = m.Seq
	if continues {
		q.kept = append(q.kept, m)
		q.bytes += len(m.Data)
	}
}

// isVoidLocked tells whether m was sent before what the client has from elsewhere, which may be the end of m's job.
func (q *queue) isVoidLocked(m sessions.Message) bool { return m.After > 0 && m.After < q.read }

func (q *queue) addLooseLocked(m sessions.Message) {
	if q.isVoidLocked(m) {
		return
	}
	q.bytes += len(m.Data)
	if m.Key != "" {
		same := func(l loose) bool { return l.Key == m.Key }
		if i := slices.IndexFunc(q.loose, same); i >= 0 {
			q.bytes -= len(q.loose[i].Data)
			if q.loose[i].after == q.newest {
				q.loose[i].Message = m
				return
			}
			// An event came between: the newer word must not overtake it.
			q.loose = slices.Delete(q.loose, i, i+1)
		}
	}
	q.loose = append(q.loose, loose{Message: m, after: q.newest})
}

// refill takes the page of the log after a seq that next asked for. A page that does not continue what was sent means
// that the log no longer has it: the session was closed, or the log went on without a client this slow.
func (q *queue) refill(after int64, page []sessions.Message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ending != nil || q.gone || q.sent != after {
		return // or the log has begun anew since
	}
	for i, m := range page {
		if m.Seq != q.sent+int64(i)+1 {
			page = nil
			break
		}
	}
	switch {
	case len(page) > 0:
		// The window is empty, and it stayed so since next asked: it cannot grow before it has caught up.
		q.kept = slices.Clone(page)
		for _, m := range page {
			q.bytes += len(m.Data)
		}
		q.read = max(q.read, page[len(page)-1].Seq)
		q.newest = max(q.newest, q.read)
	case q.over:
		q.dropLocked(CloseSessionClosed, "")
	default:
		q.dropLocked(CloseTooSlow, "")
	}
}

// next is what the writer has to do next. Told to rest, it must leave: the queue starts it again.
func (q *queue) next() task {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		switch {
		case q.gone:
			return task{kind: leave}
		case q.pong != nil:
			payload := q.pong
			q.pong = nil
			return task{kind: sendPong, payload: payload}
		case q.ping:
			q.ping = false
			return task{kind: sendPing}
		case len(q.loose) > 0 && q.loose[0].after <= q.sent:
			return q.takeLocked(&q.loose[0].Message)
		case len(q.kept) > 0:
			return q.takeLocked(&q.kept[0])
		case q.ending != nil:
			return task{kind: sendClose, ending: *q.ending}
		case q.sent < q.newest:
			return task{kind: readLog, after: q.sent}
		case q.over:
			q.endLocked(CloseSessionClosed, "")
		default:
			q.writing = false
			return task{kind: rest}
		}
	}
}

// takeLocked gives out the first of loose or kept, which m points to.
func (q *queue) takeLocked(m *sessions.Message) task {
	t := task{kind: sendMessage, message: *m}
	q.bytes -= len(m.Data)
	*m = sessions.Message{} // the slice must not hold what is sent
	if t.message.Seq > 0 {
		q.sent = t.message.Seq
		q.kept = shorten(q.kept)
	} else {
		q.loose = shorten(q.loose)
	}
	if t.message.Last {
		q.dropLocked(CloseSessionClosed, "")
	}
	return t
}

// shorten is list without its first; an empty list holds no memory.
func shorten[T any](list []T) []T {
	if len(list) == 1 {
		return nil
	}
	return list[1:]
}

// finish ends the socket after what is at hand is sent.
func (q *queue) finish(code CloseCode) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.endLocked(code, "")
}

// drop ends the socket at once: what is queued is not sent. An empty reason means that of the table.
func (q *queue) drop(code CloseCode, reason string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dropLocked(code, reason)
}

func (q *queue) dropLocked(code CloseCode, reason string) {
	q.kept, q.loose, q.bytes = nil, nil, 0
	q.endLocked(code, reason)
}

// endLocked sets how the socket ends, unless that is set.
func (q *queue) endLocked(code CloseCode, reason string) {
	if q.ending != nil {
		return
	}
	if reason == "" {
		reason = code.reason()
	}
	q.ending = &ending{code: code, reason: reason, since: time.Now()}
	q.wakeLocked()
}

// abandon lets the writer leave at once: the connection is cut.
func (q *queue) abandon() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.kept, q.loose, q.bytes = nil, nil, 0
	q.gone = true
	q.wakeLocked()
}

// wantPing makes the writer ping the peer.
func (q *queue) wantPing() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ping = true
	q.wakeLocked()
}

// wantPong makes the writer answer the peer's ping; of several that wait, RFC 6455 lets the newest stand for all.
func (q *queue) wantPong(payload string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pong = []byte(payload)
	q.wakeLocked()
}

// end is how the socket is being closed, or nil.
func (q *queue) end() *ending {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.ending
}
