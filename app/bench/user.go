package bench

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// frameLimit is how long a user waits for the next frame.
const frameLimit = 2 * time.Minute

// user is one person at the hub: a session and its socket, which is read all the time: a peer that answers no ping while other paths have
// their round would be taken for gone.
type user struct {
	http   *http.Client
	base   string
	token  string
	socket *websocket.Conn
	heard  chan heard // closed when no more will come
}

// heard is a frame, or why there are no more.
type heard struct {
	frame
	err error
}

// unheard is how many frames are read while nobody waits for them.
const unheard = 64

// newUser makes a session, opens its socket and waits until that tells of it.
func newUser(ctx context.Context, base, name string) (*user, error) {
	u := &user{http: &http.Client{Transport: &http.Transport{}}, base: base}
	var created struct{ Token string }
	if err := u.call(ctx, http.MethodPost, "/api/v1/sessions", "application/json", fmt.Appendf(nil, `{"name":%q}`, name), &created); err != nil {
		return nil, err
	}
	u.token = created.Token
	dialer := websocket.Dialer{Subprotocols: []string{"seghub.v1"}}
	header := http.Header{"Authorization": {"Bearer " + u.token}}
	socket, response, err := dialer.DialContext(ctx, "ws"+strings.TrimPrefix(base, "http")+"/api/v1/ws", header)
	if err != nil {
		return nil, fmt.Errorf("open a socket: %w", err)
	}
	_ = response.Body.Close() // it has none
	u.socket, u.heard = socket, make(chan heard, unheard)
	go u.listen()
	for {
		f, err := u.next()
		if err != nil {
			u.close()
			return nil, err
		}
		if f.Type == "snapshot" {
			return u, nil
		}
	}
}

// leave ends the session, with all its files.
func (u *user) leave(ctx context.Context) error {
	err := u.call(ctx, http.MethodDelete, "/api/v1/session", "", nil, nil)
	u.close()
	u.http.CloseIdleConnections()
	return err
}

// close closes the socket, which the hub may have done, and returns when nobody reads it any more.
func (u *user) close() {
	_ = u.socket.Close()
	for range u.heard {
	}
}

func (u *user) call(ctx context.Context, method, path, contentType string, body []byte, answer any) error {
	request, err := http.NewRequestWithContext(ctx, method, u.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", contentType)
	if u.token != "" {
		request.Header.Set("Authorization", "Bearer "+u.token)
	}
	response, err := u.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return fmt.Errorf("%s %s: %w", method, path, err)
	case response.StatusCode >= http.StatusBadRequest:
		return fmt.Errorf("%s %s: status %d: %s", method, path, response.StatusCode, data)
	case answer == nil:
		return nil
	}
	return json.Unmarshal(data, answer)
}

// form is the body of an upload, made before anything is timed.
type form struct {
	contentType string
	body        []byte
}

func newForm(model string, png []byte, images int) (form, error) {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	err := w.WriteField("model", model)
	for i := 0; i < images && err == nil; i++ {
		var part io.Writer
		if part, err = w.CreateFormFile("files", fmt.Sprint(i, ".png")); err == nil {
			_, err = part.Write(png)
		}
	}
	err = errors.Join(err, w.Close())
	return form{w.FormDataContentType(), body.Bytes()}, err
}

// upload sends images and returns how many were accepted.
func (u *user) upload(ctx context.Context, f form) (int, error) {
	var answer struct{ Accepted []struct{} }
	err := u.call(ctx, http.MethodPost, "/api/v1/images", f.contentType, f.body, &answer)
	return len(answer.Accepted), err
}

// frame is what is read of one message.
type frame struct {
	Type  string `json:"type"`
	JobID string `json:"job_id"`
	Final bool   `json:"final"`
	Job   struct {
		ID    string          `json:"id"`
		State string          `json:"state"`
		Error json.RawMessage `json:"error"`
	} `json:"job"`
	at time.Time // when it came
}

// listen reads frames until the socket is closed.
func (u *user) listen() {
	defer close(u.heard)
	for {
		f, err := u.read()
		u.heard <- heard{f, err}
		if err != nil {
			return
		}
	}
}

func (u *user) read() (frame, error) {
	kind, data, err := u.socket.ReadMessage()
	f := frame{at: time.Now()}
	if err != nil {
		return f, fmt.Errorf("read a frame: %w", err)
	}
	if kind == websocket.BinaryMessage {
		if len(data) < 4 || uint64(binary.BigEndian.Uint32(data)) > uint64(len(data)-4) {
			return f, errors.New("a binary frame without a header")
		}
		data = data[4 : 4+binary.BigEndian.Uint32(data)]
	}
	if err := json.Unmarshal(data, &f); err != nil {
		return f, fmt.Errorf("read a frame: %w", err)
	}
	return f, nil
}

// next waits for a frame.
func (u *user) next() (frame, error) {
	select {
	case h, more := <-u.heard:
		if !more {
			return frame{}, errors.New("read a frame: there are no more")
		}
		return h.frame, h.err
	case <-time.After(frameLimit):
		return frame{}, fmt.Errorf("no frame came within %v", frameLimit)
	}
}

// masks reads until so many jobs are done, and returns when the whole mask of each had come, by job.
func (u *user) masks(jobs int) (map[string]time.Time, error) {
	came := make(map[string]time.Time, jobs)
	for jobs > 0 {
		f, err := u.next()
		if err != nil {
			return nil, err
		}
		switch {
		case f.Type == "mask" && f.Final:
			came[f.JobID] = f.at
		case f.Type == "job" && f.Job.State == "done":
			jobs--
		case f.Type == "job" && (f.Job.State == "failed" || f.Job.State == "cancelled"):
			return nil, fmt.Errorf("a job is %s: %s", f.Job.State, f.Job.Error)
		}
	}
	return came, nil
}
