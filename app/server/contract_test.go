package server

import (
	"bytes"
	"image"
	"image/gif"
	"net/http"
	"slices"
	"strings"
	"testing"

	"seghub/sessions"
)

// TestNobodyElseReachesASession makes each call that the contract lists of things of a session: as another session, as nobody, and as a
// page of another site that has the browser's cookie.
func TestNobodyElseReachesASession(t *testing.T) {
	base, _ := serve(t, settings(t))
	ada, bob := newUser(t, base, "Ada"), newUser(t, base, "Bob")
	s := ada.connect("")
	job := ada.upload(http.StatusAccepted, samplePNG(t, 0)).Accepted[0]
	s.untilEnded(1)
	status := func(operation string, header http.Header) int {
		t.Helper()
		method, path, _ := strings.Cut(operation, " ")
		id := job.ID
		if strings.Contains(path, "/images/") {
			id = job.ImageID
		}
		path = strings.NewReplacer("{id}", id, "{page}", "0", "{level}", "0", "{x}", "0", "{y}", "0").Replace(path)
		if path == "/api/v1/export" {
			path += "?format=csv&job=" + id
		}
		body := map[string]string{
			"POST /api/v1/jobs":                  `{"images":["` + job.ImageID + `"],"model":"` + job.Model + `"}`,
			"POST /api/v1/export":                `{"format":"csv","jobs":["` + job.ID + `"]}`,
			"POST /api/v1/jobs/{id}/measure":     `{"threshold":0.4,"keep":true}`,
			"POST /api/v1/jobs/{id}/edits":       `{"revision":1,"operations":[{"op":"delete","ids":[1]}]}`,
			"POST /api/v1/images/{id}/calibrate": `{"pixel_size":0.5}`,
		}
		request, err := http.NewRequestWithContext(t.Context(), method, base+path, strings.NewReader(body[operation]))
		if err != nil {
			t.Fatal(err)
		}
		request.Header = header
		response, err := ada.http.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		return response.StatusCode
	}
	name, _ := cookieOf(t, base, "localhost")
	for _, operation := range contract(t).Operations() {
		method, path, _ := strings.Cut(operation, " ")
		if !strings.HasPrefix(path, "/api/") {
			continue
		}
		if method != "GET" {
			got := status(operation, http.Header{"Cookie": {name + "=" + ada.token}, "Sec-Fetch-Site": {"cross-site"}})
			if got != http.StatusForbidden {
				t.Errorf("%s from a page of another site: status %d", operation, got)
			}
		}
		if path == "/api/v1/sessions" || path == "/api/v1/ws" {
			continue // for everyone; its own tests
		}
		if got := status(operation, http.Header{}); got != http.StatusUnauthorized {
			t.Errorf("%s by nobody: status %d", operation, got)
		}
		if strings.Contains(path, "{id}") || path == "/api/v1/export" || operation == "POST /api/v1/jobs" {
			if got := status(operation, http.Header{"Authorization": {"Bearer " + bob.token}}); got != http.StatusNotFound {
				t.Errorf("%s by another session: status %d", operation, got)
			}
		}
	}
	var now sessions.Job
	ada.json("GET", "/api/v1/jobs/"+job.ID, nil, "", http.StatusOK, &now)
	if now.State != sessions.JobDone || now.Revision != 1 || len(ada.get("/api/v1/images/"+job.ImageID)) == 0 {
		t.Errorf("after all that the job is %+v", now)
	}
}

// TestEveryCallOfTheContract makes each call that the contract lists, and holds its answer against it, as
// all tests here do.
func TestEveryCallOfTheContract(t *testing.T) {
	base, _ := serve(t, settings(t))
	u := newUser(t, base, "Ada")
	s := u.connect("")
	job := u.upload(http.StatusAccepted, samplePNG(t, 0)).Accepted[0]
	s.untilEnded(1)
	for _, message := range []string{`{"type":"watch","stats":true}`, `{"type":"ping","id":1}`, `{"type":"cancel","job_id":"none"}`} {
		contract(t).Frame(t, "client", []byte(message))
		if err := s.conn.WriteMessage(1, []byte(message)); err != nil {
			t.Fatal(err)
		}
	}
	heard := map[string]bool{}
	s.until(func(f frame) bool {
		heard[f.Type] = true
		return heard["stats"] && heard["pong"] && heard["error"]
	})

	var picture bytes.Buffer
	if err := gif.Encode(&picture, image.NewGray(image.Rect(0, 0, 64, 64)), nil); err != nil {
		t.Fatal(err)
	}
	u.get("/api/v1/images/" + u.upload(http.StatusAccepted, picture.Bytes()).Accepted[0].ImageID) // each kind of file has a type

	made := []string{"POST /api/v1/sessions", "POST /api/v1/images", "GET /api/v1/ws", "POST /api/v1/jobs", "POST /api/v1/jobs/{id}/edits", "POST /api/v1/export",
		"POST /api/v1/images/{id}/calibrate"}
	u.calibrate(job.ImageID, 0.5)
	u.post("/api/v1/export", http.StatusOK, map[string]any{"format": "coco", "jobs": []string{job.ID}}, nil)
	u.post("/api/v1/jobs", http.StatusAccepted, map[string]any{"images": []string{job.ImageID}, "model": job.Model}, nil)
	u.post("/api/v1/jobs/"+job.ID+"/edits", http.StatusOK, map[string]any{"revision": 1,
		"operations": []any{map[string]any{"op": "delete", "ids": []int{1}}}}, nil)
	for _, call := range []struct{ operation, path string }{
		{"GET /api/v1/session", "/api/v1/session"},
		{"GET /api/v1/models", "/api/v1/models"},
		{"GET /api/v1/jobs", "/api/v1/jobs?limit=1"},
		{"GET /api/v1/jobs/{id}", "/api/v1/jobs/" + job.ID},
		{"GET /api/v1/jobs/{id}/result", "/api/v1/jobs/" + job.ID + "/result"},
		{"GET /api/v1/jobs/{id}/labels.tif", "/api/v1/jobs/" + job.ID + "/labels.tif"},
		{"GET /api/v1/jobs/{id}/receipt", "/api/v1/jobs/" + job.ID + "/receipt"},
		{"GET /api/v1/jobs/{id}/mask.png", "/api/v1/jobs/" + job.ID + "/mask.png"},
		{"GET /api/v1/jobs/{id}/probability.png", "/api/v1/jobs/" + job.ID + "/probability.png"},
		{"GET /api/v1/images/{id}", "/api/v1/images/" + job.ImageID},
		{"GET /api/v1/images/{id}/preview", "/api/v1/images/" + job.ImageID + "/preview"},
		{"GET /api/v1/images/{id}/info", "/api/v1/images/" + job.ImageID + "/info"},
		{"GET /api/v1/images/{id}/tiles/{page}/{level}/{x}/{y}", "/api/v1/images/" + job.ImageID + "/tiles/0/0/0/0"},
		{"GET /api/v1/stats", "/api/v1/stats"},
		{"GET /api/v1/export", "/api/v1/export?format=csv"},
		{"GET /samples", "/samples"},
		{"GET /samples/{name}.png", "/samples/spheroid.png"},
		{"GET /healthz", "/healthz"},
		{"GET /readyz", "/readyz"},
		{"GET /metrics", "/metrics"},
		{"POST /api/v1/jobs/{id}/measure", "/api/v1/jobs/" + job.ID + "/measure"},
		{"DELETE /api/v1/jobs/{id}", "/api/v1/jobs/" + job.ID},
		{"DELETE /api/v1/jobs", "/api/v1/jobs"},
		{"DELETE /api/v1/images/{id}", "/api/v1/images/" + job.ImageID},
		{"DELETE /api/v1/session", "/api/v1/session"},
	} {
		method, _, _ := strings.Cut(call.operation, " ")
		if status, _, data := u.call(method, call.path, nil, ""); status >= 300 {
			t.Errorf("%s: status %d: %s", call.operation, status, data)
		}
		made = append(made, call.operation)
	}
	slices.Sort(made)
	if listed := contract(t).Operations(); !slices.Equal(made, listed) {
		t.Errorf("made %v\nlisted %v", made, listed)
	}
}
