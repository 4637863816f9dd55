package problem

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestEveryCodeHasAStatusAndATitle(t *testing.T) {
	for code := range meanings {
		p := New(code, "A detail.")
		if p.Code != code || p.Status < 400 || p.Status > 599 || p.Title == "" || p.Type != "urn:seghub:problem:"+string(code) {
			t.Errorf("%s: %+v", code, p)
		}
		waits := p.Status == http.StatusTooManyRequests || p.Status == http.StatusServiceUnavailable
		if (p.RetryAfter() > 0) != waits {
			t.Errorf("%s, status %d: Retry-After %v", code, p.Status, p.RetryAfter())
		}
	}
}

func TestUnknownCodeIsInternal(t *testing.T) {
	if p := New("unheard_of", ""); p.Code != Internal || p.Status != http.StatusInternalServerError {
		t.Errorf("%+v", p)
	}
}

func TestWrite(t *testing.T) {
	p := Newf(QueueFull, "%d jobs wait.", 3)
	w := httptest.NewRecorder()
	w.Header().Set("Cache-Control", "private, max-age=86400") // of what was to be answered
	w.Header().Set("ETag", `"1"`)
	Write(w, p, struct {
		*Problem
		More int `json:"more"`
	}{p, 7})
	var got struct {
		Problem
		More int
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if w.Code != 429 || got.Problem != *p || got.More != 7 {
		t.Errorf("status %d, %+v", w.Code, got)
	}
	if h := w.Header(); h.Get("Content-Type") != "application/problem+json" || h.Get("Retry-After") != "30" ||
		h.Get("Cache-Control") != "no-store" || h.Get("ETag") != "" {
		t.Errorf("headers %v", h)
	}
}

func TestWaitThatIsKnown(t *testing.T) {
	p := New(RateLimited, "Slowly.")
	p.Wait = 2100 * time.Millisecond
	w := httptest.NewRecorder()
	Write(w, p, p)
	if got := w.Header().Get("Retry-After"); got != "3" {
		t.Errorf("Retry-After %q", got)
	}
}
