package httpapi

import (
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"seghub/sessions"
)

// sessionKey is where gin's context has the caller's session id.
const sessionKey = "session"

// tokenKey is where gin's context has what authorised the caller.
const tokenKey = "token"

// tokens are what may authorise the caller: the Authorization header's, and the cookie's. A proxy may have that header for what it asks
// everybody itself, a password or the token of a lab's own sign-in, which goes on to the hub. Never the query, which ends up in logs.
func (a *api) tokens(r *http.Request) (tokens []string) {
	if scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		tokens = append(tokens, strings.TrimSpace(token))
	}
	if cookie, err := r.Cookie(a.cookieName(r)); err == nil {
		tokens = append(tokens, cookie.Value)
	}
	return tokens
}

// peer is the address that asks.
func (a *api) peer(c *gin.Context) netip.Addr { return a.door.proxies.peer(c.Request) }

// caller is the session of the request.
func (a *api) caller(c *gin.Context) (string, error) {
	for _, token := range a.tokens(c.Request) {
		session, err := a.Accounts.Authenticate(c.Request.Context(), token)
		if !errors.Is(err, sessions.ErrUnauthorized) {
			c.Set(tokenKey, token)
			return session, err
		}
	}
	return "", sessions.ErrUnauthorized
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
