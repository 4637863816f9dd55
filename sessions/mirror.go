package sessions

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// changesAtOnce is how many changes of the board one script reads, and about how many of its fields one scan.
const changesAtOnce = 1000

// mirror is this node's copy of the board (lua/lib_board.lua): who waits, who holds each slot of every node, and how long jobs take.
// From it a node computes places and estimates, so that what they cost Redis does not depend on how many wait.
type mirror struct {
	poked   chan struct{} // pokes followLine
	reading chan struct{} // full while somebody reads the board

	mu    sync.Mutex // guards the fields below
	whole bool       // the board was read and every change until seq is applied
	seq   int64
	lived float64   // NOW of the scripts, in ms, at the moment at of this process
	at    time.Time // when it was read
	rates rates
	line  map[string]*standing // by session
	order []*standing          // the same by ticket, next first
	moved bool                 // somebody joined or left the line since hasMoved was asked
	slots map[string]tenancy   // by "node slot"; those that have an owner
	nodes map[string]postedNode

	placedAt time.Time // when the places of those in line were worked out
}

// What the fields of the board hold.
type (
	standing struct {
		Ticket float64 `json:"ticket"`
		Load   load    `json:"load"`

		session string
		place   place
	}
	tenancy struct {
		Owner string   `json:"owner"`
		Held  float64  `json:"held"` // since when
		Idle  *float64 `json:"idle"` // since when it has no work; nil while it has some
		Load  load     `json:"load"`
		At    float64  `json:"at"` // when Load was that
	}
	postedNode struct {
		Open     string `json:"open"` // a letter each slot, "1" or "0"
		Draining bool   `json:"draining"`
		Models   string `json:"models"` // as Model.posted, with blanks between them; empty where it does not say
	}
)

// place is a session's place in line.
type place struct {
	position  int // 1 = next; 0 where the session does not wait
	eta       time.Duration
	estimated bool // whether eta is known
}

// after is the place when so much time has passed and nothing else.
func (p place) after(passed time.Duration) place {
	p.eta = max(0, p.eta-passed)
	return p
}

// placed is somebody who waits.
type placed struct {
	session string
	place
}

// forget makes the next reader read the whole board: changes of it may have been lost.
func (m *mirror) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.whole = false
	poke(m.poked)
}

// catchUp brings the mirror up to what the board is now.
func (s *Service) catchUp(ctx context.Context) error {
	m := &s.mirror
	select {
	case m.reading <- struct{}{}:
		defer func() { <-m.reading }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for anew := 0; anew < 3; anew++ {
		if !m.isWhole() {
			if err := s.readBoard(ctx); err != nil {
				return err
			}
		}
		for {
			reply, err := s.ask(ctx, lineScript, m.known(), changesAtOnce)
			if err != nil {
				return err
			}
			if !m.apply(reply, s.now()) {
				break
			}
			if len(reply)-3 < changesAtOnce {
				return nil
			}
		}
	}
	return fmt.Errorf("sessions: the line changes faster than it can be read: %w", ErrUnavailable)
}

// readBoard reads the whole board. What changes meanwhile may be read or not; it is in the log behind the number that was read before.
func (s *Service) readBoard(ctx context.Context) error {
	newest, err := s.ask(ctx, lineScript, 0, 0)
	if err != nil {
		return err
	}
	var fields []string
	for cursor := uint64(0); ; {
		var some []string
		some, cursor, err = s.redis.HScan(ctx, hashTag+":board", cursor, "", changesAtOnce).Result()
		if err != nil {
			return unavailable(ctx, "read the board", err)
		}
		if fields = append(fields, some...); cursor == 0 {
			break
		}
	}
	m := &s.mirror
	m.mu.Lock()
	defer m.mu.Unlock()
	m.line, m.order, m.moved = make(map[string]*standing), nil, true
	m.slots, m.nodes = make(map[string]tenancy), make(map[string]postedNode)
	for i := 0; i+1 < len(fields); i += 2 {
		m.setLocked(fields[i], fields[i+1])
	}
	m.seq, m.whole = number(newest[0]), true
	return nil
}

func (m *mirror) isWhole() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.whole
}

// known is the number of the newest change that is applied.
func (m *mirror) known() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.seq
}

// apply takes in what the script line gave at now. It is false, and the board must be read anew, where changes are missing.
func (m *mirror) apply(reply []any, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	newest, changes := number(reply[0]), reply[3:]
	if newest < m.seq || (newest > m.seq && len(changes) == 0) {
		m.whole = false
		return false
	}
	for _, change := range changes {
		c := list(change)
		seq, err := entrySeq(text(c[0]))
		if err != nil || seq != m.seq+1 {
			m.whole = false
			return false
		}
		m.setLocked(text(c[1]), text(c[2]))
		m.seq = seq
	}
	m.lived, m.at, m.rates = float(reply[1]), now, newRates(texts(reply[2]))
	return true
}

// setLocked writes one field of the board; an empty value deletes it.
func (m *mirror) setLocked(field, value string) {
	kind, of, _ := strings.Cut(field, " ")
	switch kind {
	case "wait":
		m.standLocked(of, value)
	case "slot":
		set(m.slots, of, value)
	case "node":
		set(m.nodes, of, value)
	}
}

func set[V any](to map[string]V, key, value string) {
	var v V
	if value == "" || json.Unmarshal([]byte(value), &v) != nil {
		delete(to, key)
		return
	}
	to[key] = v
}

// standLocked puts a session into the line by its ticket; with an empty value it leaves.
func (m *mirror) standLocked(session, value string) {
	byTicket := func(a, b *standing) int { return cmp.Compare(a.Ticket, b.Ticket) }
	before := m.line[session]
	if before != nil {
		at, _ := slices.BinarySearchFunc(m.order, before, byTicket)
		m.order = slices.Delete(m.order, at, at+1)
		delete(m.line, session)
	}
	now := &standing{session: session}
	waits := value != "" && json.Unmarshal([]byte(value), now) == nil
	if waits != (before != nil) || waits && now.Ticket != before.Ticket {
		m.moved = true
	}
	if !waits {
		return
	}
	if before != nil {
		now.place = before.place
	}
	at, _ := slices.BinarySearchFunc(m.order, now, byTicket)
	m.order = slices.Insert(m.order, at, now)
	m.line[session] = now
}

// follows reports whether the mirror was brought up to date lately; it is not while nobody follows the line.
func (m *mirror) follows(now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.whole && now.Sub(m.at) <= healEvery+positionEvery
}

// hasMoved reports whether places have changed since it was asked last.
func (m *mirror) hasMoved() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	moved := m.moved
	m.moved = false
	return moved
}

// look gives the place of a session at now, or as it was up to most ago, but always one if it waits.
func (m *mirror) look(now time.Time, most, turn, grace time.Duration, session string) place {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.line[session]
	if s == nil {
		return place{}
	}
	if s.place.position == 0 || now.Sub(m.placedAt).Abs() > most {
		m.placeLocked(now, turn, grace)
	}
	return s.place.after(now.Sub(m.placedAt))
}

// places works out everybody's place, next first.
func (m *mirror) places(now time.Time, turn, grace time.Duration) []placed {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.placeLocked(now, turn, grace)
	all := make([]placed, len(m.order))
	for i, s := range m.order {
		all[i] = placed{s.session, s.place}
	}
	return all
}

// placeLocked works out everybody's place.
func (m *mirror) placeLocked(now time.Time, turn, grace time.Duration) {
	m.placedAt = now
	var etas []time.Duration
	if len(m.rates) > 0 {
		work := make([]time.Duration, len(m.order))
		for i, s := range m.order {
			work[i] = m.rates.time(s.Load)
		}
		etas = estimate(turn, grace, m.holdingsLocked(m.lived+float64(now.Sub(m.at).Milliseconds())), work)
	}
	for i, s := range m.order {
		s.place = place{position: i + 1}
		if etas != nil {
			s.place.eta, s.place.estimated = etas[i], true
		}
	}
}

// holdingsLocked tells what keeps each open slot of any node.
func (m *mirror) holdingsLocked(lived float64) []holding {
	since := func(then float64) time.Duration { return max(0, time.Duration((lived-then)*float64(time.Millisecond))) }
	var slots []holding
	for name, node := range m.nodes {
		for slot, letter := range node.Open {
			if letter != '1' || node.Draining {
				continue
			}
			var h holding
			if t, owned := m.slots[slotName(name, slot)]; owned {
				h.owned, h.held = true, since(t.Held)
				if t.Idle != nil {
					h.idle = min(h.held, since(*t.Idle))
				} else {
					h.work = max(time.Millisecond, m.rates.time(t.Load)-since(t.At))
				}
			}
			slots = append(slots, h)
		}
	}
	return slots
}

func slotName(node string, slot int) string { return node + " " + strconv.Itoa(slot) }
