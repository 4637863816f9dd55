package httpapi

import (
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"seghub/sessions"
)

// sessionKey is where gin's context has the caller's session id.
const sessionKey = "session"

// token of the caller: the Authorization header's, or the cookie's. Never the query, which ends up in logs.
func (a *api) token(r *http.Request) string {
	if token, is := bearer(r); is {
		return token
	}
	if cookie, err := r.Cookie(a.cookieName(r)); err == nil {
		return cookie.Value
	}
	return ""
}

// bearer is what the Authorization header says for the hub. Any other scheme is for a proxy that asks for a password of its own: it
// passes on what the browser tells it with every request.
func bearer(r *http.Request) (token string, is bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(token), strings.EqualFold(scheme, "Bearer")
}

// peer is the address that asks.
func (a *api) peer(c *gin.Context) netip.Addr { return a.door.proxies.peer(c.Request) }

// caller is the session of the request.
func (a *api) caller(c *gin.Context) (string, error) {
	t := a.token(c.Request)
	if t == "" {
		return "", sessions.ErrUnauthorized
	}
	return a.Accounts.Authenticate(c.Request.Context(), t)
}

// authorise lets only requests of an open session pass.
func (a *api) authorise(c *gin.Context) {
	session, err := a.caller(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Set(sessionKey, session)
}

// socketPath is where the socket is, within the API.
const socketPath = "/ws"

// socket hands the connection to the hub. A browser cannot read the status of a refused upgrade, so
// what is wrong with the caller is told by a close code.
func (a *api) socket(c *gin.Context) {
	now, peer := time.Now(), a.peer(c)
	err := a.rates.addressSockets.take(peer, now, "connections")
	var session string
	if err == nil {
		session, err = a.caller(c)
	}
	if err == nil {
		err = a.rates.sessionSockets.take(session, now, "connections")
	}
	if err != nil {
		a.Live.Refuse(c.Writer, c.Request, err)
		return
	}
	a.renewCookie(c)
	a.Live.Serve(c.Writer, c.Request, session, peer)
}
