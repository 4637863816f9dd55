package hub

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gorilla/websocket"

	"seghub/sessions"
	"seghub/sessions/problem"
)

func TestFirstConnectGetsASnapshot(t *testing.T) {
	w := loopback(t, nil)
	w.happenTimes("ada", 3)
	w.set("ada", func(s *scriptedSession) { s.jobs = []sessions.Job{{ID: "j1"}} })
	c := w.dial(t, "ada")
	if c.Subprotocol() != Subprotocol {
		t.Errorf("subprotocol %q", c.Subprotocol())
	}
	welcome := c.expect(typeWelcome)
	if welcome.Seq != 3 || welcome.Resumed || welcome.Gap || welcome.Session.ID != "ada" {
		t.Errorf("welcome %s", welcome.text)
	}
	snapshot := c.expect(typeSnapshot)
	if snapshot.Seq != 3 || len(snapshot.Jobs) != 1 || snapshot.Jobs[0].ID != "j1" {
		t.Errorf("snapshot %s", snapshot.text)
	}
	w.happen("ada", sessions.Message{Type: "job"})
	c.expectSeqs(4, 4)
}

func TestSnapshotOfNoJobsIsAList(t *testing.T) {
	c := loopback(t, nil).dial(t, "ada")
	c.expect(typeWelcome)
	if f := c.expect(typeSnapshot); !strings.Contains(f.text, `"jobs":[]`) {
		t.Errorf("snapshot %s", f.text)
	}
}

func TestResumeSendsWhatWasMissed(t *testing.T) {
	for _, tc := range []struct{ happened, since int64 }{
		{5, 5}, {5, 0}, {5, 2}, {3*logPage + 7, 1}, {logPage, 0}, {logPage + 1, 1},
	} {
		t.Run(fmt.Sprintf("%d of %d", tc.since, tc.happened), func(t *testing.T) {
			w := loopback(t, nil)
			w.happenTimes("ada", int(tc.happened))
			c := w.dial(t, fmt.Sprintf("ada?since=%d", tc.since))
			if f := c.expect(typeWelcome); !f.Resumed || f.Gap || f.Seq != tc.happened {
				t.Errorf("welcome %s", f.text)
			}
			c.expectSeqs(tc.since+1, tc.happened)
			w.happen("ada", sessions.Message{Type: "job"})
			c.expectSeqs(tc.happened+1, tc.happened+1)
		})
	}
}

func TestGapSendsASnapshot(t *testing.T) {
	w := loopback(t, nil)
	w.happenTimes("ada", 9)
	w.set("ada", func(s *scriptedSession) { s.forgotten = 5 })
	for _, since := range []string{"2", "4", "10"} {
		c := w.dial(t, "ada?since="+since)
		if f := c.expect(typeWelcome); f.Resumed || !f.Gap || f.Seq != 9 {
			t.Errorf("since %s: welcome %s", since, f.text)
		}
		if f := c.expect(typeSnapshot); f.Seq != 9 {
			t.Errorf("since %s: snapshot %s", since, f.text)
		}
	}
}

func TestAnotherEpochSendsASnapshot(t *testing.T) {
	w := loopback(t, nil)
	w.set("ada", func(s *scriptedSession) { s.epoch = "one" })
	w.happenTimes("ada", 9)
	c := w.dial(t, "ada?since=5&epoch=one")
	if f := c.expect(typeWelcome); !f.Resumed || f.Gap || !strings.Contains(f.text, `"epoch":"one"`) {
		t.Errorf("the same epoch: welcome %s", f.text)
	}
	c.expectSeqs(6, 9)

	// The log is rolled back under a client, and goes on with other events of the same numbers.
	w.beginAnew("ada", "two", 4)
	if f := c.expect(typeSnapshot); f.Seq != 4 || !strings.Contains(f.text, `"epoch":"two"`) {
		t.Errorf("snapshot %s", f.text)
	}
	w.happenTimes("ada", 6)
	c.expectSeqs(5, 10)

	late := w.dial(t, "ada?since=9&epoch=one")
	if f := late.expect(typeWelcome); f.Resumed || !f.Gap {
		t.Errorf("another epoch: welcome %s", f.text)
	}
	if f := late.expect(typeSnapshot); f.Seq != 10 {
		t.Errorf("snapshot %s", f.text)
	}
}

func TestEventsBetweenOpeningAndUpgradeAreNotLost(t *testing.T) {
	w := loopback(t, nil)
	w.happenTimes("ada", 2)
	// What is delivered before Subscribe returns is delivered before the queue knows where the client stands.
	early := false
	h := w.hub
	h.Sessions = earlyBird{scripted: w.scripted, early: &early}
	c := w.dial(t, "ada")
	c.greet()
	c.expectSeqs(3, 4)
	if f := c.next(); f.Percent != 7 {
		t.Errorf("got %s, want the progress that came early", f.text)
	}
	w.happen("ada", sessions.Message{Type: "job"})
	c.expectSeqs(5, 5)
	if !early {
		t.Fatal("nothing came early")
	}
}

func TestRefusals(t *testing.T) {
	for name, tc := range map[string]struct {
		target    string
		protocols []string
		refusal   error
		want      CloseCode
	}{
		"since is no number":   {target: "ada?since=abc", want: CloseProtocol},
		"since is negative":    {target: "ada?since=-1", want: CloseProtocol},
		"since is empty":       {target: "ada?since=", want: CloseProtocol},
		"since is too large":   {target: "ada?since=9223372036854775808", want: CloseProtocol},
		"other subprotocols":   {target: "ada", protocols: []string{"seghub.v0", "mqtt"}, want: CloseProtocol},
		"no such session":      {target: "ada", refusal: sessions.ErrNotFound, want: CloseSessionClosed},
		"closed session":       {target: "ada", refusal: sessions.ErrClosed, want: CloseSessionClosed},
		"not authorised":       {target: "ada", refusal: sessions.ErrUnauthorized, want: CloseUnauthorized},
		"sessions is draining": {target: "ada", refusal: sessions.ErrDraining, want: CloseGoingAway},
		"wrapped":              {target: "ada", refusal: fmt.Errorf("x: %w", sessions.ErrNotFound), want: CloseSessionClosed},
	} {
		t.Run(name, func(t *testing.T) {
			w := loopback(t, nil)
			w.refusal = tc.refusal
			if tc.protocols != nil {
				w.dialer.Subprotocols = tc.protocols
			}
			c := w.dial(t, tc.target)
			if reason := c.expectClose(tc.want); reason == "" {
				t.Error("no reason")
			}
		})
	}
}

func TestClientWithoutSubprotocolIsServed(t *testing.T) {
	w := loopback(t, nil)
	w.dialer.Subprotocols = nil
	w.dial(t, "ada").greet()
}

func TestOrigins(t *testing.T) {
	w := loopback(t, nil)
	own := strings.TrimPrefix(w.url, "ws://")
	for origin, want := range map[string]int{
		"http://" + own:              http.StatusSwitchingProtocols,
		"https://" + own:             http.StatusSwitchingProtocols,
		"https://lab.example":        http.StatusSwitchingProtocols,
		"https://LAB.example":        http.StatusSwitchingProtocols,
		"http://lab.example":         http.StatusForbidden,
		"https://lab.example.evil":   http.StatusForbidden,
		"https://evil.example":       http.StatusForbidden,
		"http://" + own + ".evil":    http.StatusForbidden,
		"http://evil.example@" + own: http.StatusForbidden,
		"null":                       http.StatusForbidden,
		"%":                          http.StatusForbidden,
	} {
		conn, answer, err := w.handshake("ada", http.Header{"Origin": {origin}})
		if answer.status != want {
			t.Errorf("origin %s: status %d, want %d (%v)", origin, answer.status, want, err)
		}
		if conn != nil {
			_ = conn.Close()
			continue
		}
		if got := answer.header.Get("Content-Type"); got != "application/problem+json" {
			t.Errorf("origin %s: content type %q", origin, got)
		}
		var p problem.Problem
		if err := json.Unmarshal(answer.body, &p); err != nil || p.Status != want || p.Code != problem.Forbidden {
			t.Errorf("origin %s: problem %+v, %v", origin, p, err)
		}
	}
}

// TestABrowserKnowsTheOrigin has one say whose page it is, behind a proxy that calls the hub by another name.
func TestABrowserKnowsTheOrigin(t *testing.T) {
	w := loopback(t, nil)
	for site, want := range map[string]int{
		"same-origin": http.StatusSwitchingProtocols, "same-site": http.StatusForbidden, "cross-site": http.StatusForbidden, "none": http.StatusForbidden,
	} {
		conn, answer, err := w.handshake("ada", http.Header{"Origin": {"https://hub.lab.example:8443"}, "Sec-Fetch-Site": {site}})
		if answer.status != want {
			t.Errorf("%s: status %d, want %d (%v)", site, answer.status, want, err)
		}
		if conn != nil {
			_ = conn.Close()
		}
	}
}

// TestTheOperatorHearsOfAForeignPage has the hub's own page come through a proxy that calls the hub by another name.
func TestTheOperatorHearsOfAForeignPage(t *testing.T) {
	var log strings.Builder
	w := loopback(t, func(h *Hub) { h.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	for range 3 {
		if _, answer, err := w.handshake("ada", http.Header{"Origin": {"https://hub.lab.example"}}); answer.status != http.StatusForbidden {
			t.Fatalf("status %d, %v", answer.status, err)
		}
	}
	w.hub.Stop() // nobody writes to the log any more
	own := strings.TrimPrefix(w.url, "ws://")
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "origin=https://hub.lab.example host="+own) {
		t.Errorf("the log says %q", got)
	}
}

func TestForeignOriginIsNotRefusedByCloseCode(t *testing.T) {
	w := loopback(t, nil)
	_, answer, err := w.handshake("ada?since=x", http.Header{"Origin": {"https://evil.example"}})
	if !errors.Is(err, websocket.ErrBadHandshake) || answer.status != http.StatusForbidden {
		t.Errorf("%v, %+v", err, answer)
	}
}

func TestPlainRequestGetsAProblem(t *testing.T) {
	w := loopback(t, nil)
	recorder := httptest.NewRecorder()
	w.hub.Serve(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/ada", nil), "ada", netip.Addr{})
	var p problem.Problem
	if err := json.Unmarshal(recorder.Body.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	if recorder.Code != http.StatusBadRequest || p.Code != problem.BadRequest || p.Detail == "" {
		t.Errorf("%d %+v", recorder.Code, p)
	}
}

func TestRedisFailureIsAProblem(t *testing.T) {
	w := loopback(t, nil)
	w.refusal = problem.New(problem.Timeout, "Redis is away.")
	_, answer, err := w.handshake("ada", nil)
	if !errors.Is(err, websocket.ErrBadHandshake) {
		t.Fatal(err)
	}
	if answer.status != http.StatusServiceUnavailable || answer.header.Get("Retry-After") != "2" {
		t.Errorf("status %d, header %v", answer.status, answer.header)
	}
}

func TestSocketsOfASessionAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := piped(t)
		clients := make([]*client, maxSocketsPerSession)
		for i := range clients {
			clients[i] = w.dial(t, "ada")
			clients[i].greet()
		}
		w.dial(t, "ada").expectClose(CloseTooMany)
		w.dial(t, "bob").greet()

		if err := clients[0].Close(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		w.dial(t, "ada").greet()
		w.dial(t, "ada").expectClose(CloseTooMany)
		if got := w.hub.Connections(); got != maxSocketsPerSession+1 {
			t.Errorf("%d connections", got)
		}
	})
}

func TestSocketsOfAllAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := piped(t)
		w.hub.MaxSockets = 3
		first := w.dial(t, "ada?from=192.0.2.1")
		first.greet()
		w.dial(t, "bob?from=192.0.2.1").expectClose(CloseTooMany) // an address has half of all
		w.dial(t, "bob?from=192.0.2.2").greet()
		w.dial(t, "cleo?from=192.0.2.3").greet()
		w.dial(t, "dora?from=192.0.2.4").expectClose(CloseTooMany)
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		w.hub.mu.Lock()
		if addresses, people := len(w.hub.perAddress), len(w.hub.perSession); addresses != 2 || people != 2 {
			t.Errorf("%d addresses and %d sessions are remembered of two sockets", addresses, people)
		}
		w.hub.mu.Unlock()
		w.dial(t, "dora?from=192.0.2.1").greet()
	})
}

// TestTheCallersCookieComesWithTheUpgrade: its page may make no other call for weeks.
func TestTheCallersCookieComesWithTheUpgrade(t *testing.T) {
	w := loopback(t, nil)
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Set-Cookie", "seghub=renewed")
		w.hub.Serve(rw, r, "ada", netip.Addr{})
	}))
	defer server.Close()
	w.url = "ws" + strings.TrimPrefix(server.URL, "http")
	conn, answer, err := w.handshake("", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if got := answer.header.Get("Set-Cookie"); got != "seghub=renewed" {
		t.Errorf("the cookie is %q", got)
	}
}

func TestRefuse(t *testing.T) {
	var reason error
	w := loopback(t, nil)
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.hub.Refuse(rw, r, reason)
	}))
	defer server.Close()
	w.url = "ws" + strings.TrimPrefix(server.URL, "http")
	for _, tc := range []struct {
		err  error
		want CloseCode
	}{
		{sessions.ErrUnauthorized, CloseUnauthorized},
		{fmt.Errorf("token: %w", sessions.ErrClosed), CloseSessionClosed},
		{problem.New(problem.RateLimited, "Slowly."), CloseTooMany},
	} {
		reason = tc.err
		if got := w.dial(t, "x").expectClose(tc.want); got != tc.want.reason() {
			t.Errorf("%v: reason %q", tc.err, got)
		}
	}
	reason = problem.New(problem.Timeout, "Redis is away.")
	if _, answer, err := w.handshake("x", nil); !errors.Is(err, websocket.ErrBadHandshake) || answer.status != http.StatusServiceUnavailable {
		t.Errorf("status %d, %v", answer.status, err)
	}
}

// TestRefusalsAreBounded has more sockets refused at once than the hub will talk to.
func TestRefusalsAreBounded(t *testing.T) {
	w := loopback(t, func(h *Hub) { h.refusing = maxRefusals })
	w.refusal = sessions.ErrUnauthorized
	if _, answer, err := w.handshake("ada", nil); !errors.Is(err, websocket.ErrBadHandshake) || answer.status != http.StatusTooManyRequests {
		t.Errorf("status %d, %v", answer.status, err)
	}
}
