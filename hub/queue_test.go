package hub

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"seghub/sessions"
)

// model is a queue as it is meant, beside one as it is.
type model struct {
	queue  *queue
	log    []sessions.Message // log[i] has seq i+1
	open   bool
	from   int64              // seq that the client had when it came
	latest map[string]int     // key -> number of the newest message
	born   map[int]int64      // number of a loose message -> newest seq when it came
	number int                // of the last loose message
	taken  []sessions.Message // in the order in which they were given out
	plain  int                // how many loose messages had no key
}

func (m *model) newest() int64 { return int64(len(m.log)) }

// take does the writer's part until there is nothing left to do, or n messages are taken.
func (m *model) take(n int, page int) {
	for range n {
		if !m.queue.idle() {
			t := m.queue.next()
			switch t.kind {
			case sendMessage:
				m.taken = append(m.taken, t.message)
			case readLog:
				m.queue.refill(t.after, m.log[t.after:min(int(t.after)+page, len(m.log))])
			}
		}
	}
}

// idle tells whether next would wait.
func (q *queue) idle() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.kept) == 0 && q.sent >= q.newest && len(q.loose) == 0 && q.ending == nil && !q.gone && !q.over
}

func TestQueueKeepsOrderAndNewestOfEachKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{queue: newQueue(), latest: map[string]int{}, born: map[int]int64{}}
		for range rapid.IntRange(0, 20).Draw(t, "events before") {
			m.log = append(m.log, event(m.newest()+1))
		}
		openAt := m.newest()
		if rapid.Bool().Draw(t, "resumes") {
			m.from = rapid.Int64Range(0, openAt).Draw(t, "since")
		} else {
			m.from = openAt
		}
		t.Repeat(map[string]func(*rapid.T){
			"event": func(t *rapid.T) {
				e := event(m.newest() + 1)
				m.log = append(m.log, e)
				// A subscription that loses or repeats an event must not harm.
				for range rapid.SampledFrom([]int{1, 1, 1, 1, 0, 2}).Draw(t, "deliveries") {
					m.queue.deliver(e)
				}
			},
			"event again": func(t *rapid.T) {
				if len(m.log) == 0 {
					t.Skip("nothing has happened")
				}
				m.queue.deliver(rapid.SampledFrom(m.log).Draw(t, "which"))
			},
			"loose": func(t *rapid.T) {
				key := rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "key")
				m.number++
				m.latest[key] = m.number
				if key == "" {
					m.plain++
				}
				m.queue.mu.Lock()
				known := m.queue.newest
				m.queue.mu.Unlock()
				m.born[m.number] = known
				if !m.open {
					m.born[m.number] = max(known, openAt)
				}
				m.queue.deliver(sessions.Message{Key: key, Data: []byte(strconv.Itoa(m.number))})
			},
			"open": func(t *rapid.T) {
				if m.open {
					t.Skip("it is open")
				}
				m.open = true
				m.queue.open(m.from, openAt)
			},
			"write": func(t *rapid.T) {
				if !m.open {
					t.Skip("nothing is written before it is open")
				}
				m.take(rapid.IntRange(1, 10).Draw(t, "tasks"), rapid.IntRange(1, 5).Draw(t, "page"))
			},
			"": func(t *rapid.T) { m.check(t) },
		})
		if !m.open {
			m.queue.open(m.from, openAt)
		}
		// One more event tells the queue of those that the subscription lost.
		last := event(m.newest() + 1)
		m.log = append(m.log, last)
		m.queue.deliver(last)
		m.take(10*(len(m.log)+m.number), 3)
		m.check(t)
		m.checkComplete(t)
	})
}

func event(seq int64) sessions.Message {
	return sessions.Message{Seq: seq, Data: fmt.Appendf(nil, "event %d", seq)}
}

// check holds at every moment.
func (m *model) check(t *rapid.T) {
	seq := m.from
	newest := map[string]int{}
	for _, taken := range m.taken {
		if taken.Seq > 0 {
			if taken.Seq != seq+1 {
				t.Fatalf("event %d was sent after %d", taken.Seq, seq)
			}
			seq++
			continue
		}
		number, err := strconv.Atoi(string(taken.Data))
		if err != nil {
			t.Fatal(err)
		}
		if number <= newest[taken.Key] {
			t.Fatalf("message %d of key %q was sent after %d", number, taken.Key, newest[taken.Key])
		}
		newest[taken.Key] = number
		if seq != max(m.born[number], m.from) {
			t.Fatalf("message %d came at event %d and was sent at event %d", number, m.born[number], seq)
		}
	}
	m.queue.mu.Lock()
	defer m.queue.mu.Unlock()
	size := 0
	for _, k := range m.queue.kept {
		size += len(k.Data)
	}
	keys := map[string]bool{}
	for _, l := range m.queue.loose {
		size += len(l.Data)
		if l.Key != "" && keys[l.Key] {
			t.Fatalf("key %q is queued twice", l.Key)
		}
		keys[l.Key] = true
	}
	if size != m.queue.bytes {
		t.Fatalf("%d bytes are counted, %d are queued", m.queue.bytes, size)
	}
}

// checkComplete holds when everything was written.
func (m *model) checkComplete(t *rapid.T) {
	events, plain := 0, 0
	newest := map[string]int{}
	for _, taken := range m.taken {
		if taken.Seq > 0 {
			events++
			continue
		}
		if taken.Key == "" {
			plain++
		}
		newest[taken.Key], _ = strconv.Atoi(string(taken.Data))
	}
	if want := int(m.newest() - m.from); events != want || plain != m.plain {
		t.Fatalf("%d events and %d messages without a key were sent, want %d and %d", events, plain, want, m.plain)
	}
	if !maps.Equal(newest, m.latest) {
		t.Fatalf("newest of each key: sent %v, want %v", newest, m.latest)
	}
}

func TestQueueReplacesInPlace(t *testing.T) {
	q := newQueue()
	q.open(0, 0)
	for _, m := range []sessions.Message{
		{Key: "a", Data: []byte("a1")}, {Key: "b", Data: []byte("b1")}, {Key: "a", Data: []byte("a2")},
		event(1),
		{Key: "b", Data: []byte("b2")}, {Data: []byte("x")}, {Data: []byte("x")},
	} {
		q.deliver(m)
	}
	var got []string
	for !q.idle() {
		got = append(got, string(q.next().message.Data))
	}
	// b2 came after event 1 and must not overtake it.
	if want := []string{"a2", "event 1", "b2", "x", "x"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if q.kept != nil || q.loose != nil || q.bytes != 0 {
		t.Error("an empty queue holds memory")
	}
}

func TestQueueOverflow(t *testing.T) {
	large := make([]byte, maxQueuedBytes/4)
	for name, tc := range map[string]struct {
		fits    int
		message func(i int) sessions.Message
	}{
		"events by count": {maxQueued, func(i int) sessions.Message { return event(int64(i) + 1) }},
		"events by bytes": {4, func(i int) sessions.Message { return sessions.Message{Seq: int64(i) + 1, Data: large} }},
		"loose by count":  {maxQueued, func(int) sessions.Message { return sessions.Message{} }},
		"loose by bytes":  {4, func(i int) sessions.Message { return sessions.Message{Key: strconv.Itoa(i), Data: large} }},
	} {
		t.Run(name, func(t *testing.T) {
			q := newQueue()
			q.open(0, 0)
			for i := range tc.fits {
				q.deliver(tc.message(i))
			}
			if q.end() != nil {
				t.Fatal("it overflowed early")
			}
			q.deliver(tc.message(tc.fits))
			if end := q.end(); end == nil || end.code != CloseTooSlow {
				t.Fatalf("ending %+v", end)
			}
			if got := q.next(); got.kind != sendClose || got.ending.code != CloseTooSlow {
				t.Errorf("the writer is told %+v", got)
			}
			q.deliver(tc.message(tc.fits + 1))
			if q.kept != nil || q.loose != nil {
				t.Error("a queue that ended takes messages")
			}
		})
	}
}

func TestQueueEnds(t *testing.T) {
	event3 := event(3)
	event3.Last = true
	for name, tc := range map[string]struct {
		do   func(*queue)
		want []string // data of messages, then what the writer is told
	}{
		"finish sends what is at hand": {func(q *queue) { q.deliver(event(2)); q.finish(CloseGoingAway) }, []string{"event 2", "close 1001"}},
		"drop does not":                {func(q *queue) { q.deliver(event(2)); q.drop(CloseProtocol, "") }, []string{"close 4409"}},
		"the first end counts":         {func(q *queue) { q.finish(CloseGoingAway); q.drop(CloseProtocol, "") }, []string{"close 1001"}},
		"the last message":             {func(q *queue) { q.deliver(event(2)); q.deliver(event3) }, []string{"event 2", "event 3", "close 4404"}},
		"the last is not kept":         {func(q *queue) { q.deliver(sessions.Message{Data: []byte("x"), Last: true}) }, []string{"x", "close 4404"}},
		"the last lies in a lost log":  {func(q *queue) { q.deliver(event3) }, []string{"read 1", "close 4404"}},
		"a lost log":                   {func(q *queue) { q.deliver(event(3)) }, []string{"read 1", "close 4408"}},
		"events lost by sessions":      {func(q *queue) { q.deliver(event(2)); q.deliver(sessions.Message{Lost: true}) }, []string{"event 2", "close 1011"}},
		"the log begins anew": {func(q *queue) {
			q.deliver(event(2))
			q.deliver(event(9)) // what lies between is left in the log
			q.deliver(sessions.Message{Key: "progress", Data: []byte("of a job that is forgotten")})
			q.deliver(anew(1))
			q.deliver(event(2))
			q.finish(CloseGoingAway)
		}, []string{"snapshot", "event 2", "close 1001"}},
		"the log begins anew while a page is read": {func(q *queue) {
			q.deliver(event(9))
			page := q.next()
			q.deliver(anew(5))
			q.refill(page.after, nil)
			q.finish(CloseGoingAway)
		}, []string{"snapshot", "close 1001"}},
		"cut": {func(q *queue) { q.deliver(event(2)); q.abandon() }, []string{"leave"}},
	} {
		t.Run(name, func(t *testing.T) {
			q := newQueue()
			q.open(1, 1)
			tc.do(q)
			var got []string
			for done := false; !done; {
				switch task := q.next(); task.kind {
				case sendMessage:
					if task.message.Opening != nil {
						got = append(got, "snapshot")
						break
					}
					got = append(got, string(task.message.Data))
				case readLog:
					got = append(got, fmt.Sprint("read ", task.after))
					q.refill(task.after, nil)
				case sendClose:
					got = append(got, fmt.Sprint("close ", int(task.ending.code)))
					done = true
				default:
					got = append(got, "leave")
					done = true
				}
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// anew is the word that the log has begun anew and has seq events.
func anew(seq int64) sessions.Message {
	return sessions.Message{Type: typeSnapshot, Opening: &sessions.Opening{Session: sessions.Session{Seq: seq}}}
}

func TestALogThatBeginsAnewBeforeTheQueueIsOpen(t *testing.T) {
	q := newQueue()
	q.deliver(anew(3))
	q.open(7, 7)
	if task := q.next(); task.message.Opening == nil {
		t.Fatalf("the writer is told %+v", task)
	}
	q.deliver(event(4))
	if task := q.next(); task.message.Seq != 4 {
		t.Errorf("then %+v", task)
	}
}

// TestWhatIsToldOfAJobDoesNotFollowItsEnd has progress on its way while the client gets the end of its job by the Opening, and from the log.
func TestWhatIsToldOfAJobDoesNotFollowItsEnd(t *testing.T) {
	progress := func(after int64) sessions.Message {
		return sessions.Message{Type: "progress", Key: fmt.Sprint("progress/", after), After: after, Data: []byte("{}")}
	}
	for name, arrive := range map[string]func(q *queue){
		"before the queue is open": func(q *queue) {
			q.deliver(progress(6))
			q.deliver(progress(7))
			q.open(7, 7)
		},
		"with an Opening": func(q *queue) {
			q.open(7, 7)
			q.deliver(progress(6))
			q.deliver(progress(7))
		},
		"with a page that is ahead of the messages": func(q *queue) {
			q.open(4, 5)
			q.refill(q.next().after, []sessions.Message{event(5), event(6), event(7)})
			q.deliver(progress(6))
			q.deliver(progress(7))
		},
		"with an Opening, of which the log has been read in part": func(q *queue) {
			q.open(4, 7)
			q.refill(q.next().after, []sessions.Message{event(5)})
			q.deliver(progress(6))
			q.deliver(progress(7))
			for q.next().kind != readLog {
			}
			q.refill(5, []sessions.Message{event(6), event(7)})
		},
		"with a log that begins anew": func(q *queue) {
			q.open(2, 2)
			q.deliver(anew(7))
			q.deliver(progress(6))
			q.deliver(progress(7))
		},
	} {
		q := newQueue()
		arrive(q)
		var told []int64
		for !q.idle() {
			if m := q.next().message; m.Type == "progress" {
				told = append(told, m.After)
			}
		}
		if !slices.Equal(told, []int64{7}) {
			t.Errorf("%s: progress that was sent after the events %v is told", name, told)
		}
		if q.bytes != 0 {
			t.Errorf("%s: %d bytes are counted of nothing", name, q.bytes)
		}
	}
}

func TestQueueDoesNotTouchThePageItIsGiven(t *testing.T) {
	q := newQueue()
	q.open(0, 2)
	page := []sessions.Message{event(1), event(2)}
	q.refill(q.next().after, page)
	q.next()
	if page[0].Seq != 1 || page[0].Data == nil {
		t.Error("the page was changed")
	}
}
