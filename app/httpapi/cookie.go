package httpapi

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// A browser keeps one jar for all ports of a host, so the name of a hub's cookie carries which hub it is: that of the
// deployment, not of the port, since several nodes share their sessions and a proxy may hide the port. Under TLS its prefix
// has the browser take it from this host alone, not from a neighbour in the same domain.
const (
	cookiePrefix       = "seghub_"
	secureCookiePrefix = "__Host-seghub_"
)

// isSecure tells whether browsers reach the hub by HTTPS.
func (a *api) isSecure(r *http.Request) bool { return a.Secure || r.TLS != nil }

func (a *api) cookieName(r *http.Request) string {
	if a.isSecure(r) {
		return secureCookiePrefix + a.Deployment
	}
	return cookiePrefix + a.Deployment
}

// setCookie gives the browser its token, for as long as the session lives without it; an empty one takes it back.
func (a *api) setCookie(c *gin.Context, token string) {
	cookie := &http.Cookie{
		Name:     a.cookieName(c.Request),
		Value:    token,
		Path:     "/",
		MaxAge:   int(a.SessionTTL.Seconds()),
		HttpOnly: true,
		Secure:   a.isSecure(c.Request),
		SameSite: http.SameSiteStrictMode,
	}
	if token == "" {
		cookie.MaxAge = -1
	}
	http.SetCookie(c.Writer, cookie)
}

// renewCookie starts the cookie's time anew, as the call has that of its session.
func (a *api) renewCookie(c *gin.Context) {
	if cookie, err := c.Request.Cookie(a.cookieName(c.Request)); err == nil && cookie.Value == c.GetString(tokenKey) {
		a.setCookie(c, cookie.Value)
	}
}
