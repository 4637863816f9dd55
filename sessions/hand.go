package sessions

import (
	"context"
	"strings"
	"sync"
	"time"
)

// claim is one job that this node took, until it is finished.
type claim struct {
	session string
	job     Job
	slot    int
	at      time.Time

	cancel bool // the user wants it cancelled; guarded by hand.mu
	told   bool // and the executor knows; guarded by hand.mu
}

// claimKey tells apart two attempts of one job, when the first was taken from a node that was thought dead.
type claimKey struct {
	job     string
	attempt int
}

// hand holds the claims of this node.
type hand struct {
	mu     sync.Mutex
	claims map[claimKey]*claim
	poked  chan struct{} // pokes cancelClaims

	strays map[string]time.Time // since when Redis takes "session job" to be in hand and it is not
}

func (h *hand) add(key claimKey, c *claim) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.claims[key] == nil { // else the same batch was claimed again after a lost reply
		h.claims[key] = c
	}
}

func (h *hand) get(key claimKey) *claim {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.claims[key]
}

func (h *hand) remove(key claimKey) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.claims, key)
}

// sessions tells whose each claim is.
func (h *hand) sessions() map[claimKey]string {
	h.mu.Lock()
	defer h.mu.Unlock()
	sessions := make(map[claimKey]string, len(h.claims))
	for key, c := range h.claims {
		sessions[key] = c.session
	}
	return sessions
}

// bySlot tells whose the newest claim of each slot is.
func (h *hand) bySlot() map[int]string {
	h.mu.Lock()
	defer h.mu.Unlock()
	newest := make(map[int]*claim)
	for _, c := range h.claims {
		if n := newest[c.slot]; n == nil || c.at.After(n.at) {
			newest[c.slot] = c
		}
	}
	sessions := make(map[int]string, len(newest))
	for slot, c := range newest {
		sessions[slot] = c.session
	}
	return sessions
}

// cancel notes that the user wants these jobs cancelled; those that this node does not have are passed over.
func (h *hand) cancel(jobs ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, job := range jobs {
		for key, c := range h.claims {
			if key.job == job && !c.cancel {
				c.cancel = true
				poke(h.poked)
			}
		}
	}
}

func (h *hand) cancelled(c *claim) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return c.cancel
}

// untold lists the jobs whose cancellation the executor does not know yet.
func (h *hand) untold() []claimKey {
	h.mu.Lock()
	defer h.mu.Unlock()
	var keys []claimKey
	for key, c := range h.claims {
		if c.cancel && !c.told {
			keys = append(keys, key)
		}
	}
	return keys
}

func (h *hand) tell(key claimKey) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c := h.claims[key]; c != nil {
		c.told = true
	}
}

// cancelClaims tells the executor of cancellations until ctx ends. A job that was claimed a moment ago may not
// have reached the executor: it is told again until it knows the job or the job is finished.
func (s *Service) cancelClaims(ctx context.Context, executor Executor) {
	looked := time.Now()
	every(ctx, s.tickEvery(), s.hand.poked, func() {
		if time.Since(looked) >= s.tickEvery() { // the hint may have been lost
			looked = time.Now()
			if err := s.compareHands(ctx); err != nil {
				s.log.Debug("what is in hand is compared later", "error", err)
			}
		}
		for untold := s.hand.untold(); len(untold) > 0; untold = s.hand.untold() {
			for _, key := range untold {
				if executor.Cancel(key.job) {
					s.hand.tell(key)
				}
			}
			pause(ctx, cancelEvery)
			if ctx.Err() != nil {
				return
			}
		}
	})
}

// compareHands asks Redis what it takes to be in hand of this node: which of those jobs are to be cancelled, and which it does not have.
// Those that it has not had for a whole lease go back to their queues: Redis has forgotten that they were finished, as after a failover.
// A shorter time may be that of a claim whose reply is under way.
func (s *Service) compareHands(ctx context.Context) error {
	var args []any
	for key, session := range s.hand.sessions() {
		args = append(args, session, key.job)
	}
	reply, err := s.ask(ctx, handScript, args...)
	if err != nil {
		return err
	}
	s.hand.cancel(texts(reply[0])...)
	lost := s.hand.lost(texts(reply[1]), s.now(), s.config.LeaseTTL)
	if len(lost) == 0 {
		return nil
	}
	args = nil
	for _, stray := range lost {
		session, job, _ := strings.Cut(stray, " ")
		args = append(args, session, job)
	}
	s.log.Warn("Redis takes jobs to be in hand that are not; they go back to their queues", "jobs", len(lost))
	_, err = s.run(ctx, putBackScript, args...)
	return err
}

// lost notes the strays of this moment, and gives those that have been strays for so long.
func (h *hand) lost(strays []string, now time.Time, since time.Duration) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	before := h.strays
	h.strays = make(map[string]time.Time, len(strays))
	var lost []string
	for _, stray := range strays {
		first, known := before[stray]
		if !known {
			first = now
		}
		h.strays[stray] = first
		if now.Sub(first) >= since {
			lost = append(lost, stray)
		}
	}
	return lost
}
