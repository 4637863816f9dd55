package people

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// silence is how long a socket may say nothing at all: the hub pings every 20 s.
const silence = time.Minute

// Session is what is read of a session.
type Session struct {
	ID    string
	State string
	Slot  *int
}

// Job is what is read of a job.
type Job struct {
	ID    string
	State string
	Error json.RawMessage
}

// Ended tells whether nothing more will become of the job.
func (j Job) Ended() bool { return j.State == "done" || j.State == "failed" || j.State == "cancelled" }

// Reason tells whether the job says why it failed.
func (j Job) Reason() bool { return len(j.Error) > 0 && string(j.Error) != "null" }

// Frame is what is read of one message; of a binary one, of its header.
type Frame struct {
	Type     string
	Seq      int64
	Epoch    string
	Resumed  bool
	Gap      bool
	Session  Session
	Job      Job
	Jobs     []Job
	Position int
	At       time.Time `json:"-"` // when it came
}

// Socket is an open connection.
type Socket struct{ conn *websocket.Conn }

// A socket that says little needs little: thousands of them are in one process.
var dialer = websocket.Dialer{
	Subprotocols: []string{"seghub.v1"}, HandshakeTimeout: 20 * time.Second,
	ReadBufferSize: 1 << 10, WriteBufferSize: 512, WriteBufferPool: new(sync.Pool),
}

// Connect opens a socket at the hub at base, for what follows after the mark.
func (p *Person) Connect(ctx context.Context, base string, after Mark) (*Socket, error) {
	address := "ws" + strings.TrimPrefix(base, "http") + api + "/ws"
	if after.Epoch != "" {
		address += "?since=" + strconv.FormatInt(after.Seq, 10) + "&epoch=" + url.QueryEscape(after.Epoch)
	}
	conn, response, err := dialer.DialContext(ctx, address, http.Header{"Authorization": {"Bearer " + p.token}})
	if err != nil {
		if response != nil {
			return nil, fmt.Errorf("open a socket: status %d: %w", response.StatusCode, err)
		}
		return nil, fmt.Errorf("open a socket: %w", err)
	}
	_ = response.Body.Close() // it has none
	s := &Socket{conn}
	s.hope()
	conn.SetPingHandler(func(data string) error {
		s.hope()
		return conn.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(silence))
	})
	return s, nil
}

// hope waits once more for a sign of life.
func (s *Socket) hope() { _ = s.conn.SetReadDeadline(time.Now().Add(silence)) }

// Next reads a frame.
func (s *Socket) Next() (Frame, error) {
	kind, data, err := s.conn.ReadMessage()
	f := Frame{At: time.Now()}
	if err != nil {
		return f, err
	}
	s.hope()
	if kind == websocket.BinaryMessage {
		if len(data) < 4 || uint64(binary.BigEndian.Uint32(data)) > uint64(len(data)-4) {
			return f, errors.New("a binary frame without a header")
		}
		data = data[4 : 4+binary.BigEndian.Uint32(data)]
	}
	if err := json.Unmarshal(data, &f); err != nil {
		return f, fmt.Errorf("read a frame: %w: %.300s", err, data)
	}
	return f, nil
}

// Close cuts the connection.
func (s *Socket) Close() error { return s.conn.Close() }

// Over tells whether err is the end of a socket that is not to be opened again, as the table of close codes has it.
func Over(err error) bool {
	return websocket.IsCloseError(err, websocket.CloseNormalClosure, 4401, 4404, 4409)
}
