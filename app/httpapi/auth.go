package httpapi

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"seghub/hub"
	"seghub/sessions"
	"seghub/sessions/problem"
)

const (
	cookieName = "seghub_session"
	sessionKey = "session" // in gin's context: the caller's session id
)

// token of the caller: the Authorization header, or the cookie. Never the query, which ends up in logs.
func token(r *http.Request) string {
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, value, _ := strings.Cut(header, " ")
		if strings.EqualFold(scheme, "Bearer") {
			return strings.TrimSpace(value)
		}
		return ""
	}
	if cookie, err := r.Cookie(cookieName); err == nil {
		return cookie.Value
	}
	return ""
}

// caller is the session of the request.
func (a *api) caller(c *gin.Context) (string, error) {
	t := token(c.Request)
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

// socket hands the connection to the hub. A browser cannot read the status of a refused upgrade, so
// what is wrong with the caller is told by a close code.
func (a *api) socket(c *gin.Context) {
	session, err := a.caller(c)
	if err == nil {
		a.Live.Serve(c.Writer, c.Request, session)
		return
	}
	if Problem(err).Code == problem.Unauthorized {
		a.Live.Refuse(c.Writer, c.Request, hub.CloseUnauthorized)
		return
	}
	a.fail(c, err)
}

// setCookie gives the browser its token; an empty one takes it back.
func (a *api) setCookie(c *gin.Context, token string) {
	cookie := &http.Cookie{
		Name:     cookieName,
		Value:    token,
		Path:     "/",
		HttpOnly: true,
		Secure:   a.Secure || c.Request.TLS != nil,
		SameSite: http.SameSiteStrictMode,
	}
	if cookie.MaxAge = int(a.SessionTTL.Seconds()); token == "" {
		cookie.MaxAge = -1
	}
	http.SetCookie(c.Writer, cookie)
}
