package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"seghub/gpuexec"
	"seghub/sessions/problem"
)

// TestAllowanceIsKept plays askers against a limiter: nobody gets more than the burst and what has come since, and whoever does
// as told by Retry-After is let in.
func TestAllowanceIsKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := allowance{burst: rapid.IntRange(1, 5).Draw(t, "burst"), perSecond: 2}
		l := newLimiter[int](a, 1)
		begin := time.Now()
		now := begin
		got := map[int]int{}
		t.Repeat(map[string]func(*rapid.T){
			"ask": func(t *rapid.T) {
				who := rapid.IntRange(0, 2).Draw(t, "who")
				err := l.take(who, now, "questions")
				var p *problem.Problem
				if errors.As(err, &p) {
					if again := l.look(who, now.Add(p.Wait+time.Millisecond), "questions"); p.Wait <= 0 || again != nil {
						t.Fatalf("told to wait %v: %v", p.Wait, again)
					}
					return
				}
				got[who]++
				if most := float64(a.burst) + now.Sub(begin).Seconds()*float64(a.perSecond); float64(got[who]) > most+1e-6 {
					t.Fatalf("%d got %d, may have %.2f", who, got[who], most)
				}
			},
			"wait": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(1, 2000).Draw(t, "ms")) * time.Millisecond)
			},
		})
	})
}

// TestLimiterForgets has far more askers than it remembers, and one who asks all the time among them.
func TestLimiterForgets(t *testing.T) {
	l := newLimiter[int](allowance{burst: 10, perSecond: 0.001}, 1)
	now, refused := time.Now(), 0
	for i := range 10 * remembered {
		_ = l.take(i+1, now, "questions")
		if i%1000 == 0 && l.take(0, now, "questions") != nil {
			refused++
		}
	}
	if n := len(l.young) + len(l.old); n > 2*remembered {
		t.Errorf("%d are remembered", n)
	}
	if refused != 10*remembered/1000-10 {
		t.Errorf("who asks all the time was refused %d times", refused)
	}
}

func TestNoLimits(t *testing.T) {
	l := newLimiter[string](uploadsOfSession, 0)
	for range 10_000 {
		if err := l.take("ada", time.Now(), "uploads"); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAClassSignsIn has thirty people behind one router sign in, mistype the key twice each, upload and connect five times.
func TestAClassSignsIn(t *testing.T) {
	e := newEdge(t, func(c *Config) { c.AccessKey, c.Limits.Uploads = "sesame", 256 })
	image := picture(t, 20, 20)
	for i := range 30 {
		for _, body := range []string{`{}`, `{"access_key":"simsalabim"}`, `{"access_key":"seasame"}`} {
			e.do("POST", "/api/v1/sessions", "", "", strings.NewReader(body)).isProblem(t, 401, problem.AccessKeyRequired)
		}
		var created createResponse
		e.do("POST", "/api/v1/sessions", "", "", strings.NewReader(`{"access_key":"sesame"}`)).decode(t, http.StatusCreated, &created)
		for range 5 {
			if got := e.get("/api/v1/ws", created.Token).Header.Get("Served"); got == "" {
				t.Fatalf("person %d: no socket", i)
			}
			if a := e.upload(created.Token, field("model", "unet"), file("a.png", image)); a.StatusCode != http.StatusAccepted {
				t.Fatalf("person %d: upload: %d %s", i, a.StatusCode, a.body)
			}
		}
	}
}

// TestGuessesOfTheKeyEnd lets no time pass while somebody guesses: a slow machine would give him more.
func TestGuessesOfTheKeyEnd(t *testing.T) {
	e := newEdge(t, func(c *Config) { c.AccessKey = "sesame" })
	synctest.Test(t, func(t *testing.T) {
		guess := func(key string) answer {
			request := httptest.NewRequestWithContext(t.Context(), "POST", "/api/v1/sessions", strings.NewReader(fmt.Sprintf(`{"access_key":%q}`, key)))
			request.Host = "localhost"
			recorder := httptest.NewRecorder()
			e.server.Config.Handler.ServeHTTP(recorder, request)
			return answer{recorder.Result(), recorder.Body.Bytes()}
		}
		for range 2 * guessesOfAddress.burst { // without one, it is a question and no guess
			guess("").isProblem(t, 401, problem.AccessKeyRequired)
		}
		for i := range guessesOfAddress.burst {
			guess(fmt.Sprint(i)).isProblem(t, 401, problem.AccessKeyRequired)
		}
		for _, key := range []string{"one more", "sesame"} { // the right one tells nothing now
			last := guess(key)
			last.isProblem(t, 429, problem.RateLimited)
			if wait := last.Header.Get("Retry-After"); wait != "2" {
				t.Errorf("Retry-After %q", wait)
			}
		}
	})
}

func TestNewSessionsOfAnAddressAreLimited(t *testing.T) {
	e := newEdge(t, func(c *Config) {
		c.Limits.Sessions, c.Proxies = 1000, []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	})
	from := func(address string) int {
		return e.ask("POST", "/api/v1/sessions", map[string]string{"X-Forwarded-For": address, "Host": "hub.example"}).StatusCode
	}
	made := 0
	for from("192.0.2.7") == http.StatusCreated {
		if made++; made > 2*sessionsOfAddress.burst {
			t.Fatal("there is no end")
		}
	}
	if made < sessionsOfAddress.burst {
		t.Errorf("%d sessions were made", made)
	}
	if status := from("192.0.2.8"); status != http.StatusCreated {
		t.Errorf("the neighbour: status %d", status)
	}
}

func TestSessionsAtOnceAreLimited(t *testing.T) {
	e := newEdge(t, func(c *Config) { c.Limits.Sessions = 2 })
	first := e.session()
	e.session()
	a := e.do("POST", "/api/v1/sessions", "", "", nil)
	a.isProblem(t, 429, problem.RateLimited)
	if a.Header.Get("Retry-After") != "60" {
		t.Errorf("Retry-After %q", a.Header.Get("Retry-After"))
	}
	e.do("DELETE", "/api/v1/session", first, "", nil)
	e.session()
}

func TestSocketsAreLimited(t *testing.T) {
	e := newEdge(t, nil)
	token := e.session()
	last := e.get("/api/v1/ws", token)
	for served := 1; last.Header.Get("Served") != ""; served++ {
		if served > 2*socketsOfSession.burst {
			t.Fatal("there is no end")
		}
		last = e.get("/api/v1/ws", token)
	}
	if got := last.Header.Get("Refused"); !strings.HasPrefix(got, string(problem.RateLimited)) {
		t.Errorf("refused with %q", got)
	}
	if got := e.get("/api/v1/ws", e.session()).Header.Get("Served"); got == "" {
		t.Error("another session is refused too")
	}
}

func TestUploadsAtOnce(t *testing.T) {
	c := newCrowd(32)
	ada, ben := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	var leave []func()
	enter := func(address netip.Addr, session string) error {
		out, err := c.enter(address, session)
		if err == nil {
			leave = append(leave, out)
		}
		return err
	}
	for i := range 16 {
		if err := enter(ada, fmt.Sprint("a", i)); err != nil {
			t.Fatal(err)
		}
	}
	if enter(ada, "one more") == nil {
		t.Error("an address has more than half of the places")
	}
	for range 2 {
		if err := enter(ben, "b"); err != nil {
			t.Fatal(err)
		}
	}
	if enter(ben, "b") == nil {
		t.Error("a session has more than a sixteenth")
	}
	for _, out := range leave {
		out()
	}
	if c.total != 0 || len(c.addresses) != 0 || len(c.sessions) != 0 {
		t.Errorf("left: %+v", c)
	}
}

// TestUploadIsNotReadWhereNoneIsTaken asks before the body, whose reading would block.
func TestUploadIsNotReadWhereNoneIsTaken(t *testing.T) {
	full := fmt.Errorf("breaker: %w", gpuexec.ErrOutOfMemory)
	e := newEdge(t, func(c *Config) { c.Admit = func() error { return full } })
	a := e.do("POST", "/api/v1/images", e.session(), "multipart/form-data; boundary=x", strings.NewReader("no form at all"))
	a.isProblem(t, 503, problem.GPUMemoryExhausted)
	full = nil
	e.upload(e.session(), field("model", "unet"), file("a.png", picture(t, 20, 20))).decode(t, http.StatusAccepted, new(uploadResponse))
}

// TestWaitingEndsTheLimit waits as long as it is told.
func TestWaitingEndsTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter[string](allowance{burst: 1, perSecond: 0.5}, 2)
		for range 2 { // the factor doubles the burst
			if err := l.take("ada", time.Now(), "x"); err != nil {
				t.Fatal(err)
			}
		}
		var p *problem.Problem
		if !errors.As(l.take("ada", time.Now(), "x"), &p) || p.RetryAfter() != time.Second {
			t.Fatalf("told %+v", p)
		}
		<-time.After(p.RetryAfter())
		if err := l.take("ada", time.Now(), "x"); err != nil {
			t.Error(err)
		}
	})
}
