package server

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"seghub/api/apitest"
	"seghub/app/config"
	"seghub/gpuexec/ort"
	"seghub/models/sample"
	"seghub/sessions"
)

const (
	model   = "unet_spherohq"
	weights = "../../models/weights"
	// patience bounds every wait of these tests: far beyond what a slow machine needs.
	patience = 2 * time.Minute
)

func TestMain(m *testing.M) {
	// A pool that could not dial tries again after a second, and sees only then that it was closed; so long goleak does not wait.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"))
}

// settings are the defaults on a free port, in a folder of the test's own, without a redis-server.
func settings(tb testing.TB) config.Config {
	tb.Helper()
	if _, err := os.Stat(ort.DefaultLibrary()); err != nil {
		tb.Skip("left out: ONNX Runtime library is absent; scripts/fetch-onnxruntime gets it")
	}
	var c config.Config
	parser, err := kong.New(&c)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := parser.Parse([]string{"--listen=127.0.0.1:0", "--redis=embedded", "--device=cpu", "--models=" + weights, "--data=" + tb.TempDir(), "--min-free=0", "--warm=" + model}); err != nil {
		tb.Fatal(err)
	}
	return c
}

// serve runs a hub until the test ends or stop is called, which returns once it is down.
func serve(tb testing.TB, c config.Config) (base string, stop func()) {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	addresses := make(chan string, 1)
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, c, slog.New(slog.NewTextHandler(tb.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})), func(a string) { addresses <- a })
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			tb.Errorf("the hub ended with: %v", err)
		}
	})
	tb.Cleanup(stop)
	select {
	case address := <-addresses:
		return "http://" + address, stop
	case err := <-ended:
		ended <- err
		tb.Fatalf("the hub did not start: %v", err)
	case <-time.After(patience):
		tb.Fatal("the hub did not start in time")
	}
	return "", nil
}

var readContract sync.Once

var theContract *apitest.Validator // set by readContract

// contract is what every answer and every frame of these tests is held against.
func contract(tb testing.TB) *apitest.Validator {
	tb.Helper()
	readContract.Do(func() { theContract = apitest.New(tb) })
	return theContract
}

// user is one person at the hub.
type user struct {
	tb      testing.TB
	base    string
	token   string
	session string
	http    *http.Client
}

func newUser(tb testing.TB, base, name string) *user {
	tb.Helper()
	u := &user{tb: tb, base: base, http: &http.Client{Transport: &http.Transport{}}}
	tb.Cleanup(u.http.CloseIdleConnections)
	var created struct {
		Session sessions.Session
		Token   string
	}
	u.json("POST", "/api/v1/sessions", strings.NewReader(fmt.Sprintf(`{"name":%q}`, name)), "application/json", http.StatusCreated, &created)
	u.token, u.session = created.Token, created.Session.ID
	return u
}

// call makes one HTTP call and gives the whole answer.
func (u *user) call(method, path string, body io.Reader, contentType string) (int, http.Header, []byte) {
	u.tb.Helper()
	request, err := http.NewRequestWithContext(context.Background(), method, u.base+path, body)
	if err != nil {
		u.tb.Fatal(err)
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	request.Header.Set("Authorization", "Bearer "+u.token)
	response, err := u.http.Do(request)
	if err != nil {
		u.tb.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		u.tb.Fatal(err)
	}
	contract(u.tb).Response(u.tb, method, path, response.StatusCode, response.Header.Get("Content-Type"), data)
	return response.StatusCode, response.Header, data
}

func (u *user) json(method, path string, body io.Reader, contentType string, want int, v any) {
	u.tb.Helper()
	status, _, data := u.call(method, path, body, contentType)
	if status != want {
		u.tb.Fatalf("%s %s: status %d, want %d: %s", method, path, status, want, data)
	}
	if err := json.Unmarshal(data, v); err != nil {
		u.tb.Fatalf("%s %s: %v: %s", method, path, err, data)
	}
}

// get reads a file.
func (u *user) get(path string) []byte {
	u.tb.Helper()
	status, _, data := u.call("GET", path, nil, "")
	if status != http.StatusOK {
		u.tb.Fatalf("GET %s: status %d: %s", path, status, data)
	}
	return data
}

// upload is what POST /images answers.
type upload struct {
	Accepted []sessions.Job
	Rejected []struct{ Filename, Code, Detail string }
	Code     string // of a problem
}

// upload sends images; status is the one to expect.
func (u *user) upload(status int, images ...[]byte) upload {
	u.tb.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	err := form.WriteField("model", model)
	for i, data := range images {
		var part io.Writer
		if part, err = form.CreateFormFile("files", fmt.Sprintf("%d.png", i)); err == nil {
			_, err = part.Write(data)
		}
		if err != nil {
			break
		}
	}
	if err == nil {
		err = form.Close()
	}
	if err != nil {
		u.tb.Fatal(err)
	}
	var answer upload
	u.json("POST", "/api/v1/images", &body, form.FormDataContentType(), status, &answer)
	return answer
}

// frame is one message of the socket: what its type has of these.
type frame struct {
	Type      string            `json:"type"`
	Seq       int64             `json:"seq"`
	Session   *sessions.Session `json:"session"`
	Job       *sessions.Job     `json:"job"`
	Jobs      []sessions.Job    `json:"jobs"`
	JobID     string            `json:"job_id"`
	Stage     string            `json:"stage"`
	Percent   int               `json:"percent"`
	Position  int               `json:"position"`
	Waiting   int               `json:"waiting"`
	Resumed   bool              `json:"resumed"`
	Gap       bool              `json:"gap"`
	Final     bool              `json:"final"`
	Width     int               `json:"width"`
	Height    int               `json:"height"`
	Code      string            `json:"code"`
	Reconnect int               `json:"reconnect_after_ms"`
	PNG       []byte
	Raw       []byte
}

// socket is a user's connection. Frames are read as they come, as a page does: a hub gives up whom it has not heard for a minute, which one may be
// that uploads on a slow machine. Whoever calls next has the next of them.
type socket struct {
	tb    testing.TB
	conn  *websocket.Conn
	came  chan message
	ended error // of the connection, once next has come to its end
}

// message is a frame as it came, or the error that ended the connection.
type message struct {
	kind int
	data []byte
	err  error
}

// connect opens a socket; since is "" or "?since=SEQ".
func (u *user) connect(since string) *socket {
	u.tb.Helper()
	dialer := websocket.Dialer{Subprotocols: []string{"seghub.v1"}, HandshakeTimeout: patience}
	conn, response, err := dialer.Dial("ws"+strings.TrimPrefix(u.base, "http")+"/api/v1/ws"+since, http.Header{"Authorization": {"Bearer " + u.token}})
	if err != nil {
		u.tb.Fatalf("connect: %v (%v)", err, response)
	}
	s := &socket{tb: u.tb, conn: conn, came: make(chan message, 10_000)} // more than any test is sent
	go func() {
		defer close(s.came)
		for {
			kind, data, err := conn.ReadMessage()
			if s.came <- (message{kind, data, err}); err != nil {
				return
			}
		}
	}()
	u.tb.Cleanup(func() {
		conn.Close()
		for range s.came { // until it has ended
		}
	})
	return s
}

// next gives one frame, or the error that ended the connection.
func (s *socket) next() (f frame, err error) {
	if s.ended != nil {
		return f, s.ended
	}
	var m message
	select {
	case m = <-s.came:
	case <-time.After(patience):
		return f, errors.New("no frame came in time")
	}
	if s.ended = m.err; s.ended != nil {
		return f, s.ended
	}
	data := m.data
	contract(s.tb).Frame(s.tb, apitest.FromServer, data)
	if m.kind == websocket.BinaryMessage {
		length := binary.BigEndian.Uint32(data)
		f.PNG = data[4+length:]
		data = data[4 : 4+length]
	}
	f.Raw = data
	return f, json.Unmarshal(data, &f)
}

// until reads frames until want is true of one, and gives all of them.
func (s *socket) until(want func(frame) bool) []frame {
	s.tb.Helper()
	var seen []frame
	for {
		f, err := s.next()
		if err != nil {
			s.tb.Fatalf("after %d frames: %v", len(seen), err)
		}
		seen = append(seen, f)
		if want(f) {
			return seen
		}
	}
}

// untilAtWork waits until a job is in a worker's hand. Of its progress nothing may be told: what is not read in time gives way to what follows.
func (s *socket) untilAtWork() []frame {
	s.tb.Helper()
	return s.until(func(f frame) bool { return f.Type == "job" && f.Job.State == sessions.JobRunning })
}

// untilEnded reads until n jobs have ended.
func (s *socket) untilEnded(n int) []frame {
	s.tb.Helper()
	return s.until(func(f frame) bool {
		if f.Type == "job" && ended(f.Job.State) {
			n--
		}
		return n == 0
	})
}

func ended(s sessions.JobState) bool {
	return s == sessions.JobDone || s == sessions.JobFailed || s == sessions.JobCancelled
}

// samplePNG is one of the pictures that the project makes itself.
func samplePNG(tb testing.TB, i int) []byte {
	tb.Helper()
	names := sample.Names()
	data, err := sample.PNG(names[i%len(names)])
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// realImage reads a file of the real images, or skips.
func realImage(tb testing.TB, path string) []byte {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("../../../shared/data", path))
	if err != nil {
		tb.Skip("left out: real images are absent: ../shared/data")
	}
	return data
}
