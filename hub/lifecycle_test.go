package hub

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"seghub/sessions"
)

func TestDrainThenStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := piped(t)
		c := w.dial(t, "ada")
		c.greet()
		w.hub.Drain(1500 * time.Millisecond)
		if f := c.expect(typeDraining); f.After != 1500 {
			t.Errorf("got %s", f.text)
		}
		w.dial(t, "bob").expectClose(CloseGoingAway)
		// Running jobs finish, and their clients hear it.
		w.happenTimes("ada", 1)
		c.expectSeqs(1, 1)
		w.happenTimes("ada", 3)
		go w.hub.Stop()
		c.expectSeqs(2, 4)
		c.expectClose(CloseGoingAway)
		synctest.Wait()
		w.dial(t, "bob").expectClose(CloseGoingAway)
	})
}

func TestNotStarted(t *testing.T) {
	w := loopback(t, nil)
	w.hub.Stop()
	w.dial(t, "ada").expectClose(CloseGoingAway)
	w.hub.Drain(time.Second)
	if err := w.hub.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	w.dial(t, "ada").greet()
}

func TestEndOfStartsContextStopsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := piped(t)
		w.hub.Stop()
		ctx, cancel := context.WithCancel(t.Context())
		if err := w.hub.Start(ctx); err != nil {
			t.Fatal(err)
		}
		c := w.dial(t, "ada")
		c.greet()
		cancel()
		synctest.Wait()
		w.happenTimes("ada", 1)
		c.expectSeqs(1, 1)
		c.send(`{"type":"watch","stats":true}`)
		c.expect(typeStats)
	})
}

func TestStopDoesNotWaitForSlowPeers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := piped(t)
		for range 5 {
			c := w.dial(t, "ada")
			c.greet()
		}
		w.happenTimes("ada", 10) // nobody reads
		begin := time.Now()
		w.hub.Stop()
		if took, limit := time.Since(begin), w.hub.pace.leave+2*w.hub.pace.beat; took > limit {
			t.Errorf("Stop took %v", took)
		}
		if n := w.hub.Connections(); n != 0 {
			t.Errorf("%d connections", n)
		}
	})
}

// TestStopBeforeASocketIsSeen has the hub stopped when a socket has its place and is not yet among those that Stop closes.
func TestStopBeforeASocketIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := piped(t).hub
		if _, ok := h.enter("ada", netip.Addr{}); !ok {
			t.Fatal("there is no place")
		}
		go h.Stop()
		synctest.Wait() // it waits for the one that has entered
		s := &socket{hub: h, queue: newQueue()}
		h.join(s)
		if end := s.queue.end(); end == nil || end.code != CloseGoingAway {
			t.Errorf("its ending is %+v", end)
		}
		h.part(s)
		h.exit("ada", netip.Addr{})
	})
}

// drainedMeanwhile has the hub go down while it subscribes.
type drainedMeanwhile struct {
	*scripted
	hub *Hub
}

func (d drainedMeanwhile) Subscribe(ctx context.Context, id string, since *sessions.Mark, deliver func(sessions.Message)) (*sessions.Subscription, error) {
	d.hub.Drain(1500 * time.Millisecond)
	return d.scripted.Subscribe(ctx, id, since, deliver)
}

// TestDrainBeforeASocketIsSeen has the hub go down when a socket has its place and is not yet among those that Drain tells.
func TestDrainBeforeASocketIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := piped(t)
		w.hub.Sessions = drainedMeanwhile{w.scripted, w.hub}
		c := w.dial(t, "ada")
		c.greet()
		if f := c.expect(typeDraining); f.After != 1500 {
			t.Errorf("got %s", f.text)
		}
	})
}

func TestStopEndsCallsThatHang(t *testing.T) {
	hang := func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}
	for name, begin := range map[string]func(w *world, c *client){
		"MaskPNG": func(w *world, _ *client) { w.happen("ada", sessions.Message{Type: typeMask, JobID: "j"}) },
		"Cancel":  func(_ *world, c *client) { c.send(`{"type":"cancel","job_id":"j"}`) },
		"Stats":   func(_ *world, c *client) { c.send(`{"type":"watch","stats":true}`) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := piped(t)
				w.picture = func(ctx context.Context, _ string) ([]byte, error) { return nil, hang(ctx) }
				w.cancel = func(ctx context.Context, _ string) error { return hang(ctx) }
				w.hub.Stats = func(ctx context.Context) (func(string) any, error) { return nil, hang(ctx) }
				c := w.dial(t, "ada")
				c.greet()
				begin(w, c)
				synctest.Wait()
				start := time.Now()
				w.hub.Stop()
				if took, limit := time.Since(start), w.hub.pace.call+w.hub.pace.beat; took > limit {
					t.Errorf("Stop took %v", took)
				}
			})
		})
	}
}

func TestStartAndStopUnderStress(t *testing.T) {
	w := loopback(t, nil)
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for range 25 {
				if err := w.hub.Start(context.Background()); err != nil {
					t.Error(err)
				}
				if i == 0 {
					w.hub.Drain(time.Millisecond)
				}
				w.hub.Stop()
			}
		})
		all.Go(func() {
			for range 25 {
				// The session is closed, refused or served, as it happens; what counts is that each socket ends.
				conn, _, err := w.handshake("ada", nil)
				if err != nil {
					t.Error(err)
					return
				}
				w.happen("ada", sessions.Message{Type: "job"})
				for err == nil {
					_, _, err = conn.ReadMessage()
				}
				var closed *websocket.CloseError
				if !errors.As(err, &closed) {
					t.Errorf("socket ended with %v", err)
				}
				_ = conn.Close()
			}
		})
	}
	// Sockets that were served live until the next Stop.
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		all.Wait()
	}()
	for done := false; !done; {
		select {
		case <-stopped:
			done = true
		default:
			w.hub.Stop()
		}
	}
	if n := w.hub.Connections(); n != 0 {
		t.Errorf("%d connections", n)
	}
}
