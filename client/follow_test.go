package client

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

// serveEvents has each connection played by the next of plays, which gets the query that it came with.
func (s *scripted) serveEvents(plays ...func(query string, c *websocket.Conn)) {
	s.mux.HandleFunc("GET /api/v1/ws", func(w http.ResponseWriter, r *http.Request) {
		conn, err := s.upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		play := plays[0]
		plays = plays[1:]
		play(r.URL.RawQuery, conn)
	})
}

func say(t *testing.T, c *websocket.Conn, frames ...string) {
	t.Helper()
	for _, f := range frames {
		if err := c.WriteMessage(websocket.TextMessage, []byte(f)); err != nil {
			t.Error(err)
		}
	}
}

func closeWith(c *websocket.Conn, code int) {
	_ = c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), time.Time{})
	_, _, _ = c.ReadMessage()
}

func job(seq int) string { return fmt.Sprintf(`{"type":"job","seq":%d,"job":{"id":"j%d"}}`, seq, seq) }

// told is what came of a walk: a word an event.
func told(ctx context.Context, c *Client) (words []string, err error) {
	for event, err := range c.Events(ctx, Follow{}) {
		if err != nil {
			return words, err
		}
		switch e := event.(type) {
		case JobChanged:
			words = append(words, e.Job.ID)
		case MaskPiece:
			words = append(words, "mask "+e.JobID+" "+string(e.PNG))
		case Disconnected:
			words = append(words, "gone")
		case Snapshot:
			words = append(words, "snapshot")
		case Welcome:
		default:
			words = append(words, fmt.Sprintf("%T", e))
		}
	}
	return words, nil
}

func TestEventsGoOnWhereTheyStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := newScripted(t)
		var queries []string
		hub.serveEvents(
			func(query string, c *websocket.Conn) {
				queries = append(queries, query)
				say(t, c, `{"type":"welcome","seq":5,"epoch":"e1"}`, `{"type":"snapshot","seq":5,"epoch":"e1","jobs":[]}`, job(6), `{"type":"news"}`)
			},
			func(query string, c *websocket.Conn) { // one event is told twice, one is missing
				queries = append(queries, query)
				say(t, c, `{"type":"welcome","seq":9,"epoch":"e1","resumed":true}`, job(6), job(7), job(9))
				_, _, _ = c.ReadMessage()
			},
			func(query string, c *websocket.Conn) {
				queries = append(queries, query)
				header := `{"type":"mask","seq":8,"job_id":"j1","final":true}`
				mask := append(binary.BigEndian.AppendUint32(nil, uint32(len(header))), header+"PNG"...)
				say(t, c, `{"type":"welcome","seq":9,"epoch":"e1","resumed":true}`)
				if err := c.WriteMessage(websocket.BinaryMessage, mask); err != nil {
					t.Error(err)
				}
				say(t, c, job(9), `{"type":"draining","reconnect_after_ms":60000}`)
				closeWith(c, 1001)
			},
			func(query string, c *websocket.Conn) { // the log was lost, and the connection too, before the snapshot came
				queries = append(queries, query)
				say(t, c, `{"type":"welcome","seq":2,"epoch":"e2","gap":true}`)
			},
			func(query string, c *websocket.Conn) {
				queries = append(queries, query)
				say(t, c, `{"type":"welcome","seq":2,"epoch":"e2"}`, `{"type":"snapshot","seq":2,"epoch":"e2","jobs":[]}`, job(3))
				closeWith(c, 4404)
			},
		)
		began := time.Now()
		words, err := told(t.Context(), hub.open())
		if !HasCode(err, CodeUnauthorized) {
			t.Errorf("the end of the session: %v", err)
		}
		want := []string{"snapshot", "j6", "gone", "j7", "gone", "mask j1 PNG", "j9", "client.Draining", "gone", "gone", "snapshot", "j3"}
		if !slices.Equal(words, want) {
			t.Errorf("heard %q, want %q", words, want)
		}
		if want := []string{"", "epoch=e1&since=6", "epoch=e1&since=7", "epoch=e1&since=9", ""}; !slices.Equal(queries, want) {
			t.Errorf("asked with %q, want %q", queries, want)
		}
		if time.Since(began) < time.Minute {
			t.Error("a hub that goes down was not given the time that it asked for")
		}
	})
}

func TestSilentConnectionIsMadeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := newScripted(t)
		hub.serveEvents(
			func(_ string, c *websocket.Conn) {
				say(t, c, `{"type":"welcome","seq":1,"epoch":"e"}`, `{"type":"snapshot","seq":1,"epoch":"e"}`)
				gone := make(chan struct{})
				go func() {
					defer close(gone)
					_, _, _ = c.ReadMessage()
				}()
				<-time.After(40 * time.Second)
				_ = c.WriteControl(websocket.PingMessage, nil, time.Time{})
				<-time.After(40 * time.Second) // the ping has kept the connection
				say(t, c, job(2))
				<-gone
			},
			func(_ string, c *websocket.Conn) { closeWith(c, 4401) },
		)
		words, err := told(t.Context(), hub.open())
		if want := []string{"snapshot", "j2", "gone"}; !HasCode(err, CodeUnauthorized) || !slices.Equal(words, want) {
			t.Errorf("heard %q, want %q; %v", words, want, err)
		}
	})
}

func TestEventsEndWithTheirContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := newScripted(t)
		hub.serveEvents(func(_ string, c *websocket.Conn) {
			say(t, c, `{"type":"welcome","seq":1,"epoch":"e"}`)
			_, _, _ = c.ReadMessage()
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := told(ctx, hub.open()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("ended with %v", err)
		}
	})
}

// TestCloseCodesAreTheHubs holds the client's table against the one that hub and web client share.
func TestCloseCodesAreTheHubs(t *testing.T) {
	data, err := os.ReadFile("../hub/closecodes.json")
	if err != nil {
		t.Fatal(err)
	}
	var rows []struct {
		Code int
		Then string
	}
	if err := json.Unmarshal(data, &rows); err != nil {
		t.Fatal(err)
	}
	words := map[then]string{reconnect: "reconnect", wait: "wait", stop: "stop"}
	for _, row := range rows {
		if got := words[closes[row.Code].then]; got != row.Then {
			t.Errorf("%d: %s, want %s", row.Code, got, row.Then)
		}
	}
}

func TestWaitsStayBelowTheirCeiling(t *testing.T) {
	for attempt := range 100 {
		ceiling := usual.most
		if attempt < 5 {
			ceiling = usual.base << attempt
		}
		for range 50 {
			if d := usual.delay(attempt); d < 0 || d > ceiling {
				t.Fatalf("wait %v before try %d, at most %v", d, attempt, ceiling)
			}
		}
	}
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte(job(1)), false)
	f.Add([]byte("\x00\x00\x00\x02{}PNG"), true)
	f.Fuzz(func(_ *testing.T, data []byte, binary bool) {
		parse := parseText
		if binary {
			parse = parseBinary
		}
		_, _, _ = parse(data)
	})
}
