package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"seghub/sessions"
)

func TestHugeFileIsRefusedAndNeverHeld(t *testing.T) {
	const size = 96 << 20
	c := settings(t)
	c.MaxFile = size / 2
	base, _ := serve(t, c)
	u := newUser(t, base, "Ada")

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var head bytes.Buffer
	form := multipart.NewWriter(&head)
	if err := form.WriteField("model", model); err != nil {
		t.Fatal(err)
	}
	if _, err := form.CreateFormFile("files", "huge.png"); err != nil {
		t.Fatal(err)
	}
	tail := "\r\n--" + form.Boundary() + "--\r\n"
	body := io.MultiReader(&head, bytes.NewReader(samplePNG(t, 0)), io.LimitReader(zeros{}, size), bytes.NewReader([]byte(tail)))
	var answer upload
	u.json("POST", "/api/v1/images", body, form.FormDataContentType(), http.StatusRequestEntityTooLarge, &answer)
	runtime.ReadMemStats(&after)

	if answer.Code != "file_too_large" || len(answer.Rejected) != 1 {
		t.Errorf("answer %+v", answer)
	}
	if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > size/3 {
		t.Errorf("the heap grew by %d MiB for a file of %d MiB", grown>>20, size>>20)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestHundredAndOneFiles(t *testing.T) {
	base, _ := serve(t, settings(t))
	u := newUser(t, base, "Ada")
	images := make([][]byte, 101)
	for i := range images {
		images[i] = samplePNG(t, 0)[:64]
	}
	if answer := u.upload(http.StatusRequestEntityTooLarge, images...); answer.Code != "too_many_files" {
		t.Errorf("answer %+v", answer)
	}
}

func TestNineOfTen(t *testing.T) {
	base, _ := serve(t, settings(t))
	u := newUser(t, base, "Ada")
	s := u.connect("")
	images := make([][]byte, 10)
	for i := range images {
		images[i] = samplePNG(t, 0)
	}
	images[6] = []byte("dear diary")
	answer := u.upload(http.StatusAccepted, images...)
	if len(answer.Accepted) != 9 || len(answer.Rejected) != 1 || answer.Rejected[0].Code != "unsupported_format" {
		t.Fatalf("answer %+v", answer)
	}
	for _, f := range s.untilEnded(9) {
		if f.Type == "job" && ended(f.Job.State) && f.Job.State != sessions.JobDone {
			t.Errorf("job %s", f.Raw)
		}
	}
}

// TestFullDisk fills a tmpfs of 4 MiB: with an image that does not fit, and with results that do not.
func TestFullDisk(t *testing.T) {
	folder := t.TempDir()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("left out: the full disk; a tmpfs cannot be mounted: %v", err)
	}
	defer func() {
		if err := syscall.Unmount(folder, 0); err != nil {
			t.Error(err)
		}
	}()
	c := settings(t)
	c.Storage = folder
	base, stop := serve(t, c)
	defer stop() // before the folder goes
	u := newUser(t, base, "Ada")
	s := u.connect("")

	big := append(samplePNG(t, 0), make([]byte, 8<<20)...)
	if answer := u.upload(http.StatusInsufficientStorage, big); answer.Code != "quota_exceeded" {
		t.Errorf("answer %+v", answer)
	}
	small := samplePNG(t, 0)
	u.upload(http.StatusAccepted, small)
	if f := last(s.untilEnded(1)); f.Job.State != sessions.JobDone {
		t.Fatalf("with room: %s", f.Raw)
	}
	// Room for the image, none for what is made of it.
	var disk syscall.Statfs_t
	if err := syscall.Statfs(folder, &disk); err != nil {
		t.Fatal(err)
	}
	free := int(disk.Bavail) * int(disk.Bsize)
	if err := os.WriteFile(folder+"/ballast", make([]byte, free-len(small)-8192), 0o600); err != nil {
		t.Fatal(err)
	}
	u.upload(http.StatusAccepted, small)
	if f := last(s.untilEnded(1)); f.Job.State != sessions.JobFailed || f.Job.Error.Code != "quota_exceeded" {
		t.Fatalf("without room: %s", f.Raw)
	}
	if err := os.Remove(folder + "/ballast"); err != nil {
		t.Fatal(err)
	}
	u.upload(http.StatusAccepted, small)
	if f := last(s.untilEnded(1)); f.Job.State != sessions.JobDone {
		t.Errorf("with room again: %s", f.Raw)
	}
}

func last(frames []frame) frame { return frames[len(frames)-1] }

func TestCancelOfARunningJob(t *testing.T) {
	base, _ := serve(t, settings(t))
	u := newUser(t, base, "Ada")
	s := u.connect("")
	jobs := u.upload(http.StatusAccepted, samplePNG(t, 0), samplePNG(t, 0), samplePNG(t, 0)).Accepted
	frames := s.untilAtWork()
	running := last(frames).Job.ID
	if status, _, _ := u.call("DELETE", "/api/v1/jobs/"+running, nil, ""); status != http.StatusAccepted {
		t.Fatalf("status %d", status)
	}
	outcome := map[string]sessions.JobState{}
	for _, f := range s.untilEnded(3) {
		if f.Type == "job" {
			outcome[f.Job.ID] = f.Job.State
		}
	}
	for _, j := range jobs {
		// The one that was cancelled may have been faster than the call.
		if state := outcome[j.ID]; state != sessions.JobDone && (j.ID != running || state != sessions.JobCancelled) {
			t.Errorf("job %s is %s", j.ID, state)
		}
	}
}

func TestSocketThatTalksRubbish(t *testing.T) {
	base, _ := serve(t, settings(t))
	u := newUser(t, base, "Ada")
	for name, send := range map[string]func(*websocket.Conn) error{
		"text":   func(c *websocket.Conn) error { return c.WriteMessage(websocket.TextMessage, []byte("{]")) },
		"binary": func(c *websocket.Conn) error { return c.WriteMessage(websocket.BinaryMessage, []byte{1, 2, 3}) },
		"10 MB":  func(c *websocket.Conn) error { return c.WriteMessage(websocket.TextMessage, make([]byte, 10<<20)) },
		"an odd message": func(c *websocket.Conn) error {
			return c.WriteMessage(websocket.TextMessage, []byte(`{"type":"dance"}`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := u.connect("")
			_ = send(s.conn) // the server may hang up while 10 MB are under way
			for {
				_, err := s.next()
				if err == nil {
					continue
				}
				var closed *websocket.CloseError
				if errors.As(err, &closed) && closed.Code != 4409 {
					t.Errorf("closed with %d", closed.Code)
				}
				if !errors.As(err, &closed) && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
					t.Errorf("ended with %v", err)
				}
				return
			}
		})
	}
	if s := u.connect(""); last(s.until(func(f frame) bool { return f.Type == "snapshot" })).Type != "snapshot" {
		t.Error("the session does not answer any more")
	}
}

func TestForeignOriginIsRefused(t *testing.T) {
	base, _ := serve(t, settings(t))
	u := newUser(t, base, "Ada")
	dialer := websocket.Dialer{Subprotocols: []string{"seghub.v1"}}
	conn, response, err := dialer.DialContext(context.Background(), "ws"+base[len("http"):]+"/api/v1/ws",
		http.Header{"Authorization": {"Bearer " + u.token}, "Origin": {"http://elsewhere.example"}})
	if err == nil {
		conn.Close()
		t.Fatal("a foreign page may open the socket")
	}
	if response == nil || response.StatusCode != http.StatusForbidden {
		t.Errorf("response %v, %v", response, err)
	}
}

func TestClosedSessionTellsItsSockets(t *testing.T) {
	base, _ := serve(t, settings(t))
	u := newUser(t, base, "Ada")
	s := u.connect("")
	s.until(func(f frame) bool { return f.Type == "snapshot" })
	if status, _, _ := u.call("DELETE", "/api/v1/session", nil, ""); status != http.StatusNoContent {
		t.Fatalf("status %d", status)
	}
	for {
		_, err := s.next()
		if err == nil {
			continue
		}
		if !websocket.IsCloseError(err, 4404) {
			t.Errorf("ended with %v", err)
		}
		break
	}
	again := u.connect("")
	if _, err := again.next(); !websocket.IsCloseError(err, 4404) {
		t.Errorf("a new socket of the closed session: %v", err)
	}
}

func TestDrainingIsToldBeforeTheEnd(t *testing.T) {
	base, stop := serve(t, settings(t))
	u := newUser(t, base, "Ada")
	s := u.connect("")
	s.until(func(f frame) bool { return f.Type == "snapshot" })
	down := make(chan struct{})
	go func() { defer close(down); stop() }()
	told := false
	for {
		f, err := s.next()
		if err == nil {
			told = told || f.Type == "draining" && f.Reconnect > 0
			continue
		}
		if !told || !websocket.IsCloseError(err, websocket.CloseGoingAway) {
			t.Errorf("told %v, ended with %v", told, err)
		}
		break
	}
	select {
	case <-down:
	case <-time.After(patience):
		t.Fatal("the hub does not go down")
	}
}
