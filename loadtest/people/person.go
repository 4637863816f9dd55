package people

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
)

const api = "/api/v1"

// Person has a session. Each call names the hub that it goes to, since several may share one line.
type Person struct {
	HTTP    *http.Client
	Session string
	token   string
}

// Refusal is an answer that is none of what was asked for.
type Refusal struct {
	Call   string // method and path
	Status int
	Body   []byte
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("%s: status %d: %.300s", r.Call, r.Status, r.Body)
}

// Enter starts a session at the hub at base, with the access key of SEGHUB_ACCESS_KEY if the hub wants one.
func Enter(ctx context.Context, client *http.Client, base, name string) (*Person, error) {
	p := &Person{HTTP: client}
	body, err := json.Marshal(struct {
		Name string `json:"name"`
		Key  string `json:"access_key,omitempty"`
	}{name, os.Getenv("SEGHUB_ACCESS_KEY")})
	if err != nil {
		return nil, err
	}
	var created struct {
		Token   string
		Session Session
	}
	if err := p.Call(ctx, base, http.MethodPost, "/sessions", http.Header{"Content-Type": {"application/json"}}, body, &created); err != nil {
		return nil, err
	}
	p.token, p.Session = created.Token, created.Session.ID
	return p, nil
}

// Call makes one HTTP call and reads its answer into answer, unless that is nil. Its error is a *Refusal where the hub answered
// with a status of 400 or above.
func (p *Person) Call(ctx context.Context, base, method, path string, header http.Header, body []byte, answer any) error {
	request, err := http.NewRequestWithContext(ctx, method, base+api+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	for name, values := range header {
		request.Header[name] = values
	}
	if p.token != "" {
		request.Header.Set("Authorization", "Bearer "+p.token)
	}
	response, err := p.HTTP.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return fmt.Errorf("%s %s: %w", method, path, err)
	case response.StatusCode >= http.StatusBadRequest:
		return &Refusal{method + " " + path, response.StatusCode, data}
	case answer == nil:
		return nil
	}
	if err := json.Unmarshal(data, answer); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

// Form is the body of an upload.
type Form struct {
	contentType string
	body        []byte
}

// NewForm makes an upload of the same image so many times.
func NewForm(model string, image []byte, times int) (Form, error) {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	err := w.WriteField("model", model)
	for i := 0; i < times && err == nil; i++ {
		var part io.Writer
		if part, err = w.CreateFormFile("files", fmt.Sprint(i, ".png")); err == nil {
			_, err = part.Write(image)
		}
	}
	if err == nil {
		err = w.Close()
	}
	return Form{w.FormDataContentType(), body.Bytes()}, err
}

// Upload sends a form and returns the ids of its jobs. A key that is not empty names the upload: sent again, it is the same one.
func (p *Person) Upload(ctx context.Context, base, key string, f Form) ([]string, error) {
	header := http.Header{"Content-Type": {f.contentType}}
	if key != "" {
		header.Set("Idempotency-Key", key)
	}
	var answer struct{ Accepted []Job }
	if err := p.Call(ctx, base, http.MethodPost, "/images", header, f.body, &answer); err != nil {
		return nil, err
	}
	ids := make([]string, len(answer.Accepted))
	for i, job := range answer.Accepted {
		ids[i] = job.ID
	}
	return ids, nil
}

// Leave ends the session.
func (p *Person) Leave(ctx context.Context, base string) error {
	return p.Call(ctx, base, http.MethodDelete, "/session", nil, nil, nil)
}

// Jobs lists all of the session's.
func (p *Person) Jobs(ctx context.Context, base string) (jobs []Job, err error) {
	for cursor := ""; ; {
		var page struct {
			Jobs []Job
			Next *string `json:"next_cursor"`
		}
		path := "/jobs?limit=1000"
		if cursor != "" {
			path += "&cursor=" + cursor
		}
		if err := p.Call(ctx, base, http.MethodGet, path, nil, nil, &page); err != nil {
			return nil, err
		}
		jobs = append(jobs, page.Jobs...)
		if page.Next == nil || *page.Next == "" {
			return jobs, nil
		}
		cursor = *page.Next
	}
}
