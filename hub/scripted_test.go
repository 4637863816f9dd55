package hub

import (
	"context"
	"fmt"
	"sync"

	"seghub/sessions"
)

// scripted is a Sessions and a Masks whose sessions exist when a test first names them.
type scripted struct {
	mu       sync.Mutex
	sessions map[string]*scriptedSession
	refusal  error                                               // of Subscribe
	cancel   func(ctx context.Context, job string) error         // of Cancel
	picture  func(ctx context.Context, j string) ([]byte, error) // of MaskPNG
	parted   chan string                                         // hears each Subscription.Close
}

type scriptedSession struct {
	log       []sessions.Message // log[i] has seq i+1
	epoch     string
	forgotten int64 // events up to this seq are no longer kept
	jobs      []sessions.Job
	listeners map[int]func(sessions.Message)
	next      int
	failure   error // of Backlog
}

func newScripted() *scripted {
	return &scripted{
		sessions: make(map[string]*scriptedSession),
		cancel:   func(context.Context, string) error { return nil },
		picture:  func(_ context.Context, job string) ([]byte, error) { return []byte("PNG of " + job), nil },
		parted:   make(chan string, 10_000),
	}
}

func (f *scripted) sessionLocked(id string) *scriptedSession {
	s := f.sessions[id]
	if s == nil {
		s = &scriptedSession{listeners: make(map[int]func(sessions.Message))}
		f.sessions[id] = s
	}
	return s
}

func (f *scripted) Subscribe(ctx context.Context, id string, since *sessions.Mark, deliver func(sessions.Message)) (*sessions.Subscription, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refusal != nil {
		return nil, f.refusal
	}
	s := f.sessionLocked(id)
	opening := sessions.Opening{Session: sessions.Session{ID: id, State: sessions.Idle, Seq: int64(len(s.log))}, Epoch: s.epoch}
	switch {
	case since == nil:
		opening.Jobs = s.jobs
	case since.Seq > int64(len(s.log)) || since.Seq < s.forgotten || since.Epoch != "" && since.Epoch != s.epoch:
		opening.Gap, opening.Jobs = true, s.jobs
	default:
		opening.Resumed = true
	}
	n := s.next
	s.next++
	s.listeners[n] = deliver
	return &sessions.Subscription{
		Opening: opening,
		Backlog: func(ctx context.Context, after int64, limit int) ([]sessions.Message, error) {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			f.mu.Lock()
			defer f.mu.Unlock()
			if s.failure != nil {
				return nil, s.failure
			}
			if after < s.forgotten {
				return nil, sessions.ErrGap
			}
			end := min(int(after)+limit, len(s.log))
			return s.log[after:end], nil
		},
		Close: func() {
			f.mu.Lock()
			defer f.mu.Unlock()
			if s.listeners[n] != nil {
				delete(s.listeners, n)
				f.parted <- id
			}
		},
	}, nil
}

func (f *scripted) Cancel(ctx context.Context, _, job string) error { return f.cancel(ctx, job) }

func (f *scripted) MaskPNG(ctx context.Context, _, job string) ([]byte, error) {
	return f.picture(ctx, job)
}

func (f *scripted) PiecePNG(ctx context.Context, _, job string, row int) ([]byte, error) {
	return f.picture(ctx, fmt.Sprintf("%s from row %d", job, row))
}

// happen appends an event to session's log and delivers it.
func (f *scripted) happen(session string, m sessions.Message) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.sessionLocked(session)
	m.Seq = int64(len(s.log)) + 1
	if m.Data == nil {
		m.Data = fmt.Appendf(nil, `{"type":%q,"seq":%d}`, m.Type, m.Seq)
	}
	s.log = append(s.log, m)
	for _, deliver := range s.listeners {
		deliver(m)
	}
	return m.Seq
}

// beginAnew gives session another log, with so many events, as after a rollback.
func (f *scripted) beginAnew(session, epoch string, events int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.sessionLocked(session)
	s.log, s.epoch = s.log[:events], epoch
	for _, deliver := range s.listeners {
		deliver(sessions.Message{Type: "snapshot", Opening: &sessions.Opening{
			Session: sessions.Session{ID: session, State: sessions.Idle, Seq: int64(events)}, Epoch: epoch, Jobs: s.jobs}})
	}
}

func (f *scripted) happenTimes(session string, n int) {
	for range n {
		f.happen(session, sessions.Message{Type: "job"})
	}
}

// say delivers what is not kept.
func (f *scripted) say(session, key, data string) {
	f.tell(session, sessions.Message{Key: key, Data: []byte(data)})
}

// tell is say of any message.
func (f *scripted) tell(session string, m sessions.Message) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, deliver := range f.sessionLocked(session).listeners {
		deliver(m)
	}
}

func (f *scripted) set(session string, change func(*scriptedSession)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f.sessionLocked(session))
}

// earlyBird delivers before Subscribe returns.
type earlyBird struct {
	*scripted
	early *bool
}

func (e earlyBird) Subscribe(ctx context.Context, id string, since *sessions.Mark, deliver func(sessions.Message)) (*sessions.Subscription, error) {
	sub, err := e.scripted.Subscribe(ctx, id, since, deliver)
	e.happenTimes(id, 2)
	e.say(id, "progress/j", `{"type":"progress","percent":7}`)
	*e.early = true
	return sub, err
}
