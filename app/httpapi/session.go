package httpapi

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
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
	if err := decodeJSON(c, maxSessionBody, &request); err != nil {
		a.fail(c, err)
		return
	}
	if err := a.admit(c, request.AccessKey); err != nil {
		a.fail(c, err)
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
	c.Header("Cache-Control", "no-store") // the token is nobody else's
	c.JSON(http.StatusCreated, createResponse{Session: session, Token: token})
}

// admit lets one more session begin: with the key, not too often from one address, and up to as many as there may be.
func (a *api) admit(c *gin.Context, key string) error {
	now, peer := time.Now(), a.peer(c)
	if a.AccessKey != "" {
		const guesses = "wrong access keys from your address"
		if subtle.ConstantTimeCompare([]byte(key), []byte(a.AccessKey)) == 0 {
			if key != "" { // without one, it is a question and no guess
				if err := a.rates.guesses.take(peer, now, guesses); err != nil {
					return err
				}
			}
			return problem.New(problem.AccessKeyRequired, "This hub asks for an access key: the operator has it.")
		}
		// Who has used up all guesses does not learn that this one is right.
		if err := a.rates.guesses.look(peer, now, guesses); err != nil {
			return err
		}
	}
	if err := a.rates.sessions.take(peer, now, "new sessions from your address"); err != nil {
		return err
	}
	open, err := a.Accounts.Count(c.Request.Context())
	if err == nil && open >= a.Limits.Sessions {
		p := problem.New(problem.RateLimited, "This server has as many sessions as it may have: wait until somebody has ended theirs.")
		p.Wait = time.Minute
		return p
	}
	return err
}

func (a *api) getSession(c *gin.Context) {
	session, err := a.Accounts.Get(c.Request.Context(), c.GetString(sessionKey))
	if err != nil {
		a.fail(c, err)
		return
	}
	a.renewCookie(c)
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

// decodeJSON reads one JSON object of most bytes into v; an empty body leaves v as it is.
func decodeJSON(c *gin.Context, most int64, v any) error {
	body, err := bodyOf(c.Writer, c.Request)
	if err != nil {
		return err
	}
	body.limit(c.Writer, most)
	decoder := json.NewDecoder(body)
	decoder.DisallowUnknownFields()
	err = decoder.Decode(v)
	if errors.Is(err, io.EOF) {
		return nil
	}
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return problem.Newf(problem.BadRequest, "The body is larger than %d bytes.", tooLarge.Limit)
	case body.err != nil:
		return broken(body.err)
	case err != nil:
		return notExpected(err)
	}
	if decoder.More() {
		return problem.New(problem.BadRequest, "The body holds more than one JSON object.")
	}
	return nil
}

// notExpected says what is wrong with a JSON body, without the names that its decoder has for things.
func notExpected(err error) error {
	var wrong *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	says := strings.TrimPrefix(err.Error(), "json: ")
	switch {
	case errors.As(err, &wrong) && wrong.Field != "":
		says = fmt.Sprintf("%s cannot be of the type %s", strings.TrimPrefix(wrong.Field, "Options."), wrong.Value)
	case errors.As(err, &wrong):
		says = "it is of the type " + wrong.Value
	case errors.As(err, &syntax):
		says = fmt.Sprintf("%v, at byte %d", syntax, syntax.Offset)
	}
	return problem.Newf(problem.BadRequest, "The body is not the JSON object that is expected: %s.", says)
}

func cleanName(name string) (string, error) {
	name = oneLine(name)
	switch {
	case name == "":
		return unnamed, nil
	case utf8.RuneCountInString(name) > maxName:
		return "", problem.Newf(problem.BadRequest, "The name is longer than %d characters.", maxName)
	}
	return name, nil
}

// oneLine is text without what nobody sees, such as the end of a line, and without blanks around it.
func oneLine(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, text))
}
