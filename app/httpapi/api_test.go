package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"seghub/gpuexec"
	"seghub/models/mask"
	"seghub/models/mask/masktest"
	"seghub/sessions"
	"seghub/sessions/problem"
	"seghub/storage"
)

func TestSessionsLife(t *testing.T) {
	e := newEdge(t, nil)
	a := e.do("POST", "/api/v1/sessions", "", "application/json", strings.NewReader(`{"name":"  Ada\u0007 "}`))
	var created createResponse
	a.decode(t, http.StatusCreated, &created)
	if created.Session.Name != "Ada" || created.Token == "" {
		t.Errorf("created %+v", created)
	}
	cookie := a.Cookies()[0]
	if cookie.Name != "seghub_d1" || cookie.MaxAge != 3600 || cookie.Path != "/" || cookie.Value != created.Token || !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Secure {
		t.Errorf("cookie %+v", cookie)
	}
	var got sessions.Session
	e.get("/api/v1/session", created.Token).decode(t, http.StatusOK, &got)
	if got.ID != created.Session.ID {
		t.Errorf("session %q, want %q", got.ID, created.Session.ID)
	}
	if a := e.do("DELETE", "/api/v1/session", created.Token, "", nil); a.StatusCode != http.StatusNoContent || a.Cookies()[0].MaxAge >= 0 {
		t.Errorf("status %d, cookies %v", a.StatusCode, a.Cookies())
	}
	e.get("/api/v1/session", created.Token).isProblem(t, 401, problem.Unauthorized)
}

func TestCookieIsAsGoodAsTheHeader(t *testing.T) {
	e := newEdge(t, nil)
	token := e.session()
	cookie := "seghub_d1=" + token
	for name, test := range map[string]struct {
		headers map[string]string
		renewed bool // a browser's cookie lives as long as the session, counted anew
	}{
		"header":                         {map[string]string{"Authorization": "Bearer " + token}, false},
		"header, lower case":             {map[string]string{"Authorization": "bearer " + token}, false},
		"header, and another's cookie":   {map[string]string{"Authorization": "Bearer " + token, "Cookie": "seghub_d1=" + e.session()}, false},
		"cookie":                         {map[string]string{"Cookie": cookie}, true},
		"cookie, and a proxy's password": {map[string]string{"Authorization": "Basic YWRhOnNlc2FtZQ==", "Cookie": cookie}, true},
		"cookie, and another sign-in's":  {map[string]string{"Authorization": "Bearer eyJhbGciOiJIUzI1NiJ9.e30.x", "Cookie": cookie}, true},
	} {
		a := e.ask("GET", "/api/v1/session", test.headers)
		if a.StatusCode != http.StatusOK || !bytes.Contains(a.body, []byte(`"id":"s1"`)) {
			t.Errorf("%s: status %d, %s", name, a.StatusCode, a.body)
		}
		if renewed := a.Cookies(); (len(renewed) == 1 && renewed[0].MaxAge == 3600) != test.renewed {
			t.Errorf("%s: cookies %v", name, renewed)
		}
	}
	ended := e.session()
	e.do("DELETE", "/api/v1/session", ended, "", nil)
	for _, headers := range []map[string]string{
		{"Authorization": "Basic YWRhOnNlc2FtZQ=="}, {"Authorization": "Bearer"}, {"Authorization": token}, {"Authorization": "Bearer " + ended, "Cookie": cookie},
	} {
		e.ask("GET", "/api/v1/session", headers).isProblem(t, 401, problem.Unauthorized)
	}
}

// TestCookieOfAnOpenPage lives as long as its session: a page that stays connected asks for nothing again and again but the models.
func TestCookieOfAnOpenPage(t *testing.T) {
	e := newEdge(t, nil)
	token := e.session()
	for name, header := range map[string]map[string]string{
		"a page":    {"Cookie": "seghub_d1=" + token},
		"a program": {"Authorization": "Bearer " + token},
	} {
		if c := e.ask("GET", "/api/v1/models", header).Cookies(); (len(c) == 1 && c[0].Value == token && c[0].MaxAge == 3600) != (name == "a page") {
			t.Errorf("%s: cookies %v", name, c)
		}
	}
}

func TestSecureCookieBehindATLSProxy(t *testing.T) {
	e := newEdge(t, func(c *Config) { c.Secure = true })
	if c := e.do("POST", "/api/v1/sessions", "", "", nil).Cookies()[0]; !c.Secure || c.Name != "__Host-seghub_d1" || c.Path != "/" || c.Domain != "" {
		t.Errorf("cookie %+v", c)
	}
}

func TestBadSessionRequests(t *testing.T) {
	e := newEdge(t, nil)
	for name, test := range map[string]struct{ body, want string }{
		"no JSON":          {"name=Ada", "at byte 2"},
		"an array":         {`["Ada"]`, "is of the type array"},
		"a number":         {`{"name":5}`, "name cannot be of the type number"},
		"an unknown field": {`{"nom":"Ada"}`, `unknown field \"nom\"`},
		"two objects":      {`{} {}`, "more than one"},
		"a long name":      {`{"name":"` + strings.Repeat("a", 101) + `"}`, "100 characters"},
		"a very long body": {`{"name":"` + strings.Repeat("a", 10<<10) + `"}`, "4096 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			a := e.do("POST", "/api/v1/sessions", "", "application/json", strings.NewReader(test.body))
			a.isProblem(t, 400, problem.BadRequest)
			if !strings.Contains(string(a.body), test.want) {
				t.Errorf("%s", a.body)
			}
		})
	}
}

func TestAccessKey(t *testing.T) {
	e := newEdge(t, func(c *Config) { c.AccessKey = "sesame" })
	for _, body := range []string{``, `{}`, `{"access_key":"wrong"}`} {
		e.do("POST", "/api/v1/sessions", "", "application/json", strings.NewReader(body)).isProblem(t, 401, problem.AccessKeyRequired)
	}
	a := e.do("POST", "/api/v1/sessions", "", "application/json", strings.NewReader(`{"access_key":"sesame"}`))
	if a.StatusCode != http.StatusCreated {
		t.Errorf("status %d", a.StatusCode)
	}
}

// calls are all calls that need a session.
var calls = []string{
	"GET /session", "DELETE /session", "GET /models", "POST /images", "GET /images/x", "GET /images/x/preview",
	"GET /jobs", "DELETE /jobs", "GET /jobs/j1", "DELETE /jobs/j1", "GET /jobs/j1/result", "GET /jobs/j1/mask.png",
	"GET /jobs/j1/probability.png", "GET /stats",
}

func TestNothingWithoutAToken(t *testing.T) {
	e := newEdge(t, nil)
	token := e.session()
	for _, call := range calls {
		method, path, _ := strings.Cut(call, " ")
		for _, wrong := range []string{"", "wrong", "token-nobody"} {
			e.do(method, "/api/v1"+path, wrong, "", nil).isProblem(t, 401, problem.Unauthorized)
		}
		e.do(method, "/api/v1"+path+"?token="+token, "", "", nil).isProblem(t, 401, problem.Unauthorized)
	}
}

func TestSocketIsServedOrRefusedByTheHub(t *testing.T) {
	e := newEdge(t, nil)
	token := e.session()
	if got := e.get("/api/v1/ws", token).Header.Get("Served"); got != "s1" {
		t.Errorf("served %q", got)
	}
	for path, test := range map[string]struct {
		token string
		want  error
	}{
		"/api/v1/ws":                {"wrong", sessions.ErrUnauthorized},
		"/api/v1/ws?token=" + token: {"", sessions.ErrUnauthorized}, // a token in the query
	} {
		if got := e.get(path, test.token).Header.Get("Refused"); got != test.want.Error() {
			t.Errorf("%s: refused with %q", path, got)
		}
	}
	e.do("DELETE", "/api/v1/session", token, "", nil)
	if got := e.get("/api/v1/ws", token).Header.Get("Refused"); got != sessions.ErrClosed.Error() {
		t.Errorf("a closed session: refused with %q", got)
	}
}

func TestAnotherSessionsThingsDoNotExist(t *testing.T) {
	e := newEdge(t, nil)
	ada, bob := e.session(), e.session()
	var got uploadResponse
	e.upload(ada, field("model", "unet"), file("a.png", picture(t, 40, 30))).decode(t, http.StatusAccepted, &got)
	job, image := got.Accepted[0].ID, got.Accepted[0].ImageID
	for _, call := range []string{
		"GET /jobs/" + job, "DELETE /jobs/" + job, "GET /jobs/" + job + "/result", "GET /jobs/" + job + "/mask.png",
		"GET /jobs/" + job + "/probability.png", "GET /images/" + image, "GET /images/" + image + "/preview",
	} {
		method, path, _ := strings.Cut(call, " ")
		e.do(method, "/api/v1"+path, bob, "", nil).isProblem(t, 404, problem.NotFound)
	}
	if j, err := e.people.Job(t.Context(), "s1", job); err != nil || j.State != sessions.JobQueued {
		t.Errorf("Ada's job: %+v, %v", j, err)
	}
}

func TestImageComesBackAsItWas(t *testing.T) {
	e := newEdge(t, nil)
	token := e.session()
	data := picture(t, 40, 30)
	var got uploadResponse
	e.upload(token, field("model", "unet"), file("a.html", data)).decode(t, http.StatusAccepted, &got)

	a := e.get("/api/v1/images/"+got.Accepted[0].ImageID, token)
	if !bytes.Equal(a.body, data) || a.Header.Get("Content-Type") != "image/png" || a.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%d bytes, headers %v", len(a.body), a.Header)
	}
	preview := e.get("/api/v1/images/"+got.Accepted[0].ImageID+"/preview", token)
	img, err := png.Decode(bytes.NewReader(preview.body))
	if err != nil || img.Bounds().Dx() != 40 || img.Bounds().Dy() != 30 {
		t.Errorf("preview: %v", err)
	}
	for _, id := range []string{"..", "%2e%2e%2f", "a%2fb", "a%00"} {
		e.get("/api/v1/images/"+id, token).isProblem(t, 404, problem.NotFound)
	}
}

func TestResultsAreThereOnceTheJobIsDone(t *testing.T) {
	e := newEdge(t, nil)
	token := e.session()
	store, err := storage.Open(t.Context(), e.folder)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	var got uploadResponse
	e.upload(token, field("model", "unet"), file("a.png", picture(t, 40, 30))).decode(t, http.StatusAccepted, &got)
	job := got.Accepted[0].ID
	want := mask.Probability{Width: 40, Height: 30, Pix: make([]uint8, 40*30), Border: make([]uint8, 40*30)}
	for i := range want.Pix {
		want.Pix[i], want.Border[i] = uint8(i), 255
	}
	var probability bytes.Buffer
	if err := masktest.WriteBands(&probability, want); err != nil {
		t.Fatal(err)
	}
	for key, data := range map[string]string{
		storage.ResultKey("s1", job): `{"objects":[]}`, storage.MaskKey("s1", job): "mask", storage.ProbabilityKey("s1", job): probability.String(),
	} {
		if err := store.Write(t.Context(), key, []byte(data)); err != nil {
			t.Fatal(err)
		}
	}
	paths := map[string]string{"/result": "application/json", "/mask.png": "image/png", "/probability.png": "image/png"}
	for path := range paths {
		a := e.get("/api/v1/jobs/"+job+path, token)
		a.isProblem(t, 404, problem.NotFound)
		if !strings.Contains(string(a.body), "state is done") {
			t.Errorf("%s of a job that is queued: %s", path, a.body)
		}
	}
	e.people.end("s1", job, sessions.JobDone)
	for path, contentType := range paths {
		a := e.get("/api/v1/jobs/"+job+path, token)
		if a.StatusCode != http.StatusOK || a.Header.Get("Content-Type") != contentType || len(a.body) == 0 {
			t.Errorf("%s: status %d, %v", path, a.StatusCode, a.Header)
		}
	}
	a := e.get("/api/v1/jobs/"+job+"/probability.png", token)
	img, err := png.Decode(bytes.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	if grey, ok := img.(*image.Gray); !ok || !bytes.Equal(grey.Pix, want.Pix) {
		t.Errorf("the probability map is a %T of %v", img, img.Bounds())
	}
	if a.Header.Get("Content-Length") != fmt.Sprint(len(a.body)) || a.Header.Get("Cache-Control") == "" || a.Header.Get("Last-Modified") == "" {
		t.Errorf("headers %v", a.Header)
	}
	// What is damaged is nobody's image, but the operator's disk.
	if err := store.Write(t.Context(), storage.ProbabilityKey("s1", job), probability.Bytes()[1:]); err != nil {
		t.Fatal(err)
	}
	e.get("/api/v1/jobs/"+job+"/probability.png", token).isProblem(t, 500, problem.Internal)
}

func TestJobs(t *testing.T) {
	e := newEdge(t, nil)
	token := e.session()
	var empty jobsResponse
	a := e.get("/api/v1/jobs", token)
	a.decode(t, http.StatusOK, &empty)
	if string(a.body) != `{"jobs":[],"next_cursor":null}` {
		t.Errorf("no jobs: %s", a.body)
	}
	parts := []part{field("model", "unet")}
	for i := range 3 {
		parts = append(parts, file(fmt.Sprint(i, ".png"), picture(t, 20, 20)))
	}
	e.upload(token, parts...)
	if a := e.do("DELETE", "/api/v1/jobs/j2", token, "", nil); a.StatusCode != http.StatusAccepted {
		t.Errorf("cancel: status %d", a.StatusCode)
	}
	var page jobsResponse
	e.get("/api/v1/jobs?state=queued&limit=1", token).decode(t, http.StatusOK, &page)
	if len(page.Jobs) != 1 || page.NextCursor == nil {
		t.Errorf("page %+v", page)
	}
	if a := e.do("DELETE", "/api/v1/jobs", token, "", nil); a.StatusCode != http.StatusAccepted {
		t.Errorf("cancel all: status %d", a.StatusCode)
	}
	e.get("/api/v1/jobs?state=cancelled", token).decode(t, http.StatusOK, &page)
	if len(page.Jobs) != 3 {
		t.Errorf("%d jobs are cancelled", len(page.Jobs))
	}
	for _, query := range []string{"state=lost", "limit=0", "limit=1001", "limit=x", "cursor=bad"} {
		e.get("/api/v1/jobs?"+query, token).isProblem(t, 400, problem.BadRequest)
	}
	e.get("/api/v1/jobs/none", token).isProblem(t, 404, problem.NotFound)
}

func TestModels(t *testing.T) {
	e := newEdge(t, nil)
	token := e.session()
	a := e.get("/api/v1/models", token)
	var list struct{ Models []modelResponse }
	a.decode(t, http.StatusOK, &list)
	if len(list.Models) != 2 || list.Models[1].ID != "unet" || !list.Models[1].Loaded || list.Models[1].Input.Width != 512 {
		t.Errorf("models %+v", list.Models)
	}
	for _, want := range []string{
		`"training_data":[{"name":"bodies","licence":"CC0","images":12}]`, `"scores":{"others":{"dice":0.9,"iou":0.82}}`, `"size_bytes":4096`,
		`"scaling":"native"`, `"training_data":[]`, `"scores":{}`,
	} {
		if !bytes.Contains(a.body, []byte(want)) {
			t.Errorf("the models have no %s: %s", want, a.body)
		}
	}
}

func TestStats(t *testing.T) {
	e := newEdge(t, nil)
	token := e.session()
	a := e.get("/api/v1/stats", token)
	if a.StatusCode != http.StatusOK || !bytes.Contains(a.body, []byte(`"session_is_you":true`)) || bytes.Contains(a.body, []byte("s1")) {
		t.Errorf("stats: %d %s", a.StatusCode, a.body)
	}
}

func TestProbes(t *testing.T) {
	e := newEdge(t, nil)
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		if a := e.get(path, ""); a.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d", path, a.StatusCode)
		}
	}
	e.ready = errors.New("redis does not answer")
	if a := e.get("/readyz", ""); a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" || !bytes.Contains(a.body, []byte("redis")) {
		t.Errorf("not ready: %d %s", a.StatusCode, a.body)
	}
	if a := e.get("/metrics", ""); !bytes.Contains(a.body, []byte(`route="/readyz",status="503"`)) {
		t.Errorf("the metrics do not count: %s", a.body)
	}
}

func TestSamples(t *testing.T) {
	e := newEdge(t, nil)
	var list struct{ Samples []sampleResponse }
	e.get("/samples", "").decode(t, http.StatusOK, &list)
	if len(list.Samples) == 0 {
		t.Fatal("no samples")
	}
	for _, s := range list.Samples {
		a := e.get(s.URL, "")
		if _, err := png.DecodeConfig(bytes.NewReader(a.body)); err != nil || a.Header.Get("Content-Type") != "image/png" {
			t.Errorf("%s: %v", s.URL, err)
		}
	}
	e.get("/samples/none.png", "").isProblem(t, 404, problem.NotFound)
	e.get("/samples/"+list.Samples[0].Name, "").isProblem(t, 404, problem.NotFound)
}

func TestWhatIsNoCallIsTheClients(t *testing.T) {
	e := newEdge(t, nil)
	for _, path := range []string{"/", "/assets/x.js", "/apiary"} {
		if a := e.get(path, ""); a.StatusCode != http.StatusOK || string(a.body) != "client "+path {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
	for _, path := range []string{"/api", "/api/v1/none", "/api/v2/session"} {
		e.get(path, "").isProblem(t, 404, problem.NotFound)
	}
	e.do("PUT", "/api/v1/jobs", e.session(), "", nil).isProblem(t, 405, problem.BadRequest)
}

func TestPanicIsAnInternalProblem(t *testing.T) {
	var log strings.Builder
	e := newEdge(t, func(c *Config) {
		c.Loaded = func(string) bool { panic("lost") }
		c.Log = slog.New(slog.NewTextHandler(&log, nil))
	})
	a := e.get("/api/v1/models", e.session())
	a.isProblem(t, 500, problem.Internal)
	if bytes.Contains(a.body, []byte("lost")) {
		t.Errorf("the client sees the reason: %s", a.body)
	}
	e.server.Close() // nobody writes to the log any more
	_, mark, _ := strings.Cut(string(a.body), "beside ")
	if mark, _, _ = strings.Cut(mark, "."); len(mark) != len("mark=")+markLength || !strings.Contains(log.String(), mark) || !strings.Contains(log.String(), "session=s1") {
		t.Errorf("the client is told %q; the log says %s", mark, log.String())
	}
}

// TestCachesGiveNothingToOthers looks at what caches between here and the browser are told.
func TestCachesGiveNothingToOthers(t *testing.T) {
	e := newEdge(t, nil)
	token := e.session()
	var got uploadResponse
	e.upload(token, field("model", "unet"), file("a.png", picture(t, 40, 30))).decode(t, http.StatusAccepted, &got)
	image, job := "/api/v1/images/"+got.Accepted[0].ImageID, "/api/v1/jobs/"+got.Accepted[0].ID
	for path, want := range map[string]string{
		"/readyz": "private, no-cache", "/api/v1/session": "private, no-cache", "/api/v1/jobs": "private, no-cache", job: "private, no-cache",
		image: "private, max-age=86400, immutable", image + "/preview": "private, max-age=86400, immutable",
		job + "/mask.png": "no-store", // it is not done
	} {
		if a := e.get(path, token); a.Header.Get("Cache-Control") != want {
			t.Errorf("%s: status %d, %q, want %q", path, a.StatusCode, a.Header.Get("Cache-Control"), want)
		}
	}
	if a := e.do("POST", "/api/v1/sessions", "", "", nil); a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("a token: %q", a.Header.Get("Cache-Control"))
	}
}

// TestAStorageInTroubleIsTriedAgain is of what a client is to send again, which an internal problem is not.
func TestAStorageInTroubleIsTriedAgain(t *testing.T) {
	slowDown := errors.New("api error SlowDown: Please reduce your request rate")
	readOnly := &fs.PathError{Op: "open", Path: "images/x", Err: syscall.EROFS}
	for _, c := range []struct {
		err  error
		want problem.Code
	}{
		{&storage.Error{Op: storage.OpPut, Key: "x", Err: slowDown}, problem.Unavailable},
		{fmt.Errorf("read the headers: %w", &storage.Error{Op: "read", Key: "x", Err: slowDown}), problem.Unavailable},
		{&storage.Error{Op: "size of session", Key: "x", Err: slowDown}, problem.Unavailable},
		{&storage.Error{Op: storage.OpPut, Key: "x", Err: readOnly}, problem.Unavailable},
		{&storage.Error{Op: storage.OpPut, Key: "x", Err: storage.ErrFull}, problem.QuotaExceeded},
		{&storage.Error{Op: "read", Key: "x", Err: storage.ErrNotFound}, problem.NotFound},
	} {
		if p := Problem(c.err); p.Code != c.want {
			t.Errorf("%v: %s, want %s", c.err, p.Code, c.want)
		}
	}
}

func TestErrorsHaveOneProblemEach(t *testing.T) {
	for _, row := range table {
		p := Problem(fmt.Errorf("operation: %w", row.is))
		if p.Code != row.code || !strings.HasSuffix(p.Detail, ".") {
			t.Errorf("%v: %+v", row.is, p)
		}
	}
	if p := Problem(errors.New("secret")); p.Code != problem.Internal || strings.Contains(p.Detail, "secret") {
		t.Errorf("unknown: %+v", p)
	}
	if p := Problem(fmt.Errorf("batch: %w", gpuexec.ErrInference)); p.Code != problem.InferenceFailed {
		t.Errorf("inference: %+v", p)
	}
	// A hub without a GPU may be short of memory, too.
	if p := Problem(gpuexec.ErrOutOfMemory); strings.Contains(p.Title+p.Detail, "GPU") {
		t.Errorf("no memory: %+v", p)
	}
	// Of a model that no image runs on, nothing is said of the image; of one that memory is short for, nothing of the model.
	if p := Problem(fmt.Errorf("%w: %w", gpuexec.ErrInference, gpuexec.ErrNotLoaded)); !strings.Contains(p.Detail, "cannot be loaded") {
		t.Errorf("a broken model: %+v", p)
	}
	if p := Problem(fmt.Errorf("%w: %w: %w", gpuexec.ErrInference, gpuexec.ErrNotLoaded, gpuexec.ErrOutOfMemory)); p.Code != problem.GPUMemoryExhausted {
		t.Errorf("no memory for a model: %+v", p)
	}
}
