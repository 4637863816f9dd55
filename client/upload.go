package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"
)

// File is one to upload.
type File struct {
	Name string
	// Open begins to read it from its start; it is called again for every try.
	Open func() (io.ReadCloser, error)
	// Size in bytes; -1 when unknown.
	Size int64
}

// errNotAFile is why a pipe or a device is not sent: it has no length, and opening or reading one may never end.
var errNotAFile = errors.New("a pipe or a device, not a file")

// FromDisk is a file on this machine.
func FromDisk(path string) File {
	size, open := int64(-1), func() (io.ReadCloser, error) { return os.Open(path) }
	if info, err := os.Stat(path); err == nil {
		size = info.Size()
		if info.Mode()&(fs.ModeNamedPipe|fs.ModeSocket|fs.ModeDevice) != 0 {
			open = func() (io.ReadCloser, error) { return nil, &fs.PathError{Op: "open", Path: path, Err: errNotAFile} }
		}
	}
	return File{Name: filepath.Base(path), Size: size, Open: open}
}

// FromBytes is a file in memory.
func FromBytes(name string, data []byte) File {
	return File{Name: name, Size: int64(len(data)), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data)), nil
	}}
}

// Options are what an upload may ask for; what is left at its zero value is as the model has it.
type Options struct {
	Threshold     float64 // 0.05..0.95
	MinArea       *int    // pixels
	ExcludeBorder *bool
	DetectHoles   *bool
	SplitTouching *bool
	Diameter      float64 // of the objects, pixels, for models that have one; found in each image when it is 0
	Pages         string  // all, first or 1-5,8
	Channel       string  // number or name
	Projection    string  // none or max
	PixelSize     float64 // µm; overrides the file's
}

// Upload is one request.
type Upload struct {
	Model string
	Options
	Files []File
	// Key names the upload: the same key never makes jobs twice. One is made up when it is empty.
	Key string
	// Moved hears how many bytes of the files are on their way, from 0 again with each try; may be nil.
	Moved func(bytes int64)
}

// Sent is what became of an upload: a job for each page that was taken.
type Sent struct {
	Accepted []Job       `json:"accepted"`
	Rejected []Rejection `json:"rejected"` // unknown of an upload whose first answer was lost
}

// Upload sends files and gives their jobs. When nothing was taken the error is a Problem that has the rejections.
func (c *Client) Upload(ctx context.Context, u Upload) (Sent, error) {
	if u.Key == "" {
		u.Key = rand.Text()
	}
	boundary := rand.Text()
	send := call{
		method:      http.MethodPost,
		path:        "/images",
		header:      http.Header{"Idempotency-Key": {u.Key}},
		contentType: "multipart/form-data; boundary=" + boundary,
		stream:      func() (io.ReadCloser, int64, error) { return u.body(boundary) },
		once:        true,
	}
	var failed, broken failures
	for {
		var sent Sent
		err := c.json(ctx, send, &sent)
		cause := err
		for err != nil {
			if err = c.again(ctx, &failed, err); err != nil {
				return Sent{}, err
			}
			var known bool
			if sent, known, err = c.outcome(ctx, u.Key); known {
				break
			}
		}
		if len(sent.Accepted) > 0 {
			return sent, nil
		}
		if errors.As(cause, new(*Problem)) {
			continue
		}
		failed.since = time.Time{} // the hub is there: what took so long was the files
		if broken.count++; broken.count == 1 {
			broken.since = time.Now()
		}
		if broken.count >= sendsAtLeast && time.Since(broken.since) > c.config.GiveUp {
			return Sent{}, &Problem{
				Title: http.StatusText(http.StatusGatewayTimeout), Status: http.StatusGatewayTimeout,
				Detail: fmt.Sprintf("The upload broke off %d times while the hub was there, as where a proxy ends what takes long: %v", broken.count, cause),
			}
		}
	}
}

// sendsAtLeast is how often files are sent, however long that takes, before a way on which they break off is given up.
const sendsAtLeast = 5

// outcome asks what became of an upload whose answer was lost, without sending its files again: the hub answers its key with the
// jobs that it made, and without it misses the files.
func (c *Client) outcome(ctx context.Context, key string) (sent Sent, known bool, err error) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	if err := form.Close(); err != nil {
		return Sent{}, false, err
	}
	ask := call{
		method:      http.MethodPost,
		path:        "/images",
		header:      http.Header{"Idempotency-Key": {key}},
		contentType: form.FormDataContentType(),
		body:        body.Bytes(),
		once:        true,
	}
	err = c.json(ctx, ask, &sent)
	if HasCode(err, CodeBadRequest) {
		return Sent{}, false, nil
	}
	return sent, err == nil, err
}

// fields are the form's, but files.
func (u Upload) fields() [][2]string {
	list := [][2]string{{"model", u.Model}, {"pages", u.Pages}, {"channel", u.Channel}, {"projection", u.Projection}}
	number := func(name string, v float64) {
		if v != 0 {
			list = append(list, [2]string{name, strconv.FormatFloat(v, 'g', -1, 64)})
		}
	}
	number("threshold", u.Threshold)
	number("diameter", u.Diameter)
	number("pixel_size", u.PixelSize)
	if u.MinArea != nil {
		list = append(list, [2]string{"min_area", strconv.Itoa(*u.MinArea)})
	}
	flag := func(name string, v *bool) {
		if v != nil {
			list = append(list, [2]string{name, strconv.FormatBool(*v)})
		}
	}
	flag("exclude_border", u.ExcludeBorder)
	flag("detect_holes", u.DetectHoles)
	flag("split_touching", u.SplitTouching)
	return list
}

// body is the request's, which reads the files as it is sent. Its length is known where theirs are.
func (u Upload) body(boundary string) (io.ReadCloser, int64, error) {
	var frame bytes.Buffer // all but the files; parts has where it is cut
	form := multipart.NewWriter(&frame)
	err := form.SetBoundary(boundary)
	for _, field := range u.fields() {
		if err == nil && field[1] != "" {
			err = form.WriteField(field[0], field[1])
		}
	}
	b := &body{moved: u.Moved}
	length := int64(0)
	for _, file := range u.Files {
		if err == nil {
			_, err = form.CreateFormFile("files", sendable(file.Name))
		}
		b.parts = append(b.parts, part{frame: bytes.Clone(frame.Bytes()), file: file})
		frame.Reset()
		if length += file.Size; file.Size < 0 {
			length = -1 << 62
		}
	}
	if err == nil {
		err = form.Close()
	}
	if err != nil {
		return nil, 0, fmt.Errorf("seghub: upload: %w", err)
	}
	b.parts = append(b.parts, part{frame: frame.Bytes()})
	for _, p := range b.parts {
		length += int64(len(p.frame))
	}
	return b, max(length, -1), nil
}

// sendable is a name without what no header may hold, by which the hub would take the whole request for broken; the form itself escapes
// quotes and the ends of lines.
func sendable(name string) string {
	return string(slices.DeleteFunc([]byte(name), func(b byte) bool {
		return b < ' ' && b != '\t' && b != '\r' && b != '\n' || b == 0x7f
	}))
}

// part is a piece of a form and the file that follows it; the last has none.
type part struct {
	frame []byte
	file  File
}

// errChanged is why a file is not sent whose length is no longer the one that was announced: another program writes it.
var errChanged = errors.New("the file changed while it was sent")

// body reads parts one after the other. HTTP/2 closes it while it is read, where the hub wants no more of it.
type body struct {
	mu    sync.Mutex // guards all below
	parts []part
	file  io.ReadCloser // in hand; nil between files
	left  int64         // bytes that file should still have; below 0 from the start where its length is unknown
	total int64         // bytes of files
	moved func(int64)
}

func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		switch {
		case b.file != nil:
			n, err := b.readFileLocked(p)
			if b.total += int64(n); n > 0 && b.moved != nil {
				b.moved(b.total)
			}
			if n > 0 || err != nil {
				return n, err
			}
		case len(b.parts) == 0:
			return 0, io.EOF
		case len(b.parts[0].frame) > 0:
			n := copy(p, b.parts[0].frame)
			b.parts[0].frame = b.parts[0].frame[n:]
			return n, nil
		default:
			next := b.parts[0].file
			b.parts = b.parts[1:]
			if next.Open == nil {
				continue
			}
			file, err := next.Open()
			if err != nil {
				return 0, localError{err}
			}
			b.file, b.left = file, next.Size
		}
	}
}

// readFileLocked reads the file in hand, and closes it at its end. What goes wrong is this machine's: the hub is asked for nothing again.
func (b *body) readFileLocked(p []byte) (int, error) {
	n, err := b.file.Read(p)
	if b.left >= 0 {
		if b.left -= int64(n); b.left < 0 || b.left > 0 && errors.Is(err, io.EOF) {
			return 0, localError{errChanged}
		}
	}
	if errors.Is(err, io.EOF) {
		err = b.file.Close()
		b.file = nil
	}
	if err != nil {
		err = localError{err}
	}
	return n, err
}

// Close closes the file in hand.
func (b *body) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.parts = nil
	if b.file == nil {
		return nil
	}
	return b.file.Close()
}
