package httpapi

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"seghub/api/pipetest"
	"seghub/sessions/problem"
)

// dial opens a connection to an edge, for what an HTTP client would not do.
func (e *edge) dial() net.Conn { return dial(e.t, e.server.Listener.Addr().String()) }

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	if err := connection.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return connection
}

// TestRefusedUploadReadsItsAnswer sends all of a body that nobody wants before it reads, as most programs do.
func TestRefusedUploadReadsItsAnswer(t *testing.T) {
	for name, test := range map[string]struct {
		head   string
		status int
		code   problem.Code
	}{
		"no such token":    {"POST /api/v1/images HTTP/1.1\r\nAuthorization: Bearer gone\r\n", 401, problem.Unauthorized},
		"no such call":     {"POST /api/v1/pictures HTTP/1.1\r\n", 404, problem.NotFound},
		"no such method":   {"PUT /api/v1/images HTTP/1.1\r\n", 405, problem.BadRequest},
		"too long a body":  {"POST /api/v1/sessions HTTP/1.1\r\n", 400, problem.BadRequest},
		"something to get": {"GET /api/v1/session HTTP/1.1\r\n", 401, problem.Unauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			connection := newEdge(t, nil).dial()
			body := append([]byte(`{"name":"`), bytes.Repeat([]byte{'a'}, 8<<20)...)
			fmt.Fprintf(connection, "%sHost: localhost\r\nContent-Length: %d\r\n\r\n", test.head, len(body))
			if _, err := connection.Write(body); err != nil {
				t.Fatalf("the connection broke while the body was sent: %v", err)
			}
			response, err := http.ReadResponse(bufio.NewReader(connection), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			data, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			answer{response, data}.isProblem(t, test.status, test.code)
		})
	}
}

// TestClientThatAsksFirstIsNotMadeToSend offers a body that is refused before it is sent.
func TestClientThatAsksFirstIsNotMadeToSend(t *testing.T) {
	connection := newEdge(t, nil).dial()
	fmt.Fprint(connection, "POST /api/v1/images HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 1000000\r\n\r\n")
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusUnauthorized {
		t.Errorf("status %d", response.StatusCode)
	}
}

// pacedServer runs handler behind the deadlines, in a synctest bubble. It gives a connection to it, and tells how each of its requests ended.
func pacedServer(t *testing.T, handler func(http.ResponseWriter, *http.Request) error) (connection net.Conn, ended <-chan error) {
	t.Helper()
	ends := make(chan error, 10)
	server := httptest.NewUnstartedServer(paced(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { ends <- handler(w, r) }), patience))
	server.Listener.Close()
	pipes := pipetest.Listen()
	server.Listener = pipes
	server.Start()
	t.Cleanup(server.Close)
	connection, err := pipes.Dial("", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	return connection, ends
}

func readAll(_ http.ResponseWriter, r *http.Request) error {
	_, err := io.Copy(io.Discard, r.Body)
	return err
}

func TestBodyThatMakesNoHeadwayIsCut(t *testing.T) {
	for name, trickles := range map[string]bool{"silent": false, "trickling": true} {
		synctest.Test(t, func(t *testing.T) {
			connection, ended := pacedServer(t, readAll)
			fmt.Fprint(connection, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nbegin")
			tick := time.NewTicker(time.Second)
			defer tick.Stop()
			for {
				select {
				case err := <-ended:
					if !errors.Is(err, os.ErrDeadlineExceeded) {
						t.Errorf("%s: ended with %v", name, err)
					}
					return
				case <-tick.C:
					if trickles {
						_, _ = connection.Write([]byte{'.'}) // until it is cut
					}
				}
			}
		})
	}
}

// TestSlowButSteadyClient takes several times as long as the patience for the whole of a body and of an answer.
func TestSlowButSteadyClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const pieces, piece = 10, 4 * headway
		connection, ended := pacedServer(t, func(w http.ResponseWriter, r *http.Request) error {
			if err := readAll(w, r); err != nil {
				return fmt.Errorf("body: %w", err)
			}
			_, err := w.Write(make([]byte, pieces*piece))
			return err
		})
		tick := time.NewTicker(patience * 2 / 3)
		defer tick.Stop()
		fmt.Fprintf(connection, "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n", pieces*headway)
		for range pieces {
			<-tick.C
			if _, err := connection.Write(make([]byte, headway)); err != nil {
				t.Fatal(err)
			}
		}
		total := int64(0)
		for {
			<-tick.C
			n, err := io.CopyN(io.Discard, connection, piece)
			total += n
			if err != nil {
				break
			}
		}
		if err := <-ended; err != nil || total < pieces*piece {
			t.Errorf("%d bytes, %v", total, err)
		}
	})
}

func TestReaderThatTakesNothingIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		connection, ended := pacedServer(t, func(w http.ResponseWriter, _ *http.Request) error {
			_, err := w.Write(make([]byte, 1<<20))
			return err
		})
		fmt.Fprint(connection, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("ended with %v", err)
		}
	})
}

// TestConnectionEndsWithABodyThatIsNotRead answers before the body has come, which never comes, breaks off or is taken back.
func TestConnectionEndsWithABodyThatIsNotRead(t *testing.T) {
	for name, then := range map[string]func(*testing.T, net.Conn){
		"silent":     func(*testing.T, net.Conn) {},
		"broken off": func(_ *testing.T, c net.Conn) { c.Close() },
		"reset": func(t *testing.T, c net.Conn) {
			if err := c.(*net.TCPConn).SetLinger(0); err != nil {
				t.Error(err)
			}
			c.Close()
		},
		"another request": func(_ *testing.T, c net.Conn) { fmt.Fprint(c, "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n") },
	} {
		t.Run(name, func(t *testing.T) {
			asked, log := make(chan string, 10), make(chan string, 10)
			gone := make(chan struct{})
			server := httptest.NewUnstartedServer(paced(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked <- r.URL.Path
				w.WriteHeader(http.StatusForbidden)
			}), 200*time.Millisecond))
			server.Config.ErrorLog = slog.NewLogLogger(slog.NewTextHandler(lines(log), nil), slog.LevelError)
			server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
				if state == http.StateClosed {
					close(gone)
				}
			}
			server.Start()
			defer server.Close()
			connection := dial(t, server.Listener.Addr().String())
			fmt.Fprint(connection, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nbegin")
			response, err := http.ReadResponse(bufio.NewReader(connection), nil)
			if err != nil {
				t.Fatal(err)
			}
			if response.StatusCode != http.StatusForbidden || !response.Close {
				t.Errorf("status %d, last of the connection: %t", response.StatusCode, response.Close)
			}
			then(t, connection)
			<-gone
			if len(asked) != 1 || len(log) != 0 {
				t.Errorf("%d requests, %d lines in the log", len(asked), len(log))
			}
		})
	}
}

// lines are what is written to a log.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

// TestDeadlinesDoNotOutliveTheirRequest keeps a connection for longer than the patience between its requests, and has a
// handler think for longer than that.
func TestDeadlinesDoNotOutliveTheirRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		connection, _ := pacedServer(t, func(w http.ResponseWriter, r *http.Request) error {
			err := readAll(w, r)
			<-time.After(2 * patience) // thinking
			if r.Context().Err() != nil {
				err = r.Context().Err()
			}
			if err != nil {
				w.WriteHeader(http.StatusInternalServerError)
			} else {
				w.WriteHeader(http.StatusNoContent) // nothing that would be written in pieces
			}
			return err
		})
		reader := bufio.NewReader(connection)
		for _, request := range []string{
			"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
			"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
			"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
		} {
			fmt.Fprint(connection, request)
			response, err := http.ReadResponse(reader, nil)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != http.StatusNoContent {
				t.Errorf("%s: status %d", strings.Fields(request)[0], response.StatusCode)
			}
			<-time.After(2 * patience) // idle
		}
	})
}

// TestAnAnswerThatIsCutDoesNotLookWhole has the server go in the middle of an answer whose end only the connection's end can tell.
func TestAnAnswerThatIsCutDoesNotLookWhole(t *testing.T) {
	for path, whole := range map[string]bool{"/whole": true, "/cut": false} {
		server := httptest.NewUnstartedServer(paced(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, "a piece")
			w.(http.Flusher).Flush()
			if r.URL.Path == "/cut" {
				<-r.Context().Done()
			}
		}), patience))
		server.Config.ConnContext = ConnContext
		server.Start()
		connection := dial(t, server.Listener.Addr().String())
		fmt.Fprintf(connection, "GET %s HTTP/1.0\r\n\r\n", path)
		reader := bufio.NewReader(connection)
		if _, err := reader.ReadString('p'); err != nil { // of the piece, or of HTTP
			t.Fatal(err)
		}
		if !whole {
			if err := server.Config.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := io.ReadAll(reader); whole != (err == nil) {
			t.Errorf("%s ended with %v", path, err)
		}
		server.Close()
	}
}
