package server

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"seghub/app/config"
	"seghub/gpuexec"
	"seghub/gpuexec/budget"
	"seghub/gpuexec/enginetest"
	"seghub/storage"
)

// TestAskedToStopBeforeItHasStarted stops a hub that waits for its Redis, which takes connections and says nothing.
func TestAskedToStopBeforeItHasStarted(t *testing.T) {
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	c := settings(t)
	c.Redis = "redis://" + mute.Addr().String()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, c, slog.New(slog.DiscardHandler), func(string) {}) }()
	connection, err := mute.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("asked to stop, the hub failed: %v", err)
	}
}

// open begins a request by hand; what the head lacks of it is written by the caller.
func (u *user) open(head string) (net.Conn, *bufio.Reader) {
	u.tb.Helper()
	connection, err := net.Dial("tcp", strings.TrimPrefix(u.base, "http://"))
	if err != nil {
		u.tb.Fatal(err)
	}
	u.tb.Cleanup(func() { connection.Close() })
	if err := connection.SetDeadline(time.Now().Add(patience)); err != nil {
		u.tb.Fatal(err)
	}
	fmt.Fprintf(connection, "%s\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n", head, u.token)
	return connection, bufio.NewReader(connection)
}

// uploadHalf begins to upload two files; rest is what it lacks.
func (u *user) uploadHalf() (connection net.Conn, answer *bufio.Reader, rest string) {
	u.tb.Helper()
	connection, answer = u.open("POST /api/v1/images HTTP/1.1")
	rest = "\r\n--x--\r\n"
	file := "\r\n--x\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a.png\"\r\n\r\n" + string(samplePNG(u.tb, 0))
	half := "--x\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n" + model + file + file
	fmt.Fprintf(connection, "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: %d\r\n\r\n%s", len(half)+len(rest), half)
	return connection, answer, rest
}

// files are those of the user's session, half ones too.
func (u *user) files(c config.Config) []os.DirEntry {
	files, err := os.ReadDir(filepath.Join(c.Data, "blobs", filepath.Dir(storage.ImageKey(u.session, "i"))))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		u.tb.Error(err)
	}
	return files
}

// noWork is a gpuexec.Source that has none.
type noWork struct{}

func (noWork) Next(ctx context.Context, _ int) (gpuexec.Batch, error) {
	<-ctx.Done()
	return gpuexec.Batch{}, ctx.Err()
}

// TestAHungWorkerKeepsNoHub asks a hub to stop one of whose workers hangs in a call of its device.
func TestAHungWorkerKeepsNoHub(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		letGo := make(chan struct{})
		script := &enginetest.Script{New: func(int, int) error { <-letGo; return errors.New("the hung call was let go") }}
		s := &server{lost: make(chan error, 1), patience: drainTimeout}
		s.pool = gpuexec.New(gpuexec.Config{
			Slots: 1, NewEngine: script.NewEngine, Budget: budget.New(budget.Config{}),
			Lost: func(err error) { s.lost <- err }, Log: slog.New(slog.DiscardHandler),
		})
		if err := s.pool.Start(t.Context(), noWork{}, nil); err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // it hangs
		if err := s.stopWorkers(t.Context()); !errors.Is(err, gpuexec.ErrDeviceLost) {
			t.Errorf("the hub stops with %v", err)
		}
		close(letGo) // so that the test can end
		s.pool.Stop(t.Context())
	})
}

// TestRequestsInFlightAreAnswered stops the hub in the middle of a download and of an upload.
func TestRequestsInFlightAreAnswered(t *testing.T) {
	c := settings(t)
	base, stop := serve(t, c)
	u := newUser(t, base, "Ada")
	image := padded(samplePNG(t, 0), 24<<20) // more than a connection holds
	job := u.upload(http.StatusAccepted, image).Accepted[0]

	download, reader := u.open("GET /api/v1/images/" + job.ImageID + " HTTP/1.1")
	fmt.Fprint(download, "\r\n")
	answer, err := http.ReadResponse(reader, nil)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%v, %v", answer, err)
	}
	defer answer.Body.Close()

	upload, other, rest := u.uploadHalf()
	within(t, func() bool { return len(u.files(c)) == 3 }) // the last is under way

	down := make(chan struct{})
	go func() { defer close(down); stop() }()
	within(t, func() bool { // nobody new is let in
		connection, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
		if err == nil {
			connection.Close()
		}
		return err != nil
	})
	if data, err := io.ReadAll(answer.Body); err != nil || !bytes.Equal(data, image) {
		t.Errorf("the download ended after %d of %d bytes: %v", len(data), len(image), err)
	}
	fmt.Fprint(upload, rest)
	refused, err := http.ReadResponse(other, nil)
	if err != nil {
		t.Fatalf("the upload has no answer: %v", err)
	}
	defer refused.Body.Close()
	if data, err := io.ReadAll(refused.Body); err != nil || refused.StatusCode != http.StatusServiceUnavailable || !bytes.Contains(data, []byte("draining")) {
		t.Errorf("the upload: %d %s, %v", refused.StatusCode, data, err)
	}
	<-down
}

// TestWhoIsLateIsCut ends the hub's patience with a download and an upload.
func TestWhoIsLateIsCut(t *testing.T) {
	c := settings(t)
	s, err := start(t.Context(), c, slog.New(slog.DiscardHandler), Hears{})
	if err != nil {
		t.Fatal(err)
	}
	s.patience = time.Millisecond
	u := newUser(t, "http://"+s.address(), "Ada")
	image := padded(samplePNG(t, 0), 24<<20)
	job := u.upload(http.StatusAccepted, image).Accepted[0]
	download, reader := u.open("GET /api/v1/images/" + job.ImageID + " HTTP/1.1")
	fmt.Fprint(download, "\r\n")
	answer, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	u.uploadHalf()
	within(t, func() bool { return len(u.files(c)) == 3 })

	if err := s.shutdown(); err != nil {
		t.Error(err)
	}
	if n, err := io.Copy(io.Discard, answer.Body); err == nil || n == int64(len(image)) {
		t.Errorf("the download ended after %d of %d bytes: %v", n, len(image), err)
	}
	if left := u.files(c); len(left) != 1 {
		t.Errorf("%d files are left, want that of the job alone: the upload was never whole", len(left))
	}
}

// padded puts a chunk of n bytes that no reader of PNG knows behind the header of a file.
func padded(file []byte, n int) []byte {
	const header = 8 + 4 + 4 + 13 + 4 // signature, and length, type, data and checksum of the first chunk
	chunk := append([]byte("paDd"), make([]byte, n)...)
	out := binary.BigEndian.AppendUint32(bytes.Clone(file[:header]), uint32(n))
	out = binary.BigEndian.AppendUint32(append(out, chunk...), crc32.ChecksumIEEE(chunk))
	return append(out, file[header:]...)
}

// within waits until what is asked for is so.
func within(t *testing.T, is func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !is() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatal("it did not come about")
		}
	}
}
