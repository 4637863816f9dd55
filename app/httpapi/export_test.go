package httpapi

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"seghub/models/mask"
	"seghub/models/mask/result"
	"seghub/sessions"
	"seghub/sessions/problem"
	"seghub/storage"
	"seghub/storage/export"
)

// pictures is what was made of jobs: one pixel each.
type pictures struct {
	gone   map[string]bool // whose files are not there any more when they are read
	forget func(id string) // is told of those, when they were deleted
	lost   map[string]bool // whose files are not there any more when they are looked for
	size   int64           // of each
	fails  string          // the job whose result cannot be read
	slow   string          // the job whose result is not read before its reader is gone
	panics bool            // of that job
}

func (p pictures) Size(context.Context, string, sessions.Job) (int64, error) { return p.size, nil }

func (p pictures) Whole(_ context.Context, _ string, job sessions.Job) (int64, error) {
	if p.lost[job.ID] {
		return 0, storage.ErrNotFound
	}
	return p.size, nil
}

func (p pictures) Picture(ctx context.Context, _ string, job sessions.Job) (export.Picture, error) {
	if p.slow == job.ID {
		<-ctx.Done()
		return export.Picture{}, ctx.Err()
	}
	if p.gone[job.ID] {
		if p.forget != nil {
			p.forget(job.ID)
		}
		return export.Picture{}, storage.ErrNotFound
	}
	if p.fails == job.ID && p.panics {
		panic("a bug")
	}
	if p.fails == job.ID {
		return export.Picture{}, errors.New("the disk is broken")
	}
	return export.Picture{
		Result: result.Result{Job: job.ID, Model: "unet", Image: result.Image{Filename: job.Filename, Width: 2, Height: 2},
			Objects: []mask.Object{{ID: 1, Area: 1, BBox: [4]int{0, 0, 1, 1}, Polygon: []mask.Point{{0, 0}, {1, 0}, {1, 1}, {0, 1}}}}},
		Pages: 1, Channel: -1, Z: -1, T: -1,
		Mask: func(_ context.Context, w io.Writer) error {
			_, err := io.CopyN(w, rand.Reader, 600_000) // more than an answer is held back for, compressed too
			return err
		},
	}, nil
}

// exporting is a session with so many jobs that are done.
func exporting(t *testing.T, results pictures, done int) (e *edge, token string) {
	return exportingWith(t, done, func(c *Config) { c.Pictures = results })
}

func exportingWith(t *testing.T, done int, change func(*Config)) (e *edge, token string) {
	e = newEdge(t, change)
	token = e.session()
	for range done {
		if _, err := e.people.Submit(t.Context(), "s1", "", []sessions.NewJob{{Filename: "../Zelle é.tif"}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, job := range e.people.jobs["s1"] {
		e.people.end("s1", job.ID, sessions.JobDone)
	}
	return e, token
}

func TestExportOfOneAndOfAll(t *testing.T) {
	e, token := exporting(t, pictures{}, 3)
	one := e.get("/api/v1/export?format=geojson&job=j2", token)
	var document struct{ Features []json.RawMessage }
	one.decode(t, http.StatusOK, &document)
	if one.Header.Get("Content-Type") != "application/geo+json" || len(document.Features) != 1 {
		t.Errorf("%s with %d features", one.Header.Get("Content-Type"), len(document.Features))
	}
	if got := one.Header.Get("Content-Disposition"); got != "attachment; filename*=utf-8''Zelle%20%C3%A9.geojson" {
		t.Errorf("disposition %q", got)
	}
	for path, files := range map[string]int{"format=geojson": 3, "format=geojson&job=j1&job=j3": 2, "format=masks": 3} {
		a := e.get("/api/v1/export?"+path, token)
		archive, err := zip.NewReader(bytes.NewReader(a.body), int64(len(a.body)))
		if err != nil || len(archive.File) != files || a.Header.Get("Content-Type") != "application/zip" {
			t.Errorf("%s: %v, status %d", path, err, a.StatusCode)
		}
	}
	if head := e.do("HEAD", "/api/v1/export?format=csv", token, "", nil); head.StatusCode != http.StatusOK || head.Header.Get("Content-Type") != "text/csv; charset=utf-8" {
		t.Errorf("HEAD: %d, %s", head.StatusCode, head.Header.Get("Content-Type"))
	}
}

// TestExportOfMoreThanAnAddressHolds names its jobs in the body.
func TestExportOfMoreThanAnAddressHolds(t *testing.T) {
	e, token := exporting(t, pictures{}, 2)
	ask := func(body string) answer {
		return e.do("POST", "/api/v1/export", token, "application/json", strings.NewReader(body))
	}
	for body, features := range map[string]int{
		`{"format":"geojson","jobs":["j2"]}`:                                   1,
		`{"format":"coco","jobs":[` + strings.Repeat(`"j1",`, 2000) + `"j2"]}`: 2001,
		`{"format":"coco"}`: 2,
	} {
		var document struct{ Features, Images []json.RawMessage }
		a := ask(body)
		a.decode(t, http.StatusOK, &document)
		if len(document.Features)+len(document.Images) != features || a.Header.Get("Content-Disposition") == "" {
			t.Errorf("%.50s: %d features, %d images", body, len(document.Features), len(document.Images))
		}
	}
	ask(`{"format":"csv","jobs":[]}`).isProblem(t, 400, problem.BadRequest)
	ask(`{"format":"csv","jobs":["j1","j9"]}`).isProblem(t, 404, problem.NotFound)
	ask(``).isProblem(t, 400, problem.BadRequest)
}

func TestLabels(t *testing.T) {
	e, token := exporting(t, pictures{}, 1)
	a := e.get("/api/v1/jobs/j1/labels.tif", token)
	if a.StatusCode != http.StatusOK || a.Header.Get("Content-Type") != "image/tiff" || !bytes.HasPrefix(a.body, []byte("II*\x00")) {
		t.Errorf("status %d, %s", a.StatusCode, a.Header.Get("Content-Type"))
	}
	e.get("/api/v1/jobs/j9/labels.tif", token).isProblem(t, 404, problem.NotFound)
}

// TestWhatAClientHasIsNotMadeAgain asks for what would fail if it were made.
func TestWhatAClientHasIsNotMadeAgain(t *testing.T) {
	e, token := exporting(t, pictures{fails: "j1"}, 1)
	path := "/api/v1/jobs/j1/labels.tif"
	job, err := e.people.Job(t.Context(), "s1", "j1")
	if err != nil {
		t.Fatal(err)
	}
	tag := tagOf("", job, 0)
	for known, want := range map[string]int{
		tag: 304, "W/" + tag: 304, `"x", ` + tag: 304,
		``: 500, `"j1.0"`: 500, strings.Replace(tag, "j1", "j11", 1): 500,
	} {
		a := e.ask("GET", path, map[string]string{"Authorization": "Bearer " + token, "If-None-Match": known})
		if a.StatusCode != want || want == 304 && (a.Header.Get("ETag") != tag || len(a.body) != 0) {
			t.Errorf("who has %s: status %d, ETag %s", known, a.StatusCode, a.Header.Get("ETag"))
		}
	}
}

// TestAnotherResultHasAnotherTag makes of one revision what may come to have its number.
func TestAnotherResultHasAnotherTag(t *testing.T) {
	then, later := time.UnixMilli(1000), time.UnixMilli(2000)
	job := sessions.Job{ID: "j1", Revision: 3, Content: "first 2:A", FinishedAt: &then}
	of := func(change func(*sessions.Job)) sessions.Job {
		other := job
		change(&other)
		return other
	}
	tags := map[string]bool{}
	for _, tag := range []string{
		tagOf("v1", job, 3),
		tagOf("v1", job, 1),
		tagOf("v2", job, 3), // after an upgrade
		tagOf("v1", of(func(j *sessions.Job) { j.Content = "first 2:B" }), 3), // corrected again, after Redis had lost the first
		tagOf("v1", of(func(j *sessions.Job) { j.FinishedAt = &later }), 1),   // segmented again, for the same reason
		tagOf("v1", of(func(j *sessions.Job) { j.Calibration = &sessions.Calibration{At: then} }), 3),
	} {
		if tags[tag] {
			t.Errorf("%s is two results'", tag)
		}
		tags[tag] = true
	}
	if tag := tagOf("v1", of(func(j *sessions.Job) { j.Revision, j.Content = 4, "first 2:A 1:C" }), 1); tag != tagOf("v1", job, 1) {
		t.Errorf("the first revision is another after a correction: %s", tag)
	}
	if tag := tagOf("v1", job, 2); tag != "" {
		t.Errorf("nobody knows what revision 2 is: %s", tag)
	}
}

func TestExportsThatAreRefused(t *testing.T) {
	e, token := exporting(t, pictures{}, 1)
	if _, err := e.people.Submit(t.Context(), "s1", "", []sessions.NewJob{{}}); err != nil {
		t.Fatal(err)
	}
	e.get("/api/v1/export", token).isProblem(t, 400, problem.BadRequest)
	e.get("/api/v1/export?format=tiff", token).isProblem(t, 400, problem.BadRequest)
	e.get("/api/v1/export?format=csv&job=j2", token).isProblem(t, 400, problem.BadRequest)
	e.get("/api/v1/export?format=csv&job=j9", token).isProblem(t, 404, problem.NotFound)
	e.get("/api/v1/export?format=csv&job=j1&job=j9", token).isProblem(t, 404, problem.NotFound)
	e.get("/api/v1/export?format=csv", e.session()).isProblem(t, 404, problem.NotFound)
	e.get("/api/v1/export?format=csv", "").isProblem(t, 401, problem.Unauthorized)
}

// TestExportLeavesOutWhatIsDeleted has an image deleted while others are written.
func TestExportLeavesOutWhatIsDeleted(t *testing.T) {
	results := pictures{gone: map[string]bool{"j2": true}}
	var people *people
	results.forget = func(id string) { people.forget("s1", id) }
	e, token := exporting(t, results, 3)
	people = e.people
	a := e.get("/api/v1/export?format=masks", token)
	if archive, err := zip.NewReader(bytes.NewReader(a.body), int64(len(a.body))); err != nil || len(archive.File) != 2 {
		t.Errorf("%v, status %d", err, a.StatusCode)
	}
}

// TestExportTellsWhatWasLost has files go under the hub, of jobs that are there.
func TestExportTellsWhatWasLost(t *testing.T) {
	for when, results := range map[string]pictures{
		"before": {lost: map[string]bool{"j1": true, "j3": true}},
		"during": {gone: map[string]bool{"j1": true, "j3": true}},
	} {
		e, token := exporting(t, results, 3)
		a := e.get("/api/v1/export?format=csv", token)
		a.isProblem(t, 404, problem.NotFound)
		want := map[string]int{"before": 2, "during": 1}[when]
		if name := e.people.jobs["s1"][0].Filename; strings.Count(string(a.body), name) != want {
			t.Errorf("%s: %s: not %d times %s", when, a.body, want, name)
		}
		if a := e.get("/api/v1/export?format=csv&job=j2", token); a.StatusCode != http.StatusOK {
			t.Errorf("%s, what is there: status %d", when, a.StatusCode)
		}
	}
}

// TestNoRoomForWhatWaits is told before anything was sent, of what would wait on a disk that has no room for it.
func TestNoRoomForWhatWaits(t *testing.T) {
	e, token := exporting(t, pictures{size: 100}, 2)
	e.room = problem.New(problem.QuotaExceeded, "The disk is full.")
	for _, format := range export.Formats() {
		if a := e.get("/api/v1/export?format="+format, token); a.StatusCode != http.StatusOK {
			t.Errorf("%s of little: status %d", format, a.StatusCode)
		}
	}
	e, token = exporting(t, pictures{size: largeResult}, 2)
	e.room = problem.New(problem.QuotaExceeded, "The disk is full.")
	for _, format := range export.Formats() {
		a := e.get("/api/v1/export?format="+format, token)
		if kind, _ := export.KindOf(format, 2); kind.Waits {
			a.isProblem(t, http.StatusInsufficientStorage, problem.QuotaExceeded)
		} else if a.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d", format, a.StatusCode)
		}
	}
}

// begun is an export of masks of which the beginning has come. It ends with ctx.
func begun(ctx context.Context, t *testing.T, e *edge, token string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, "GET", e.server.URL+"/api/v1/export?format=masks", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := e.server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// TestExportThatFailsDoesNotLookWhole breaks in the middle: before anything was written there is a problem, after it no end.
func TestExportThatFailsDoesNotLookWhole(t *testing.T) {
	for _, panics := range []bool{false, true} {
		e, token := exporting(t, pictures{fails: "j2", panics: panics}, 3)
		failed := e.get("/api/v1/export?format=csv", token)
		failed.isProblem(t, 500, problem.Internal)
		if failed.Header.Get("Content-Disposition") != "" {
			t.Error("a problem is told to be kept as a file")
		}
		response := begun(t.Context(), t, e, token)
		data, err := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != http.StatusOK || len(data) == 0 || err == nil {
			t.Errorf("status %d, %d bytes and then %v", response.StatusCode, len(data), err)
		}
		// A proxy that asks in HTTP/1.0 takes an orderly end of the connection for that of the answer.
		connection, err := net.Dial("tcp", e.server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		fmt.Fprintf(connection, "GET /api/v1/export?format=masks HTTP/1.0\r\nAuthorization: Bearer %s\r\n\r\n", token)
		if data, err := io.ReadAll(connection); err == nil {
			t.Errorf("HTTP/1.0: %d bytes and an orderly end", len(data))
		}
	}
}

// TestAnExportThatIsCancelledIsNoError to whoever looks for those in the log.
func TestAnExportThatIsCancelledIsNoError(t *testing.T) {
	var log strings.Builder
	e, token := exportingWith(t, 3, func(c *Config) {
		c.Pictures = pictures{slow: "j2"}
		c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	response := begun(ctx, t, e, token)
	cancel()
	_ = response.Body.Close() // the request is cancelled
	e.server.Close()          // which waits for handlers
	if !strings.Contains(log.String(), "answer broken off") || strings.Contains(log.String(), "ERROR") {
		t.Errorf("the log has %s", log.String())
	}
}
