package hub

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"seghub/sessions"
	"seghub/sessions/problem"
)

func TestEveryWatcherOfASessionHearsIt(t *testing.T) {
	w := loopback(t, nil)
	ada := []*client{w.dial(t, "ada"), w.dial(t, "ada"), w.dial(t, "ada")}
	bob := w.dial(t, "bob")
	for _, c := range append(ada, bob) {
		c.greet()
	}
	w.happenTimes("ada", 50)
	w.happenTimes("bob", 1)
	for _, c := range ada {
		c.expectSeqs(1, 50)
	}
	bob.expectSeqs(1, 1)
}

func TestMaskIsABinaryFrame(t *testing.T) {
	w := loopback(t, nil)
	png := make([]byte, 300_000)
	_, _ = rand.Read(png)
	w.picture = func(_ context.Context, job string) ([]byte, error) {
		if job == "gone" {
			return nil, errors.New("no such file")
		}
		return png, nil
	}
	c := w.dial(t, "ada")
	c.greet()
	for _, job := range []string{"j1", "gone"} {
		w.happen("ada", sessions.Message{Type: typeMask, JobID: job})
	}
	w.happen("ada", sessions.Message{Type: "job"})

	if f := c.expect(typeMask); f.Seq != 1 || !bytes.Equal(f.picture, png) {
		t.Errorf("header %s, %d bytes of picture", f.text, len(f.picture))
	}
	if f := c.expect(typeMask); f.Seq != 2 || f.picture == nil || len(f.picture) != 0 {
		t.Errorf("header %s, %d bytes of picture; want none of a mask that is gone", f.text, len(f.picture))
	}
	c.expectSeqs(3, 3)
}

// Pieces have no seq, and the final mask of an image whose pieces stand has no picture.
func TestPiecesOfAMaskAreBinaryFrames(t *testing.T) {
	w := loopback(t, nil)
	w.picture = func(_ context.Context, piece string) ([]byte, error) {
		if piece == "j from row 64" {
			return nil, errors.New("no such file")
		}
		return []byte(piece), nil
	}
	c := w.dial(t, "ada")
	c.greet()
	for row := 0; row < 192; row += 64 {
		w.tell("ada", sessions.Message{Type: typeMask, Key: fmt.Sprint("mask/j/", row), JobID: "j", Row: row, Data: []byte(`{"type":"mask"}`)})
	}
	w.happen("ada", sessions.Message{Type: typeMask, JobID: "j", Bare: true})

	for _, row := range []int{0, 128} {
		if f := c.expect(typeMask); f.Seq != 0 || string(f.picture) != fmt.Sprintf("j from row %d", row) {
			t.Errorf("header %s, picture %q; want the piece from row %d", f.text, f.picture, row)
		}
	}
	if f := c.expect(typeMask); f.Seq != 1 || f.picture == nil || len(f.picture) != 0 {
		t.Errorf("header %s, %d bytes of picture; want none: the pieces stand", f.text, len(f.picture))
	}
}

func TestCancel(t *testing.T) {
	w := loopback(t, nil)
	asked := make(chan string, 1)
	w.cancel = func(_ context.Context, job string) error {
		asked <- job
		if job == "other" {
			return problem.New(problem.NotFound, "There is no such job.")
		}
		return nil
	}
	c := w.dial(t, "ada")
	c.greet()
	c.send(`{"type":"cancel","job_id":"mine"}`)
	if job := <-asked; job != "mine" {
		t.Errorf("cancelled %q", job)
	}
	c.send(`{"type":"cancel","job_id":"other"}`)
	f := c.expect(typeError)
	if <-asked; f.Code != problem.NotFound || f.Re.Type != commandCancel || f.Re.JobID != "other" {
		t.Errorf("error frame %s", f.text)
	}
}

func TestPingIsAnsweredWithItsID(t *testing.T) {
	c := loopback(t, nil).dial(t, "ada")
	c.greet()
	for _, id := range []string{`1`, `"a"`, `12345678901234567890`, `-0.5`} {
		c.send(`{"type":"ping","id":` + id + `}`)
		if f := c.expect(typePong); string(f.ID) != id {
			t.Errorf("got %s, want id %s", f.text, id)
		}
	}
	c.send(`{"type":"ping"}`)
	if f := c.expect(typePong); f.ID != nil {
		t.Errorf("got %s", f.text)
	}
}

func TestControlPingIsAnswered(t *testing.T) {
	c := loopback(t, nil).dial(t, "ada")
	c.greet()
	answered := make(chan string, 1)
	c.SetPongHandler(func(payload string) error { answered <- payload; return nil })
	if err := c.WriteControl(websocket.PingMessage, []byte("hello"), time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	c.send(`{"type":"ping"}`)
	c.expect(typePong)
	if got := <-answered; got != "hello" {
		t.Errorf("pong %q", got)
	}
}

func TestWhatIsNotTheProtocolCloses(t *testing.T) {
	for name, send := range map[string]func(*client) error{
		"binary": func(c *client) error { return c.WriteMessage(websocket.BinaryMessage, []byte{1, 2, 3}) },
		"10 MB of binary garbage": func(c *client) error {
			garbage := make([]byte, 10<<20)
			_, _ = rand.Read(garbage)
			// The hub may stop reading at any point.
			_ = c.WriteMessage(websocket.BinaryMessage, garbage)
			return nil
		},
		"10 MB of text": func(c *client) error {
			_ = c.WriteMessage(websocket.TextMessage, bytes.Repeat([]byte("x"), 10<<20))
			return nil
		},
		"one byte too many": func(c *client) error {
			return c.WriteMessage(websocket.TextMessage, paddedPing(maxCommand+1))
		},
		"no JSON":      func(c *client) error { return c.WriteMessage(websocket.TextMessage, []byte("hello")) },
		"unknown type": func(c *client) error { return c.WriteMessage(websocket.TextMessage, []byte(`{"type":"reboot"}`)) },
		"an empty frame": func(c *client) error {
			return c.WriteMessage(websocket.TextMessage, nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := loopback(t, nil)
			c := w.dial(t, "ada")
			c.greet()
			if err := send(c); err != nil {
				t.Fatal(err)
			}
			if reason := c.expectClose(CloseProtocol); reason == "" || reason == CloseProtocol.reason() {
				t.Errorf("reason %q does not say what was wrong", reason)
			}
			<-w.parted
		})
	}
}

// paddedPing is a ping of n bytes.
func paddedPing(n int) []byte {
	const frame = `{"type":"ping"}`
	return []byte(frame + strings.Repeat(" ", n-len(frame)))
}

func TestLargestFrameIsRead(t *testing.T) {
	c := loopback(t, nil).dial(t, "ada")
	c.greet()
	c.send(string(paddedPing(maxCommand)))
	c.expect(typePong)
}

func TestBrokenFramingEndsTheSocketAlone(t *testing.T) {
	w := loopback(t, nil)
	good, bad := w.dial(t, "ada"), w.dial(t, "ada")
	good.greet()
	bad.greet()
	garbage := make([]byte, 4096)
	for i := range garbage {
		garbage[i] = 0xff
	}
	if _, err := bad.NetConn().Write(garbage); err != nil {
		t.Fatal(err)
	}
	bad.expectClose(websocket.CloseProtocolError)
	if err := bad.Close(); err != nil {
		t.Fatal(err)
	}
	<-w.parted
	w.happenTimes("ada", 1)
	good.expectSeqs(1, 1)
}

func TestPeerThatVanishesIsForgotten(t *testing.T) {
	w := loopback(t, nil)
	c := w.dial(t, "ada")
	c.greet()
	if err := c.NetConn().Close(); err != nil {
		t.Fatal(err)
	}
	if got := <-w.parted; got != "ada" {
		t.Errorf("%q parted", got)
	}
}

func TestGoodByeIsAnswered(t *testing.T) {
	w := loopback(t, nil)
	c := w.dial(t, "ada")
	c.greet()
	bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	if err := c.WriteControl(websocket.CloseMessage, bye, time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	c.expectClose(CloseBye)
	<-w.parted
}

func TestClosedSessionClosesItsSockets(t *testing.T) {
	w := loopback(t, nil)
	live := w.dial(t, "ada")
	live.greet()
	w.happenTimes("ada", 2)
	w.happen("ada", sessions.Message{Type: "session", Last: true})
	live.expectSeqs(1, 3)
	live.expectClose(CloseSessionClosed)

	// One that is still catching up hears the end from the log.
	late := w.dial(t, "ada?since=0")
	late.expect(typeWelcome)
	late.expectSeqs(1, 3)
	late.expectClose(CloseSessionClosed)
}

func TestFloodIsRateLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // time stands still while the client sends
		w := piped(t)
		c := w.dial(t, "ada")
		c.greet()
		for i := range commandsPerSecond {
			c.send(fmt.Sprintf(`{"type":"ping","id":%d}`, i))
			c.expect(typePong)
		}
		c.send(`{"type":"ping","id":99}`)
		if f := c.expect(typeError); f.Code != problem.RateLimited || f.Re.Type != commandPing || string(f.Re.ID) != "99" {
			t.Errorf("error frame %s", f.text)
		}
		pass(time.Second / commandsPerSecond)
		c.send(`{"type":"ping"}`)
		c.expect(typePong)
	})
}

func TestStatsOnceASecondForThoseWhoWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := piped(t)
		var taken atomic.Int64
		var broken atomic.Bool
		w.hub.Stats = func(context.Context) (func(string) any, error) {
			taken.Add(1)
			if broken.Load() {
				return nil, errors.New("Redis is away")
			}
			return func(session string) any { return map[string]string{"you": session} }, nil
		}
		ada, bob, eve := w.dial(t, "ada"), w.dial(t, "bob"), w.dial(t, "eve")
		for _, c := range []*client{ada, bob, eve} {
			c.greet()
		}
		pass(10 * time.Second)
		synctest.Wait()
		if n := taken.Load(); n != 0 {
			t.Errorf("taken %d times for nobody", n)
		}

		ada.send(`{"type":"watch","stats":true}`)
		if f := ada.expect(typeStats); f.You != "ada" {
			t.Errorf("got %s", f.text)
		}
		begin := time.Now()
		bob.send(`{"type":"watch","stats":true}`)
		for range 5 {
			ada.expect(typeStats)
			if f := bob.expect(typeStats); f.You != "bob" {
				t.Errorf("got %s", f.text)
			}
		}
		if got := time.Since(begin); got != 5*time.Second || taken.Load() != 6 {
			t.Errorf("taken %d times in %v", taken.Load(), got)
		}

		bob.send(`{"type":"watch","stats":false}`)
		synctest.Wait()
		broken.Store(true)
		ada.send(`{"type":"ping"}`)
		pass(3 * time.Second)
		broken.Store(false)
		ada.expect(typePong)
		ada.expect(typeStats)
		bob.send(`{"type":"ping"}`)
		bob.expect(typePong)

		// Off and on again does not make it faster.
		before := taken.Load()
		for range 10 {
			ada.send(`{"type":"watch","stats":false}`)
			ada.send(`{"type":"watch","stats":true}`)
		}
		synctest.Wait()
		if n := taken.Load(); n != before {
			t.Errorf("taken %d times more", n-before)
		}
		eve.send(`{"type":"ping"}`)
		eve.expect(typePong)
	})
}
