package httpapi

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"time"
)

// patience is how long a client may take for one headway: to send it in a body, or to take it of an answer.
const patience = 30 * time.Second

// paced gives every connection deadlines that move with its client's headway, in both directions, and lets a client
// that sends more than is wanted read its answer. A handler that computes has all the time it needs.
func paced(next http.Handler, patience time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		answer := &pacedWriter{ResponseWriter: w, control: control, patience: patience}
		// What the request before on this connection was given does not count.
		_ = control.SetWriteDeadline(time.Time{})
		if !r.ProtoAtLeast(1, 1) {
			defer resetUntilWhole(r)()
		}
		if r.Body == nil || r.Body == http.NoBody {
			next.ServeHTTP(answer, r)
			answer.extend()
			return
		}
		// Answers are small where bodies are large: there is no client that must be read to its end before it reads.
		_ = control.EnableFullDuplex()
		body := newPatientBody(r.Body, control, patience)
		answer.body = body
		r = r.WithContext(r.Context()) // a copy: the server knows its own body by its type
		r.Body = body
		next.ServeHTTP(answer, r)
		answer.extend()
		if !answer.begun {
			answer.WriteHeader(http.StatusOK)
		}
		body.readOn(r)
	})
}

type connKey struct{}

// ConnContext is to be the server's: it tells requests which connection they came by.
func ConnContext(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, conn)
}

// resetUntilWhole has the connection of a request of HTTP/1.0 reset where it ends before whole is called: by a failure, with the server, or
// with the process. Without the chunks of HTTP/1.1, which nginx asks for only when it is told to, an orderly end is that of a whole answer.
func resetUntilWhole(r *http.Request) (whole func()) {
	conn, ok := r.Context().Value(connKey{}).(*net.TCPConn)
	if !ok {
		return func() {}
	}
	_ = conn.SetLinger(0) // what fails of a connection that is gone changes nothing
	return func() { _ = conn.SetLinger(-1) }
}

// pacedWriter writes in pieces, each of which has its own deadline.
type pacedWriter struct {
	http.ResponseWriter
	control  *http.ResponseController
	patience time.Duration
	body     *patientBody // of the request, if it has one
	begun    bool         // the head is on its way
	hijacked bool
}

// WriteHeader ends the connection with this answer where the body has not been read: what is still to come of that must not be
// taken for the next request, and nobody waits for it longer than readOn does.
func (w *pacedWriter) WriteHeader(status int) {
	if status >= http.StatusOK {
		w.begun = true
		if w.body != nil && !w.body.whole() {
			w.Header().Set("Connection", "close")
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *pacedWriter) Write(p []byte) (n int, err error) {
	if !w.begun {
		w.WriteHeader(http.StatusOK)
	}
	for {
		w.extend()
		m, err := w.ResponseWriter.Write(p[n:min(len(p), n+headway)])
		if n += m; err != nil || n == len(p) {
			return n, err
		}
	}
}

// extend gives the client time for what is written next.
func (w *pacedWriter) extend() {
	if !w.hijacked {
		_ = w.control.SetWriteDeadline(time.Now().Add(w.patience))
	}
}

// Flush sends what is written so far.
func (w *pacedWriter) Flush() { _ = w.control.Flush() }

// Hijack gives the connection away, for a socket.
func (w *pacedWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.hijacked = true
	return w.control.Hijack()
}

// Unwrap is for http.ResponseController.
func (w *pacedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
