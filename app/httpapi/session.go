package httpapi

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"seghub/sessions"
	"seghub/sessions/problem"
)

const (
	maxName        = 100     // characters of a session's name
	maxSessionBody = 4 << 10 // bytes
	unnamed        = "Guest"
)

type createRequest struct {
	Name      string `json:"name"`
	AccessKey string `json:"access_key"`
}

type createResponse struct {
	Session sessions.Session `json:"session"`
	Token   string           `json:"token"`
}

func (a *api) createSession(c *gin.Context) {
	var request createRequest
	if err := decodeJSON(c, &request); err != nil {
		a.fail(c, err)
		return
	}
	if a.AccessKey != "" && subtle.ConstantTimeCompare([]byte(request.AccessKey), []byte(a.AccessKey)) != 1 {
		a.fail(c, problem.New(problem.AccessKeyRequired, "This hub asks for an access key: the operator has it."))
		return
	}
	name, err := cleanName(request.Name)
	if err != nil {
		a.fail(c, err)
		return
	}
	if err := a.Room.For(c.Request.Context(), "", 0); err != nil {
		a.fail(c, err)
		return
	}
	session, token, err := a.Accounts.Create(c.Request.Context(), name)
	if err != nil {
		a.fail(c, err)
		return
	}
	a.setCookie(c, token)
	c.JSON(http.StatusCreated, createResponse{Session: session, Token: token})
}

func (a *api) getSession(c *gin.Context) {
	session, err := a.Accounts.Get(c.Request.Context(), c.GetString(sessionKey))
	if err != nil {
		a.fail(c, err)
		return
	}
	if cookie, err := c.Request.Cookie(cookieName); err == nil && cookie.Value == token(c.Request) {
		a.setCookie(c, cookie.Value) // it lives as long as the session from now on
	}
	c.JSON(http.StatusOK, session)
}

func (a *api) deleteSession(c *gin.Context) {
	if err := a.Accounts.Close(c.Request.Context(), c.GetString(sessionKey)); err != nil {
		a.fail(c, err)
		return
	}
	a.setCookie(c, "")
	c.Status(http.StatusNoContent)
}

// decodeJSON reads one JSON object into v; an empty body leaves v as it is.
func decodeJSON(c *gin.Context, v any) error {
	decoder := json.NewDecoder(http.MaxBytesReader(c.Writer, c.Request.Body, maxSessionBody))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(v)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return problem.Newf(problem.BadRequest, "The body is not the JSON object that is expected: %v.", err)
	}
	if decoder.More() {
		return problem.New(problem.BadRequest, "The body holds more than one JSON object.")
	}
	return nil
}

func cleanName(name string) (string, error) {
	name = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, name))
	switch {
	case name == "":
		return unnamed, nil
	case utf8.RuneCountInString(name) > maxName:
		return "", problem.Newf(problem.BadRequest, "The name is longer than %d characters.", maxName)
	}
	return name, nil
}
