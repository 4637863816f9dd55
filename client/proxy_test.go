package client

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
)

// TestBehindAProxyThatAsksForAPassword has a proxy take the header that the token goes in elsewhere.
func TestBehindAProxyThatAsksForAPassword(t *testing.T) {
	hub := newScripted(t)
	hub.serveEvents(func(_ string, c *websocket.Conn) {
		say(t, c, `{"type":"welcome","seq":1,"epoch":"e"}`, `{"type":"snapshot","seq":1,"epoch":"e"}`)
		closeWith(c, 4404)
	})
	hub.mux.HandleFunc("GET /api/v1/session", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, Session{ID: "s1"}) })
	const cookie = "seghub_x"
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "ada" || password != "pass:word" || len(r.Header.Values("Authorization")) != 1 {
			http.Error(w, "Who are you?", http.StatusUnauthorized)
			return
		}
		if r.Method == http.MethodPost {
			http.SetCookie(w, &http.Cookie{Name: cookie, Value: "secret", Secure: true, HttpOnly: true})
		} else if sent, err := r.Cookie(cookie); err != nil || sent.Value != "secret" {
			t.Errorf("%s comes without the token: %v", r.URL.Path, r.Header)
		}
		hub.mux.ServeHTTP(w, r)
	}))
	t.Cleanup(proxy.Close)
	address := strings.Replace(proxy.URL, "://", "://ada:pass%3Aword@", 1)

	c, err := Open(t.Context(), Config{URL: address})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Disconnect)
	if s, err := c.Session(t.Context()); err != nil || s.ID != "s1" {
		t.Errorf("%+v, %v", s, err)
	}
	if words, err := told(t.Context(), c); !HasCode(err, CodeUnauthorized) || len(words) != 1 || words[0] != "snapshot" {
		t.Errorf("heard %q, %v", words, err)
	}
	if _, err := Open(t.Context(), Config{URL: address, Token: "secret"}); err == nil {
		t.Error("a token is taken, whose cookie has a name that nobody knows")
	}
}

// TestNoProxyLeadsToThisMachine is of the names of a hub that runs here: whoever has a proxy in the environment need not name them in NO_PROXY.
func TestNoProxyLeadsToThisMachine(t *testing.T) {
	own, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for host, here := range map[string]bool{
		own: true, strings.ToUpper(own): true, own + ".": true, own + ".local": true, "LOCALHOST": true,
		own + ".example": false, "not-" + own: false, "hub.example": false,
	} {
		if isOwnName(host) != here {
			t.Errorf("%s: here %t", host, !here)
		}
	}
}
