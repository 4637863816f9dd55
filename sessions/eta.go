package sessions

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"
)

// paceJobs is how many of the newest jobs the pace is the mean of.
const paceJobs = 32

// pace is how long one worker of this node takes for one job.
type pace struct {
	mu    sync.Mutex
	last  map[int]time.Time // by slot: when it finished its last job
	took  [paceJobs]time.Duration
	total int // jobs counted since the start
}

// add counts a job that slot claimed at claimed and finished at now. Jobs of one batch and batches that were claimed
// ahead overlap: what counts is the time since the worker was free for this one.
func (p *pace) add(slot int, claimed, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last == nil {
		p.last = make(map[int]time.Time)
	}
	began := claimed
	if p.last[slot].After(began) {
		began = p.last[slot]
	}
	p.last[slot] = now
	p.took[p.total%paceJobs] = now.Sub(began)
	p.total++
}

// mean is 0 until the first job.
func (p *pace) mean() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := min(p.total, paceJobs)
	if n == 0 {
		return 0
	}
	var sum time.Duration
	for _, took := range p.took[:n] {
		sum += took
	}
	return sum / time.Duration(n)
}

// slotLoad is what keeps one slot from the next in line.
type slotLoad struct {
	jobs int           // its owner's, queued and running
	held time.Duration // by its owner until now
	idle time.Duration // without work until now; below 0 while there is some
	free bool
}

// estimate gives, for each place in the line, how long until it gets a slot; nil while no job has been timed or there
// is no slot. waiting are the queue lengths, next first.
//
// A slot with work is free after min(jobs*pace, what is left of the turn), one without after what is left of the
// grace. The line is then played out: each takes the earliest slot and holds it for min(jobs*pace, turn).
func estimate(pace, turn, grace time.Duration, slots []slotLoad, waiting []int) []time.Duration {
	if pace == 0 || len(slots) == 0 {
		return nil
	}
	at := make([]time.Duration, len(slots))
	for i, slot := range slots {
		switch {
		case slot.free:
		case slot.idle >= 0:
			at[i] = max(0, grace-slot.idle)
		default:
			at[i] = min(time.Duration(slot.jobs)*pace, max(0, turn-slot.held))
		}
	}
	out := make([]time.Duration, len(waiting))
	for i, jobs := range waiting {
		next := slices.Index(at, slices.Min(at))
		out[i] = at[next]
		at[next] += min(time.Duration(jobs)*pace, turn)
	}
	return out
}

// place is one session's place in the line.
type place struct {
	session  string
	position int // 1 = next
	eta      *float64
	seq      int64 // the session's newest event at that moment
}

// line reads the whole line, next first.
func (s *Service) line(ctx context.Context) ([]place, error) {
	reply, err := s.ask(ctx, lineScript)
	if err != nil {
		return nil, err
	}
	var slots []slotLoad
	for _, row := range list(reply[0]) {
		f := list(row)
		load := slotLoad{free: text(f[0]) == "", jobs: int(number(f[1])), held: milliseconds(f[2]), idle: -1}
		if text(f[3]) != "" {
			load.idle = milliseconds(f[3])
		}
		slots = append(slots, load)
	}
	rows := list(reply[1])
	places := make([]place, len(rows))
	waiting := make([]int, len(rows))
	for i, row := range rows {
		f := list(row)
		places[i] = place{session: text(f[0]), position: i + 1, seq: number(f[2])}
		waiting[i] = int(number(f[1]))
	}
	for i, eta := range estimate(s.pace.mean(), s.config.Turn, s.config.ReserveGrace, slots, waiting) {
		seconds := math.Ceil(eta.Seconds())
		places[i].eta = &seconds
	}
	s.view.see(places)
	return places, nil
}

func milliseconds(v any) time.Duration { return time.Duration(number(v)) * time.Millisecond }

// addETA fills in a waiting session's estimate, from the line as this node has seen it last.
func (s *Service) addETA(ctx context.Context, session *Session) {
	if session.State != Waiting {
		return
	}
	if s.view.claim(session.ID) {
		if _, err := s.line(ctx); err != nil {
			s.log.Debug("the line is not read", "error", err)
			s.view.release()
		}
	}
	session.ETASeconds = s.view.eta(session.ID)
}

// lineView is the line as this node has seen it last, so that what one who waits asks for costs the same however many others
// wait.
type lineView struct {
	mu      sync.Mutex
	at      time.Time           // when it was read
	etas    map[string]*float64 // of everybody in it
	reading bool                // by one who asks
}

// claim reports whether the caller is to read the line: it is old, or session has joined since, and nobody reads it now.
func (v *lineView) claim(session string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	_, known := v.etas[session]
	age := time.Since(v.at)
	if v.reading || age < positionEvery/5 || (known && age < positionEvery) {
		return false
	}
	v.reading = true
	return true
}

// release lets others read the line.
func (v *lineView) release() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.reading = false
}

// see notes what was read.
func (v *lineView) see(places []place) {
	etas := make(map[string]*float64, len(places))
	for _, p := range places {
		etas[p.session] = p.eta
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.at, v.etas, v.reading = time.Now(), etas, false
}

func (v *lineView) eta(session string) *float64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.etas[session]
}
