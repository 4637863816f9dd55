package sessions

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

// listener is one subscription's end.
type listener struct {
	// mu is held while deliver runs, so that none runs after closing. It guards the fields below, but not deliver.
	mu      sync.Mutex
	deliver func(Message)
	after   int64  // the newest event that was delivered or is part of the Opening
	epoch   string // of the log that after is of
	ready   bool   // the Opening is known
	over    bool   // closed, or told the last there is to say
	waits   bool   // as it knows
	told    told
}

// audience holds everybody on this node who listens. What Redis publishes is noted here for the pump; an idle
// listener costs nothing but its entry.
type audience struct {
	mu       sync.Mutex
	sessions map[string][]*listener   // the slices are replaced, never changed
	dirty    map[string]struct{}      // sessions with events to read
	progress map[string]heardProgress // by job; the newest to deliver
	pieces   []heardPiece             // to deliver, in order
	poked    chan struct{}            // pokes the pump

	owed atomic.Bool // somebody who waits has yet to hear his place
}

// heardProgress is a progress frame and the newest event when it was sent.
type heardProgress struct {
	session string
	seq     int64
	data    []byte
}

// Subscribe begins to listen to a session. A session that connects gets a free slot if nobody waits. since, when
// given, is where the client stands. deliver is called by one goroutine; it must neither block nor
// close the subscription.
func (s *Service) Subscribe(ctx context.Context, id string, since *Mark, deliver func(Message)) (*Subscription, error) {
	l := &listener{deliver: deliver}
	s.audience.add(id, l) // before the Opening is read, so that no event falls between them
	opening, err := s.open(ctx, id, since)
	if err != nil {
		s.audience.remove(id, l)
		return nil, err
	}
	l.mu.Lock()
	l.after, l.epoch, l.ready, l.waits = opening.Session.Seq, opening.Epoch, true, opening.Session.State == Waiting
	l.mu.Unlock()
	s.audience.owed.Store(true)
	s.audience.mark(id)
	return &Subscription{
		Opening: opening,
		Backlog: func(ctx context.Context, after int64, limit int) ([]Message, error) {
			return s.readLog(ctx, id, l.mark(after), limit)
		},
		Close: func() { s.audience.remove(id, l) },
	}, nil
}

func (s *Service) open(ctx context.Context, id string, since *Mark) (Opening, error) {
	from, epoch := "", ""
	if since != nil {
		from, epoch = seqID(max(0, since.Seq)), since.Epoch
	}
	reply, err := s.ask(ctx, openScript, id, from, epoch, snapshotJobs)
	if err != nil {
		return Opening{}, err
	}
	o := Opening{Session: newRecord(sessionFields, list(reply[0])).session(id), Resumed: number(reply[1]) == 1, Epoch: text(reply[3])}
	o.Gap = since != nil && !o.Resumed
	if !o.Resumed {
		if o.Jobs, err = jobsFrom(existing(list(reply[2]))); err != nil {
			return Opening{}, err
		}
	}
	s.addETA(ctx, &o.Session)
	return o, nil
}

func (a *audience) add(id string, l *listener) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sessions[id] = append(slices.Clip(a.sessions[id]), l)
}

// remove ends a listener; it returns when no delivery to it is under way.
func (a *audience) remove(id string, l *listener) {
	a.mu.Lock()
	left := slices.DeleteFunc(slices.Clone(a.sessions[id]), func(other *listener) bool { return other == l })
	if len(left) > 0 {
		a.sessions[id] = left
	} else {
		delete(a.sessions, id)
		delete(a.dirty, id)
	}
	a.mu.Unlock()

	l.mu.Lock()
	l.over = true
	l.mu.Unlock()
}

// mark notes that a session has events to read.
func (a *audience) mark(ids ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, id := range ids {
		if a.sessions[id] != nil {
			a.dirty[id] = struct{}{}
			poke(a.poked)
		}
	}
}

// note keeps a progress frame for delivery.
func (a *audience) note(job string, p heardProgress) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.sessions[p.session] != nil {
		a.progress[job] = p
		poke(a.poked)
	}
}

// takeNews empties what is to be read and delivered.
func (a *audience) takeNews() (dirty map[string]struct{}, progress map[string]heardProgress, pieces []heardPiece) {
	a.mu.Lock()
	defer a.mu.Unlock()
	dirty, a.dirty = a.dirty, make(map[string]struct{})
	progress, a.progress = a.progress, make(map[string]heardProgress)
	pieces, a.pieces = a.pieces, nil
	return dirty, progress, pieces
}

// ids lists the sessions that have a listener on this node.
func (a *audience) ids() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	ids := make([]string, 0, len(a.sessions))
	for id := range a.sessions {
		ids = append(ids, id)
	}
	return ids
}

// isEmpty reports whether nobody listens.
func (a *audience) isEmpty() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.sessions) == 0
}

// of gives the listeners of a session; the slice is not to be changed.
func (a *audience) of(id string) []*listener {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.sessions[id]
}

// heard gives the newest event that l has heard; ok is false while it listens to none.
func (l *listener) heard() (at Mark, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Mark{l.after, l.epoch}, l.ready && !l.over
}

// mark is seq in the log that l listens to.
func (l *listener) mark(seq int64) Mark {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Mark{seq, l.epoch}
}

// begin lets l begin anew from an Opening.
func (l *listener) begin(o Opening) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over || !l.ready {
		return
	}
	l.after, l.epoch, l.waits, l.told.place = o.Session.Seq, o.Epoch, o.Session.State == Waiting, place{}
	l.deliver(Message{Type: "snapshot", Opening: &o})
}

// hear delivers m unless l has heard it, or is over.
func (l *listener) hear(m Message) { l.hearEvent(event{Message: m}) }

func (l *listener) hearEvent(e event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over || !l.ready || (e.Seq > 0 && e.Seq <= l.after) {
		return
	}
	if e.Seq > 0 {
		l.after = e.Seq
	}
	if e.state != "" {
		l.waits, l.told.place = e.state == Waiting, place{}
	}
	l.over = e.Last || e.Lost
	l.deliver(e.Message)
}
