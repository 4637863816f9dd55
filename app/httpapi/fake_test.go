package httpapi

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"io"
	"io/fs"
	"log/slog"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"seghub/app/status"
	"seghub/gpuexec"
	"seghub/models"
	"seghub/sessions"
	"seghub/sessions/problem"
	"seghub/storage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// people is an in-memory stand-in for sessions: a token is "token-" and the session's id.
type people struct {
	mu     sync.Mutex
	open   map[string]sessions.Session // guarded by mu
	closed map[string]bool             // sessions that were, guarded by mu
	jobs   map[string][]sessions.Job   // by session, guarded by mu
	keys   map[string][]sessions.Job   // by session and Idempotency-Key
	refuse error                       // what Submit answers
	late   bool                        // Submit without jobs finds none of a key, whose jobs are just being made
}

func (p *people) Create(_ context.Context, name string) (sessions.Session, string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := sessions.Session{ID: "s" + strconv.Itoa(len(p.open)+1), Name: name, State: sessions.Idle}
	p.open[s.ID] = s
	return s, "token-" + s.ID, nil
}

func (p *people) Authenticate(_ context.Context, token string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	id, ok := strings.CutPrefix(token, "token-")
	if p.closed[id] {
		return "", sessions.ErrClosed
	}
	if _, open := p.open[id]; !ok || !open {
		return "", sessions.ErrUnauthorized
	}
	return id, nil
}

func (p *people) Get(_ context.Context, id string) (sessions.Session, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed[id] {
		return sessions.Session{}, sessions.ErrClosed
	}
	return p.open[id], nil
}

func (p *people) Close(_ context.Context, id string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, id)
	p.closed[id] = true
	return nil
}

func (p *people) Count(context.Context) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.open), nil
}

func (p *people) Submit(_ context.Context, id, key string, asked []sessions.NewJob) ([]sessions.Job, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refuse != nil {
		return nil, p.refuse
	}
	if p.late && len(asked) == 0 {
		return nil, nil
	}
	if before := p.keys[id+" "+key]; key != "" && (before != nil || len(asked) == 0) {
		return before, nil
	}
	var made []sessions.Job
	for _, n := range asked {
		made = append(made, sessions.Job{
			ID: "j" + strconv.Itoa(len(p.jobs[id])+len(made)+1), ImageID: n.ImageID, Filename: n.Filename,
			Width: n.Width, Height: n.Height, Place: n.Place, Model: n.Model, Options: n.Options, State: sessions.JobQueued,
		})
	}
	p.jobs[id] = append(p.jobs[id], made...)
	p.keys[id+" "+key] = made
	return made, nil
}

func (p *people) Jobs(_ context.Context, id string, q sessions.JobQuery) (sessions.JobPage, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if q.Cursor == "bad" {
		return sessions.JobPage{}, sessions.ErrBadCursor
	}
	page := sessions.JobPage{}
	for _, j := range p.jobs[id] {
		if q.State == "" || j.State == q.State {
			page.Jobs = append(page.Jobs, j)
		}
	}
	if len(page.Jobs) > q.Limit {
		page.Jobs, page.NextCursor = page.Jobs[:q.Limit], "more"
	}
	return page, nil
}

func (p *people) Job(_ context.Context, id, job string) (sessions.Job, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, j := range p.jobs[id] {
		if j.ID == job {
			return j, nil
		}
	}
	return sessions.Job{}, sessions.ErrNotFound
}

// forget takes a job out of its session, as deleting its image does.
func (p *people) forget(id, job string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.jobs[id] = slices.DeleteFunc(p.jobs[id], func(j sessions.Job) bool { return j.ID == job })
}

// end puts a job into a state.
func (p *people) end(id, job string, state sessions.JobState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.jobs[id] {
		if p.jobs[id][i].ID == job {
			p.jobs[id][i].State = state
		}
	}
}

func (p *people) Cancel(ctx context.Context, id, job string) error {
	if _, err := p.Job(ctx, id, job); err != nil {
		return err
	}
	p.end(id, job, sessions.JobCancelled)
	return nil
}

func (p *people) CancelAll(_ context.Context, id string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.jobs[id] {
		p.jobs[id][i].State = sessions.JobCancelled
	}
	return nil
}

// twoModels has the model "unet", and "bare", whose file says no more than it must.
type twoModels struct{}

func (twoModels) List() []models.Spec {
	bare := models.Spec{ID: "bare", Title: "Bare", Threshold: 0.5, Precision: "fp32", Batch: models.Batch{Alone: 1, Shared: 1, Max: 1},
		Input: models.Input{Name: "image", Height: 256, Width: 256, Channels: 3, Scaling: models.ScalingNative}}
	unet := bare
	unet.ID, unet.Title, unet.Threshold = "unet", "U-Net", 0.4
	unet.MinArea, unet.Split = 20, true
	unet.Input = models.Input{Name: "image", Height: 512, Width: 512, Channels: 1, Scaling: models.ScalingFit}
	unet.TrainedOn = []models.TrainingSet{{Name: "bodies", Licence: "CC0", Images: 12}}
	unet.Scores = map[string]models.Score{"others": {Dice: 0.9, IoU: 0.82}}
	unet.SizeBytes = 4096
	return []models.Spec{bare, unet}
}

func (m twoModels) Get(id string) (models.Spec, bool) {
	return m.List()[1], id == "unet"
}

// sockets tells by HTTP what the hub would have been asked to do.
type sockets struct{}

func (sockets) Serve(w http.ResponseWriter, _ *http.Request, session string, _ netip.Addr) {
	w.Header().Set("Served", session)
}

func (sockets) Refuse(w http.ResponseWriter, _ *http.Request, err error) {
	w.Header().Set("Refused", err.Error())
}

// edge is the edge over the fakes, with real storage.
type edge struct {
	t      *testing.T
	people *people
	folder string // of storage
	ready  error
	room   error // why there is none
	server *httptest.Server
}

func newEdge(t *testing.T, change func(*Config)) *edge {
	t.Helper()
	folder := t.TempDir()
	store, err := storage.Open(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	e := &edge{t: t, folder: folder, people: &people{open: map[string]sessions.Session{}, closed: map[string]bool{}, jobs: map[string][]sessions.Job{}, keys: map[string][]sessions.Job{}}}
	c := Config{
		Accounts: e.people,
		Jobs:     e.people,
		Blobs:    store,
		Models:   twoModels{},
		Live:     sockets{},
		Client: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "client "+r.URL.Path)
		}),
		Loaded: func(string) bool { return true },
		Status: func(context.Context) (status.Snapshot, error) {
			return status.Snapshot{
				Admission: sessions.Stats{Slots: []sessions.SlotStat{{Slot: 0, Session: "s1"}}},
				Workers:   []gpuexec.WorkerStat{{Slot: 0, Device: "cpu", State: gpuexec.WorkerIdle}},
			}, nil
		},
		Ready:    func(context.Context) error { return e.ready },
		Room:     noLimit{e},
		Registry: prometheus.NewRegistry(),
		Limits:   Limits{FileBytes: 1 << 20, Pixels: 1e6, Files: 10, Sessions: 100, Uploads: 16, Rates: 1},
		Log:      slog.New(slog.DiscardHandler),

		Deployment: "d1",
		SessionTTL: time.Hour,
		Hosts:      []string{"Hub.example.", "*.lab.example"},
		Origins:    []string{"https://friend.example"},
	}
	if change != nil {
		change(&c)
	}
	handler, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	e.server = httptest.NewUnstartedServer(handler)
	e.server.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		_ = c.(*net.TCPConn).SetWriteBuffer(64 << 10) // an answer need not be large to be more than a connection holds
		return ConnContext(ctx, c)
	}
	e.server.Start()
	t.Cleanup(func() {
		e.server.Close()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// answer is a response that was read to its end.
type answer struct {
	*http.Response
	body []byte
}

func (e *edge) do(method, path, token, contentType string, body io.Reader) answer {
	e.t.Helper()
	request, err := http.NewRequestWithContext(e.t.Context(), method, e.server.URL+path, body)
	if err != nil {
		e.t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	return e.send(request)
}

func (e *edge) send(request *http.Request) answer {
	e.t.Helper()
	response, err := e.server.Client().Do(request)
	if err != nil {
		e.t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	return answer{response, data}
}

// noLimit is the room of an edge.
type noLimit struct{ *edge }

func (r noLimit) For(context.Context, string, int64) error { return r.room }
func (r noLimit) ToWait(context.Context, int64) error      { return r.room }

func (e *edge) get(path, token string) answer { return e.do("GET", path, token, "", nil) }

// session starts a session and gives its token.
func (e *edge) session() string {
	e.t.Helper()
	a := e.do("POST", "/api/v1/sessions", "", "application/json", strings.NewReader(`{"name":"Ada"}`))
	var created createResponse
	a.decode(e.t, http.StatusCreated, &created)
	return created.Token
}

func (a answer) decode(t *testing.T, status int, v any) {
	t.Helper()
	if a.StatusCode != status {
		t.Fatalf("status %d, want %d: %s", a.StatusCode, status, a.body)
	}
	if err := json.Unmarshal(a.body, v); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
}

// isProblem checks that a is the problem of code.
func (a answer) isProblem(t *testing.T, status int, code problem.Code) {
	t.Helper()
	var p problem.Problem
	a.decode(t, status, &p)
	if p.Code != code || p.Status != status || p.Detail == "" || p.Title == "" {
		t.Errorf("problem %+v, want code %s and status %d", p, code, status)
	}
	if got := a.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("content type %q", got)
	}
	if (status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable) && a.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

// part is one part of an upload: a file when filename is not empty.
type part struct {
	name, filename string
	data           []byte
}

func field(name, value string) part { return part{name: name, data: []byte(value)} }
func file(filename string, data []byte) part {
	return part{name: "files", filename: filename, data: data}
}

// stored counts the files that storage holds.
func (e *edge) stored() int {
	e.t.Helper()
	files := 0
	err := filepath.WalkDir(e.folder, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files++
		}
		return err
	})
	if err != nil {
		e.t.Fatal(err)
	}
	return files
}

func (e *edge) upload(token string, parts ...part) answer {
	e.t.Helper()
	body, contentType := encode(e.t, parts)
	return e.do("POST", "/api/v1/images", token, contentType, bytes.NewReader(body))
}

func encode(t *testing.T, parts []part) ([]byte, string) {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for _, p := range parts {
		var to io.Writer
		var err error
		if p.filename != "" {
			to, err = w.CreateFormFile(p.name, p.filename)
		} else {
			to, err = w.CreateFormField(p.name)
		}
		if err == nil {
			_, err = to.Write(p.data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return body.Bytes(), w.FormDataContentType()
}

// picture is a PNG with some content.
func picture(t *testing.T, width, height int) []byte {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, width, height))
	for i := range img.Pix {
		img.Pix[i] = uint8(i * 7)
	}
	img.SetGray(0, 0, color.Gray{Y: 255})
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// claiming is a small PNG whose header claims another size.
func claiming(t *testing.T, width, height uint32) []byte {
	t.Helper()
	data := picture(t, 16, 16)
	ihdr := data[12:29] // the chunk's type and its 13 bytes
	binary.BigEndian.PutUint32(ihdr[4:], width)
	binary.BigEndian.PutUint32(ihdr[8:], height)
	binary.BigEndian.PutUint32(data[29:], crc32.ChecksumIEEE(ihdr))
	return data
}
