package httpapi

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"seghub/sessions/problem"
)

const (
	headway       = 32 << 10 // bytes that a client must have sent, or taken, within one patience
	unreadBytes   = 64 << 20 // read on after the answer, so that the client gets to see it
	unreadTimeout = 10 * time.Second
)

// patientBody lets a request's body last as long as it makes headway, and remembers what broke it: whoever
// reads through it cannot always tell a client that left from a disk that failed.
type patientBody struct {
	io.ReadCloser // raw, or what bounds it
	raw           io.ReadCloser
	control       *http.ResponseController
	patience      time.Duration
	left          time.Duration // of patience, for the headway that is awaited
	came          int           // bytes of it that are here
	begun, ended  bool
	err           error // of the connection; nil while all is well and at the end
}

func newPatientBody(body io.ReadCloser, control *http.ResponseController, patience time.Duration) *patientBody {
	return &patientBody{ReadCloser: body, raw: body, control: control, patience: patience, left: patience}
}

// bodyOf is the body that New has put into every request that has one. One that is compressed is refused.
func bodyOf(w http.ResponseWriter, r *http.Request) (*patientBody, error) {
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		// As for a wrong method, the status says it.
		p := problem.Newf(problem.BadRequest, "The body is compressed (Content-Encoding: %s): send it as it is.", coding)
		p.Status = http.StatusUnsupportedMediaType
		return nil, p
	}
	if body, ok := r.Body.(*patientBody); ok {
		return body, nil
	}
	return newPatientBody(r.Body, http.NewResponseController(w), patience), nil
}

// limit makes reading more than n bytes an *http.MaxBytesError.
func (b *patientBody) limit(w http.ResponseWriter, n int64) {
	b.ReadCloser = http.MaxBytesReader(w, b.raw, n)
}

// Read reads on. Only time spent waiting for the client counts against its patience.
func (b *patientBody) Read(p []byte) (int, error) {
	b.begun = true
	began := time.Now()
	// A connection that knows no deadlines, as in tests, has none to move.
	_ = b.control.SetReadDeadline(began.Add(b.left))
	n, err := b.ReadCloser.Read(p)
	b.left -= time.Since(began)
	if b.came += n; b.came >= headway {
		b.came, b.left = 0, b.patience
	}
	if err != nil {
		b.ended = true
		b.relax()
		if !errors.Is(err, io.EOF) {
			b.err = err
		}
	}
	return n, err
}

// relax gives the connection back without a deadline.
func (b *patientBody) relax() {
	_ = b.control.SetReadDeadline(time.Time{})
}

// whole tells whether the body was read to its end.
func (b *patientBody) whole() bool { return b.ended && b.err == nil }

// readOn reads what was left of a body once its request is answered: a connection that is closed on a client that still
// sends shows it a reset instead of the answer. A client that waits to be told to go on sends nothing. The connection ends
// after that.
func (b *patientBody) readOn(r *http.Request) {
	if b.whole() {
		return
	}
	var tooLarge *http.MaxBytesError
	waits := r.Header.Get("Expect") != "" && !b.begun
	if !waits && (!b.ended || errors.As(b.err, &tooLarge)) {
		_ = b.control.Flush()
		_ = b.control.SetReadDeadline(time.Now().Add(min(unreadTimeout, b.patience)))
		_, _ = io.CopyN(io.Discard, b.raw, unreadBytes)
	}
	// The server looks once more for the end of the body: it is not to wait for that.
	_ = b.control.SetReadDeadline(time.Unix(1, 0))
}
