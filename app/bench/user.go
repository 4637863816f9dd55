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

// user is one person at the hub: a session and its socket.
type user struct {
	http   *http.Client
	base   string
	token  string
	socket *websocket.Conn
}

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
	u.socket = socket
	for {
		f, err := u.next()
		if err != nil {
			return nil, errors.Join(err, socket.Close())
		}
		if f.Type == "snapshot" {
			return u, nil
		}
	}
}

// leave ends the session, with all its files.
func (u *user) leave(ctx context.Context) error {
	err := u.call(ctx, http.MethodDelete, "/api/v1/session", "", nil, nil)
	_ = u.socket.Close() // the hub has closed it
	u.http.CloseIdleConnections()
	return err
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

func (u *user) next() (frame, error) {
	_ = u.socket.SetReadDeadline(time.Now().Add(frameLimit)) // fails where reading fails
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
