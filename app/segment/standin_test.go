package segment

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/websocket"
)

// standIn is a hub that finds nothing in any image, at once, and counts what it is asked.
type standIn struct {
	*httptest.Server
	refuse func() (status int, code string) // an upload; 0 for taking it. nil takes all
	stall  func() bool                      // an uploaded image's job, for ever; nil stalls none
	socket int                              // the status of what is said in the place of a socket; 0 for one

	mu       sync.Mutex // guards all below
	sessions int
	uploads  int
	jobs     int
	asked    int               // for single jobs
	fetched  int               // masks
	deleted  []string          // images
	open     map[net.Conn]bool // connections
	most     int               // of them at once
	opened   int               // of them in all
}

func newStandIn(t *testing.T) *standIn {
	t.Helper()
	s := &standIn{open: map[net.Conn]bool{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/sessions", func(w http.ResponseWriter, _ *http.Request) {
		s.count(&s.sessions)
		reply(w, http.StatusCreated, `{"token":"t"}`)
	})
	mux.HandleFunc("DELETE /api/v1/session", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("POST /api/v1/images", s.upload)
	mux.HandleFunc("DELETE /api/v1/images/{id}", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.deleted = append(s.deleted, r.PathValue("id"))
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /api/v1/export", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "table") })
	mux.HandleFunc("GET /api/v1/jobs", func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		var jobs []string
		for i := range s.jobs {
			jobs = append(jobs, fmt.Sprintf(`{"id":"j%d","state":"done","pages":1}`, i+1))
		}
		reply(w, http.StatusOK, `{"jobs":[`+strings.Join(jobs, ",")+`]}`)
	})
	mux.HandleFunc("GET /api/v1/jobs/{id}", func(w http.ResponseWriter, r *http.Request) {
		s.count(&s.asked)
		reply(w, http.StatusOK, fmt.Sprintf(`{"id":%q,"state":"done","pages":1}`, r.PathValue("id")))
	})
	mux.HandleFunc("GET /api/v1/jobs/{id}/mask.png", func(w http.ResponseWriter, _ *http.Request) {
		s.count(&s.fetched)
		_, _ = io.WriteString(w, "mask")
	})
	mux.HandleFunc("GET /api/v1/ws", func(w http.ResponseWriter, r *http.Request) {
		if s.socket > 0 {
			reply(w, s.socket, "{}")
			return
		}
		up := websocket.Upgrader{Subprotocols: []string{"seghub.v1"}}
		conn, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		for _, frame := range []string{`{"type":"welcome","seq":0,"epoch":"e"}`, `{"type":"snapshot","seq":0,"epoch":"e","jobs":[]}`} {
			_ = conn.WriteMessage(websocket.TextMessage, []byte(frame))
		}
		_, _, _ = conn.ReadMessage() // until its client leaves
	})
	s.Server = httptest.NewUnstartedServer(mux)
	s.Config.ConnState = s.state
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// begun is how many sessions were begun.
func (s *standIn) begun() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions
}

func (s *standIn) upload(w http.ResponseWriter, r *http.Request) {
	parts, err := r.MultipartReader()
	for err == nil {
		var part io.Reader
		if part, err = parts.NextPart(); err == nil {
			_, _ = io.Copy(io.Discard, part)
		}
	}
	s.count(&s.uploads)
	if s.refuse != nil {
		if status, code := s.refuse(); status != 0 {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(map[string]any{"code": code, "status": status, "detail": code})
			return
		}
	}
	n, state := s.count(&s.jobs), "done"
	if s.socket > 0 || s.stall != nil && s.stall() {
		state = "queued" // until it is asked
	}
	reply(w, http.StatusAccepted, fmt.Sprintf(`{"accepted":[{"id":"j%d","image_id":"i%d","state":%q,"pages":1}]}`, n, n, state))
}

func reply(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func (s *standIn) count(what *int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	*what++
	return *what
}

func (s *standIn) state(conn net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew:
		s.open[conn] = true
		s.opened++
	case http.StateClosed, http.StateHijacked:
		delete(s.open, conn)
	}
	s.most = max(s.most, len(s.open))
}

// dots puts so many images of a single pixel into a folder.
func dots(t *testing.T, folder string, n int) []File {
	t.Helper()
	var dot bytes.Buffer
	if err := png.Encode(&dot, image.NewGray(image.Rect(0, 0, 1, 1))); err != nil {
		t.Fatal(err)
	}
	var files []File
	for i := range n {
		f := File{filepath.Join(folder, fmt.Sprintf("%05d.png", i)), fmt.Sprintf("%05d.png", i)}
		if err := os.WriteFile(f.Path, dot.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}
