package hub

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

func TestPeerIsPinged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := piped(t)
		c := w.dial(t, "ada")
		c.greet()
		begin := time.Now()
		var pings []time.Duration
		answer := c.PingHandler()
		c.SetPingHandler(func(payload string) error {
			pings = append(pings, time.Since(begin))
			return answer(payload)
		})
		go func() {
			pass(10 * time.Minute)
			w.happenTimes("ada", 1)
		}()
		if err := c.SetReadDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.ReadMessage(); err != nil {
			t.Fatalf("a peer that answers pings was dropped: %v", err)
		}
		if n := len(pings); n < 28 || n > 30 {
			t.Errorf("%d pings in ten minutes", n)
		}
		for i := 1; i < len(pings); i++ {
			if gap := pings[i] - pings[i-1]; gap < w.hub.pace.ping || gap > w.hub.pace.ping+w.hub.pace.beat {
				t.Errorf("%v between pings", gap)
			}
		}
	})
}

func TestSilentPeerIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := piped(t)
		c := w.dial(t, "ada")
		c.greet()
		c.SetPingHandler(func(string) error { return nil })
		begin := time.Now()
		if err := c.SetReadDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		_, _, err := c.ReadMessage()
		if !websocket.IsCloseError(err, websocket.CloseAbnormalClosure) {
			t.Errorf("got %v", err)
		}
		if after := time.Since(begin); after < w.hub.pace.silence || after > w.hub.pace.silence+2*w.hub.pace.beat {
			t.Errorf("dropped after %v", after)
		}
		synctest.Wait()
		if n := w.hub.Connections(); n != 0 {
			t.Errorf("%d connections", n)
		}
	})
}

// TestAGapIsNobodysSilence has the keeper look once when its clock has gone on by hours, as after a step of it or a suspend.
func TestAGapIsNobodysSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := piped(t)
		c := w.dial(t, "ada")
		c.greet()
		for _, s := range w.hub.list() {
			s.look(time.Now().Add(5 * time.Hour))
		}
		c.send(`{"type":"ping"}`)
		c.expect(typePong)
	})
}

// TestAPingIsASignOfLife has a peer ping by itself, and answer no pings.
func TestAPingIsASignOfLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := piped(t)
		c := w.dial(t, "ada")
		c.greet()
		c.SetPingHandler(func(string) error { return nil })
		go func() {
			for range 20 {
				pass(w.hub.pace.silence / 4)
				if err := c.WriteControl(websocket.PingMessage, nil, time.Time{}); err != nil {
					t.Error(err)
				}
			}
			w.happenTimes("ada", 1)
		}()
		if err := c.SetReadDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.ReadMessage(); err != nil {
			t.Errorf("a peer that pings was dropped: %v", err)
		}
	})
}

func TestAnyFrameIsASignOfLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := piped(t)
		c := w.dial(t, "ada")
		c.greet()
		c.SetPingHandler(func(string) error { return nil })
		for range 20 {
			pass(w.hub.pace.silence / 4)
			c.send(`{"type":"ping"}`)
			c.expect(typePong)
		}
	})
}
