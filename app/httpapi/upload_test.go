package httpapi

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"seghub/sessions"
	"seghub/sessions/problem"
)

func TestUploadMakesAJobOfEachFile(t *testing.T) {
	e := newEdge(t, nil)
	token := e.session()
	var got uploadResponse
	e.upload(token, file("a.png", picture(t, 40, 30)), field("model", "unet"), field("threshold", "0.7"),
		file("b.png", picture(t, 20, 10)), field("min_area", "9"), field("detect_holes", "false"), field("split_touching", "true"),
	).decode(t, http.StatusAccepted, &got)

	if len(got.Accepted) != 2 || len(got.Rejected) != 0 {
		t.Fatalf("accepted %d, rejected %d", len(got.Accepted), len(got.Rejected))
	}
	a := got.Accepted[0]
	if a.Filename != "a.png" || a.Width != 40 || a.Height != 30 || a.Model != "unet" {
		t.Errorf("job %+v", a)
	}
	if o := a.Options; o.Threshold != 0.7 || o.MinArea != 9 || o.DetectHoles || !o.SplitTouching {
		t.Errorf("options %+v", o)
	}
	if n := e.stored(); n != 2 {
		t.Errorf("%d files stored, want 2", n)
	}
}

func TestWhatTheFormLeavesOutIsTheModels(t *testing.T) {
	e := newEdge(t, nil)
	var got uploadResponse
	e.upload(e.session(), field("model", "unet"), file("a.png", picture(t, 40, 30))).decode(t, http.StatusAccepted, &got)
	if o := got.Accepted[0].Options; o.Threshold != 0.4 || o.MinArea != 20 || !o.DetectHoles || !o.SplitTouching {
		t.Errorf("options %+v", o)
	}
	// What is given counts, also where it is nothing.
	e.upload(e.session(), field("model", "unet"), field("min_area", "0"), field("split_touching", "false"), file("a.png", picture(t, 40, 30))).
		decode(t, http.StatusAccepted, &got)
	if o := got.Accepted[0].Options; o.MinArea != 0 || o.SplitTouching {
		t.Errorf("options %+v", o)
	}
}

func TestOneBadFileAmongTen(t *testing.T) {
	e := newEdge(t, nil)
	parts := []part{field("model", "unet")}
	for i := range 9 {
		parts = append(parts, file(fmt.Sprintf("%d.png", i), picture(t, 20+i, 20)))
	}
	parts = append(parts[:4:4], append([]part{file("notes.png", []byte("dear diary"))}, parts[4:]...)...)
	var got uploadResponse
	e.upload(e.session(), parts...).decode(t, http.StatusAccepted, &got)
	if len(got.Accepted) != 9 || len(got.Rejected) != 1 {
		t.Fatalf("accepted %d, rejected %d", len(got.Accepted), len(got.Rejected))
	}
	if r := got.Rejected[0]; r.Index != 3 || r.Filename != "notes.png" || r.Code != problem.UnsupportedFormat || r.Detail == "" {
		t.Errorf("rejected %+v", r)
	}
	if n := e.stored(); n != 9 {
		t.Errorf("%d files stored, want 9", n)
	}
}

func TestBadFileAlone(t *testing.T) {
	whole := picture(t, 300, 300)
	for name, test := range map[string]struct {
		data   []byte
		status int
		code   problem.Code
	}{
		"text named .png":  {[]byte("dear diary"), 415, problem.UnsupportedFormat},
		"empty":            {nil, 415, problem.UnsupportedFormat},
		"cut in half":      {whole[:len(whole)/2], 400, problem.CorruptImage},
		"cut in its head":  {whole[:20], 400, problem.CorruptImage},
		"one pixel":        {picture(t, 1, 1), 400, problem.BadRequest},
		"one pixel header": {claiming(t, 1, 1), 400, problem.BadRequest},
		"60000 x 60000":    {claiming(t, 60000, 60000), 413, problem.ImageTooLarge},
		"more bytes":       {make([]byte, 1<<20+1), 413, problem.FileTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEdge(t, nil)
			answer := e.upload(e.session(), field("model", "unet"), file("x.png", test.data))
			answer.isProblem(t, test.status, test.code)
			var got refusal
			answer.decode(t, test.status, &got)
			if len(got.Rejected) != 1 || got.Rejected[0].Filename != "x.png" || got.Rejected[0].Code != test.code {
				t.Errorf("rejected %+v", got.Rejected)
			}
			if n := e.stored(); n != 0 {
				t.Errorf("%d files stay behind", n)
			}
		})
	}
}

func TestBadUpload(t *testing.T) {
	image := file("a.png", picture(t, 20, 20))
	model := field("model", "unet")
	many := []part{model}
	for range 11 {
		many = append(many, image)
	}
	for name, test := range map[string]struct {
		parts  []part
		status int
		code   problem.Code
	}{
		"too many files":     {many, 413, problem.TooManyFiles},
		"no file":            {[]part{model}, 400, problem.BadRequest},
		"nothing":            {nil, 400, problem.BadRequest},
		"no model":           {[]part{image}, 400, problem.BadRequest},
		"unknown model":      {[]part{image, field("model", "vgg")}, 400, problem.UnknownModel},
		"threshold 7":        {[]part{model, image, field("threshold", "7")}, 400, problem.BadRequest},
		"threshold 0.04":     {[]part{model, image, field("threshold", "0.04")}, 400, problem.BadRequest},
		"threshold NaN":      {[]part{model, image, field("threshold", "NaN")}, 400, problem.BadRequest},
		"threshold in words": {[]part{model, image, field("threshold", "high")}, 400, problem.BadRequest},
		"negative area":      {[]part{model, image, field("min_area", "-1")}, 400, problem.BadRequest},
		"half a boolean":     {[]part{model, image, field("detect_holes", "perhaps")}, 400, problem.BadRequest},
		"an unknown field":   {[]part{model, image, field("treshold", "0.5")}, 400, problem.BadRequest},
		"an endless field":   {[]part{field("model", strings.Repeat("u", 5000)), image}, 400, problem.BadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEdge(t, nil)
			e.upload(e.session(), test.parts...).isProblem(t, test.status, test.code)
			if n := e.stored(); n != 0 {
				t.Errorf("%d files stay behind", n)
			}
		})
	}
}

func TestUploadThatIsNoForm(t *testing.T) {
	e := newEdge(t, nil)
	token := e.session()
	e.do("POST", "/api/v1/images", token, "application/json", strings.NewReader("{}")).isProblem(t, 400, problem.BadRequest)
	body, contentType := encode(t, []part{field("model", "unet"), file("a.png", picture(t, 20, 20))})
	e.do("POST", "/api/v1/images", token, contentType, bytes.NewReader(body[:len(body)-60])).isProblem(t, 400, problem.BadRequest)
	if n := e.stored(); n != 0 {
		t.Errorf("%d files stay behind", n)
	}
}

// TestWhatIsWrongWithAFormIsNamed sends forms as programs that are new to the hub do.
func TestWhatIsWrongWithAFormIsNamed(t *testing.T) {
	const form = "multipart/form-data; boundary=x"
	image := string(picture(t, 60, 60))
	part := func(disposition, content string) string {
		return "--x\r\nContent-Disposition: form-data; " + disposition + "\r\n\r\n" + content + "\r\n"
	}
	whole := part(`name="model"`, "unet") + part(`name="files"; filename="a.png"`, image)
	for name, test := range map[string]struct{ body, coding, want string }{
		"a file in another field":    {part(`name="image"; filename="a.png"`, image) + "--x--\r\n", "", `field \"image\"`},
		"a name that is not quoted":  {part(`name="files"; filename=zähler 1.png`, image) + "--x--\r\n", "", "no name that can be read"},
		"a bell in a name":           {part("name=\"files\"; filename=\"a\a.png\"", image) + "--x--\r\n", "", "head of a part"},
		"cut between two parts":      {whole + "--x\r\n", "", "ended before it was complete"},
		"cut in its last boundary":   {whole + "--x", "", "ended before it was complete"},
		"cut in the head of a part":  {whole + "--x\r\nContent-Dispo", "", "ended before it was complete"},
		"an option out of its range": {whole + part(`name="threshold"`, "7") + "--x--\r\n", "", "Invalid options: threshold"},
		"compressed":                 {whole + "--x--\r\n", "gzip", "Content-Encoding: gzip"},
	} {
		e := newEdge(t, nil)
		request, err := http.NewRequestWithContext(t.Context(), "POST", e.server.URL+"/api/v1/images", strings.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+e.session())
		request.Header.Set("Content-Type", form)
		status := http.StatusBadRequest
		if test.coding != "" {
			request.Header.Set("Content-Encoding", test.coding)
			status = http.StatusUnsupportedMediaType
		}
		a := e.send(request)
		a.isProblem(t, status, problem.BadRequest)
		if !strings.Contains(string(a.body), test.want) {
			t.Errorf("%s: %s", name, a.body)
		}
		if n := e.stored(); n != 0 {
			t.Errorf("%s: %d files stay behind", name, n)
		}
	}
}

// TestAWrongOptionIsSaidBeforeTheFileIsSent has the file never come.
func TestAWrongOptionIsSaidBeforeTheFileIsSent(t *testing.T) {
	for _, wrong := range []part{field("threshold", "7"), field("min_area", "-1"), field("diameter", "30")} {
		e := newEdge(t, nil)
		body, contentType := encode(t, []part{field("model", "unet"), wrong, file("a.png", nil)})
		connection := e.dial()
		fmt.Fprintf(connection, "POST /api/v1/images HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Type: %s\r\nContent-Length: 1000000\r\n\r\n%s",
			e.session(), contentType, body[:bytes.LastIndex(body, []byte("\r\n--"))])
		response, err := http.ReadResponse(bufio.NewReader(connection), nil)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		answer{response, data}.isProblem(t, 400, problem.BadRequest)
	}
}

// TestAnUploadThatFallsAsleepMayBeSentAgain has a client whose share, or who itself, gives nothing for longer than the hub's patience.
func TestAnUploadThatFallsAsleepMayBeSentAgain(t *testing.T) {
	e := newEdge(t, nil)
	token := e.session()
	body, contentType := encode(t, []part{field("model", "unet"), file("a.png", picture(t, 200, 200))})
	for _, sent := range []int{0, 10, bytes.Index(body, []byte("PNG")), len(body) / 2, len(body) - 5} {
		request := httptest.NewRequestWithContext(t.Context(), "POST", "/api/v1/images", io.MultiReader(bytes.NewReader(body[:sent]), iotest.ErrReader(os.ErrDeadlineExceeded)))
		request.Host = "localhost"
		request.Header.Set("Authorization", "Bearer "+token)
		request.Header.Set("Content-Type", contentType)
		recorder := httptest.NewRecorder()
		e.server.Config.Handler.ServeHTTP(recorder, request)
		answer{recorder.Result(), recorder.Body.Bytes()}.isProblem(t, 503, problem.Timeout)
	}
	if n := e.stored(); n != 0 {
		t.Errorf("%d files stay behind", n)
	}
}

// TestFormsThatEndOtherwise sends what is a form too.
func TestFormsThatEndOtherwise(t *testing.T) {
	e := newEdge(t, nil)
	token := e.session()
	body, contentType := encode(t, []part{field("model", "unet"), file("a.png", picture(t, 20, 20))})
	for name, form := range map[string][]byte{
		"no line's end":    bytes.TrimSuffix(body, []byte("\r\n")),
		"an epilogue":      append(bytes.Clone(body), "That is all.\r\n"...),
		"without a length": body,
	} {
		var source io.Reader = bytes.NewReader(form)
		if name == "without a length" {
			source = io.MultiReader(source)
		}
		a := e.do("POST", "/api/v1/images", token, contentType, source)
		if a.StatusCode != http.StatusAccepted || a.Close {
			t.Errorf("%s: status %d, the connection ends: %v: %s", name, a.StatusCode, a.Close, a.body)
		}
	}
}

func TestRequestLargerThanAllItsFilesMayBe(t *testing.T) {
	e := newEdge(t, func(c *Config) { c.Limits.FileBytes, c.Limits.Files = 1000, 1 })
	token := e.session()
	body, contentType := encode(t, []part{field("model", "unet"), file("a.png", make([]byte, 2<<20))})
	e.do("POST", "/api/v1/images", token, contentType, bytes.NewReader(body)).isProblem(t, 413, problem.BatchTooLarge)
	// Without a Content-Length the limit is met on the way.
	e.do("POST", "/api/v1/images", token, contentType, io.MultiReader(bytes.NewReader(body))).isProblem(t, 413, problem.BatchTooLarge)
	if n := e.stored(); n != 0 {
		t.Errorf("%d files stay behind", n)
	}
}

func TestClientThatLeavesInTheMiddle(t *testing.T) {
	e := newEdge(t, nil)
	token := e.session()
	body, contentType := encode(t, []part{field("model", "unet"), file("a.png", picture(t, 200, 200)), file("b.png", picture(t, 200, 200))})
	connection, err := net.Dial("tcp", e.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(connection, "POST /api/v1/images HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n",
		token, contentType, len(body))
	if _, err := connection.Write(body[:len(body)*3/4]); err != nil {
		t.Fatal(err)
	}
	if err := connection.Close(); err != nil {
		t.Fatal(err)
	}
	e.server.Close() // waits for the handler
	if n := e.stored(); n != 0 {
		t.Errorf("%d files stay behind", n)
	}
	if n := len(e.people.jobs); n != 0 {
		t.Errorf("%d sessions have jobs", n)
	}
}

func TestUploadThatIsNotSubmitted(t *testing.T) {
	for _, test := range []struct {
		err    error
		status int
		code   problem.Code
	}{
		{sessions.ErrQueueFull, 429, problem.QueueFull},
		{sessions.ErrDraining, 503, problem.Draining},
		{sessions.ErrClosed, 401, problem.Unauthorized},
		{&net.OpError{Op: "dial", Err: io.EOF}, 503, problem.Unavailable},
		{fmt.Errorf("submit: %w", sessions.ErrUnavailable), 503, problem.Unavailable},
	} {
		e := newEdge(t, nil)
		token := e.session()
		e.people.refuse = test.err
		e.upload(token, field("model", "unet"), file("a.png", picture(t, 20, 20))).isProblem(t, test.status, test.code)
		if n := e.stored(); n != 0 {
			t.Errorf("%v: %d files stay behind", test.err, n)
		}
	}
}

// endsMeanwhile ends a session while one of its files comes in: what has come of it is deleted with the session's.
type endsMeanwhile struct {
	Blobs
	people  *people
	session string
}

func (b endsMeanwhile) Put(ctx context.Context, key string, r io.Reader, limit int64) (int64, error) {
	n, err := b.Blobs.Put(ctx, key, r, limit)
	return n, errors.Join(err, b.people.Close(ctx, b.session), b.Delete(ctx, key))
}

// TestASessionThatEndsDuringItsUpload answers that, and not that a file is not there: programs would take the file for one that no hub takes.
func TestASessionThatEndsDuringItsUpload(t *testing.T) {
	ends := endsMeanwhile{}
	e := newEdge(t, func(c *Config) {
		ends.Blobs = c.Blobs
		c.Blobs = &ends
	})
	token := e.session()
	ends.people, ends.session = e.people, strings.TrimPrefix(token, "token-")
	e.upload(token, field("model", "unet"), file("a.png", picture(t, 20, 20))).isProblem(t, 401, problem.Unauthorized)
	if n := e.stored(); n != 0 {
		t.Errorf("%d files stay behind", n)
	}
}

// TestUploadInDoubt leaves the files to who finds out whether there are jobs.
func TestUploadInDoubt(t *testing.T) {
	e := newEdge(t, nil)
	e.people.refuse = fmt.Errorf("%w: %w", sessions.ErrInDoubt, sessions.ErrUnavailable)
	e.upload(e.session(), field("model", "unet"), file("a.png", picture(t, 20, 20))).isProblem(t, 503, problem.Unavailable)
	if n := e.stored(); n != 1 {
		t.Errorf("%d files are kept, want 1", n)
	}
}

// TestTheSameUploadTwice makes the jobs of one Idempotency-Key once.
func TestTheSameUploadTwice(t *testing.T) {
	e := newEdge(t, nil)
	token := e.session()
	upload := func(key string, status int) (got uploadResponse) {
		t.Helper()
		body, contentType := encode(t, []part{field("model", "unet"), file("a.png", picture(t, 20, 20))})
		request, err := http.NewRequest("POST", e.server.URL+"/api/v1/images", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
		request.Header.Set("Content-Type", contentType)
		request.Header.Set("Idempotency-Key", key)
		e.send(request).decode(t, status, &got)
		return got
	}
	first, again, other := upload("one", 202), upload("one", 202), upload("two", 202)
	if again.Accepted[0].ID != first.Accepted[0].ID || again.Rejected == nil || other.Accepted[0].ID == first.Accepted[0].ID {
		t.Errorf("got %+v, %+v, %+v", first, again, other)
	}
	e.people.late = true
	if quicker := upload("one", 202); quicker.Accepted[0].ID != first.Accepted[0].ID {
		t.Errorf("beside a quicker one: %+v", quicker)
	}
	if n := e.stored(); n != 2 {
		t.Errorf("%d files are stored, want 2", n)
	}
	upload(strings.Repeat("k", 256), 400)
}

func TestCleanFilename(t *testing.T) {
	for from, want := range map[string]string{
		"a.png":                           "a.png",
		`C:\images\a.png`:                 "a.png",
		`a\1.png`:                         `a\1.png`,
		"3%22.png":                        `3".png`,
		"a%0D%0Ab.png":                    "ab.png",
		"../../etc/passwd":                "passwd",
		"a\x00b\n.png":                    "ab.png",
		"":                                "image",
		"..":                              "..",
		"/":                               "image",
		"Sphäroid 1.tif":                  "Sphäroid 1.tif",
		"\xff\xfe.png":                    ".png",
		strings.Repeat("ä", 300) + ".tif": strings.Repeat("ä", 85) + "…" + strings.Repeat("ä", 165) + ".tif",
	} {
		if got := cleanFilename(from); got != want {
			t.Errorf("%q becomes %q, want %q", from, got, want)
		}
	}
}

func FuzzUpload(f *testing.F) {
	f.Add([]byte("--x\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a\"\r\n\r\nabc\r\n--x--\r\n"))
	f.Add([]byte("--x\r\n\r\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		e := newEdge(t, nil)
		a := e.do("POST", "/api/v1/images", e.session(), "multipart/form-data; boundary=x", bytes.NewReader(body))
		if a.StatusCode >= 500 {
			t.Errorf("status %d: %s", a.StatusCode, a.body)
		}
		if a.StatusCode != http.StatusAccepted && e.stored() != 0 {
			t.Error("files stay behind")
		}
	})
}

// TestNoRoom refuses what brings more data, and nothing else.
func TestNoRoom(t *testing.T) {
	e := newEdge(t, nil)
	token := e.session()
	e.room = problem.New(problem.QuotaExceeded, "The disk is full.")
	e.upload(token, field("model", "unet"), file("a.png", picture(t, 16, 16))).isProblem(t, http.StatusInsufficientStorage, problem.QuotaExceeded)
	if n := e.stored(); n != 0 {
		t.Errorf("%d files are stored", n)
	}
	e.do("POST", "/api/v1/sessions", "", "", nil).isProblem(t, http.StatusInsufficientStorage, problem.QuotaExceeded)
	if a := e.get("/api/v1/session", token); a.StatusCode != http.StatusOK {
		t.Errorf("reading: status %d", a.StatusCode)
	}
	if a := e.do("DELETE", "/api/v1/session", token, "", nil); a.StatusCode != http.StatusNoContent {
		t.Errorf("ending: status %d", a.StatusCode)
	}
}

// filling is the room of a disk that is full once it was looked at so often.
type filling struct {
	Room
	looks atomic.Int32
}

func (f *filling) For(context.Context, string, int64) error {
	if f.looks.Add(-1) < 0 {
		return problem.New(problem.QuotaExceeded, "The disk is full.")
	}
	return nil
}

// TestTheDiskFillsDuringAnUpload: what is there by then is taken, and nothing more is written.
func TestTheDiskFillsDuringAnUpload(t *testing.T) {
	room := &filling{}
	e := newEdge(t, func(c *Config) { c.Room, c.Limits.FileBytes = room, 64<<20 })
	room.looks.Store(1)
	token := e.session()
	room.looks.Store(3) // before the request, at its first file and at the second's beginning
	var got uploadResponse
	e.upload(token, field("model", "unet"), file("a.png", picture(t, 40, 30)), file("b.png", make([]byte, roomEvery+1<<20)), file("c.png", picture(t, 40, 30))).
		decode(t, http.StatusAccepted, &got)
	if len(got.Accepted) != 1 || len(got.Rejected) != 2 || got.Rejected[0].Code != problem.QuotaExceeded || got.Rejected[1].Code != problem.QuotaExceeded {
		t.Errorf("%+v", got)
	}
	if n := e.stored(); n != 1 {
		t.Errorf("%d files stored, want 1", n)
	}
}
