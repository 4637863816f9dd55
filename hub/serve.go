package hub

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"seghub/sessions"
	"seghub/sessions/problem"
)

// Subprotocol is what the hub speaks.
const Subprotocol = "seghub.v1"

// Serve makes a socket of the request, which the caller has authorised for session and which comes from address. It returns as soon as
// the socket lives, so that the request's memory is freed; Stop waits for the socket. What is wrong with
// the request itself (no upgrade, a foreign origin) is answered by HTTP, what is wrong with the client or its
// session by a close code, because a browser cannot read the status of a refused upgrade.
func (h *Hub) Serve(w http.ResponseWriter, r *http.Request, session string, address netip.Addr) {
	since, err := parseSince(r.URL.Query())
	if err != nil {
		h.refuse(w, r, CloseProtocol, err.Error())
		return
	}
	if offered := websocket.Subprotocols(r); len(offered) > 0 && !slices.Contains(offered, Subprotocol) {
		h.refuse(w, r, CloseProtocol, "The subprotocol must be "+Subprotocol+".")
		return
	}
	if websocket.IsWebSocketUpgrade(r) && !h.knowsOrigin(r) {
		h.warnOfOrigin(r)
	}
	if !websocket.IsWebSocketUpgrade(r) || !h.knowsOrigin(r) {
		h.refuse(w, r, CloseProtocol, "") // ends in HTTP
		return
	}
	if code, ok := h.enter(session, address); !ok {
		h.refuse(w, r, code, "")
		return
	}
	s, err := h.admit(w, r, session, since)
	if err != nil {
		h.exit(session, address)
		h.Refuse(w, r, err)
		return
	}
	if s == nil {
		h.exit(session, address)
		return
	}
	h.join(s)
	go func() {
		defer h.exit(session, address)
		defer h.part(s)
		s.serve(context.Background()) // it outlives the request, of whose memory it keeps nothing
	}()
}

// admit subscribes and upgrades. The error is that of the subscription; without one, a nil socket means that
// the upgrade failed and was answered.
func (h *Hub) admit(w http.ResponseWriter, r *http.Request, session string, since *sessions.Mark) (*socket, error) {
	ctx, cancel := context.WithTimeout(r.Context(), h.pace.call)
	defer cancel()
	queue := newQueue()
	sub, err := h.Sessions.Subscribe(ctx, session, since, queue.deliver)
	if err != nil {
		return nil, err
	}
	seq := sub.Opening.Session.Seq
	if sub.Opening.Resumed {
		queue.open(since.Seq, seq)
	} else {
		queue.open(seq, seq)
	}
	conn, err := h.upgrader.Upgrade(w, r, cookies(w))
	if err != nil {
		sub.Close()
		h.Log.Debug("socket not upgraded", logSession, session, logError, err)
		return nil, nil
	}
	return newSocket(h, session, conn, queue, sub), nil
}

// cookies are those that the caller has set: an upgrade takes no other header of its own accord.
func cookies(w http.ResponseWriter) http.Header {
	return http.Header{"Set-Cookie": w.Header().Values("Set-Cookie")}
}

// parseSince reads the seq that the client has seen last, and the epoch of the log that it was in; nil when it asks for no
// resume.
func parseSince(query url.Values) (*sessions.Mark, error) {
	if !query.Has("since") {
		return nil, nil
	}
	since, err := strconv.ParseInt(query.Get("since"), 10, 64)
	if err != nil || since < 0 {
		return nil, violation("since must be a whole number, 0 or above.")
	}
	return &sessions.Mark{Seq: since, Epoch: query.Get("epoch")}, nil
}

// closeCodeOf maps an error to its close code: the only place that does.
func closeCodeOf(err error) (CloseCode, bool) {
	var p *problem.Problem
	switch {
	case errors.As(err, &p) && p.Code == problem.RateLimited:
		return CloseTooMany, true
	case errors.Is(err, sessions.ErrUnauthorized):
		return CloseUnauthorized, true
	case errors.Is(err, sessions.ErrNotFound), errors.Is(err, sessions.ErrClosed):
		return CloseSessionClosed, true
	case errors.Is(err, sessions.ErrDraining):
		return CloseGoingAway, true
	case errors.Is(err, sessions.ErrBadCursor):
		return CloseProtocol, true
	case errors.Is(err, sessions.ErrGap): // the log went on without a client this slow
		return CloseTooSlow, true
	}
	return 0, false
}

// Refuse tells the client why it cannot have a socket: by the close code of err where there is one, else by HTTP.
func (h *Hub) Refuse(w http.ResponseWriter, r *http.Request, err error) {
	if code, ok := closeCodeOf(err); ok {
		h.refuse(w, r, code, "")
		return
	}
	p := h.Problem(err)
	h.outage.Do(func() { h.Log.Error("socket refused", logCode, p.Code, logError, err) }) // while Redis is away, everybody is
	problem.Write(w, p, p)
}

// refuse upgrades the request and closes the socket with code. It returns when the peer has left, or after a moment.
func (h *Hub) refuse(w http.ResponseWriter, r *http.Request, code CloseCode, reason string) {
	h.mu.Lock()
	if h.state != stopped {
		h.guests.Add(1)
		defer h.guests.Done()
	}
	h.refusing++
	crowded := h.refusing > maxRefusals
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		h.refusing--
		h.mu.Unlock()
	}()
	if crowded { // strangers must not tie up more than this
		p := problem.New(problem.RateLimited, "Too many sockets are being refused: wait a moment.")
		problem.Write(w, p, p)
		return
	}
	conn, err := h.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	if reason == "" {
		reason = code.reason()
	}
	deadline := time.Now().Add(h.pace.leave)
	if conn.SetReadDeadline(deadline) != nil {
		return
	}
	if conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(int(code), reason), deadline) == nil {
		drain(conn)
	}
}

// knowsOrigin tells whether the page that opens the socket is the server's own or one that the operator
// listed. Programs other than browsers send no origin.
func (h *Hub) knowsOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	// No page can say this itself. Firefox does, of what it called, whatever a proxy makes of the host; of a page of another port it says same-site.
	if r.Header.Get("Sec-Fetch-Site") == "same-origin" {
		return true
	}
	// Either scheme will do: behind a proxy that ends TLS, that of the request is not known here.
	if strings.EqualFold(origin, "https://"+r.Host) || strings.EqualFold(origin, "http://"+r.Host) {
		return true
	}
	return slices.ContainsFunc(h.Origins, func(known string) bool { return strings.EqualFold(known, origin) })
}

// warnOfOrigin tells the operator of a page that may not open its socket, once in a while: most often it is the hub's own, behind a proxy
// that calls the hub by another name than browsers call the proxy.
func (h *Hub) warnOfOrigin(r *http.Request) {
	h.foreign.Do(func() {
		h.Log.Warn("A page of another origin may not open a socket. If it is the hub's own, have the proxy pass on the Host that it was called by, "+
			"or list the origin in SEGHUB_ORIGINS.", "origin", r.Header.Get("Origin"), "host", r.Host)
	})
}

// answerBadHandshake answers a request that cannot become a socket.
func answerBadHandshake(w http.ResponseWriter, _ *http.Request, status int, reason error) {
	code, detail := problem.BadRequest, "This address speaks WebSocket: "+strings.TrimPrefix(reason.Error(), "websocket: ")+"."
	if status == http.StatusForbidden {
		code, detail = problem.Forbidden, "Pages of this origin may not open a socket here: the operator can have the proxy pass on the Host, or list the origin."
	}
	p := problem.New(code, detail)
	p.Status = status
	w.Header().Set("Sec-WebSocket-Version", "13")
	problem.Write(w, p, p)
}
