package httpapi

import (
	"errors"
	"io"
	"net/http"
	"time"
)

// patience is how long a client may send nothing in the middle of an upload.
const patience = 30 * time.Second

// patientBody lets an upload last as long as it makes headway, and remembers what broke it: whoever
// reads through it cannot always tell a client that left from a disk that failed.
type patientBody struct {
	io.ReadCloser
	control  *http.ResponseController
	extended time.Time
	err      error // of the connection; nil while all is well and at the end
}

func (b *patientBody) Read(p []byte) (int, error) {
	if now := time.Now(); now.Sub(b.extended) > time.Second {
		b.extended = now
		// A connection that knows no deadlines, as in tests, has none to extend.
		_ = b.control.SetReadDeadline(now.Add(patience))
	}
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		b.err = err
	}
	return n, err
}

// relax gives the connection back without a deadline.
func (b *patientBody) relax() {
	_ = b.control.SetReadDeadline(time.Time{})
}
