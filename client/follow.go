package client

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/gorilla/websocket"
)

const (
	subprotocol = "seghub.v1"
	// silence is how long a connection may say nothing: the hub pings every 20 s.
	silence = 50 * time.Second
	// hasten bounds what is written: a ping's answer and a wish.
	hasten = 10 * time.Second
)

// Follow says from where on to hear events.
type Follow struct {
	// Since and Epoch are those of the newest event that is known; without an Epoch, a Snapshot comes first.
	Since int64
	Epoch string
	Stats bool // hear Stats as well
}

// Events gives what happens in the session, kept events each once and in order, until ctx ends or the session does; then comes the
// error, and nothing after it. Connections that break are made again for as long as it takes: Disconnected tells of each.
func (c *Client) Events(ctx context.Context, follow Follow) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		f := follower{client: c, follow: follow, heard: follow.Epoch != "", yield: yield}
		if err := f.run(ctx); err != nil {
			yield(nil, err)
		}
	}
}

// errEnough is why following ends when nobody listens any more.
var errEnough = errors.New("enough")

// errMissed is why a connection is given up in which an event is missing.
var errMissed = errors.New("seghub: an event is missing")

// follower is one walk along a session's events, over as many connections as it takes.
type follower struct {
	client  *Client
	follow  Follow // where it stands
	heard   bool   // follow.Since and Epoch are of an event that is known
	attempt int    // tries since a connection last stood
	asked   time.Duration
	yield   func(Event, error) bool
}

// run gives nil when nobody listens any more, else why the events ended.
func (f *follower) run(ctx context.Context) error {
	for {
		err := f.connection(ctx)
		if errors.Is(err, errEnough) {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		pace, final := after(err)
		if final != nil {
			return final
		}
		wait := f.asked + pace.delay(f.attempt)
		f.asked = 0
		f.attempt++
		if !f.yield(Disconnected{Err: err, Wait: wait}, nil) {
			return nil
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
}

// after tells how to go on after a connection ended with err; final is the error that no other connection mends.
func after(err error) (pace backoff, final error) {
	var closed *websocket.CloseError
	if errors.As(err, &closed) {
		switch row := closes[closed.Code]; row.then {
		case stop:
			return pace, &Problem{Title: "The events ended", Detail: row.reason, Code: row.code}
		case wait:
			return patient, nil
		}
		return usual, nil
	}
	if p := (*Problem)(nil); errors.As(err, &p) && (p.Status == http.StatusBadRequest || p.Status == http.StatusUpgradeRequired) {
		return usual, nil // a proxy that lets no sockets through, before a hub that answers calls
	}
	if !passes(err) {
		return pace, err
	}
	return usual, nil
}

// connection follows over one connection until it ends, and says why it did.
func (f *follower) connection(ctx context.Context) error {
	conn, err := f.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	alive := func() { _ = conn.SetReadDeadline(time.Now().Add(silence)) }
	alive()
	conn.SetPingHandler(func(data string) error {
		alive()
		return conn.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(hasten))
	})
	if f.follow.Stats {
		_ = conn.SetWriteDeadline(time.Now().Add(hasten))
		if err := conn.WriteJSON(map[string]any{"type": "watch", "stats": true}); err != nil {
			return err
		}
	}
	for {
		kind, data, err := conn.ReadMessage()
		if err != nil {
			return err
		}
		alive()
		parse := parseText
		if kind == websocket.BinaryMessage {
			parse = parseBinary
		}
		event, k, err := parse(data)
		if err != nil {
			return err
		}
		if err := f.take(event, k); err != nil {
			return err
		}
	}
}

func (f *follower) dial(ctx context.Context) (*websocket.Conn, error) {
	address := "ws" + f.client.base[len("http"):] + "/ws"
	if f.heard {
		address += "?" + url.Values{"since": {strconv.FormatInt(f.follow.Since, 10)}, "epoch": {f.follow.Epoch}}.Encode()
	}
	header := http.Header{}
	f.client.authorise(header)
	conn, response, err := f.client.dialer.DialContext(ctx, address, header)
	if err != nil && response != nil {
		defer response.Body.Close()
		return nil, readProblem(response)
	}
	if err != nil {
		return nil, fmt.Errorf("seghub: connect: %w", err)
	}
	return conn, nil
}

// take hands one frame on, unless it is known already.
func (f *follower) take(event Event, k kept) error {
	switch e := event.(type) {
	case Welcome:
		f.attempt = 0 // a hub that takes a connection and closes it at once has not been reached
		if e.Gap {
			f.heard = false // the epoch of a log that was lost is of no use, and that of the new one goes with the snapshot
		}
	case Snapshot:
		f.follow.Since, f.follow.Epoch, f.heard = e.Seq, e.Epoch, true
	case Draining:
		f.asked = time.Duration(e.ReconnectAfterMS) * time.Millisecond
	default:
		switch {
		case k.Seq == 0:
		case k.Seq <= f.follow.Since:
			return nil
		case k.Seq > f.follow.Since+1:
			return errMissed
		default:
			f.follow.Since = k.Seq
		}
	}
	if event != nil && !f.yield(event, nil) {
		return errEnough
	}
	return nil
}
