package httpapi

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"seghub/sessions/problem"
)

// UploadTime is how long an upload may take: what it has stored and no job refers to yet is not taken for left behind
// until then.
const UploadTime = 6 * time.Hour

// crowd counts the uploads that are under way. One address may have half of all places and one session a sixteenth, so
// that nobody has them all.
type crowd struct {
	most int

	mu        sync.Mutex
	total     int
	addresses map[netip.Addr]int
	sessions  map[string]int
}

func newCrowd(most int) *crowd {
	return &crowd{most: most, addresses: make(map[netip.Addr]int), sessions: make(map[string]int)}
}

// enter takes a place, which leave gives back; the error is the problem of there being none.
func (c *crowd) enter(address netip.Addr, session string) (leave func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.sessions[session] >= max(1, c.most/16):
		return nil, problem.New(problem.RateLimited, "This session has as many uploads under way as it may have: wait until one is done.")
	case c.total >= c.most, c.addresses[address] >= max(1, c.most/2):
		return nil, problem.New(problem.RateLimited, "There are as many uploads under way as this server takes at once: wait a moment.")
	}
	c.total++
	c.addresses[address]++
	c.sessions[session]++
	return func() { c.leave(address, session) }, nil
}

func (c *crowd) leave(address netip.Addr, session string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total--
	if c.addresses[address]--; c.addresses[address] == 0 {
		delete(c.addresses, address)
	}
	if c.sessions[session]--; c.sessions[session] == 0 {
		delete(c.sessions, session)
	}
}

// admitUpload lets an upload in before a byte of it is read: while images are taken at all, not too often, and not too
// many at once.
func (a *api) admitUpload(c *gin.Context) {
	session, peer, now := c.GetString(sessionKey), a.peer(c), time.Now()
	var err error
	if a.Admit != nil {
		err = a.Admit()
	}
	if err == nil {
		err = a.rates.sessionUploads.take(session, now, "uploads")
	}
	if err == nil {
		err = a.rates.addressUploads.take(peer, now, "uploads from your address")
	}
	var leave func()
	if err == nil {
		leave, err = a.uploads.enter(peer, session)
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	defer leave()
	ctx, cancel := context.WithTimeout(c.Request.Context(), UploadTime)
	defer cancel()
	c.Request = c.Request.WithContext(ctx)
	c.Next()
}
